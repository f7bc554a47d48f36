"""The bundle of a poll's ballots: all that anybody needs to recount it offline, with `static/recount.py`.

NDJSON. The first line has the poll, its published result, the log's keys and its signed head. The others are
in the order of the log: the data of the poll's own leaves, and hashes of complete subtrees for all that is
between. The last one says that it is whole.
"""

import json
from array import array
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from hashlib import sha256

from msgspec.json import Encoder

from pollsvc.domain.errors import Code, PollError, no_such_poll
from pollsvc.domain.leaves import published_leaf
from pollsvc.domain.merkle import leaf_hash
from pollsvc.domain.poll import Poll
from pollsvc.domain.tally import results_of
from pollsvc.domain.tiles import Tiles, hashes_of, place_of
from pollsvc.services.ballot_log.proofs import keys_of
from pollsvc.storage import ballot_log as store
from pollsvc.storage.audit import all_ballots
from pollsvc.storage.ballot_log import Head
from pollsvc.storage.database import Connection
from pollsvc.storage.past_leaves import last_own, past_of
from pollsvc.storage.polls import load_poll
from pollsvc.storage.tallies import load_totals

FORMAT = 1
"""Of the bundle; `static/recount.py` reads this one."""
_CACHED = 64  # tiles
_TOGETHER = 1 << 13  # leaves whose hashes are read at a time

_encode = Encoder().encode


class UnendedError(Exception):
    """A poll has leaves after the one that says what is published, or they wait to be sealed."""


async def bundle(
    connection: Connection, poll_id: str, progress: Callable[[int, int], None] | None = None
) -> AsyncIterator[bytes]:
    """The lines of a poll's bundle, as of one moment; `progress` is told leaves done and in all.

    Raises PollError `no_such_poll`, `not_possible_now` when the log has another leaf than a ballot says, and,
    before the first line, UnendedError while the poll's last leaf, which says what is published, waits.
    """
    async with connection.reading():
        poll, head = await load_poll(connection, poll_id), await store.last_head(connection)
        if poll is None or head is None:
            raise no_such_poll()
        total = await store.count_leaves(connection, poll_id)
        last = await last_own(connection, poll_id, "published")
        ended = published_leaf(poll_id, total, digest(definition_of(poll)))
        if last is None or last.data != ended or await store.waiting_of(connection, poll_id):
            raise UnendedError
        yield _line(await _head(connection, poll, head))
        data = await _leaves(connection, poll_id, total)
        position = done = 0
        hashes = _Hashes(connection)
        for run in await store.runs_of(connection, poll_id):
            async for line in hashes.between(position, run.position):
                yield line
            end = await store.next_position(connection, run.position)
            position = head.size if end is None else end
            for start in range(run.position, position, _TOGETHER):
                some = await store.hashes_between(connection, start, min(_TOGETHER, position - start))
                for place, hash_ in enumerate(hashes_of(some), start):
                    leaf = data.get(run.first + place - run.position)
                    if leaf_hash(leaf) != hash_:
                        raise _altered()
                    yield _line({"type": "leaf", "position": place, "data": leaf.decode()})
            done += position - run.position
            if progress is not None:
                progress(done, total)
        async for line in hashes.between(position, head.size):
            yield line
        yield _line({"type": "end"})


def definition_of(poll: Poll) -> dict[str, object]:
    """What a bundle says of its poll: all texts that readers voted on, and what votes count for."""
    return {
        "id": poll.id,
        "kind": poll.kind.value,
        "lang": poll.lang,
        "question": dict(poll.question),
        "options": [
            {"id": option.id, "label": dict(option.label), "emoji": option.emoji, "state": option.state.value}
            for option in poll.options
        ],
        "counts_for": {str(option.id): poll.folds.get(option.id, option.id) for option in poll.options},
    }


def digest(definition: Mapping[str, object]) -> str:
    """SHA-256, in hexadecimal, of a definition as JSON with sorted keys and no spaces, in UTF-8."""
    text = json.dumps(definition, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


async def _head(connection: Connection, poll: Poll, head: Head) -> dict[str, object]:
    version, totals = await load_totals(connection, poll.id)
    known = await keys_of(connection)
    return {
        "type": "bundle",
        "format": FORMAT,
        "poll": definition_of(poll),
        "results": results_of(poll, version, totals).as_json(),
        "log": known["log"],
        "keys": known["keys"],
        "checkpoint": head.note,
    }


class _Leaves:
    """The data of many leaves by number, in little memory."""

    def __init__(self, most: int) -> None:
        self._data = bytearray()
        self._places = array("Q", bytes(8 * (most + 1)))
        self._sizes = array("I", bytes(4 * (most + 1)))

    def put(self, number: int, data: bytes) -> None:
        self._places[number], self._sizes[number] = len(self._data), len(data)
        self._data += data

    def get(self, number: int) -> bytes:
        place = self._places[number]
        return bytes(self._data[place : place + self._sizes[number]])


async def _leaves(connection: Connection, poll: str, count: int) -> _Leaves:
    """The data of a poll's leaves."""
    leaves = _Leaves(count)
    for number, data in await past_of(connection, poll):
        leaves.put(number, data.encode())
    async for page in all_ballots(connection, poll):
        for ballot in page:
            leaves.put(ballot.number, ballot.leaf())
    return leaves


class _Hashes:
    """Hashes of what is not the poll's, from tiles that are kept for a while."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tiles: dict[object, Tiles] = {}

    async def between(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The complete subtrees that cover these positions, the fewest there are."""
        for level, index in _cover(start, end):
            place = place_of(level, index)
            if place not in self._tiles:
                if len(self._tiles) >= _CACHED:
                    self._tiles.clear()
                self._tiles[place] = Tiles(await store.load_tiles(self._connection, [place]))
            hash_ = b64encode(self._tiles[place].node(level, index)).decode()
            yield _line({"type": "node", "position": index << level, "level": level, "hash": hash_})


def _cover(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def _altered() -> PollError:
    return PollError(
        Code.NOT_POSSIBLE_NOW,
        "The log has other leaves than the ballots, so that nobody could recount them: see `pollsvc audit`.",
    )


def _line(value: dict[str, object]) -> bytes:
    return _encode(value) + b"\n"
