"""Databases are made, brought up to date once, and refused when they are of another release."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import pollsvc.storage
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.storage.migrate import ensure_current, migrate
from pollsvc.storage.polls import Search, search_polls
from pollsvc.storage.schema_log import everything
from tests.support.postgres import create_database, drop_database
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, CliError, Service, add_site, open_connection, run_service

FIRST_RELEASE = """
INSERT INTO sites VALUES ('site', 'News', '["https://news.example"]', 'PT-br', 'UTC', :key, 1, 1700000000);
INSERT INTO polls VALUES ('one', 'site', 'single', 'Who  won?', 'EN', 1, 1, 1700000000, NULL, false, 'always',
    false, :key, 'results', 1700000000);
INSERT INTO polls VALUES ('two', 'site', 'multiple', 'من؟', 'ar', 1, 2, NULL, 1700000060, false, 'after_vote',
    true, :key, 'more', 1700000000);
INSERT INTO options VALUES ('one', 1, 2, 'America');
INSERT INTO options VALUES ('one', 2, 1, 'Große Ｏper');
INSERT INTO options VALUES ('two', 1, 1, 'ا');
INSERT INTO options VALUES ('two', 2, 2, 'ب');
INSERT INTO placements VALUES ('one', 1, 'http://www.news.example/story?gbraid=x', 2);
INSERT INTO placements VALUES ('two', 1, 'http://www.news.example/story?gbraid=x', 1);
INSERT INTO ballots VALUES ('one', 'aaaaaaaaaaaaaaaaaaaaaa', 1, '2', 'counted', 1, 28333400, :signature);
INSERT INTO tally VALUES ('one', 1, 28333400, '2', 'counted', 1);
INSERT INTO poll_versions VALUES ('one', 7);
"""
"""What a database of the first release may hold."""


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without tables; a test that takes it runs once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/pollsvc.db"
        return
    server = request.getfixturevalue("postgres")
    url = await create_database(server)
    yield url
    await drop_database(server, url)


def engine_url(url: str) -> str:
    """The same database, as SQLAlchemy names it."""
    driver = "sqlite+aiosqlite" if url.startswith("sqlite") else "postgresql+asyncpg"
    return driver + url[url.index(":") :]


async def test_the_migrated_schema_is_the_models(empty_database: str) -> None:
    await migrate(empty_database)
    engine = create_async_engine(engine_url(empty_database))

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, everything))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_checks_and_row_order_are_as_in_the_model(tmp_path: Path) -> None:
    """What Alembic does not compare: CHECK constraints, and tables without rowid on SQLite."""
    migrated, made = f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/made.db"
    await migrate(migrated)
    engine = create_async_engine(engine_url(made))
    async with engine.begin() as connection:
        await connection.run_sync(everything.create_all)
    await engine.dispose()
    schemas = []
    for url in (migrated, made):
        async with open_connection(url) as held:
            rows = await held.rows("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        schemas.append(
            {
                row[0]: (row[1].count("CHECK"), row[1].count("CONSTRAINT"), "WITHOUT ROWID" in row[1])
                for row in rows
                if row[0] != "alembic_version"
            }
        )
    assert schemas[0] == schemas[1]


async def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    assert await migrate(empty_database) is None
    revision = await migrate(empty_database)
    assert revision is not None
    assert await migrate(empty_database) == revision


async def test_many_processes_that_start_at_once_make_the_tables_once(empty_database: str) -> None:
    await asyncio.gather(*(ensure_current(empty_database) for _ in range(8)))
    await add_site(empty_database)


async def test_the_command_says_what_it_did(tmp_path: Path, empty_database: str) -> None:
    service = Service(empty_database, tmp_path, {}, 1)
    assert "empty" in await service.run("migrate")
    assert "0004" in await service.run("migrate")


async def test_a_database_of_a_newer_release_is_refused(tmp_path: Path, empty_database: str) -> None:
    """Neither `serve` nor a command touches it; one line says which revision it has."""
    revision = "9999"
    await migrate(empty_database)
    async with open_connection(empty_database) as connection, connection.transaction():
        await connection.rows(f"UPDATE alembic_version SET version_num = '{revision}'")
    service = Service(empty_database, tmp_path, {}, 1)
    for command in (["serve", "--port", str(service.port)], ["poll", "list"], ["migrate"]):
        with pytest.raises(CliError) as failed:
            await service.run(*command)
        assert failed.value.status == 2
        [line] = failed.value.output.strip().splitlines()
        assert revision in line
        assert "newer release" in line
    async with open_connection(empty_database) as connection:
        assert [tuple(row) for row in await connection.rows("SELECT version_num FROM alembic_version")] == [
            (revision,)
        ]


async def test_a_failed_migration_leaves_an_empty_database(empty_database: str) -> None:
    """A table in the way: the migration fails as a whole, and works once the table is gone."""
    engine = create_async_engine(engine_url(empty_database))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE placements (x integer)"))  # the last that is made
    with pytest.raises(Exception, match="placements"):
        await migrate(empty_database)
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE placements"))
    await engine.dispose()
    assert await migrate(empty_database) is None


async def test_migrate_says_in_one_line_that_the_database_is_away(tmp_path: Path) -> None:
    service = Service(f"sqlite:///{tmp_path}/no/such/folder.db", tmp_path, {}, 1)
    with pytest.raises(CliError) as failed:
        await service.run("migrate")
    [line] = failed.value.output.strip().splitlines()
    assert (failed.value.status, "POLLSVC_DATABASE_URL" in line) == (2, True)


async def test_many_may_start_at_once_on_an_empty_database(tmp_path: Path, empty_database: str) -> None:
    service = Service(empty_database, tmp_path, {}, 1)
    assert set(await asyncio.gather(*(service.run("site", "list") for _ in range(6)))) == {""}


async def test_the_polls_of_the_first_release_go_on(tmp_path: Path, empty_database: str) -> None:
    """Their texts, articles, ballots and results are there, they are found, and votes come in."""
    values = {"key": b"k" * 32, "signature": "s" * 22}

    def fill(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(pollsvc.storage.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        upgrade(config, "0001")
        for statement in FIRST_RELEASE.split(";\n")[:-1]:
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), named)

    engine = create_async_engine(engine_url(empty_database))
    async with engine.begin() as connection:
        await connection.run_sync(fill)
    await engine.dispose()
    keys = LogKeys([SECRET])
    assert await migrate(empty_database, keys.stamp, keys.sign_as) == "0001"
    async with (
        run_service(tmp_path, empty_database) as service,
        service.editor() as editor,
        Http(service.base_url) as http,
    ):
        one, two = await editor.poll("one"), await editor.poll("two")
        assert (one.question, one.site.locale) == ({"en": "Who  won?"}, "pt-BR")
        assert [option.label for option in one.options] == [{"en": "Große Ｏper"}, {"en": "America"}]
        assert (two.question, two.langs, two.allow_change) == ({"ar": "من؟"}, ("ar",), True)
        shown = (await http.get("/api/v1/articles?url=https://news.example/story")).json["polls"]
        assert [poll["id"] for poll in shown] == ["two", "one"]
        assert (await http.results("one"))["options"] == [{"id": 2, "count": 1}, {"id": 1, "count": 0}]
        assert (await Reader(http).vote("one", 1)).status == 201
        assert await http.counts("one") == [1, 1]
        await service.assert_clean()
    async with open_connection(empty_database) as held:
        for wanted in ("GROSSE  oper", "who won", "one"):
            assert [poll.id for poll in await search_polls(held, Search(0, text=wanted))] == ["one"]
