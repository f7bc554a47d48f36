"""Commands as forks of one process that has the program loaded, without the second that loading takes.

A fork runs what `python -m pollsvc` runs, in a session, with an environment, a folder and files of its own.
It seals the log and looks for webhooks' occasions more often, or each test of them would wait for seconds;
its worker processes, which are no forks, keep to those. Tests whose subject is the start itself start an
interpreter instead.
"""

import asyncio
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
LONGEST = 1 << 20
"""Bytes of a request: arguments and environment."""
SOON = 0.1
"""Seconds between two seals, or two looks for occasions, in a fork."""


class Fork(Process):
    """A process that was forked, for whoever expects one that asyncio started; its files are not pipes."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, reports: asyncio.StreamReader) -> None:
        self.pid = pid
        self._status: int | None = None
        self._reports = reports
        self._ended = asyncio.create_task(self._watch())

    @property
    def returncode(self) -> int | None:
        return self._status

    async def _watch(self) -> int:
        self._status = int(await self._reports.read())
        return self._status

    async def wait(self) -> int:
        """Its exit status, or the negative number of the signal that ended it."""
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError when it has ended."""
        if self._status is not None:
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """The process that forks, from the first `start` to `stop`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def stop(self) -> None:
        if self._process is not None and self._control is not None:
            self._control.close()
            self._process.wait(10)

    async def start(
        self, args: Sequence[str], env: Mapping[str, str], cwd: Path, stdout: IO[bytes], stderr: IO[bytes]
    ) -> Fork:
        """Run `pollsvc` with these arguments."""
        control = self._control or self._begin()
        reader, writer = os.pipe()
        request = json.dumps([args, dict(env), str(cwd)]).encode()
        socket.send_fds(control, [request], [stdout.fileno(), stderr.fileno(), writer])
        os.close(writer)
        reports = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reports), os.fdopen(reader, "rb", 0)
        )
        return Fork(int(await reports.readline()), reports)

    def _begin(self) -> socket.socket:
        self._control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._control, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
        with far:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forks", str(far.fileno())],
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                pass_fds=[far.fileno()],
                start_new_session=True,
            )
        return self._control


def _serve(control: socket.socket) -> bool:
    """Fork for each request and report how each fork ended, until nobody can ask any more.

    Returns True in a fork, which is then set up to be the program.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    _report(selector, key)
                    continue
                request, files, _, _ = socket.recv_fds(control, LONGEST, 3)
                if not request:
                    return False
                pid = os.fork()
                if not pid:
                    selector.close()
                    control.close()
                    _become(request, files)
                    return True
                os.write(files[2], b"%d\n" % pid)
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, files[2]))
                os.close(files[0])
                os.close(files[1])


def _report(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Tell who asked for a fork that it has ended, and how."""
    pid, reports = key.data
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    selector.unregister(key.fd)
    os.close(key.fd)
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(reports, b"%d\n" % status)
    os.close(reports)


def _become(request: bytes, files: Sequence[int]) -> None:
    args, env, cwd = json.loads(request)
    os.setsid()
    os.dup2(files[0], 1)
    os.dup2(files[1], 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    sys.argv = ["pollsvc", *args]


if __name__ == "__main__":
    import pollsvc.cli  # noqa: F401 - what takes a second
    from pollsvc.services import ballot_writer
    from pollsvc.services.webhooks import outbox

    ballot_writer.SEAL_EVERY = outbox.LOOK_EVERY = SOON
    if _serve(socket.socket(fileno=int(sys.argv[1]))):
        runpy.run_module("pollsvc", run_name="__main__", alter_sys=True)
