"""Databases as the first release left them, with as many ballots as are wanted, made by a few statements."""

from pathlib import Path

from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import pollsvc.storage

POLLS = 10
MINUTES = 1_440
"""Over which the ballots are spread."""

_POLL = """
INSERT INTO polls VALUES (:poll, 'site', 'single', 'Who won?', 'en', 1, 1, 1700000000, NULL, false, 'always',
    false, :key, 'results', 1700000000)
"""
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1)",
    "postgresql": "WITH n AS (SELECT i FROM generate_series(0, :count - 1) AS i)",
}
_CHANCE = {
    "sqlite": "substr(hex(randomblob(16)), 1, 22)",
    "postgresql": "substr(md5(random()::text), 1, 22)",
}


def poll_id(number: int) -> str:
    """The ids of the polls, from 0 to POLLS - 1."""
    return f"poll{number}"


async def make_first_release(url: str, ballots: int) -> None:
    """Fill an empty database; the ballots are spread evenly over polls, options and minutes."""
    driver = "sqlite+aiosqlite" if url.startswith("sqlite") else "postgresql+asyncpg"
    engine = create_async_engine(driver + url[url.index(":") :])
    async with engine.begin() as connection:
        await connection.run_sync(_fill, ballots)
    await engine.dispose()


def _fill(connection: Connection, ballots: int) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(pollsvc.storage.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    upgrade(config, "0001")
    key = {"key": b"k" * 32}
    site = "('site', 'News', '[\"http://news.example\"]', 'en', 'UTC', :key, 1, 1700000000)"
    connection.execute(text(f"INSERT INTO sites VALUES {site}"), key)
    for number in range(POLLS):
        connection.execute(text(_POLL), {"poll": poll_id(number)} | key)
        for option in (1, 2, 3):
            values = {"poll": poll_id(number), "option": option, "label": f"Option {option}"}
            connection.execute(text("INSERT INTO options VALUES (:poll, :option, :option, :label)"), values)
    numbers, chance = _NUMBERS[connection.dialect.name], _CHANCE[connection.dialect.name]
    connection.execute(
        text(
            f"INSERT INTO ballots {numbers} SELECT 'poll' || (i % {POLLS}), {chance}, 1, "
            f"CAST(1 + i % 3 AS text), 'counted', 0, 28333400 + i % {MINUTES}, {chance} FROM n"
        ),
        {"count": ballots},
    )
    connection.execute(
        text(
            "INSERT INTO tally SELECT poll_id, article, minute, selection, status, count(*) FROM ballots "
            "GROUP BY poll_id, article, minute, selection, status"
        )
    )
    connection.execute(
        text("INSERT INTO poll_versions SELECT poll_id, count(*) FROM ballots GROUP BY poll_id")
    )
