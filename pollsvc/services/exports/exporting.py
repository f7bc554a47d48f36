"""Exports for those who download them: taken as fast as the database reads, sent as fast as they take it."""

import tempfile
from collections.abc import AsyncIterator
from typing import BinaryIO, NamedTuple, cast

from pollsvc.domain.clock import Clock
from pollsvc.services.exports.export import Wanted, export_to
from pollsvc.services.exports.formats import MEDIA_TYPES
from pollsvc.storage.database import Connection

_IN_MEMORY = 1 << 20  # bytes; a larger export goes to the disk
_CHUNK = 1 << 16


class Download(NamedTuple):
    """A file's name, media type, length in bytes, and its content, to be read once."""

    name: str
    media_type: str
    length: int
    chunks: AsyncIterator[bytes]


class Exporting:
    """Exports polls, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def download(self, poll: str, wanted: Wanted) -> Download:
        """An export of a poll as it is now, whole before it is sent: a slow receiver holds no transaction.

        Raises PollError `no_such_poll`.
        """
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        try:
            await export_to(file, self._connection, poll, wanted, self._clock())
        except BaseException:
            file.close()
            raise
        length = file.tell()
        file.seek(0)
        return Download(wanted.file_name(poll), MEDIA_TYPES[wanted.format], length, _read(file))


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
