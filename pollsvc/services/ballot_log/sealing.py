"""Sealing: leaves that wait get their positions in the log, under a signed head.

One process at a time does it, in a transaction of its own; votes do not wait for it.
"""

import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

from pollsvc.domain.checkpoint import Checkpoint, Signature, key_id, note
from pollsvc.domain.leaves import Leaves, edits_in, edits_leaf, leaves_from
from pollsvc.domain.merkle import head
from pollsvc.domain.tiles import Tiles, grown, last_tiles
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ids import new_id
from pollsvc.storage import ballot_log as store
from pollsvc.storage.ballot_log import Head, Run, Waiting
from pollsvc.storage.database import Connection
from pollsvc.storage.log import last_entry
from pollsvc.storage.log_keys import LogKey, add_log_key, log_keys
from pollsvc.storage.past_leaves import add_own, last_own

logger = logging.getLogger(__name__)

ROWS = 2_000
"""How many rows of waiting leaves are sealed at once; a row is what one transaction recorded for a poll."""
PAGE = 100
"""How many rows of those that an upgrade left are stamped together."""
LEAVES = 50_000
"""How many leaves are sealed at once, or a few more: votes wait meanwhile."""


def handover_text(name: str, since: int, public: str) -> bytes:
    """What a key of the log signs to hand over to the next: the log, the size of its tree, the new key."""
    return f"pollsvc.handover\n{name}\n{since}\n{public}\n".encode()


async def seal(connection: Connection, keys: LogKeys, now: int) -> bool:
    """Seal what waits, if it is this process's turn; returns whether more may be waiting.

    Leaves without a valid stamp stay where they are, and the log of the service says so: somebody else wrote
    them. Only while the log is empty those without any get one, which an upgrade left there. When the log of
    edits has grown, a leaf says how it ends.
    """
    edits = await _edits(connection)
    if not edits and not await store.waiting(connection, 1):
        return False
    async with connection.transaction():
        if not await store.take_turn(connection):
            return False
        last = await store.last_head(connection)
        size = last.size if last else 0
        key = await _key(connection, keys, size)
        if key is None:
            return False
        if edits := edits and await _edits(connection):
            await add_own(connection, "", edits, keys.stamp)
        if not size:
            await _adopt(connection, keys)
        taken, more = await _take(connection, keys)
        if not taken:
            return False
        hashes = [hash_ for _, leaves in taken for hash_ in leaves.listed()]
        edge = await store.load_tiles(connection, last_tiles(size))
        changed = grown(size, edge, hashes)
        tiles = Tiles(edge | changed)
        root = head(size + len(hashes), tiles.node)
        checkpoint = Checkpoint(key.name, size + len(hashes), root)
        signature = Signature(
            key.name, key_id(key.name, keys.current.public), keys.current.sign(checkpoint.text().encode())
        )
        await store.seal(
            connection,
            [row for row, _ in taken],
            _runs(await store.last_run(connection), size, [leaves for _, leaves in taken]),
            changed,
            Head(checkpoint.size, now, note(checkpoint, [signature])),
        )
    return more


async def _edits(connection: Connection) -> Callable[[int], str] | None:
    """What makes the leaf of the log of edits, if that has grown since its last leaf."""
    entry, hash_ = await last_entry(connection)
    told = await last_own(connection, "", "edits")
    if not entry or (told is not None and edits_in(told.data) == (entry, hash_)):
        return None
    return lambda number: edits_leaf(number, entry, hash_)


async def _adopt(connection: Connection, keys: LogKeys) -> None:
    """Stamp what an upgrade left, so that it can be sealed piece by piece like all else."""
    after = ("", 0)
    while rows := await store.unstamped(connection, after, PAGE):
        after = (rows[-1].poll, rows[-1].first)
        found = [(row, _leaves(row)) for row in rows]
        await store.put_stamps(
            connection, [(row, keys.stamp(leaves.stamped())) for row, leaves in found if leaves]
        )


async def _take(connection: Connection, keys: LogKeys) -> tuple[list[tuple[Waiting, Leaves]], bool]:
    """The leaves to be sealed now, and whether more may be waiting."""
    rows = await store.waiting(connection, ROWS)
    taken: list[tuple[Waiting, Leaves]] = []
    count = 0
    for row in rows:
        if leaves := _checked(row, keys):
            taken.append((row, leaves))
            count += leaves.size
        if count >= LEAVES:
            break
    return taken, len(rows) == ROWS or count >= LEAVES


def _leaves(row: Waiting) -> Leaves | None:
    try:
        return leaves_from(row.poll, row.first, row.hashes)
    except ValueError:
        return None


def _checked(row: Waiting, keys: LogKeys) -> Leaves | None:
    """The leaves of a row that somebody who knows a secret has written."""
    leaves = _leaves(row)
    if leaves is None or not keys.is_stamped(leaves.stamped(), row.stamp):
        logger.error(
            "Leaves of poll %s from %d on were not written by pollsvc and not sealed: see `pollsvc audit`.",
            row.poll,
            row.first,
        )
        return None
    return leaves


def _runs(last: Run | None, size: int, sealed: Sequence[Leaves]) -> list[Run]:
    """The runs that begin with these leaves, put at the end of a tree of `size`."""
    poll, expected = (last.poll, last.first + size - last.position) if last else ("", 0)
    runs = []
    for leaves in sealed:
        if (leaves.poll, leaves.first) != (poll, expected) or not size:
            runs.append(Run(size, leaves.poll, leaves.first))
        poll, expected = leaves.poll, leaves.first + leaves.size
        size += leaves.size
    return runs


async def _key(connection: Connection, keys: LogKeys, size: int) -> LogKey | None:
    """The log's key, if this process has it; a new one is handed over to by the one before."""
    known, mine = await log_keys(connection), keys.current.name
    if known and known[-1].public == mine:
        return known[-1]
    if any(key.public == mine for key in known):
        logger.info("Another process signs with a newer secret; this one seals nothing.")
        return None
    name, signature = f"pollsvc/{new_id(10)}", ""
    if known:
        name, before = known[-1].name, keys.known(b64decode(known[-1].public))
        if before is None:
            logger.error("The secret that signed the log until now is gone from POLLSVC_SECRET_KEYS.")
        else:
            signature = b64encode(before.sign(handover_text(name, size, mine))).decode()
    key = LogKey(len(known) + 1, name, mine, size, signature)
    await add_log_key(connection, key)
    return key
