"""A real Redis (or Valkey), started by a test on a socket in its own folder, and ended by its process id."""

import asyncio
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.server import until


class Store:
    """Keeps paces between `start` and `kill`; nothing of it is on disk, so a new start is an empty one.

    It also speaks TLS on `port`, if there is one, with the certificate in its folder.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._socket = folder / "redis.sock"
        self._flags = ["--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        if port:
            self._flags += ["--bind", "127.0.0.1", "--tls-port", str(port), "--tls-auth-clients", "no"]
            self._flags += ["--tls-cert-file", str(folder / "fullchain.pem")]
            self._flags += ["--tls-key-file", str(folder / "privkey.pem")]
        self.url = f"unix://{self._socket}"
        self.client = Redis(unix_socket_path=str(self._socket), protocol=2)
        self._process: Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", *self._flags, stdout=DEVNULL, stderr=DEVNULL
        )

        async def answers() -> bool:
            with suppress(RedisError, OSError):
                return bool(await self.client.ping())
            return False

        await until(answers)

    def send(self, number: signal.Signals) -> None:
        """Send its process a signal, such as SIGSTOP: it is there then, and does not answer."""
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        """kill -9, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self.client.connection_pool.disconnect()

    async def keys(self) -> list[bytes]:
        """All that it holds."""
        return [key async for key in self.client.scan_iter()]


@asynccontextmanager
async def run_store(folder: Path, port: int = 0) -> AsyncIterator[Store]:
    """A store that answers."""
    store = Store(folder, port)
    try:
        await store.start()
        yield store
    finally:
        await store.kill()
        await store.client.aclose()
