"""Pictures of results, drawn beside the event loop when they are asked for, and kept."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from time import monotonic
from typing import NamedTuple

from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import busy
from pollsvc.domain.poll import Poll, State
from pollsvc.services.pictures.facts import Facts, facts_of
from pollsvc.services.snapshots import Langs, Snapshot
from pollsvc.services.strings import Strings

logger = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between the beginnings of two drawings of one poll, as long as only its votes move."""
MAX_BYTES = 32 * 1024 * 1024
"""How much of pictures is kept, in bytes."""
MAX_WAITING = 64
"""How many pictures may wait to be drawn."""


class Look(StrEnum):
    """How a result is shown: as the card in light or dark colours, or as a drawing of all its answers."""

    LIGHT = "light"
    DARK = "dark"
    DRAWING = "drawing"


Drawers = Mapping[Look, Callable[[Facts], bytes]]
"""What makes each sort of picture; they are called in one thread, one at a time."""


class Picture(NamedTuple):
    """A picture and its strong validator (RFC 9110, section 8.8.1)."""

    content: bytes
    etag: str


class _Key(NamedTuple):
    poll: str
    langs: Langs
    look: Look


class _Shown(NamedTuple):
    """What a picture depends on; of a poll with hidden results, `version` is 0, as votes change nothing."""

    poll: Poll
    state: State
    version: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_Shown":
        return cls(snapshot.poll, snapshot.state, snapshot.frame_id)

    def is_but_for_votes(self, other: "_Shown") -> bool:
        """Whether both are of the same poll, with the same people who may see the result."""
        return self.state is other.state and self.poll == other.poll


@dataclass(frozen=True, slots=True)
class _Kept:
    shown: _Shown
    picture: Picture
    until: float  # when it may be drawn again, while votes move


class Pictures:
    """Draws and keeps pictures, until `stop`.

    Each is drawn once for what it shows, however many ask. While a poll's votes move, each of its pictures is
    drawn once in EVERY seconds, and one that shows a little less is given meanwhile, or while too many wait.
    `clock` returns Unix seconds, `timer` seconds that are never set back.
    """

    def __init__(
        self,
        strings: Strings,
        drawers: Drawers,
        clock: Clock,
        timer: Callable[[], float] = monotonic,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._strings = strings
        self._drawers = drawers
        self._clock = clock
        self._timer = timer
        self._max_bytes = max_bytes
        self._thread = ThreadPoolExecutor(1, "pictures")
        self._kept = OrderedDict[_Key, _Kept]()  # the latest asked for last
        self._bytes = 0
        self._drawing: dict[_Key, asyncio.Task[_Kept]] = {}

    async def stop(self) -> None:
        """Let the one that is being drawn end; those that wait are not drawn any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*self._drawing.values(), return_exceptions=True)

    async def of(self, snapshot: Snapshot, langs: Langs, look: Look) -> Picture:
        """The picture of a poll in languages from `Snapshot.langs`.

        Raises PollError `busy` when too many wait to be drawn.
        """
        key, shown = _Key(snapshot.poll.id, langs, look), _Shown.of(snapshot)
        while True:
            kept = self._kept.get(key)
            if kept is not None and kept.shown.is_but_for_votes(shown):
                early = self._timer() < kept.until or len(self._drawing) >= MAX_WAITING
                if kept.shown.version >= shown.version or (early and key not in self._drawing):
                    self._kept.move_to_end(key)
                    return kept.picture
            drawing = self._drawing.get(key)
            if drawing is None:
                drawing = self._begin(key, shown, snapshot)
            drawn = await asyncio.shield(drawing)
            if drawn.shown.is_but_for_votes(shown):
                return drawn.picture

    def _begin(self, key: _Key, shown: _Shown, snapshot: Snapshot) -> asyncio.Task[_Kept]:
        if len(self._drawing) >= MAX_WAITING:
            raise busy()
        drawing = asyncio.create_task(self._draw(key, shown, snapshot), name=f"picture of {key.poll}")
        drawing.add_done_callback(_tell_failure)  # all who asked may have left
        self._drawing[key] = drawing
        return drawing

    async def _draw(self, key: _Key, shown: _Shown, snapshot: Snapshot) -> _Kept:
        now, until = self._clock(), self._timer() + EVERY

        def draw() -> Picture:
            facts = facts_of(snapshot, self._strings.words(key.langs.words), key.langs.texts, now)
            content = self._drawers[key.look](facts)
            return Picture(content, f'"{blake2b(content, digest_size=12).hexdigest()}"')

        try:
            picture = await asyncio.get_running_loop().run_in_executor(self._thread, draw)
        finally:
            del self._drawing[key]
        kept = _Kept(shown, picture, until)
        self._keep(key, kept)
        return kept

    def _keep(self, key: _Key, kept: _Kept) -> None:
        before = self._kept.pop(key, None)
        self._bytes += len(kept.picture.content) - (len(before.picture.content) if before else 0)
        self._kept[key] = kept
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.picture.content)


def _tell_failure(drawing: asyncio.Task[_Kept]) -> None:
    if not drawing.cancelled() and (error := drawing.exception()):
        logger.warning("%s could not be drawn: %r", drawing.get_name(), error)
