"""Live results: who watches which polls, and the sending of each frame to all of them.

A frame is rendered once, and handed to one stream after the other from here, so that no task wakes for it.
That is done for a moment at a time: between two of them it is others' turn, and while votes are on their way
the moments are a fifth of the time.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from time import perf_counter

from pollsvc.services.live_stream import Frame, Stream
from pollsvc.services.snapshots import Snapshot, at

logger = logging.getLogger(__name__)

INTERVAL = 0.25
"""Seconds between two frames of a poll at least."""
HEARTBEAT = 15.0
"""Seconds between two comments that keep a quiet stream open."""
STALLED_AFTER = 20.0
"""Seconds after which a stream that takes nothing is dropped."""
LIFETIME = (600.0, 1200.0)
"""Seconds that a stream lasts: by chance, so that those which came together do not come back together."""

_SLICE = 0.0002  # seconds of sending at least, before others get a turn
_REST = 0.001  # seconds of that turn while votes are on their way
_SHARE = 0.25  # of the seconds that the others took, for which is sent then
_AT_ONCE = 8  # streams that are sent to between two looks at the time
_HEARTBEAT = Frame(b":\n\n")


class LiveHub:
    """All streams of a process, between `start` and `close`.

    `votes_wait` tells whether votes are on their way, which frames should let pass.
    """

    def __init__(self, clock: Callable[[], float], votes_wait: Callable[[], bool] = lambda: False) -> None:
        self._clock = clock
        self._votes_wait = votes_wait
        self._streams: dict[str, set[Stream]] = {}
        self._all: set[Stream] = set()
        self._latest: dict[str, Snapshot] = {}  # by poll: to be sent at its next turn
        self._next_turn: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.closed = False
        self.frames = self.dropped = 0  # handed to streams; streams that were ended as stalled

    def __len__(self) -> int:
        return len(self._all)

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._deliver(), name="live delivery"),
            asyncio.create_task(self._beat(), name="live heartbeat"),
        ]

    def close(self) -> None:
        """End every stream, and refuse new ones: a server that shuts down waits for its streams."""
        self.closed = True
        for stream in list(self._all):
            stream.close()

    async def stop(self) -> None:
        """Close, and end the hub's own tasks."""
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def subscribe(self, stream: Stream) -> None:
        """Send this stream the frames of its polls until `unsubscribe`, or for its LIFETIME."""
        stream.ends = asyncio.get_running_loop().time() + random.uniform(*LIFETIME)  # noqa: S311
        self._all.add(stream)
        for poll in stream.polls:
            self._streams.setdefault(poll, set()).add(stream)
        if self.closed:
            stream.close()

    def unsubscribe(self, stream: Stream) -> None:
        """Forget a stream; harmless when it is not known."""
        self._all.discard(stream)
        for poll in stream.polls:
            streams = self._streams.get(poll)
            if streams is not None:
                streams.discard(stream)
                if not streams:
                    del self._streams[poll]
                    self._next_turn.pop(poll, None)

    def watched(self, poll: str) -> bool:
        """Whether any stream is to be sent this poll."""
        return poll in self._streams

    def publish(self, snapshot: Snapshot) -> None:
        """Have a new snapshot sent to all who watch its poll: at once, or when its next turn comes."""
        if snapshot.poll.id in self._streams:
            self._latest[snapshot.poll.id] = snapshot
            self._wake.set()

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._latest:
                self._wake.clear()
                await self._wake.wait()
            now = loop.time()
            due = [poll for poll in self._latest if self._next_turn.get(poll, 0.0) <= now]
            if not due:
                self._wake.clear()  # a poll that has rested meanwhile need not wait for the others' turn
                with suppress(TimeoutError):
                    soonest = min(self._next_turn[poll] for poll in self._latest)
                    await asyncio.wait_for(self._wake.wait(), soonest - now)
                continue
            for poll in due:
                self._next_turn[poll] = now + INTERVAL
                snapshot = self._latest.pop(poll)
                try:
                    await self._send_all(poll, frame_of(snapshot, self._clock()))
                except Exception:  # of one poll; the others' readers watch on
                    logger.exception("A frame of poll %s was not sent", poll)

    async def _send_all(self, poll: str, frame: Frame) -> None:
        streams = list(self._streams.get(poll, ()))
        self.frames += len(streams)
        async for some in self._in_slices(streams):
            for stream in some:
                stream.push(poll, frame)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HEARTBEAT)
            async for some in self._in_slices(list(self._all)):
                now = loop.time()
                for stream in some:
                    if now - stream.blocked_since > STALLED_AFTER:
                        self.dropped += 1
                        stream.close()
                    elif now >= stream.ends:
                        stream.close()
                    else:
                        stream.push("", _HEARTBEAT)

    async def _in_slices(self, streams: Sequence[Stream]) -> AsyncIterator[Sequence[Stream]]:
        """All of the streams, some at a time, to be dealt with for a moment at a time."""
        until = perf_counter() + _SLICE
        for begin in range(0, len(streams), _AT_ONCE):
            yield streams[begin : begin + _AT_ONCE]
            if (now := perf_counter()) >= until:
                # A rest lets the thread that writes to the database go on; a turn of the loop would not.
                await asyncio.sleep(_REST if self._votes_wait() else 0)
                back = perf_counter()
                until = back + max(_SLICE, (back - now) * _SHARE)


def frame_of(snapshot: Snapshot, now: float) -> Frame:
    """A snapshot as a server-sent event (WHATWG HTML, section 9.2)."""
    data = at(snapshot.frame, now)
    return Frame(b"event: results\nid: %d\ndata: %b\n\n" % (snapshot.frame_id, data))
