"""Running the service: one server, or several worker processes on one socket."""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import uvicorn
from starlette.types import ASGIApp

from pollsvc.app import App, create_app
from pollsvc.cli.logs import set_up_logs, tell
from pollsvc.cli.protocol import Protocol
from pollsvc.domain.errors import Code, PollError
from pollsvc.services.fellows import Fellows
from pollsvc.settings import Settings

logger = logging.getLogger(__name__)

BACKLOG = 65_535
"""Connections that may wait to be accepted, if the system permits so many (`net.core.somaxconn`). Who finds
no room sends its request again, ever later, and may be cut off as one that never ends it."""

ACCEPTS = 8
"""Connections that are accepted in one turn of the event loop: it takes one for each time that it watches the
socket, and a turn is long while frames go out to thousands of streams."""

GRACE = 8
"""Seconds that connections get to finish when the server is told to end."""

PAUSE = 0.5
"""Seconds after which a worker that died is replaced."""

STARTUP_FAILURE = 3  # uvicorn's exit status
_TICK = 0.1  # seconds between two looks whether it is to end at once
_spawn = multiprocessing.get_context("spawn")


ReadSettings = Callable[[], Settings]
"""Reads the settings anew. Raises PollError for one that cannot work. It goes to other processes, too."""


class Server(uvicorn.Server):
    """Closes the live streams before it waits for connections to end, which they never would.

    With `read`, SIGHUP has it take the settings that may change.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        takes_signals: bool = True,
        on_ready: Callable[[], None] | None = None,
        grace: int = GRACE,
        settings: Settings | None = None,
        read: ReadSettings | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            interface="asgi3",
            http=Protocol,
            lifespan="on",
            ws="none",
            backlog=BACKLOG,
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=grace,
        )
        super().__init__(config)
        self._app = app
        self._takes_signals = takes_signals
        self._on_ready = on_ready
        self._settings = settings or Settings()
        self._read = read

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in good order on SIGINT and SIGTERM, and then return: to be told to end is no failure."""
        taken = uvicorn.server.HANDLED_SIGNALS if self._takes_signals else ()
        before = {number: signal.signal(number, self.handle_exit) for number in taken}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if sockets:  # which are closed at the end
            sockets += [again for one in sockets for again in repeated(one, ACCEPTS - 1)]
        await super().startup(sockets)
        if self._read is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
        if self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if isinstance(self._app, App):
            self._app.readiness.draining = True
            until = time.monotonic() + self._settings.drain_seconds
            while time.monotonic() < until and not self.force_exit:  # noqa: ASYNC110
                await asyncio.sleep(_TICK)
            self._app.hub.close()
        await super().shutdown(sockets)

    def _reload(self) -> None:
        """Take the settings that may change; when one cannot work, all stay as they are."""
        if self._read is None or not isinstance(self._app, App):
            return
        try:
            self._settings, left = self._settings.reloaded(self._read())
        except PollError as error:
            tell(f"The settings stay as they were: {error.message}")
            return
        set_up_logs(self._settings)
        self._app.reload(self._settings)
        later = f" These wait for a restart: {', '.join(left)}." if left else ""
        tell(f"The settings were read again.{later}")


def repeated(bound: socket.socket, times: int) -> list[socket.socket]:
    """The same socket so many times more.

    Whether it blocks is one setting for all of them, also in other processes, and `dup` sets it as Python
    knows it. To block for a moment would stop a worker that asks for a second connection in its turn.
    """
    bound.setblocking(False)
    return [bound.dup() for _ in range(times)]


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises PollError when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)  # now: two may bind one port, and only one may listen
    except OSError as error:
        raise PollError(
            Code.BAD_REQUEST,
            f"{host}:{port} cannot be listened on ({error.strerror}): choose another --port.",
        ) from error
    bound.set_inheritable(True)
    return bound


def run_one(read: ReadSettings, bound: socket.socket, on_ready: Callable[[], None] | None = None) -> None:
    """Serve in this process until it is told to end."""
    _server(read, on_ready, Fellows()).run(sockets=[bound])


def allow_many_connections() -> None:
    """Have as many files open as the system permits: most permit far more than they give at first.

    With the usual 1,024 a thousand connections that rest would keep all readers out.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems permit less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _server(read: ReadSettings, on_ready: Callable[[], None] | None, fellows: Fellows) -> Server:
    settings = read()
    set_up_logs(settings)
    allow_many_connections()
    again = read if settings.settings_file else None  # else a terminal that is closed ends it
    app = create_app(settings, fellows=fellows)
    server = Server(app, on_ready=on_ready, settings=settings, read=again)
    gc.freeze()  # what is loaded by now stays: leave it out of every collection,
    gc.set_threshold(20_000, 20, 20)  # and collect less often: a vote leaves no cycles behind
    return server


def run_workers(
    read: ReadSettings, bound: socket.socket, count: int, on_ready: Callable[[], None] | None = None
) -> None:
    """Serve in `count` processes; one that dies is replaced, unless it could not start.

    `on_ready` is called once that many have started. A SIGHUP is handed on to them.
    """
    with tempfile.TemporaryDirectory(prefix="pollsvc-", ignore_cleanup_errors=True) as folder:
        status = _run_workers(read, bound, count, on_ready, folder)
    if status:
        sys.exit(status)


def _run_workers(
    read: ReadSettings,
    bound: socket.socket,
    count: int,
    on_ready: Callable[[], None] | None,
    folder: str,
) -> int:
    stopping = threading.Event()
    workers: dict[int, BaseProcess] = {}  # by number
    hears, tells = _spawn.Pipe(duplex=False)

    def stop(*_: object) -> None:
        stopping.set()
        for worker in workers.values():
            if worker.is_alive():
                worker.terminate()

    def hand_on(*_: object) -> None:
        for worker in workers.values():
            if worker.is_alive() and worker.pid:
                os.kill(worker.pid, signal.SIGHUP)

    def start(worker: int) -> None:
        # blocked until the worker can take it, so that none is lost and none ends it
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        workers[worker] = _spawn.Process(
            target=_work, args=(read, bound, tells, Fellows(folder, worker, count)), name="pollsvc worker"
        )
        workers[worker].start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if read().settings_file:
        signal.signal(signal.SIGHUP, hand_on)
    failed, started = False, 0
    while len(workers) < count and not stopping.is_set():
        start(len(workers))
    while workers:
        if stopping.is_set():
            stop()  # also the worker that was being started when the signal came
        if hears in wait([hears, *(worker.sentinel for worker in workers.values())], timeout=1):
            hears.recv_bytes()
            started += 1
            if started == count and on_ready is not None:
                on_ready()
        for place, worker in [one for one in workers.items() if not one[1].is_alive()]:
            del workers[place]
            if stopping.is_set():
                continue
            if worker.exitcode == STARTUP_FAILURE:
                failed = True
                stop()
            else:
                tell(f"Worker {worker.pid} ended ({worker.exitcode}); starting another.")
                time.sleep(PAUSE)
                start(place)
    return STARTUP_FAILURE if failed else 0


def _work(read: ReadSettings, bound: socket.socket, tells: Connection, fellows: Fellows) -> None:
    """Serve as a worker, which `tells` when it has started."""
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def started() -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone: then this worker is about to end
            tells.send_bytes(b"started")

    try:
        server = _server(read, started, fellows)
    except Exception:
        logger.exception("The service cannot start")
        sys.exit(STARTUP_FAILURE)
    server.run(sockets=[bound])


def _end_with_parent() -> None:
    """A worker whose parent was killed ends as if it had been told to."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        signal.raise_signal(signal.SIGTERM)


async def run_together(main: Server, bound: socket.socket, other: Server, other_bound: socket.socket) -> None:
    """Serve two applications in this process until the first is told to end."""
    beside = asyncio.create_task(other.serve(sockets=[other_bound]))
    try:
        await main.serve(sockets=[bound])
    finally:
        other.should_exit = True
        await beside
