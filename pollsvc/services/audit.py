"""The recount: do ballots, signatures and tally agree, and is the log of edits whole?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pollsvc.domain.ballot import Ballot
from pollsvc.domain.errors import PollError, no_such_poll
from pollsvc.domain.poll import Poll
from pollsvc.domain.selection import WITHDRAWN, canonical, picked
from pollsvc.domain.tally import Cell, cell_of
from pollsvc.services.receipts import Receipts
from pollsvc.storage.audit import all_ballots, all_cells, count_ballots
from pollsvc.storage.database import Connection
from pollsvc.storage.log import all_entries
from pollsvc.storage.polls import list_polls

MAX_SHOWN = 1_000
"""How many differences are kept to be shown; all are counted."""


@dataclass(slots=True)
class Report:
    """What a recount found: sentences by kind (`signature`, `selection`, `tally`, `poll`, `log`)."""

    polls: int = 0
    ballots: int = 0
    log_entries: int = 0
    found: int = 0
    differences: list[dict[str, str]] = field(default_factory=list)

    def add(self, kind: str, poll: str, what: str) -> None:
        self.found += 1
        if len(self.differences) < MAX_SHOWN:
            self.differences.append({"kind": kind, "poll": poll, "what": what})


async def audit(
    connection: Connection,
    receipts: Receipts,
    poll: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Recount a poll, or all, as of one moment, also while votes come in.

    `progress` is told how many ballots of how many are done. Raises PollError `no_such_poll`.
    """
    report = Report()
    async with connection.reading():
        polls = {known.id: known for known in await list_polls(connection)}
        if poll is not None and poll not in polls:
            raise no_such_poll()
        total = await count_ballots(connection, poll)
        recount: dict[Cell, int] = {}
        async for page in all_ballots(connection, poll):
            for ballot in page:
                _check(ballot, polls, receipts, report)
                cell = cell_of(ballot)
                recount[cell] = recount.get(cell, 0) + 1
            report.ballots += len(page)
            if progress is not None:
                progress(report.ballots, total)
        tally = await all_cells(connection, poll)
        await _check_log(connection, report)
    report.polls = 1 if poll is not None else len(polls)
    for cell in sorted(recount.keys() | tally.keys()):
        counted, kept = recount.get(cell, 0), tally.get(cell, 0)
        if counted != kept:
            what = f"{counted} ballots, but the tally says {kept}, for {cell._asdict()}"
            report.add("tally", cell.poll, what)
    return report


async def _check_log(connection: Connection, report: Report) -> None:
    """Follow the chain of the log's hashes from its first entry."""
    hash_ = ""
    async for page in all_entries(connection):
        for entry in page:
            report.log_entries += 1
            if entry.number != report.log_entries:
                report.add("log", "", f"entry {report.log_entries} of the log is missing")
                report.log_entries = entry.number
            if entry.hash != entry.expected_hash(hash_):
                report.add("log", "", f"entry {entry.number} of the log, or the one before, was altered")
            hash_ = entry.hash


def _check(ballot: Ballot, polls: Mapping[str, Poll], receipts: Receipts, report: Report) -> None:
    poll = polls.get(ballot.poll)
    if poll is None:
        report.add(
            "poll", ballot.poll, f"the ballot of voter {ballot.voter} is in a poll that does not exist"
        )
        return
    if not receipts.valid(ballot):
        report.add("signature", ballot.poll, f"the ballot of voter {ballot.voter} is not as it was signed")
    if not _is_canonical(poll, ballot.selection):
        what = f"the ballot of voter {ballot.voter} says {ballot.selection!r}, which this poll cannot"
        report.add("selection", ballot.poll, what)


def _is_canonical(poll: Poll, selection: str) -> bool:
    if selection == WITHDRAWN:
        return True
    try:
        return canonical(poll, picked(selection), {option.id for option in poll.options}) == selection
    except (PollError, ValueError):
        return False
