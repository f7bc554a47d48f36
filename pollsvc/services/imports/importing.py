"""Imports for those who send a file: one at a time, and none that keeps others from working."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import BinaryIO

from pollsvc.domain.clock import zone_named
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.poll import Site
from pollsvc.services.imports.intake import Imported, ImportMeans
from pollsvc.services.imports.polls import import_poll
from pollsvc.services.imports.wp_import import import_wp_polls
from pollsvc.services.imports.wp_polls import WpPoll, read_csv, read_dump

MAX_UPLOAD = 32 * 1024 * 1024
"""The largest files that are taken together, in bytes; the command line takes larger ones."""

MAX_UNPACKED = 2 * 1024 * 1024 * 1024
"""The largest dump that is taken, in bytes when it is unpacked; gzip can pack them a thousandfold."""

_one_at_a_time = asyncio.Lock()


@dataclass(frozen=True, slots=True)
class WpFiles:
    """What a WordPress has of its WP-Polls: a SQL dump, plain or gzipped, or its tables as CSV in UTF-8."""

    dump: BinaryIO | None = None
    questions: BinaryIO | None = None
    answers: BinaryIO | None = None
    log: BinaryIO | None = None

    def read(self, time_zone: str) -> list[WpPoll]:
        """All polls; `time_zone` is the one that WordPress is set to. Raises PollError `bad_request`."""
        zone = zone_named(time_zone)
        if self.dump and not (self.questions or self.answers or self.log):
            return read_dump(self.dump, zone, MAX_UNPACKED)
        if self.questions and self.answers and not self.dump:
            questions, answers = _text(self.questions), _text(self.answers)
            return read_csv(questions, answers, _text(self.log) if self.log else None, zone)
        raise bad(
            "Give either a dump, or the tables of questions and answers, the log with them or not.", "dump"
        )


@dataclass(frozen=True, slots=True)
class WpWanted:
    """How polls of WP-Polls are to be imported; time zone and language default to the site's."""

    time_zone: str = ""
    lang: str = ""
    keep_open: bool = False
    dry_run: bool = False


class Importing:
    """Takes polls in. Bad input raises PollError `bad_request`, and leaves nothing behind."""

    def __init__(self, means: ImportMeans) -> None:
        self._means = means

    async def poll(self, site: Site, file: BinaryIO, *, attach: bool) -> Imported:
        """Import what a pollsvc exported; with `attach`, onto the articles that the poll stood on."""
        connection, actor, clock = self._means
        async with _turn():
            return await import_poll(connection, site, file, actor, clock=clock, attach=attach)

    async def wp_polls(self, site: Site, files: WpFiles, wanted: WpWanted) -> list[Imported]:
        """Import all polls of WP-Polls, or with `dry_run` tell what would be imported."""
        connection, actor, clock = self._means
        async with _turn():
            polls = await asyncio.to_thread(files.read, wanted.time_zone or site.time_zone)
            return await import_wp_polls(
                connection,
                site,
                polls,
                actor,
                clock=clock,
                keep_open=wanted.keep_open,
                lang=wanted.lang or None,
                dry_run=wanted.dry_run,
            )


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    if _one_at_a_time.locked():
        raise PollError(
            Code.NOT_POSSIBLE_NOW, "Another file is being imported; wait until that has ended, and try again."
        )
    async with _one_at_a_time:
        yield


def _text(file: BinaryIO) -> TextIOWrapper:
    return TextIOWrapper(file, encoding="utf-8", newline="")
