"""The tables can be distributed by poll: keys, joins and the transactions of votes are within one poll."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from pollsvc.app import create_app
from pollsvc.cli.server import Server, listen
from pollsvc.domain.poll import Policy
from pollsvc.settings import Settings
from pollsvc.storage.database import Connection
from tests.support.postgres import drop_database
from tests.support.reader import Http, Reader, watch
from tests.support.server import SECRET, Service, add_site, free_port, until
from tests.support.tables import create_with_tables

CITUS = Path(__file__).parents[1] / "docs/deploy/citus.sql"
BY_POLL = dict(re.findall(r"create_distributed_table\('(\w+)', '(\w+)'", CITUS.read_text()))
"""The column by which each distributed table is."""
EVERYWHERE = set(re.findall(r"create_reference_table\('(\w+)'\)", CITUS.read_text()))
"""The tables that every node has whole."""
COORDINATORS = set(re.findall(r"\w+", CITUS.read_text().partition("stay tables of the coordinator:")[2])) - {
    "COMMIT"
}
"""The tables that only the coordinator has."""


@pytest.fixture
async def url(postgres: str) -> AsyncIterator[str]:
    """A PostgreSQL database with the tables, which a test may change."""
    made = await create_with_tables(postgres)
    yield made
    await drop_database(postgres, made)


async def _rows(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_each_table_is_distributed_everywhere_or_the_coordinators(url: str) -> None:
    tables = {
        name for (name,) in await _rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    assert sorted([*BY_POLL, *EVERYWHERE, *COORDINATORS]) == sorted(tables)


async def test_every_key_of_a_distributed_table_holds_its_poll(url: str) -> None:
    """Else no node alone could tell that it is unique."""
    keys = await _rows(
        url,
        "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, array_agg(a.attname::text) "
        "FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
        "WHERE i.indisunique AND i.indrelid::regclass::text = ANY(SELECT tablename FROM pg_tables "
        "WHERE schemaname = 'public') GROUP BY 1, 2",
    )
    assert {table for table, *_ in keys} >= set(BY_POLL)
    for table, key, columns in keys:
        if table in BY_POLL:
            assert BY_POLL[table] in columns, f"{key} is on {columns}"


async def test_polls_lie_together(url: str) -> None:
    """Rows of one poll are on one node when the columns that say which it is are of one type."""
    types = await _rows(
        url,
        "SELECT attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "
        "JOIN pg_tables ON schemaname = 'public' AND tablename = attrelid::regclass::text",
    )
    of = {(table, column): kind for table, column, kind in types}
    assert {of[column] for column in BY_POLL.items()} == {"character varying(16)"}


async def test_no_foreign_key_leads_to_another_node(url: str) -> None:
    found = await _rows(
        url,
        "SELECT conrelid::regclass::text, confrelid::regclass::text, "
        "(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]), "
        "(SELECT attname::text FROM pg_attribute WHERE attrelid = confrelid AND attnum = confkey[1]) "
        "FROM pg_constraint WHERE contype = 'f'",
    )
    assert found
    for table, target, column, key in found:
        if target in BY_POLL:
            assert (BY_POLL.get(table), BY_POLL[target]) == (column, key), f"{table}.{column} → {target}"
        else:
            assert target in EVERYWHERE or table in COORDINATORS, f"{table}.{column} → {target}"


class Statement(NamedTuple):
    """What was sent over a connection."""

    connection: int
    sql: str
    values: dict[str, Any]

    @property
    def tables(self) -> set[str]:
        """The distributed tables in it."""
        return {table for table in BY_POLL if re.search(rf"\b{table}\b", self.sql)}

    @property
    def polls(self) -> set[str]:
        """The polls that it is for, as Citus sees it: by a condition on the column, or by its rows."""
        if re.match(rf"INSERT INTO ({'|'.join(BY_POLL)}) \(poll_id, ", self.sql) and "rows" in self.values:
            return {row[0] for row in json.loads(self.values["rows"])}
        condition = r"\b(poll_id|polls\.id) = (ANY\(CAST\(:polls AS text\[\]\)\)|:poll\b)"
        found = re.search(condition, self.sql)
        assert found, f"for no poll, and so for every node: {self.sql}"
        return {self.values["poll"]} if found[2] == ":poll" else set(self.values["polls"])


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """All text statements of this process, in order."""
    sent: list[Statement] = []
    rows = Connection.rows

    async def recording(self: Connection, sql: str, **values: object) -> Sequence[Any]:
        sent.append(Statement(id(self), sql, values))
        return await rows(self, sql, **values)

    monkeypatch.setattr(Connection, "rows", recording)
    return sent


@asynccontextmanager
async def serving(url: str, folder: Path) -> AsyncIterator[Service]:
    """The whole service in this process."""
    port = free_port()
    service = Service(url, folder, {}, 1, port)
    settings = Settings(url, (SECRET,), service.base_url, admission=Policy.OPEN)
    server = Server(create_app(settings), takes_signals=False)
    task = asyncio.create_task(server.serve(sockets=[listen("127.0.0.1", port)]))

    async def started() -> bool:
        return server.started

    try:
        await until(started)
        yield service
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


def vote_transactions(statements: Sequence[Statement]) -> list[list[Statement]]:
    """The transactions that changed the tally, with what stands between BEGIN and COMMIT."""
    under_way: dict[int, list[Statement]] = defaultdict(list)
    found = []
    for one in statements:
        if one.sql == "BEGIN":
            under_way[one.connection] = []
        elif one.sql == "COMMIT":
            found.append(under_way.pop(one.connection))
        else:
            under_way[one.connection].append(one)
    return [each for each in found if any(one.sql.startswith("INSERT INTO tally") for one in each)]


async def cast_all_ways(service: Service, http: Http) -> list[str]:
    """Votes, changes and withdrawals in several polls at once; returns the polls."""
    polls = [await service.add_poll(f"Poll {number}", allow_change=True) for number in range(4)]
    readers = [Reader(http) for _ in range(20)]
    for picks in ((1,), (2,), ()):
        votes = [reader.vote(poll, *picks) for reader in readers for poll in polls]
        assert {answer.status for answer in await asyncio.gather(*votes)} <= {200, 201}
    votes = [Reader(http).vote(poll, 3) for _ in range(20) for poll in polls]
    assert {answer.status for answer in await asyncio.gather(*votes)} == {201}
    return polls


async def test_on_citus_each_batch_of_votes_is_for_one_poll(
    url: str, tmp_path: Path, statements: list[Statement]
) -> None:
    """All that its transaction does is on the node of that poll."""
    await add_site(url)
    await _rows(url, "CREATE TABLE pg_dist_partition ()")  # by which a Citus is known
    async with serving(url, tmp_path) as service, Http(service.base_url) as http:
        polls = await cast_all_ways(service, http)
        done = vote_transactions(statements)
        assert len(done) >= len(polls)
        for transaction in done:
            at = [one.polls for one in transaction if one.tables]
            assert len(at) >= 6
            assert all(each == at[0] and len(each) == 1 for each in at), transaction
        kinds = {one.sql.split()[0] for transaction in done for one in transaction}
        assert kinds == {"SELECT", "INSERT", "UPDATE", "DELETE"}
        await service.assert_clean()


async def test_elsewhere_a_batch_is_for_all_polls_that_wait(
    url: str, tmp_path: Path, statements: list[Statement]
) -> None:
    """One commit for all of them: what the test above would find if it were so on Citus."""
    await add_site(url)
    async with serving(url, tmp_path) as service, Http(service.base_url) as http:
        polls = await cast_all_ways(service, http)
    inserted = [
        one.polls
        for transaction in vote_transactions(statements)
        for one in transaction
        if one.sql.startswith("INSERT INTO ballots")
    ]
    assert max(map(len, inserted)) == len(polls)


async def test_results_and_streams_ask_no_node(url: str, tmp_path: Path, statements: list[Statement]) -> None:
    """They are answered from memory, also while votes come."""
    await add_site(url)
    async with serving(url, tmp_path) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        assert (await Reader(http).vote(poll, 1)).status == 201
        async with watch(http, poll) as stream:
            statements.clear()
            assert (await Reader(http).vote(poll, 2)).status == 201
            await stream.until(lambda frame: frame.data["results"]["voters"] == 2)
            for _ in range(10):
                assert sum(await http.counts(poll)) == 2
        [transaction] = vote_transactions(statements)
        asked = [one for one in statements if one.tables and one not in transaction]
        assert [
            one.sql for one in asked if not one.sql.startswith("SELECT poll_id, first")
        ] == []  # the sealer
