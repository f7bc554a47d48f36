"""The recount: do ballots, their log and the tally agree, and is the log of edits whole?"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import sha256
from itertools import count

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.errors import PollError, no_such_poll
from pollsvc.domain.poll import Poll
from pollsvc.domain.selection import WITHDRAWN, canonical, picked
from pollsvc.domain.tally import Cell, cell_of
from pollsvc.services.ballot_log.checking import PollLeaves, check_log, poll_leaves, removed_polls, told_edits
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.pinned import Pin, Pins
from pollsvc.services.replaying import Replay
from pollsvc.storage.audit import all_ballots, all_cells, count_ballots
from pollsvc.storage.database import Connection
from pollsvc.storage.log import all_entries
from pollsvc.storage.polls import list_polls, load_poll
from pollsvc.storage.published import Published, all_published, part_of
from pollsvc.storage.sites import list_sites

MAX_SHOWN = 1_000
"""How many differences are kept to be shown; all are counted."""


@dataclass(slots=True)
class Report:
    """What a recount found, as sentences by kind.

    The kinds are `leaf`, `tree`, `pin`, `selection`, `tally`, `poll`, `site`, `definition`, `published` and
    `log`. `sealed` is the size of the log of ballots, `pinned` how many heads that were pinned it has still,
    `log_entries` the size of the log of edits.
    """

    polls: int = 0
    ballots: int = 0
    sealed: int = 0
    pinned: int = 0
    log_entries: int = 0
    found: int = 0
    differences: list[dict[str, str]] = field(default_factory=list)

    def add(self, kind: str, poll: str, what: str) -> None:
        self.found += 1
        if len(self.differences) < MAX_SHOWN:
            self.differences.append({"kind": kind, "poll": poll, "what": what})


async def audit(
    connection: Connection,
    keys: LogKeys,
    poll: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    pins: Iterable[Pin] = (),
) -> Report:
    """Recount a poll, or all, as of one moment, also while votes come in.

    `progress` is told how many ballots of how many are done, and `pins` are heads of the log that were noted
    elsewhere. Raises PollError `no_such_poll`.
    """
    report = Report()
    async with connection.reading():
        polls = await _polls(connection, report)
        if poll is not None and poll not in polls:
            raise no_such_poll()
        counts = await count_ballots(connection, poll)
        total = sum(counts.values())
        pinned = Pins(pins)
        report.sealed = await check_log(connection, keys, pinned, partial(report.add, "tree", ""))
        report.pinned = pinned.agreed
        for what in pinned.differences():
            report.add("pin", "", what)
        removed = await removed_polls(connection)
        for id_ in sorted(counts.keys() - removed.keys()):
            leaves = await poll_leaves(connection, id_, report.sealed, keys, partial(report.add, "leaf", id_))
            check = _checker(polls.get(id_), leaves, report)
            recount: dict[Cell, int] = {}
            async for page in all_ballots(connection, id_):
                for ballot in page:
                    check(ballot)
                    cell = cell_of(ballot)
                    recount[cell] = recount.get(cell, 0) + 1
                report.ballots += len(page)
                if progress is not None:
                    progress(report.ballots, total)
            leaves.end()
            _compare(recount, await all_cells(connection, id_), report)
        replay = await _check_log(connection, keys, report)
        for id_ in sorted(polls.keys() | replay.polls) if poll is None else [poll]:
            for what in replay.differences(id_, polls.get(id_)):
                report.add("definition", id_, what)
        if poll is None:
            await _check_sites(connection, replay, report)
        await _check_published(connection, replay.published, poll, report)
    report.polls = 1 if poll is not None else len(polls)
    return report


async def _polls(connection: Connection, report: Report) -> dict[str, Poll]:
    """All polls that can be read; the others are reported."""
    with suppress(ValueError, LookupError, TypeError):
        return {known.id: known for known in await list_polls(connection)}
    polls: dict[str, Poll] = {}
    for (id_,) in await connection.rows("SELECT id FROM polls ORDER BY id"):
        try:
            known = await load_poll(connection, id_)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            report.add("poll", id_, f"its definition cannot be read: {error!r}")
        else:
            polls |= {id_: known} if known is not None else {}
    return polls


async def _check_sites(connection: Connection, replay: Replay, report: Report) -> None:
    """Report where sites are not those that the log of edits says they are."""
    try:
        sites = {site.id: site for site in await list_sites(connection)}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        report.add("site", "", f"a site cannot be read: {error!r}")
        return
    for id_ in sorted(sites.keys() | replay.sites):
        for what in replay.differences_of_site(id_, sites.get(id_)):
            report.add("site", "", f"site {id_}: {what}")


async def _check_published(
    connection: Connection, told: Mapping[str, str], poll: str | None, report: Report
) -> None:
    """Report where the ballots that are published are not those that the log of edits says were."""
    found = {one.poll: one for one in await all_published(connection)}
    for id_ in sorted(found.keys() | told.keys()) if poll is None else [poll]:
        one, said = found.get(id_), told.get(id_, "")
        if one is None:
            if said:
                report.add("published", id_, "its published ballots are gone, and nobody withdrew them")
            continue
        if (await _content(connection, one), one.sha256) != ((one.size, said), said):
            report.add("published", id_, "its published ballots are not those that the log of edits says")


async def _content(connection: Connection, published: Published) -> tuple[int, str] | None:
    """The size and SHA-256 of what is published; None when it is no bytes any more."""
    size, hash_ = 0, sha256()
    with suppress(TypeError):
        for part in count():
            content = await part_of(connection, published, part)
            if content is None:
                return size, hash_.hexdigest()
            size += len(content)
            hash_.update(content)
    return None


def _compare(recount: Mapping[Cell, int], tally: Mapping[Cell, int], report: Report) -> None:
    """Report where the tally of a poll is not what its ballots come to."""
    for cell in sorted(recount.keys() | tally.keys()):
        counted, kept = recount.get(cell, 0), tally.get(cell, 0)
        if counted != kept:
            what = f"{counted} ballots, but the tally says {kept}, for {cell._asdict()}"
            report.add("tally", cell.poll, what)


async def _check_log(connection: Connection, keys: LogKeys, report: Report) -> Replay:
    """Follow the chain of the log's hashes from its first entry; returns what it says of polls."""
    replay = Replay()
    number, hash_ = 0, ""
    told = await told_edits(connection)
    sealed = max(told, default=0)
    async for page in all_entries(connection):
        report.log_entries += len(page)
        for entry in page:
            first, last = number + 1, entry.number - 1
            if first == last:
                report.add("log", "", f"entry {last} of the log is missing")
            elif first < last:
                report.add("log", "", f"entries {first} to {last} of the log are missing")
            if entry.hash != entry.expected_hash(hash_):
                report.add("log", "", f"entry {entry.number} of the log, or the one before, was altered")
            elif told.pop(entry.number, entry.hash) != entry.hash:
                report.add("log", "", f"entry {entry.number} of the log is not what the log of ballots has")
            elif entry.number > sealed and not keys.is_stamped(entry.stamped(), entry.stamp):
                report.add("log", "", f"entry {entry.number} of the log was not written by pollsvc")
            number, hash_ = entry.number, entry.hash
            replay.entry(entry)
    if told and max(told) > number:
        report.add("log", "", f"entries {number + 1} to {max(told)} of the log are missing at its end")
    return replay


def _checker(poll: Poll | None, leaves: PollLeaves, report: Report) -> Callable[[Ballot], None]:
    """What reports all that is wrong with a ballot of this poll."""
    ids = {option.id for option in poll.options} if poll is not None else set()

    @lru_cache(10_000)
    def possible(selection: str) -> bool:
        try:
            return (
                poll is None or selection == WITHDRAWN or canonical(poll, picked(selection), ids) == selection
            )
        except (PollError, ValueError):
            return False

    def check(ballot: Ballot) -> None:
        leaves.ballot(ballot)
        if poll is None:
            what = f"the ballot of voter {ballot.voter} is in a poll that does not exist"
            report.add("poll", ballot.poll, what)
        if not possible(ballot.selection):
            what = f"the ballot of voter {ballot.voter} says {ballot.selection!r}, which this poll cannot"
            report.add("selection", ballot.poll, what)

    return check
