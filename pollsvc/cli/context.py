"""What the commands share: settings, an open database, output."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.domain.log import COMMAND_LINE
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.desk import Means, Work
from pollsvc.settings import Settings, read_file
from pollsvc.storage.advice import SqliteError, advice
from pollsvc.storage.database import Connection, check_url
from pollsvc.storage.migrate import ensure_current, migrate
from pollsvc.storage.sqlite_file import file_of

P = ParamSpec("P")
T = TypeVar("T")


def run(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a click command of a coroutine function."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(function(*args, **kwargs))

    return call


def settings(**overrides: object) -> Settings:
    """The settings of this process, by flag, variable or file. Raises PollError for one that cannot work."""
    file = os.environ.get("POLLSVC_SETTINGS_FILE")
    environment = {**_in_file(file), **os.environ} if file else os.environ
    found = Settings.from_environment(environment, **overrides)
    check_url(found.database_url)
    return found


def _in_file(path: str) -> dict[str, str]:
    try:
        return read_file(Path(path).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise bad(f"POLLSVC_SETTINGS_FILE cannot be read: {error}.") from None


@asynccontextmanager
async def database(found: Settings) -> AsyncIterator[Connection]:
    """An open connection to a database of this release; the tables are made in an empty one.

    Raises PollError for what SQLite says of a file that is damaged or cannot be written.
    """
    await prepare(found)
    connection = Connection(found.database_url, LogKeys(found.secret_keys).stamp)
    await connection.open()
    try:
        yield connection
    except SqliteError as error:
        raise PollError(Code.BAD_REQUEST, advice(error)) from error
    finally:
        await connection.close()


async def upgrade(found: Settings) -> str | None:
    """Bring the database to the schema of this release; returns the revision it had, None for an empty one.

    Raises what `migrate` does.
    """
    keys = LogKeys(found.secret_keys)
    return await migrate(found.database_url, keys.stamp, keys.sign_as)


async def prepare(found: Settings) -> None:
    """Make the tables in an empty database. Raises PollError when it is away or of another release."""
    with opening(), telling_of_a_new_file(found.database_url):
        await ensure_current(found.database_url)


@contextmanager
def telling_of_a_new_file(url: str) -> Iterator[None]:
    """Says on standard error that a SQLite file was made: it may be another one that was meant."""
    file = file_of(url)
    was_there = file is None or file.exists()
    yield
    if not was_there:
        click.echo(f"A new database was made: {file} (POLLSVC_DATABASE_URL names another one).", err=True)


@contextmanager
def opening() -> Iterator[None]:
    """What a driver says of a database that cannot be opened, as a PollError."""
    try:
        yield
    except PollError:
        raise
    except Exception as error:
        raise PollError(Code.BAD_REQUEST, advice(error)) from error


@asynccontextmanager
async def desk(found: Settings | None = None) -> AsyncIterator[Work]:
    """What editors do, done by command, on the database of these settings or else of this process's."""
    found = found or settings()
    means = Means(time.time, Passwords(), LogKeys(found.secret_keys), found.webhook_origins)
    async with database(found) as connection:
        yield Work(connection, means, COMMAND_LINE)


def print_json(value: object) -> None:
    """JSON for scripts, on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False))


def choice(values: type[StrEnum]) -> click.Choice[str]:
    """The values of an enumeration, as an option's."""
    return click.Choice([value.value for value in values])


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Something to be told how many ballots of how many are done; a bar where somebody sees it."""
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
