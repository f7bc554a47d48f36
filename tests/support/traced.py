"""A serving pollsvc whose every attempt to reach something is noted by the kernel: what it connects to."""

import asyncio
import re
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.support.server import Service, add_site, until

_CALLS = "connect,sendto,sendmsg,sendmmsg"
_HOST = r"sin6?_port=htons\((?P<port>\d+)\)[^}]*?inet_(?:addr\(|pton\(AF_INET6, )\"(?P<host>[^\"]+)\""
_PLACE = re.compile(_HOST + r"|sun_path=\"(?P<path>[^\"]+)\"")


class TracedService(Service):
    """A service that runs under strace, in every thread and child process."""

    @property
    def _trace(self) -> Path:
        return self.log.with_suffix(".trace")

    async def _begin(self, args: Sequence[str], out: IO[bytes], err: IO[bytes]) -> Process:
        if args[0] != "serve":
            return await super()._begin(args, out, err)
        return await asyncio.create_subprocess_exec(
            *("strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={_CALLS}", "-e", "signal=none"),
            *("-o", str(self._trace), sys.executable, "-m", "pollsvc", *args),
            stdout=out,
            stderr=err,
            env=self.env,
            start_new_session=True,
        )

    async def stop(self) -> int:
        """strace hands no signal on: its child is told."""
        assert self.process is not None
        if self.process.returncode is None:
            for child in psutil.Process(self.process.pid).children():
                child.terminate()
            await asyncio.wait_for(self.process.wait(), 20)
        return self.process.returncode or 0

    def reached(self) -> set[str]:
        """Hosts with their ports, and sockets of the file system, that it has tried to reach."""
        found = set()
        for line in self._trace.read_text(errors="replace").splitlines():
            for match in _PLACE.finditer(line):
                found.add(match["path"] or f"{match['host']}:{match['port']}")
        return found


@asynccontextmanager
async def run_traced(folder: Path, env: Mapping[str, str]) -> AsyncIterator[TracedService]:
    """A traced service on SQLite, with the site News."""
    service = TracedService(f"sqlite:///{folder}/pollsvc.db", folder, env, 1)
    await add_site(service.database_url)
    try:
        await service.start()

        async def traced() -> bool:
            return service._trace.exists()

        await until(traced)
        yield service
    finally:
        await service.end()
