"""Reviewing ballots: an editor holds, releases or excludes those that a rule is true of.

Each one that changes is a leaf of the log, so anybody can see what was done with how many; a ballot's own
vote is never touched, and every decision can be taken back.
"""

import re
from collections.abc import Callable

from pollsvc.domain.ballot import Reason, Status
from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import bad, no_such_poll
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.review import Group, Rule, Verdict, outcome_of
from pollsvc.storage import log
from pollsvc.storage import review as store
from pollsvc.storage.ballots import judge
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import load_poll

PIECE = 200
"""How many ballots are judged in one transaction; votes wait meanwhile."""
SHOWN = 100
"""How many groups are shown at most."""
_NETWORK = re.compile(r"[A-Za-z0-9_-]{5}([A-Za-z0-9_-]{5})?", re.ASCII)


class Judging:
    """An editor's review of ballots, on a connection that nobody else uses. Bad input raises PollError."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor = COMMAND_LINE) -> None:
        self._connection = connection
        self._clock = clock
        self._actor = actor

    async def groups(self, poll_id: str) -> list[Group]:
        """Where a poll's ballots came from and when, the largest groups first. Raises `no_such_poll`."""
        if await load_poll(self._connection, poll_id) is None:
            raise no_such_poll()
        return await store.groups(self._connection, poll_id, SHOWN)

    async def count(self, poll_id: str, rule: Rule) -> dict[Status, int]:
        """How many ballots a rule is true of, by how they stand. Raises PollError `bad_request`."""
        _check(rule)
        statuses = list(Status) if rule.status is None else [rule.status]
        return {
            status: await store.count_matching(self._connection, poll_id, rule._replace(status=status))
            for status in statuses
        }

    async def judge(
        self,
        poll_id: str,
        rule: Rule,
        verdict: Verdict,
        reason: Reason | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Give the ballots that a rule is true of another status; returns how many got it.

        The editors' log has the rule at once, the ballots follow in pieces. Those that stand so already stay
        as they are. Raises PollError `bad_request`, `no_such_poll`.
        """
        status, why = outcome_of(verdict, reason)
        _check(rule)
        async with log.editing(self._connection):
            if await load_poll(self._connection, poll_id) is None:
                raise no_such_poll()
            total = await store.count_matching(self._connection, poll_id, rule)
            after = rule.described() | {"ballots": total, "outcome": status.value, "why": why}
            act = Act(self._actor, f"ballots.{verdict}", f"poll:{poll_id}", {}, after)
            await log.append(self._connection, act, int(self._clock()))
        done = judged = 0
        last = ""
        while voters := await store.matching(self._connection, poll_id, rule, last, PIECE):
            judged += await judge(self._connection, poll_id, voters, status, why)
            done, last = done + len(voters), voters[-1]
            if progress is not None:
                progress(done, total)
        return judged


def _check(rule: Rule) -> None:
    if not rule.described():
        raise bad("Say which ballots: name a network, a time, a status, a reason or a voter.", "rule")
    if rule.network and not _NETWORK.fullmatch(rule.network):
        raise bad("A network is named by the 5 or 10 characters of its tag.", "network")
