"""Who may do what: editors' roles, and the scopes of API keys."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person who signs in may do; each role may do all that the next one may.

    `admin`: sites, editors, keys and webhooks; `editor`: polls and articles; `viewer`: look and export.
    """

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"

    def may(self, needed: "Role") -> bool:
        """Whether this role does for what needs another."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class Scope(StrEnum):
    """What an API key may do."""

    POLLS_READ = "polls:read"
    POLLS_WRITE = "polls:write"
    RESULTS_READ = "results:read"
    SITES_READ = "sites:read"
    SITES_WRITE = "sites:write"
    WEBHOOKS_WRITE = "webhooks:write"
    LOG_READ = "log:read"


@dataclass(frozen=True, slots=True)
class Editor:
    """A person who signs in with a name (lower case, unique). Times are Unix seconds."""

    id: str
    name: str
    role: Role
    created_at: int
    disabled: bool
