"""Leaves on their way into the log: they have their numbers within their poll, and wait for a position."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import NamedTuple

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.tiles import hashes_of

Stamp = Callable[[bytes], str]
"""A keyed hash as text: what has it was written by pollsvc, not by whoever can write to the database."""


def no_stamp(_data: bytes) -> str:
    """The `Stamp` of who has no secret: it raises PollError `bad_request`."""
    raise PollError(
        Code.BAD_REQUEST,
        "POLLSVC_SECRET_KEYS is not set, and what has no stamp by a secret is not taken into the logs: "
        "give this command the secrets that `pollsvc serve` has.",
    )


_MOST = 1_024  # leaves of a poll in one transaction, and one more


class Leaves(NamedTuple):
    """The hashes of leaves of one poll that follow one another, from the number `first` on.

    `poll` is empty for leaves that belong to no poll.
    """

    poll: str
    first: int
    hashes: bytes

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.hashes) // 32

    @property
    def batch(self) -> int:
        """The first number and the count as one number, as ballots keep it."""
        return self.first * _MOST + self.size

    def listed(self) -> list[bytes]:
        """The hashes, one by one."""
        return hashes_of(self.hashes)

    def text(self) -> str:
        """The hashes as base64 (RFC 4648, section 4), as they are kept until they are sealed."""
        return b64encode(self.hashes).decode()

    def stamped(self) -> bytes:
        """What a `Stamp` is made of."""
        return f"{self.poll}\n{self.first}\n".encode() + self.hashes


def removed_leaf(number: int, poll: str, leaves: int) -> str:
    """The data of the leaf, of no poll, which says that a poll with so many leaves is gone.

    That happens to imports that are broken off, which nobody has seen.
    """
    return f"removed\n\n{number}\n{poll}\n{leaves}\n"


def removed_by(data: str) -> tuple[str, int] | None:
    """The poll that a leaf says is gone, and how many leaves it had."""
    kind, _, rest = data.partition("\n\n")
    fields = rest.split("\n")
    return (fields[1], int(fields[2])) if kind == "removed" and len(fields) == 4 else None


def edits_leaf(number: int, entry: int, hash_: str) -> str:
    """The data of the leaf, of no poll, that says how the log of edits ends: its last entry, and the hash."""
    return f"edits\n\n{number}\n{entry}\n{hash_}\n"


def edits_in(data: str) -> tuple[int, str] | None:
    """The entry of the log of edits that such a leaf names, and the hash that it has."""
    kind, _, rest = data.partition("\n\n")
    fields = rest.split("\n")
    return (int(fields[1]), fields[2]) if kind == "edits" and len(fields) == 4 else None


def published_leaf(poll: str, number: int, definition: str) -> str:
    """The data of the leaf after a poll's last ballot, when its ballots are published.

    `definition` is the SHA-256 of what the bundle says of the poll, in hexadecimal.
    """
    return f"published\n{poll}\n{number}\n{definition}\n"


def numbers_in(batch: int) -> range:
    """The numbers of the leaves in a batch, from what a ballot says of it."""
    first, count = divmod(batch, _MOST)
    return range(first, first + count)


def leaves_from(poll: str, first: int, text: str) -> Leaves:
    """Leaves as they were kept. Raises ValueError when the text is no base64 of whole hashes."""
    hashes = b64decode(text, validate=True)
    if not hashes or len(hashes) % 32:
        raise ValueError("not of whole hashes")
    return Leaves(poll, first, hashes)
