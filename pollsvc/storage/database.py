"""The way to the database: its URL, its dialect, and connections that are held for life.

`databases` opens and closes a SQLite connection (and its thread) around each of its own calls, so that
PRAGMAs are lost and a call costs a millisecond. A `Connection` here keeps one open instead; one task at a
time uses it, and whoever needs a transaction has a connection of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import chain
from threading import get_ident
from typing import Any, TypeVar

import asyncpg
import msgspec.json
from databases import Database, DatabaseURL
from sqlalchemy.sql import ClauseElement

from pollsvc.domain.errors import Code, PollError, busy
from pollsvc.domain.leaves import Stamp, no_stamp
from pollsvc.storage.postgres_hosts import connect, session
from pollsvc.storage.sqlite_file import PRAGMAS, SqliteFile
from pollsvc.storage.statements import insert_text, json_table, positional

T = TypeVar("T")

TIMEOUT = 5.0
"""Seconds in which PostgreSQL must accept or end a connection, and a service's query must be answered."""

CACHE = 2_000
"""How much of SQLite's pages a connection keeps in memory, in KiB."""
WRITERS_CACHE = 64_000
"""The same for the writer of ballots: each vote touches a page of its own."""


def check_url(url: str) -> str:
    """The URL, if it names SQLite (`sqlite:///path.db`) or PostgreSQL (`postgresql://…`) and a database.

    Raises PollError `bad_request`.
    """
    parsed = DatabaseURL(url)
    known = parsed.scheme in {"sqlite", "postgresql", "postgres"}
    if not known or not parsed.database or parsed.database == ":memory:":
        raise PollError(
            Code.BAD_REQUEST,
            "POLLSVC_DATABASE_URL must be sqlite:///path.db or postgresql://user@host/name.",
        )
    return url


MOST_ROWS = 64
"""How many rows a statement inserts into SQLite; it comes in the few sizes that are powers of two."""

Columns = tuple[tuple[str, str], ...]  # names and SQL types


class Connection:
    """One database connection, open from `open` to `close`.

    SQLAlchemy Core statements go through `databases` (`fetch`, `execute`). Text with `:name` parameters
    goes straight to the driver (`rows`): compiling and wrapping would cost more than the statement.

    `stamp` marks what goes into the logs as written by pollsvc.
    With a `timeout`, a query that PostgreSQL does not answer in so many seconds raises TimeoutError and ends
    the connection. `cache` is how much SQLite keeps in memory, in KiB.
    With `reconnects`, a query that finds the connection to PostgreSQL broken connects anew first; that is
    for single reads only: transactions and notices would be lost unseen.
    """

    def __init__(
        self,
        url: str,
        stamp: Stamp = no_stamp,
        *,
        reconnects: bool = False,
        timeout: float | None = None,
        cache: int = CACHE,
    ) -> None:
        self._url = url
        self.stamp = stamp
        self._timeout = timeout
        self._reconnects = reconnects
        self._cache = cache
        self.sqlite = DatabaseURL(url).dialect == "sqlite"
        self.distributed = False  # by poll, over the nodes of a Citus
        self._database: Database | None = None
        self._file = SqliteFile(DatabaseURL(url).database) if self.sqlite else None
        self._thread = 0  # SQLite's, while it does work of several statements
        self._transaction = asyncio.Lock()
        self._query = asyncio.Lock()

    async def open(self) -> None:
        """Connect; raises what the driver raises when the database cannot be reached.

        Raises ReplacedError when there is no SQLite file, or not the one that was opened before: SQLite would
        make an empty one, and throw away what it finds beside it of the one that was there.
        """
        if self._file:
            self._file.check()
        options: dict[str, Any] = {}
        if not self.sqlite:
            # a floor of 1 has asyncpg connect by itself meanwhile, and log each failure at length
            options = {"min_size": 0, "max_size": 1, "timeout": TIMEOUT, "command_timeout": self._timeout}
            # the driver reads the URL: `databases` knows no URL of several hosts
            options |= {"dsn": self._url, "database": None, "connect": connect}
        database = Database(self._url if self.sqlite else "postgresql://", **options)
        await database.connect()
        connection = database.connection()
        await connection.__aenter__()
        self._database, self._connection = database, connection
        if self.sqlite:
            for pragma in (*PRAGMAS, f"PRAGMA cache_size = -{self._cache}"):
                await self.rows(pragma)
        else:
            asked = "SELECT to_regclass('pg_dist_partition') IS NOT NULL"
            if self._timeout:
                asked += f", {session(self._timeout)}"
            # by the driver itself: this may be in the turn of a query that connects anew
            [(self.distributed, *_)] = await self.raw.fetch(asked)

    async def close(self) -> None:
        """Disconnect; harmless when not open. A query that a cancelled task left behind is broken off.

        But SQLite waits for a lock until it has it, or for BUSY_TIMEOUT_MS.
        """
        database, self._database = self._database, None
        if database is None:
            return
        if not self.sqlite:
            await self._drop(database)
            return
        await self.raw.interrupt()
        with suppress(Exception):  # clears the interrupt, which else breaks off the last checkpoint
            await self.rows("SELECT 1")
        await self._connection.__aexit__()
        await database.disconnect()

    async def reopen(self) -> None:
        """Drop the connection, whatever its state, and connect anew."""
        database, self._database = self._database, None
        if database is not None:
            await self._drop(database)
        await self.open()

    async def _drop(self, database: Database) -> None:
        with suppress(Exception):  # it is being thrown away, broken or not
            if not self.sqlite:  # nothing is asked of PostgreSQL any more, which may be cut off
                self.raw.terminate()
            await self._connection.__aexit__()
            await database.disconnect()

    @property
    def raw(self) -> Any:
        """The driver's own connection: aiosqlite's or asyncpg's."""
        return self._connection.raw_connection

    async def fetch(self, statement: ClauseElement) -> Sequence[Any]:
        """All rows of a statement; columns are attributes."""
        async with self._turn():
            return await self._connection.fetch_all(statement)

    async def execute(self, statement: ClauseElement) -> None:
        """Run a statement whose rows nobody wants."""
        async with self._turn():
            await self._connection.execute(statement)

    async def rows(self, sql: str, **values: object) -> Sequence[Any]:
        """All rows of a text statement, each a tuple of its columns."""
        if self.sqlite:
            return await self._sqlite(sql, values)
        text, names = positional(sql)
        async with self._turn():  # asyncpg refuses a second query at once, aiosqlite queues it
            return list(await self.raw.fetch(text, *(values[name] for name in names)))

    async def _sqlite(self, sql: str, values: dict[str, object] | list[object]) -> list[Any]:
        if self._thread == get_ident():
            return list(self.raw._conn.execute(sql, values).fetchall())
        return list(await self.raw.execute_fetchall(sql, values))

    async def in_one_turn(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns that waits for nothing but this connection.

        SQLite's thread runs it, all in one turn: each turn takes as long as a small statement or two.
        """
        return await (self.raw._execute(self._run_through, work) if self.sqlite else work)

    def _run_through(self, work: Coroutine[Any, Any, T]) -> T:
        self._thread = get_ident()
        try:
            work.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            self._thread = 0
            work.close()
        raise RuntimeError("what was to run in one turn of SQLite's thread waited for something else")

    async def insert(self, table: str, columns: Columns, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert rows. SQLite takes values that are bound a quarter faster than those in a JSON text."""
        names = ", ".join(name for name, _ in columns)
        if rows and not self.sqlite:
            sql = f"INSERT INTO {table} ({names}) {self.json_rows(*columns)}"
            await self.rows(sql, rows=msgspec.json.encode(rows).decode())
        done = 0
        while self.sqlite and (left := len(rows) - done):
            size = min(MOST_ROWS, 1 << left.bit_length() - 1)
            values = chain.from_iterable(rows[done : done + size])
            await self._sqlite(insert_text(table, names, size), list(values))
            done += size

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._query:
            if self._reconnects and not self.sqlite and self.broken:
                await self.reopen()
            try:
                yield
            except TimeoutError:
                # without a cancel request, which the driver is about to send over a connection of its own:
                # it would take as long again, and a COMMIT that waits for a standby would end without one
                self.raw.terminate()
                raise

    @property
    def broken(self) -> bool:
        """Whether it is not open, or PostgreSQL's end of it is gone."""
        try:
            return self._database is None or (not self.sqlite and bool(self.raw.is_closed()))
        except asyncpg.InterfaceError:  # the driver's pool took it back when it broke
            return True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A write transaction: committed at the end of the block, rolled back when it raises.

        On SQLite it takes the write lock at once: a transaction that reads first and writes later would
        fail with "database is locked" when another process wrote in between. Tasks that share the
        connection take turns. Raises ReplacedError when the SQLite file has been replaced: what is written
        into the old one would be lost.
        """
        async with self._transaction:
            if self._file:
                self._file.check()
            await self._begin("BEGIN IMMEDIATE" if self.sqlite else "BEGIN")
            try:
                yield
            except BaseException:
                await self._roll_back()
                raise
            await self.rows("COMMIT")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """A read transaction: every query in the block sees the database of one moment."""
        async with self._transaction:
            await self._begin("BEGIN" if self.sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield
            finally:
                await self._roll_back()

    async def _begin(self, sql: str) -> None:
        try:
            await self.rows(sql)
        except BaseException:  # to be cancelled while it waits for a lock does not keep it from beginning
            with suppress(Exception):
                await self._roll_back()
            raise

    async def _roll_back(self) -> None:
        if not self.broken:  # else there is nothing left to roll back, and what broke it is to be raised
            await self.rows("ROLLBACK")

    def routed(self, column: str) -> str:
        """By what Citus finds the node of a statement: that `column` is one of `:polls`. Empty elsewhere."""
        return f" AND {column} = ANY(CAST(:polls AS text[]))" if self.distributed else ""

    def json_rows(self, *columns: tuple[str, str]) -> str:
        """A SELECT that yields the JSON array of arrays in the parameter `:rows` as a table.

        `columns` are (name, SQL type) in the order of the inner arrays; one parameter carries a whole batch.
        """
        return json_table(self.sqlite, columns)


@contextmanager
def busy_if_away(error: Callable[[], PollError] = busy) -> Iterator[None]:
    """Raises PollError `busy`, or this other error, for whatever a driver says of a database that is away."""
    try:
        yield
    except PollError:
        raise
    except Exception as cause:
        raise error() from cause
