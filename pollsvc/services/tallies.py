"""The polls in use and their snapshots, in memory: reading a result asks no database.

A poll is loaded when it is first asked for. From then on its totals move with each commit of this
process (`apply`) and with notices of others (`on_change`), and with its schedule.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, busy, no_such_poll
from pollsvc.domain.poll import Poll, is_id
from pollsvc.domain.tally import Change, Totals
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.storage.database import Connection
from pollsvc.storage.placements import polls_of_article
from pollsvc.storage.polls import load_poll
from pollsvc.storage.tallies import load_totals, load_versions

logger = logging.getLogger(__name__)

UNKNOWN_FOR = 1.0
"""Seconds for which "there is no such poll" is remembered, and an article's list of polls."""
_REMEMBERED = 10_000  # answers of that sort that are kept at most
_MAX_TIMER = 3_600.0  # seconds; a schedule further away is looked at again then
_OWN = 0.02  # seconds that a commit of our own takes at most from its notice to `apply`
CATCH_UP = 0.3  # seconds that a vote's answer waits for totals that hold it


class Tallies:
    """Snapshots by poll id, kept up to date until `stop`.

    `on_changed` is told each new snapshot that readers can tell from the last.
    """

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        clock: Clock,
        on_changed: Callable[[Snapshot], None],
    ) -> None:
        self._connection = connection
        self._publisher = publisher
        self._clock = clock
        self._on_changed = on_changed
        self._snapshots: dict[str, Snapshot] = {}
        self._committed: dict[str, int] = {}  # the latest version that this process has made, by poll
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._stale: set[str] = set()  # polls that changed again while they were being loaded
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unknown: dict[str, float] = {}
        self._articles: dict[str, tuple[float, asyncio.Task[list[str]]]] = {}
        self._checking: asyncio.Task[None] | None = None
        self._stopped = False

    async def stop(self) -> None:
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = [*self._loading.values(), *([self._checking] if self._checking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ping(self) -> None:
        """Ask the database for something; raises when it does not answer."""
        await self._connection.rows("SELECT 1")

    def peek(self, poll: str) -> Snapshot | None:
        """The current snapshot, if the poll is loaded; a state that the schedule has ended is brought up."""
        snapshot = self._snapshots.get(poll)
        if snapshot is not None and snapshot.until is not None and self._clock() >= snapshot.until:
            return self._publish(snapshot.poll, snapshot.version, snapshot.totals)
        return snapshot

    async def get(self, poll: str) -> Snapshot:
        """The current snapshot of a published poll.

        Raises PollError `no_such_poll`, or `busy` when the database did not answer.
        """
        snapshot = self.peek(poll)
        if snapshot is None and not is_id(poll):
            raise no_such_poll()
        if snapshot is None and self._unknown.get(poll, 0) <= monotonic():
            try:
                await asyncio.shield(self._load(poll))
            except Exception as error:
                raise busy() from error
            snapshot = self.peek(poll)
        if snapshot is None or snapshot.poll.draft:
            raise no_such_poll()
        return snapshot

    async def of_ids(self, polls: Iterable[str]) -> list[Snapshot]:
        """The snapshots of those of these polls that are known and published, in order."""
        found = []
        for poll in polls:
            try:
                found.append(await self.get(poll))
            except PollError as error:
                if error.code is not Code.NO_SUCH_POLL:
                    raise
        return found

    async def of_article(self, url: str) -> list[Snapshot]:
        """The snapshots of the published polls on the article with this canonical URL, in order."""
        until, task = self._articles.get(url, (0.0, None))
        if task is None or until <= monotonic() or (task.done() and task.exception()):
            task = asyncio.create_task(polls_of_article(self._connection, url))
            if len(self._articles) >= _REMEMBERED:
                self._articles.clear()
            self._articles[url] = (monotonic() + UNKNOWN_FOR, task)
        try:
            polls = await asyncio.shield(task)
        except Exception as error:
            raise busy() from error
        return await self.of_ids(polls)

    def apply(self, changes: Sequence[Change]) -> None:
        """Take in what this process has committed."""
        for poll, version, difference in changes:
            self._committed[poll] = version
            snapshot = self._snapshots.get(poll)
            if snapshot is None or version <= snapshot.version:
                continue
            if version > snapshot.version + 1:  # others committed in between
                self._load(poll)
                continue
            totals = dict(snapshot.totals)
            for key, count in difference.items():
                totals[key] = totals.get(key, 0) + count
            self._publish(snapshot.poll, version, totals)

    def on_change(self, versions: Mapping[str, int] | None) -> None:
        """Take a notice from another process: new versions by poll, or None (look at all)."""
        if versions is None:
            if self._checking is None or self._checking.done():
                self._checking = asyncio.create_task(self._check(), name="check of versions")
            return
        for poll, version in versions.items():
            snapshot = self._snapshots.get(poll)
            if snapshot is not None and version > snapshot.version:
                asyncio.get_running_loop().call_later(_OWN, self._catch_up, poll, version)

    def settled(self, poll: str) -> Snapshot | None:
        """The snapshot, if it holds all that this process has committed."""
        snapshot = self.peek(poll)
        return snapshot if snapshot and snapshot.version >= self._committed.get(poll, 0) else None

    async def settle(self, poll: str) -> Snapshot:
        """The snapshot once it holds all that this process has committed; after CATCH_UP, as it is."""
        deadline = asyncio.get_running_loop().time() + CATCH_UP
        while not (snapshot := self.settled(poll)):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return await self.get(poll)
            await asyncio.wait([self._load(poll)], timeout=left)
        return snapshot

    def _catch_up(self, poll: str, version: int) -> None:
        """Load a poll unless it has reached the version meanwhile: the notice may be of our own commit."""
        if self._snapshots[poll].version < version and not self._stopped:
            self._load(poll)

    async def _check(self) -> None:
        try:
            self.on_change(await load_versions(self._connection, self._snapshots))
        except Exception as error:
            logger.warning("Versions could not be read: %r", error)

    def _load(self, poll: str) -> asyncio.Task[None]:
        """Load a poll anew; a request during a load makes it load once more, never twice at once."""
        task = self._loading.get(poll)
        if task is None:
            task = asyncio.create_task(self._load_now(poll), name=f"load {poll}")
            task.add_done_callback(_tell_failure)
            self._loading[poll] = task
        else:
            self._stale.add(poll)
        return task

    async def _load_now(self, poll: str) -> None:
        try:
            # Totals first: a definition that is newer than its version is put right by the next notice,
            # one that is older would stay.
            version, totals = await load_totals(self._connection, poll)
            definition = await load_poll(self._connection, poll)
            snapshot = self._snapshots.get(poll)
            if definition is None:
                if len(self._unknown) >= _REMEMBERED:
                    self._unknown.clear()
                self._unknown[poll] = monotonic() + UNKNOWN_FOR
            elif snapshot is None or version > snapshot.version:
                self._publish(definition, version, totals)
        finally:
            del self._loading[poll]
            if poll in self._stale and not self._stopped:
                self._stale.discard(poll)
                self._load(poll)

    def _publish(self, poll: Poll, version: int, totals: Totals) -> Snapshot:
        before = self._snapshots.get(poll.id)
        snapshot = Snapshot(poll, version, totals, self._clock(), self._publisher)
        self._snapshots[poll.id] = snapshot
        self._schedule(snapshot)
        if before is None or before.frame != snapshot.frame:  # hidden results move unseen
            self._on_changed(snapshot)
        return snapshot

    def _schedule(self, snapshot: Snapshot) -> None:
        """Have the next change of state published when it is due."""
        poll = snapshot.poll.id
        timer = self._timers.pop(poll, None)
        if timer is not None:
            timer.cancel()
        if snapshot.until is not None:
            delay = min(max(snapshot.until - self._clock(), 0) + 0.001, _MAX_TIMER)
            self._timers[poll] = asyncio.get_running_loop().call_later(delay, self._due, poll)

    def _due(self, poll: str) -> None:
        snapshot = self._snapshots[poll]
        if self.peek(poll) is snapshot:  # not yet: the timer was cut short
            self._schedule(snapshot)


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.warning("%s failed: %r", task.get_name(), error)
