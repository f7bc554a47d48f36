"""What the commands share: settings, an open database, output."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import click

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.sites import Sites
from pollsvc.settings import Settings
from pollsvc.storage.database import Connection, check_url
from pollsvc.storage.migrate import ensure_current

P = ParamSpec("P")
T = TypeVar("T")


def run(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a click command of a coroutine function."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(function(*args, **kwargs))

    return call


def settings(**overrides: object) -> Settings:
    """The settings of this process. Raises PollError for one that cannot work."""
    found = Settings.from_environment(os.environ, **overrides)
    check_url(found.database_url)
    return found


@asynccontextmanager
async def database(found: Settings) -> AsyncIterator[Connection]:
    """An open connection to a database of this release; the tables are made in an empty one."""
    await prepare(found)
    connection = Connection(found.database_url)
    await connection.open()
    try:
        yield connection
    finally:
        await connection.close()


async def prepare(found: Settings) -> None:
    """Make the tables in an empty database. Raises PollError when it is away or of another release."""
    with opening():
        await ensure_current(found.database_url)


@contextmanager
def opening() -> Iterator[None]:
    """What a driver says of a database that cannot be opened, as a PollError."""
    try:
        yield
    except PollError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PollError(
            Code.BAD_REQUEST, f"The database cannot be opened ({reason}): check POLLSVC_DATABASE_URL."
        ) from error


class Desk(NamedTuple):
    """Editors' work on the database of this process's settings."""

    sites: Sites
    polls: Editing


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """A desk, for as long as the block lasts."""
    async with database(settings()) as connection:
        yield Desk(Sites(connection, time.time), Editing(connection, time.time))


def print_json(value: object) -> None:
    """JSON for scripts, on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
