"""Who may do what: editors with their roles and sessions, API keys with their scopes."""

from dataclasses import dataclass
from enum import StrEnum

from pollsvc.domain.log import Actor


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
    POLLS_IMPORT = "polls:import"
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

    @property
    def actor(self) -> Actor:
        """The editor as the audit log names them."""
        return Actor("editor", self.id, self.name)


@dataclass(frozen=True, slots=True)
class Session:
    """An editor's sign-in on one browser; `id` is made of the cookie's secret, which is not kept."""

    id: str
    editor: Editor
    created_at: int
    seen_at: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a program signs in with, for all sites or for the one of the id `site`; its secret is not kept."""

    id: str
    name: str
    scopes: frozenset[Scope]
    site: str | None
    created_at: int
    used_at: int | None
    revoked_at: int | None

    @property
    def actor(self) -> Actor:
        """The key as the audit log names it."""
        return Actor("key", self.id, self.name)
