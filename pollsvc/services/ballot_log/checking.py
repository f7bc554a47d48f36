"""Checking the log: is each leaf what a ballot says, or said, and is all of it under the signed heads?"""

from array import array
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.leaves import edits_in, leaves_from, numbers_in, removed_by
from pollsvc.domain.merkle import Tree, head, leaf_hash, node_hash
from pollsvc.domain.tiles import HASH, HEIGHT, WIDTH, Place, hashes_of, width_of
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.pinned import Pins
from pollsvc.services.ballot_log.trust import is_accepted, is_handed_over, signed_root
from pollsvc.storage import ballot_log as store
from pollsvc.storage.ballot_log import Head, Run
from pollsvc.storage.database import Connection
from pollsvc.storage.log_keys import LogKey, log_keys
from pollsvc.storage.past_leaves import past_of

Tell = Callable[[str], None]
"""Takes a sentence about something that is wrong."""

_CHUNK = 1 << 16  # leaves whose hashes are read at a time


class PollLeaves:
    """The leaves that the log has of a poll: a ballot, or what is kept of the past, claims each one."""

    def __init__(self, poll: str, hashes: bytes, tell: Tell) -> None:
        self._poll = poll
        self._hashes = hashes
        self._claimed = bytearray(len(hashes) // HASH)
        self._together = array("Q", bytes(8 * (len(hashes) // HASH + 1)))  # by number: the batch it is of
        self._tell = tell
        self._before: dict[str, int] = {}  # the last number that a voter's ballot had before, by voter

    def past(self, number: int, data: str) -> None:
        """Claim a leaf by its data."""
        kind, _, lines = data.partition("\n")
        fields = lines.split("\n")
        if fields[:2] != [self._poll, str(number)]:
            self._tell(f"what is kept of leaf {number} is of another leaf")
        elif not self._claim(number, data.encode()):
            self._tell(f"leaf {number} of the log is not what is kept of it")
        elif kind == "ballot":
            self._before[fields[2]] = max(number, self._before.get(fields[2], 0))

    def ballot(self, ballot: Ballot) -> None:
        """Claim a ballot's leaf."""
        if not self._claim(ballot.number, ballot.leaf()):
            self._tell(f"the ballot of voter {ballot.voter} is not what the log has as leaf {ballot.number}")
        elif not self._recorded(ballot.number, ballot.batch):
            self._tell(f"the ballot of voter {ballot.voter} was not recorded with those that it says")
        if ballot.number < self._before.pop(ballot.voter, 0):
            self._tell(f"the ballot of voter {ballot.voter} is older than its last change")

    def end(self) -> None:
        """Tell of what nobody has claimed."""
        for voter in self._before:
            self._tell(f"the ballot of voter {voter} is missing, but it had changed before")
        start = self._claimed.find(0)
        while start >= 0:
            end = self._claimed.find(1, start)
            last = len(self._claimed) if end < 0 else end
            numbers = str(last) if last == start + 1 else f"{start + 1} to {last}"
            self._tell(f"leaves without a ballot in the log: {numbers}")
            start = self._claimed.find(0, last)

    def _recorded(self, number: int, batch: int) -> bool:
        """Whether the leaf is in the batch, and the batch is apart from all others."""
        numbers, together = numbers_in(batch), self._together
        if number not in numbers or numbers.start < 1 or numbers.stop > len(together):
            return False
        if together[number] != batch:
            if any(together[numbers.start : numbers.stop]):
                return False
            together[numbers.start : numbers.stop] = array("Q", [batch]) * len(numbers)
        return True

    def _claim(self, number: int, data: bytes) -> bool:
        place = number - 1
        if not 0 <= place < len(self._claimed) or self._claimed[place]:
            return False
        if self._hashes[place * HASH : number * HASH] != leaf_hash(data):
            return False
        self._claimed[place] = 1
        return True


async def poll_leaves(connection: Connection, poll: str, size: int, keys: LogKeys, tell: Tell) -> PollLeaves:
    """The leaves of a poll, those in a log of `size` first and then those that wait.

    Call it within `Connection.reading()`.
    """
    parts: list[bytes] = []
    count = 0
    for run in await store.runs_of(connection, poll):
        end = await store.next_position(connection, run.position)
        length = (size if end is None else end) - run.position
        if run.first != count + 1:
            tell(f"the log goes from leaf {count} of the poll on with leaf {run.first}")
        for start in range(0, length, _CHUNK):
            parts.append(
                await store.hashes_between(connection, run.position + start, min(_CHUNK, length - start))
            )
        count += length
    for row in await store.waiting_of(connection, poll):
        try:
            leaves = leaves_from(row.poll, row.first, row.hashes)
        except ValueError:
            tell(f"the leaves that wait from {row.first} on cannot be read")
            continue
        if not keys.is_stamped(leaves.stamped(), row.stamp):
            tell(f"the leaves that wait from {row.first} on were not written by pollsvc")
        if row.first != count + 1:
            tell(f"the leaves that wait go from {count} on with {row.first}")
        parts.append(leaves.hashes)
        count += leaves.size
    expected = await store.count_leaves(connection, poll)
    if expected != count:
        tell(f"the log has {count} leaves of the poll, and should have {expected}")
    found = PollLeaves(poll, b"".join(parts), tell)
    for number, data in await past_of(connection, poll):
        found.past(number, data)
    return found


async def removed_polls(connection: Connection) -> dict[str, int]:
    """How many leaves the log has of polls that are gone, by poll."""
    removed = (removed_by(data) for _, data in await past_of(connection, ""))
    return dict(each for each in removed if each is not None)


async def told_edits(connection: Connection) -> dict[int, str]:
    """The hashes that the log has of entries of the log of edits, by their numbers."""
    told = (edits_in(data) for _, data in await past_of(connection, ""))
    return dict(each for each in told if each is not None)


async def check_log(connection: Connection, keys: LogKeys, pins: Pins, tell: Tell) -> int:
    """Check the tree against all signed and pinned heads, their keys and the runs; returns the tree's size.

    Call it within `Connection.reading()`.
    """
    heads, known = await store.heads(connection), await log_keys(connection)
    size = heads[-1].size if heads else 0
    _check_keys(known, keys, tell)
    _check_runs(await store.runs(connection), size, tell)
    signed = {each.size: _signed_root(each, known, tell) for each in heads}
    accepted = {key.since: key for key in known if key.root}
    sizes = deque(sorted({*signed, *accepted, *pins.begin(known, size)}))
    made: list[bytes] = []
    frontier = Frontier()
    for number in range(-(-size // WIDTH)):
        tile = await _tile(connection, Place(0, number), size, tell)
        while sizes and sizes[0] <= (number + 1) * WIDTH:
            each = sizes.popleft()
            root = frontier.head_with(tile[: each - number * WIDTH])
            if signed.get(each) not in {None, root}:
                tell(f"the first {each} leaves of the log are not those whose head was signed")
            if each in accepted and accepted[each].root != b64encode(root).decode():
                tell(f"the first {each} leaves of the log are not those that its next key took over")
            pins.compare(each, root)
        if len(tile) == WIDTH:
            made.append(Tree(tile).node(HEIGHT, 0))
            frontier.add(made[-1])
    await _check_upper(connection, made, size, tell)
    return size


class Frontier:
    """The heads of the complete subtrees that full tiles make up, the largest first."""

    def __init__(self) -> None:
        self._hashes: list[bytes] = []
        self._count = 0

    def add(self, hash_: bytes) -> None:
        """Take in the next full tile, by the hash over it."""
        self._count += 1
        joined = self._count
        while not joined & 1:
            hash_ = node_hash(self._hashes.pop(), hash_)
            joined >>= 1
        self._hashes.append(hash_)

    def head_with(self, leaves: Sequence[bytes]) -> bytes:
        """The head of the tree in which these leaves follow."""
        found = head(len(leaves), Tree(leaves).node)
        for hash_ in reversed(self._hashes):
            found = node_hash(hash_, found)
        return found


async def _tile(connection: Connection, place: Place, size: int, tell: Tell) -> list[bytes]:
    """The hashes of a tile; as many as there should be."""
    found = (await store.load_tiles(connection, [place])).get(place, b"")
    width = width_of(place, size) * HASH
    if len(found) != width:
        tell(f"tile {place.number} of level {place.level} of the log holds {len(found)} bytes, not {width}")
    return hashes_of(found[:width].ljust(width, b"\0"))


async def _check_upper(connection: Connection, made: Sequence[bytes], size: int, tell: Tell) -> None:
    """Compare the tiles above the lowest with what the full ones below make."""
    level = 1
    while made:
        above = []
        for start in range(0, len(made), WIDTH):
            place, hashes = Place(level, start // WIDTH), made[start : start + WIDTH]
            if await _tile(connection, place, size, tell) != hashes:
                tell(f"tile {place.number} of level {level} of the log is not what the leaves make")
            if len(hashes) == WIDTH:
                above.append(Tree(hashes).node(HEIGHT, 0))
        made, level = above, level + 1


def _check_keys(known: Sequence[LogKey], keys: LogKeys, tell: Tell) -> None:
    for before, key in pairwise(known):
        if not is_handed_over(before, key):
            tell(f"key {key.number} of the log was not handed over to by the one before")
        if (key.number, key.name) != (before.number + 1, before.name) or key.since < before.since:
            tell(f"key {key.number} of the log does not follow the one before")
    if known and (known[0].number, *known[0][3:6]) != (1, 0, "", ""):
        tell("the log's first key is not what it was")
    if known and keys.known(known[-1].public) is None:
        tell("the log's last key is of none of POLLSVC_SECRET_KEYS")
    if known and not is_accepted(known):
        tell("the log's last key has not accepted the ones before it")


def _check_runs(runs: Sequence[Run], size: int, tell: Tell) -> None:
    if (runs and runs[0].position) or (size and not runs):
        tell("the log does not say of which poll its first leaves are")
    if runs and runs[-1].position >= size:
        tell("the log says of which poll leaves are that it does not have")


def _signed_root(each: Head, known: Sequence[LogKey], tell: Tell) -> bytes | None:
    root = signed_root(each.note, each.size, known)
    if root is None:
        tell(f"the head of {each.size} leaves is none that the log's key of its time has signed")
    return root
