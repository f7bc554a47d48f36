"""Notices when the wall clock is set anew: by hand, by NTP after a wrong start, or after the machine slept.

All that waits or is paced goes by the monotonic clock and does not mind. What is planned by the wall clock
(when polls open and close) is to be planned anew.
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from pollsvc.domain.clock import Clock

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks."""
STEP = 2.0
"""Seconds of difference between two looks that are a step; less is a clock that is being slewed."""


class ClockSteps:
    """Calls `on_step` soon after the wall clock was set anew, between `start` and `stop`."""

    def __init__(self, clock: Clock, on_step: Callable[[], None]) -> None:
        self._clock = clock
        self._on_step = on_step
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="clock steps")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        offset = self._clock() - monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            before, offset = offset, self._clock() - monotonic()
            if abs(offset - before) >= STEP:
                logger.warning(
                    "The wall clock was set %+.0f s; see that every machine's is right.", offset - before
                )
                self._on_step()
