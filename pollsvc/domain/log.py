"""The audit log: who did what, when, what it was before and after; a chain of hashes over all of it."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple


class Actor(NamedTuple):
    """Who does something: `kind` is `editor`, `key` (an API key), `command` or `system`."""

    kind: str
    id: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


COMMAND_LINE = Actor("command", "", "command line")
"""Whoever can run `pollsvc` on the machine."""
SYSTEM = Actor("system", "", "pollsvc")
"""What the service does by itself."""


class Act(NamedTuple):
    """Something that was done, to be logged: an `action` such as `poll.edit` on a subject such as `poll:ID`.

    `before` and `after` are JSON objects with what changed; secrets never stand in them.
    """

    actor: Actor
    action: str
    subject: str
    before: Mapping[str, object]
    after: Mapping[str, object]


class Entry(NamedTuple):
    """One row of the log. `at` is in Unix seconds, `before` and `after` are JSON text.

    `hash` chains it to the entry before, and `stamp` says that pollsvc wrote it.
    """

    number: int
    at: int
    actor: str
    actor_name: str
    action: str
    subject: str
    before: str
    after: str
    hash: str
    stamp: str

    def expected_hash(self, previous: str) -> str:
        """What `hash` must be after the entry whose hash is `previous` (empty for the first).

        SHA-256 of the compact JSON array of `previous` and the fields before `hash` in order, as UTF-8;
        base64url without padding (RFC 4648, section 5), 43 characters.
        """
        text = json.dumps([previous, *self[:-2]], ensure_ascii=False, separators=(",", ":"))
        return urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("=")

    def stamped(self) -> bytes:
        """What a `Stamp` is made of."""
        return f"pollsvc.entry\n{self.hash}\n".encode()


def entry_of(act: Act, number: int, at: int, previous: str) -> Entry:
    """The log's next entry, after the one whose hash is `previous`; it has no stamp yet."""
    entry = Entry(
        number=number,
        at=at,
        actor=str(act.actor),
        actor_name=act.actor.name,
        action=act.action,
        subject=act.subject,
        before=_text(act.before),
        after=_text(act.after),
        hash="",
        stamp="",
    )
    return entry._replace(hash=entry.expected_hash(previous))


def _text(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
