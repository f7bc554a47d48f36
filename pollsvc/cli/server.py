"""Running the service: one server, or several worker processes on one socket."""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import click
import uvicorn
from starlette.types import ASGIApp

from pollsvc.app import App, create_app
from pollsvc.cli.protocol import Protocol
from pollsvc.domain.errors import Code, PollError
from pollsvc.settings import Settings

logger = logging.getLogger(__name__)

BACKLOG = 2048
"""Connections that may wait to be accepted."""

GRACE = 8
"""Seconds that connections get to finish when the server is told to end."""

PAUSE = 0.5
"""Seconds after which a worker that died is replaced."""

STARTUP_FAILURE = 3  # uvicorn's exit status
_spawn = multiprocessing.get_context("spawn")


class Server(uvicorn.Server):
    """Closes the live streams before it waits for connections to end, which they never would."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        takes_signals: bool = True,
        on_ready: Callable[[], None] | None = None,
        grace: int = GRACE,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            lifespan="on",
            ws="none",
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
        await super().startup(sockets)
        if self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if isinstance(self._app, App):
            self._app.hub.close()
        await super().shutdown(sockets)


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


def run_one(settings: Settings, bound: socket.socket, on_ready: Callable[[], None] | None = None) -> None:
    """Serve in this process until it is told to end."""
    _server(settings, on_ready).run(sockets=[bound])


def allow_many_connections() -> None:
    """Have as many files open as the system permits: most permit far more than they give at first.

    With the usual 1,024 a thousand connections that rest would keep all readers out.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems permit less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _server(settings: Settings, on_ready: Callable[[], None] | None) -> Server:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    allow_many_connections()
    server = Server(create_app(settings), on_ready=on_ready)
    gc.freeze()  # what is loaded by now stays: leave it out of every collection,
    gc.set_threshold(20_000, 20, 20)  # and collect less often: a vote leaves no cycles behind
    return server


def run_workers(
    settings: Settings, bound: socket.socket, count: int, on_ready: Callable[[], None] | None = None
) -> None:
    """Serve in `count` processes; one that dies is replaced, unless it could not start.

    `on_ready` is called once that many have started.
    """
    stopping = threading.Event()
    workers: list[BaseProcess] = []
    hears, tells = _spawn.Pipe(duplex=False)

    def stop(*_: object) -> None:
        stopping.set()
        for worker in workers:
            if worker.is_alive():
                worker.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    failed, started = False, 0
    while len(workers) < count and not stopping.is_set():
        workers.append(_start_worker(settings, bound, tells))
    while workers:
        if stopping.is_set():
            stop()  # also the worker that was being started when the signal came
        if hears in wait([hears, *(worker.sentinel for worker in workers)], timeout=1):
            hears.recv_bytes()
            started += 1
            if started == count and on_ready is not None:
                on_ready()
        for worker in [worker for worker in workers if not worker.is_alive()]:
            workers.remove(worker)
            if stopping.is_set():
                continue
            if worker.exitcode == STARTUP_FAILURE:
                failed = True
                stop()
            else:
                click.echo(f"Worker {worker.pid} ended ({worker.exitcode}); starting another.", err=True)
                time.sleep(PAUSE)
                workers.append(_start_worker(settings, bound, tells))
    if failed:
        sys.exit(STARTUP_FAILURE)


def _start_worker(settings: Settings, bound: socket.socket, tells: Connection) -> BaseProcess:
    worker = _spawn.Process(target=_work, args=(settings, bound, tells), name="pollsvc worker")
    worker.start()
    return worker


def _work(settings: Settings, bound: socket.socket, tells: Connection) -> None:
    """Serve as a worker, which `tells` when it has started."""
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def started() -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone: then this worker is about to end
            tells.send_bytes(b"started")

    try:
        server = _server(settings, started)
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
