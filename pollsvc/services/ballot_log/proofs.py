"""Proofs from the log, for whoever asks: its signed head, its keys, what it holds, and that it only grew."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import TypeVar

from pollsvc.domain.checkpoint import verifier_key
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.merkle import Node, consistency, inclusion
from pollsvc.domain.tiles import HASH, Needed, Place, Tiles
from pollsvc.storage import ballot_log as store
from pollsvc.storage.ballot_log import Head
from pollsvc.storage.database import Connection, busy_if_away
from pollsvc.storage.log_keys import log_keys
from pollsvc.storage.past_leaves import is_past

T = TypeVar("T")


class Proofs:
    """Answers from what the database has sealed; all raise PollError `busy` when it does not answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def head(self) -> Head:
        """The newest signed head. Raises PollError `not_found` before there is one."""
        with busy_if_away():
            found = await store.last_head(self._connection)
        if found is None:
            raise PollError(Code.NOT_FOUND, "Nothing has been sealed yet; ask again after the first vote.")
        return found

    async def keys(self) -> Mapping[str, object]:
        """The log's name and its keys, oldest first, as JSON values."""
        with busy_if_away():
            return await keys_of(self._connection)

    async def inclusion(self, poll: str, number: int, size: int | None) -> Mapping[str, object]:
        """Where a leaf of a poll is, and its path in a tree of `size` (None: the newest), as JSON values.

        Raises PollError `not_found` for a leaf that such a tree does not hold, `bad_request`.
        """
        head = await self.head()
        size = head.size if size is None else _within(size, head.size)
        with busy_if_away():
            run = await store.run_of(self._connection, poll, number)
            end = None if run is None else await store.next_position(self._connection, run.position)
        position = -1 if run is None else run.position + number - run.first
        if run is None or position >= (size if end is None else min(end, size)):
            raise PollError(
                Code.NOT_FOUND,
                "The log does not hold this leaf yet; a vote is sealed within a few seconds.",
                retry_after=2,
            )
        path = await self._prove(lambda node: inclusion(position, size, node))
        return {"position": position, "size": size, "path": _texts(path)}

    async def stands(self, poll: str, number: int) -> bool:
        """Whether a ballot is still as its leaf says; that is the service's word, and no proof.

        Raises PollError `not_found` for a leaf that there is not.
        """
        with busy_if_away():
            if not 0 < number <= await store.count_leaves(self._connection, poll):
                raise PollError(Code.NOT_FOUND, "The poll has no such leaf; name the one of a receipt.")
            return not await is_past(self._connection, poll, number)

    async def tile(self, place: Place, width: int) -> bytes:
        """So many hashes of a tile, 32 bytes each. Raises PollError `not_found` when it has not as many."""
        with busy_if_away():
            found = (await store.load_tiles(self._connection, [place])).get(place, b"")
        if len(found) < width * HASH:
            raise PollError(Code.NOT_FOUND, "The log has no such tile; see its size in the checkpoint.")
        return found[: width * HASH]

    async def consistency(self, old: int, size: int | None) -> Mapping[str, object]:
        """What proves that a tree of `size` (None: the newest) begins with that of `old` leaves, as JSON.

        Raises PollError `bad_request`.
        """
        head = await self.head()
        size = head.size if size is None else _within(size, head.size)
        path = await self._prove(lambda node: consistency(_within(old, size), size, node))
        return {"from": old, "size": size, "path": _texts(path)}

    async def _prove(self, proof: Callable[[Node], T]) -> T:
        """Make a proof from the tiles that it needs."""
        wanted = Needed()
        proof(wanted.node)
        with busy_if_away():
            tiles = await store.load_tiles(self._connection, wanted.places)
        return proof(Tiles(tiles).node)


async def keys_of(connection: Connection) -> Mapping[str, object]:
    """The log's name and its keys, oldest first, as JSON values."""
    known = await log_keys(connection)
    return {
        "log": known[0].name if known else None,
        "keys": [
            {
                "key": verifier_key(key.name, b64decode(key.public)),
                "since": key.since,
                "signature": key.signature or None,
            }
            for key in known
        ],
    }


def _within(size: int, most: int) -> int:
    if size > most:
        raise bad(f"The log holds {most} leaves; name a size up to that.", "size")
    return size


def _texts(path: list[bytes]) -> list[str]:
    return [b64encode(hash_).decode() for hash_ in path]
