"""Sealing: leaves that wait get their positions in the log, under a signed head.

One process at a time does it, in a transaction of its own; votes do not wait for it.
"""

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pollsvc.domain.checkpoint import Checkpoint, Signature, key_id, note
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.leaves import Leaves, edits_in, edits_leaf, leaves_from
from pollsvc.domain.merkle import head
from pollsvc.domain.tiles import Place, Tiles, grown, last_tiles
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.trust import acceptance_text, handover_text, is_accepted, signed_root
from pollsvc.services.ids import new_id
from pollsvc.storage import ballot_log as store
from pollsvc.storage.ballot_log import Head, Run, Waiting
from pollsvc.storage.database import Connection
from pollsvc.storage.log import all_entries, last_entry
from pollsvc.storage.log_keys import LogKey, add_log_key, log_keys
from pollsvc.storage.past_leaves import add_own, last_own

logger = logging.getLogger(__name__)

ROWS = 2_000
"""How many rows of waiting leaves are sealed at once; a row is what one transaction recorded for a poll."""
LEAVES = 50_000
"""How many leaves are sealed at once, or a few more: votes wait meanwhile."""


async def seal(connection: Connection, keys: LogKeys, now: int) -> bool:
    """Seal what waits, if it is this process's turn; returns whether more may be waiting.

    Leaves without a valid stamp stay where they are, and the log of the service says so: somebody else wrote
    them. When the log of edits has grown, a leaf says how it ends. Raises PollError `not_possible_now` when
    the log itself was altered; nothing is signed then.
    """
    edits = await _edits(connection, keys)
    if not edits and not await store.waiting(connection, 1):
        return False
    async with connection.transaction():
        if not await store.take_turn(connection):
            return False
        last = await store.last_head(connection)
        size = last.size if last else 0
        edge = await store.load_tiles(connection, last_tiles(size))
        key = await _key(connection, keys, last, edge)
        if key is None:
            return False
        if edits := edits and await _edits(connection, keys):
            await add_own(connection, "", edits)
        taken, more = await _take(connection, keys)
        if not taken:
            return False
        hashes = [hash_ for _, leaves in taken for hash_ in leaves.listed()]
        changed = grown(size, edge, hashes)
        tiles = Tiles(edge | changed)
        checkpoint = Checkpoint(key.name, size + len(hashes), head(size + len(hashes), tiles.node))
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


async def _edits(connection: Connection, keys: LogKeys) -> Callable[[int], str] | None:
    """What makes the next leaf of the log of edits, if that has grown by what pollsvc wrote."""
    told = await last_own(connection, "", "edits")
    before = (told and edits_in(told.data)) or (0, "")
    number, hash_ = before
    if await last_entry(connection) != before:
        async for page in all_entries(connection, number):
            for entry in page:
                written = keys.is_stamped(entry.stamped(), entry.stamp)
                if not written or entry.hash != entry.expected_hash(hash_) or entry.number != number + 1:
                    logger.error(
                        "Entry %d of the log of edits was not written by pollsvc and not sealed: "
                        "see `pollsvc audit`.",
                        entry.number,
                    )
                    break
                number, hash_ = entry.number, entry.hash
            else:
                continue
            break
    return (lambda leaf: edits_leaf(leaf, number, hash_)) if (number, hash_) != before else None


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


def _checked(row: Waiting, keys: LogKeys) -> Leaves | None:
    """The leaves of a row that somebody who knows a secret has written."""
    with suppress(ValueError):
        leaves = leaves_from(row.poll, row.first, row.hashes)
        if keys.is_stamped(leaves.stamped(), row.stamp):
            return leaves
    logger.error(
        "Leaves of poll %s from %d on were not written by pollsvc and not sealed: see `pollsvc audit`.",
        row.poll,
        row.first,
    )
    return None


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


async def _key(
    connection: Connection, keys: LogKeys, last: Head | None, edge: Mapping[Place, bytes]
) -> LogKey | None:
    """The log's key, if this process has it; a new one is handed over to by the one before.

    `edge` are the log's last tiles. Raises PollError `not_possible_now` when it is not as its key left it.
    """
    known, mine = await log_keys(connection), keys.current.name
    if any(key.public == mine for key in known[:-1]):
        logger.info("Another process signs with a newer secret; this one seals nothing.")
        return None
    size = last.size if last else 0
    root = _root(known, last, edge)
    if known and known[-1].public == mine:
        return known[-1]
    name, signature = f"pollsvc/{new_id(10)}", b""
    if known:
        name = known[-1].name
        signature = keys.sign_as(known[-1].public, handover_text(name, size, mine)) or b""
        if not signature:
            logger.error("The secret that signed the log until now is gone from POLLSVC_SECRET_KEYS.")
    key = LogKey(len(known) + 1, name, mine, size, b64encode(signature).decode(), root, "")
    key = key._replace(acceptance=b64encode(keys.current.sign(acceptance_text([*known, key]))).decode())
    await add_log_key(connection, key)
    return key


def _root(known: Sequence[LogKey], last: Head | None, edge: Mapping[Place, bytes]) -> str:
    """The log's root in base64, empty when there is none, as its last key has signed or accepted it."""
    size, root = 0, ""
    with suppress(LookupError):  # a tile is gone
        if last is not None:
            size, root = last.size, b64encode(head(last.size, Tiles(edge).node)).decode()
    if not known:
        is_sound = last is None
    elif last is not None and size > known[-1].since:
        signed = signed_root(last.note, size, known)
        is_sound = is_accepted(known) and signed is not None and root == b64encode(signed).decode()
    else:  # an upgrade did not know what the key had found
        is_sound = is_accepted(known) and size == known[-1].since and known[-1].root in {"", root}
    if not is_sound:
        raise PollError(
            Code.NOT_POSSIBLE_NOW,
            "The log of ballots is not as pollsvc left it, so that nothing is sealed: see `pollsvc audit`.",
        )
    return root
