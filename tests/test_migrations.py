"""Databases are made, brought up to date once, and refused when they are of another release."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from pollsvc.storage.migrate import ensure_current, migrate
from pollsvc.storage.schema import metadata
from tests.support.server import CliError, Service, add_site, open_connection


def engine_url(url: str) -> str:
    """The same database, as SQLAlchemy names it."""
    driver = "sqlite+aiosqlite" if url.startswith("sqlite") else "postgresql+asyncpg"
    return driver + url[url.index(":") :]


async def test_the_migrated_schema_is_the_models(database_url: str) -> None:
    await migrate(database_url)
    engine = create_async_engine(engine_url(database_url))

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_checks_and_row_order_are_as_in_the_model(tmp_path: Path) -> None:
    """What Alembic does not compare: CHECK constraints, and tables without rowid on SQLite."""
    migrated, made = f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/made.db"
    await migrate(migrated)
    engine = create_async_engine(engine_url(made))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
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


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    assert await migrate(database_url) is None
    revision = await migrate(database_url)
    assert revision is not None
    assert await migrate(database_url) == revision


async def test_many_processes_that_start_at_once_make_the_tables_once(database_url: str) -> None:
    await asyncio.gather(*(ensure_current(database_url) for _ in range(8)))
    await add_site(database_url)


async def test_the_command_says_what_it_did(tmp_path: Path, database_url: str) -> None:
    service = Service(database_url, tmp_path, {}, 1)
    assert "empty" in await service.run("migrate")
    assert "0002" in await service.run("migrate")


async def test_a_database_of_a_newer_release_is_refused(tmp_path: Path, database_url: str) -> None:
    """Neither `serve` nor a command touches it; one line says which revision it has."""
    revision = "9999"
    await migrate(database_url)
    async with open_connection(database_url) as connection, connection.transaction():
        await connection.rows(f"UPDATE alembic_version SET version_num = '{revision}'")
    service = Service(database_url, tmp_path, {}, 1)
    for command in (["serve", "--port", str(service.port)], ["poll", "list"], ["migrate"]):
        with pytest.raises(CliError) as failed:
            await service.run(*command)
        assert failed.value.status == 2
        [line] = failed.value.output.strip().splitlines()
        assert revision in line
        assert "newer release" in line
    async with open_connection(database_url) as connection:
        assert [tuple(row) for row in await connection.rows("SELECT version_num FROM alembic_version")] == [
            (revision,)
        ]


async def test_a_failed_migration_leaves_an_empty_database(database_url: str) -> None:
    """A table in the way: the migration fails as a whole, and works once the table is gone."""
    engine = create_async_engine(engine_url(database_url))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE placements (x integer)"))  # the last that is made
    with pytest.raises(Exception, match="placements"):
        await migrate(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE placements"))
    await engine.dispose()
    assert await migrate(database_url) is None


async def test_migrate_says_in_one_line_that_the_database_is_away(tmp_path: Path) -> None:
    service = Service(f"sqlite:///{tmp_path}/no/such/folder.db", tmp_path, {}, 1)
    with pytest.raises(CliError) as failed:
        await service.run("migrate")
    [line] = failed.value.output.strip().splitlines()
    assert (failed.value.status, "POLLSVC_DATABASE_URL" in line) == (2, True)


async def test_many_may_start_at_once_on_an_empty_database(tmp_path: Path, database_url: str) -> None:
    service = Service(database_url, tmp_path, {}, 1)
    assert set(await asyncio.gather(*(service.run("site", "list") for _ in range(6)))) == {""}
