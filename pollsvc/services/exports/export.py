"""Exporting a poll as a stream of bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

from pollsvc.domain.errors import bad
from pollsvc.services.exports.formats import (
    MEDIA_TYPES,
    Format,
    chunks,
    csv_pieces,
    json_pieces,
    ndjson_pieces,
)
from pollsvc.services.exports.picture import take_picture
from pollsvc.services.exports.poll_sections import Sections
from pollsvc.services.exports.sections import Progress, What
from pollsvc.services.watching.timeline import Bucket
from pollsvc.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported, and how. Series are by `bucket` in the time of `zone`, the site's if None.

    Labels are in the language `lang` where the poll has it, else in the poll's first.
    """

    what: What = What.ALL
    format: Format = Format.JSON
    bucket: Bucket = Bucket.HOUR
    zone: ZoneInfo | None = None
    lang: str | None = None

    def __post_init__(self) -> None:
        """Raises PollError for a table that is none."""
        if self.what is What.ALL and self.format is Format.CSV:
            raise bad("CSV holds one table; export the tally or the ballots, or all as JSON.", "what")

    def file_name(self, poll: str) -> str:
        """What a file of this export of a poll is called."""
        return f"poll-{poll}-{self.what}.{self.format}"


class Export(NamedTuple):
    """A file's name and media type, and its content, to be read once."""

    name: str
    media_type: str
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def export(
    connection: Connection, poll_id: str, wanted: Wanted, now: float, progress: Progress | None = None
) -> AsyncIterator[Export]:
    """An export of a poll as it is at one moment, open while the block lasts; `now` is in Unix seconds.

    The block is a read transaction, in which SQLite's write-ahead log grows with every vote and PostgreSQL
    keeps old rows: whoever sends to a slow receiver should use `export_to` a temporary file first. Takes the
    same little memory for any number of ballots. `progress` is told how many ballots of how many are done.
    Raises PollError `no_such_poll`.
    """
    async with connection.reading():
        picture = await take_picture(connection, poll_id, now, wanted.lang)
        zone = wanted.zone or ZoneInfo(picture.poll.site.time_zone)
        sections = Sections(connection, picture, wanted.bucket, zone, progress or _nobody)
        match wanted.format:
            case Format.JSON:
                pieces = json_pieces(sections.of(wanted.what))
            case Format.NDJSON:
                pieces = ndjson_pieces(sections.of(wanted.what))
            case Format.CSV:
                pieces = csv_pieces(sections.table(wanted.what))
        async with aclosing(chunks(pieces)) as content:
            yield Export(wanted.file_name(poll_id), MEDIA_TYPES[wanted.format], content)


async def export_to(
    file: BinaryIO,
    connection: Connection,
    poll_id: str,
    wanted: Wanted,
    now: float,
    progress: Progress | None = None,
) -> None:
    """Write an export into a file as fast as the database reads. Raises PollError `no_such_poll`."""
    async with export(connection, poll_id, wanted, now, progress) as exported:
        async for chunk in exported.chunks:
            file.write(chunk)
            await asyncio.sleep(0)  # a turn for the others


def _nobody(_done: int, _total: int) -> None:
    """Nobody waits to see the progress."""
