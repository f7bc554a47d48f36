"""The worker processes of one `serve` tell each other their metrics, each by a Unix socket in one folder.

They share one listening socket, so a scrape reaches any of them: it asks the others and answers for all.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.json import Decoder, encode

LIMIT = 1.0
"""Seconds in which a worker is to answer; one that does not is left out."""


class Family(NamedTuple):
    """A metric: its name, kind and help as Prometheus has them, and samples of (name, labels, value)."""

    name: str
    kind: str
    help: str
    samples: Sequence[tuple[str, dict[str, str], float]]


_decode = Decoder(list[Family]).decode
_MOST = 4 * 1024 * 1024  # bytes of an answer


class Fellows:
    """The worker `number` of `count`, between `start` and `stop`; the default is the only one."""

    def __init__(self, folder: str = "", number: int = 0, count: int = 1) -> None:
        self._folder = Path(folder)
        self._number = number
        self._count = count
        self._server: asyncio.Server | None = None

    async def start(self, families: Callable[[], Sequence[Family]]) -> None:
        """Answer the others with these."""
        if self._count == 1:
            return

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                writer.write(encode(families()))
                await writer.drain()
            writer.close()

        path = self._path(self._number)
        path.unlink(missing_ok=True)  # of the worker that had this number before
        self._server = await asyncio.start_unix_server(answer, path)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def gather(self, own: Sequence[Family]) -> list[tuple[str, Sequence[Family]]]:
        """What each worker has, by its number; nothing of one that does not answer."""
        others = [number for number in range(self._count) if number != self._number]
        told = await asyncio.gather(*(self._ask(number) for number in others))
        return sorted([(str(self._number), own), *zip(map(str, others), told, strict=True)])

    async def _ask(self, number: int) -> Sequence[Family]:
        try:
            async with asyncio.timeout(LIMIT):
                reader, writer = await asyncio.open_unix_connection(self._path(number), limit=_MOST)
                try:
                    return _decode(await reader.read())
                finally:
                    writer.close()
        except (OSError, ValueError):  # TimeoutError is an OSError; what cannot be read is a ValueError
            return ()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.sock"
