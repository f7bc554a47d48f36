"""The polls in use and their snapshots, in memory: reading a result asks no database.

A poll is loaded when it is first asked for. From then on its tally moves with each commit of this
process (`apply`) and with notices of others (`on_change`), and its state with its schedule. Beyond KEPT
polls, the one that nobody has asked for for the longest time is forgotten.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import no_such_poll
from pollsvc.domain.poll import is_id
from pollsvc.domain.tally import Change, Tally
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.storage.database import Connection, busy_if_away
from pollsvc.storage.placements import polls_of_article
from pollsvc.storage.tallies import load_counted, load_versions

logger = logging.getLogger(__name__)

KEPT = 2_000
"""How many polls are kept in memory, not counting those beyond it that are being watched."""
UNKNOWN_FOR = 1.0
"""Seconds for which "there is no such poll" is remembered, and an article's list of polls."""
_REMEMBERED = 10_000  # answers of that sort that are kept at most
_MANY = 5_000  # different selections that are counted beside the event loop
_MAX_TIMER = 3_600.0  # seconds; a schedule further away is looked at again then
_OWN = 0.02  # seconds that a commit of our own takes at most from its notice to `apply`
CATCH_UP = 0.3  # seconds that a vote's answer waits for totals that hold it

T = TypeVar("T")


class Tallies:
    """Snapshots by poll id, kept up to date until `stop`.

    `on_changed` is told each new snapshot that readers can tell from the last; `watched` says whether anybody
    waits to be told of a poll.
    """

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        clock: Clock,
        on_changed: Callable[[Snapshot], None],
        watched: Callable[[str], bool],
    ) -> None:
        self._connection = connection
        self._publisher = publisher
        self._clock = clock
        self._on_changed = on_changed
        self._watched = watched
        self._snapshots = OrderedDict[str, Snapshot]()  # the latest asked for last
        self._committed: dict[str, int] = {}  # the latest version that this process has made, by poll
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._stale: set[str] = set()  # polls that changed again while they were being loaded
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unknown: dict[str, float] = {}
        self._articles: dict[str, tuple[float, asyncio.Task[list[str]]]] = {}
        self._checking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()  # all that run
        self._stopped = False
        self.loaded = self.rendered = 0  # polls read from the database, snapshots made

    def __len__(self) -> int:
        """How many polls are in memory."""
        return len(self._snapshots)

    async def stop(self) -> None:
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def peek(self, poll: str) -> Snapshot | None:
        """The current snapshot, if the poll is loaded; a state that the schedule has ended is brought up."""
        snapshot = self._snapshots.get(poll)
        if snapshot is None:
            return None
        self._snapshots.move_to_end(poll)
        if snapshot.until is not None and self._clock() >= snapshot.until:
            return self._publish(snapshot.tally)
        return snapshot

    async def get(self, poll: str) -> Snapshot:
        """The current snapshot of a published poll.

        Raises PollError `no_such_poll`, or `busy` when the database did not answer.
        """
        found = await self.of_ids([poll])
        if not found:
            raise no_such_poll()
        return found[0]

    async def of_ids(self, polls: Iterable[str]) -> list[Snapshot]:
        """The snapshots of those of these polls that are known and published, in order.

        Those that are not in memory are loaded together. Raises PollError `busy`.
        """
        ids, now = list(dict.fromkeys(polls)), monotonic()
        missing = [
            poll
            for poll in ids
            if self.peek(poll) is None and is_id(poll) and self._unknown.get(poll, 0) <= now
        ]
        if missing:
            with busy_if_away():
                await self._loaded(missing)
        found = map(self.peek, ids)
        return [snapshot for snapshot in found if snapshot is not None and not snapshot.poll.draft]

    async def of_article(self, url: str) -> list[Snapshot]:
        """The snapshots of the published polls on the article with this canonical URL, in order."""
        until, task = self._articles.get(url, (0.0, None))
        if task is None or until <= monotonic() or (task.done() and task.exception()):
            task = self._spawn(polls_of_article(self._connection, url), "search for an article's polls")
            if len(self._articles) >= _REMEMBERED:
                self._articles.clear()
            self._articles[url] = (monotonic() + UNKNOWN_FOR, task)
        with busy_if_away():
            polls = await asyncio.shield(task)
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
            snapshot.tally.add(version, difference)
            self._publish(snapshot.tally)

    def on_change(self, versions: Mapping[str, int] | None) -> None:
        """Take a notice from another process: new versions by poll, or None (look at all)."""
        if versions is None:
            if self._checking is None or self._checking.done():
                self._checking = self._spawn(self._check(), "check of versions")
            return
        for poll, version in versions.items():
            snapshot = self._snapshots.get(poll)
            if snapshot is not None and version > snapshot.version:
                asyncio.get_running_loop().call_later(_OWN, self._catch_up, poll, version)

    def on_clock_step(self) -> None:
        """Bring all states, and the timers of their next changes, to a wall clock that was set anew."""
        for snapshot in list(self._snapshots.values()):
            self._schedule(self._publish(snapshot.tally))

    def settled(self, poll: str) -> Snapshot | None:
        """The snapshot, if it holds all that this process has committed."""
        snapshot = self.peek(poll)
        return snapshot if snapshot and snapshot.version >= self._committed.get(poll, 0) else None

    async def settle(self, poll: str) -> Snapshot:
        """The snapshot once it holds all that this process has committed.

        As it is after CATCH_UP, or when the database does not answer.
        """
        deadline = asyncio.get_running_loop().time() + CATCH_UP
        while not (snapshot := self.settled(poll)):
            left = deadline - asyncio.get_running_loop().time()
            ended, _ = await asyncio.wait([self._load(poll)], timeout=max(left, 0))
            if left <= 0 or any(load.cancelled() or load.exception() for load in ended):
                return await self.get(poll)
        return snapshot

    def _catch_up(self, poll: str, version: int) -> None:
        """Load a poll unless it has reached the version meanwhile: the notice may be of our own commit."""
        snapshot = self._snapshots.get(poll)
        if snapshot is not None and snapshot.version < version and not self._stopped:
            self._load(poll)

    async def _check(self) -> None:
        try:
            self.on_change(await load_versions(self._connection, self._snapshots))
        except Exception as error:
            logger.warning("Versions could not be read: %r", error)

    async def _loaded(self, polls: Sequence[str]) -> None:
        """Load polls that are not in memory, or wait for those that are being loaded."""
        tasks = {self._loading[poll] for poll in polls if poll in self._loading}
        new = [poll for poll in polls if poll not in self._loading]
        if new:
            tasks.add(self._begin(new))
        await asyncio.wait(tasks)  # which go on when the request ends
        for task in tasks:
            task.result()

    def _load(self, poll: str) -> asyncio.Task[None]:
        """Load a poll anew; a request during a load makes it load once more, never twice at once."""
        if poll not in self._loading:
            return self._begin([poll])
        self._stale.add(poll)
        return self._loading[poll]

    def _begin(self, polls: Sequence[str]) -> asyncio.Task[None]:
        task = self._spawn(self._load_now(polls), f"load of {len(polls)} polls, {polls[0]} among them")
        self._loading |= dict.fromkeys(polls, task)
        return task

    async def _load_now(self, polls: Sequence[str]) -> None:
        try:
            found = await load_counted(self._connection, polls)
            self.loaded += len(found)
            if len(self._unknown) >= _REMEMBERED:
                self._unknown.clear()
            unknown = set(polls).difference(poll.id for poll, _ in found)
            self._unknown |= dict.fromkeys(unknown, monotonic() + UNKNOWN_FOR)
            for poll, stored in found:
                if self._version(poll.id) < stored.version:
                    if len(stored.totals) < _MANY:
                        tally = Tally(poll, *stored)
                    else:
                        tally = await asyncio.to_thread(Tally, poll, *stored)
                    if self._version(poll.id) < stored.version:
                        self._publish(tally)
        finally:
            for id_ in polls:
                del self._loading[id_]
            again = self._stale.intersection(polls)
            self._stale -= again
            if again and not self._stopped:
                self._begin(sorted(again))

    def _version(self, poll: str) -> int:
        snapshot = self._snapshots.get(poll)
        return -1 if snapshot is None else snapshot.version

    def _spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run something until it ends or `stop` does."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_tell_failure)
        return task

    def _publish(self, tally: Tally) -> Snapshot:
        poll = tally.poll.id
        before = self._snapshots.get(poll)
        self.rendered += 1
        snapshot = self._snapshots[poll] = Snapshot(tally, self._clock(), self._publisher)
        if before is None:
            self._make_room()
        if before is None or before.until != snapshot.until:
            self._schedule(snapshot)
        if before is None or not snapshot.looks_like(before):  # hidden results move unseen
            self._on_changed(snapshot)
        return snapshot

    def _make_room(self) -> None:
        """Forget polls that nobody watches or has asked for lately; the one that came last stays."""
        if len(self._snapshots) <= KEPT:
            return
        for poll in list(self._snapshots)[:-1]:
            if not self._watched(poll):
                del self._snapshots[poll]
                self._committed.pop(poll, None)
                if timer := self._timers.pop(poll, None):
                    timer.cancel()
                if len(self._snapshots) <= KEPT:
                    return

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


def _tell_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.warning("%s failed: %r", task.get_name(), error)
