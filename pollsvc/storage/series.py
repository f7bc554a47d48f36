"""The tally over time and by article: what editors watch, summed up in the database.

A row says how many ballots have a pick and a status. The pick is the whole selection, but of a ranking only
what it puts first: that is what is counted, and there are far fewer of them. Withdrawn ballots are left out.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from pollsvc.domain.selection import WITHDRAWN
from pollsvc.storage.database import Connection


class Slot(NamedTuple):
    """Ballots of one poll by time: `minute` is the Unix minute at which the slot begins."""

    minute: int
    pick: str
    status: str
    ballots: int


class ArticleVotes(NamedTuple):
    """Ballots of one poll by article; `article` is its number in the poll, 0 elsewhere."""

    article: int
    pick: str
    status: str
    reason: str
    ballots: int


class RecentVotes(NamedTuple):
    """Ballots of one of several polls in one minute."""

    poll: str
    minute: int
    pick: str
    status: str
    ballots: int


async def load_slots(
    connection: Connection, poll: str, *, step: int = 1, since: int | None = None
) -> list[Slot]:
    """A poll's ballots by slots of `step` minutes, in no order; `since` a Unix minute, or all.

    Of a poll with 1,000,000 rows, all take about a second; the last hours only what they are of it.
    """
    values: dict[str, object] = {"poll": poll, "step": step, "withdrawn": WITHDRAWN}
    source, window = "tally", ""
    if since is not None:  # the key has the article before the minute: look into each article
        source = (
            "(SELECT 0 AS number UNION ALL SELECT article FROM placements WHERE poll_id = :poll) AS articles "
            "CROSS JOIN tally"
        )
        window = "AND tally.article = articles.number AND tally.minute >= :since"
        values["since"] = since
    rows = await connection.rows(
        f"SELECT minute / :step, {first_pick(connection)}, status, SUM(count) FROM {source} "
        f"WHERE tally.poll_id = :poll AND selection <> :withdrawn {window} GROUP BY 1, 2, 3",
        **values,
    )
    return [Slot(slot * step, pick, status, int(ballots)) for slot, pick, status, ballots in rows if ballots]


async def load_articles(connection: Connection, poll: str) -> list[ArticleVotes]:
    """A poll's ballots by article, in no order."""
    rows = await connection.rows(
        f"SELECT article, {first_pick(connection)}, status, reason, SUM(count) FROM tally "
        "WHERE poll_id = :poll AND selection <> :withdrawn GROUP BY 1, 2, 3, 4",
        poll=poll,
        withdrawn=WITHDRAWN,
    )
    return [
        ArticleVotes(number, pick, status, reason, int(ballots))
        for number, pick, status, reason, ballots in rows
        if ballots
    ]


async def load_recent(connection: Connection, since: Mapping[str, int]) -> list[RecentVotes]:
    """The ballots of several polls by minute, each from a Unix minute of its own on, in no order."""
    if not since:
        return []
    rows = await connection.rows(
        f"{_places(connection)} SELECT tally.poll_id, minute, {first_pick(connection)}, status, SUM(count) "
        "FROM places CROSS JOIN tally "
        "WHERE tally.poll_id = places.poll_id AND tally.article = places.article "
        "AND tally.minute >= places.since AND selection <> :withdrawn GROUP BY 1, 2, 3, 4",
        rows=json.dumps(list(since.items())),
        withdrawn=WITHDRAWN,
    )
    return [
        RecentVotes(poll, minute, pick, status, int(ballots))
        for poll, minute, pick, status, ballots in rows
        if ballots
    ]


async def count_since(connection: Connection, since: Mapping[str, int]) -> dict[str, int]:
    """How many ballots of each of several polls count, of a Unix minute of its own and later."""
    if not since:
        return {}
    rows = await connection.rows(
        f"{_places(connection)} SELECT tally.poll_id, SUM(count) FROM places CROSS JOIN tally "
        "WHERE tally.poll_id = places.poll_id AND tally.article = places.article "
        "AND tally.minute >= places.since AND selection <> :withdrawn AND status = 'counted' GROUP BY 1",
        rows=json.dumps(list(since.items())),
        withdrawn=WITHDRAWN,
    )
    return {poll: int(ballots) for poll, ballots in rows}


def first_pick(connection: Connection) -> str:
    """The SQL of a selection, or of what a ranking puts first."""
    if connection.sqlite:
        first = "substr(selection, 1, instr(selection, '>') - 1)"
        return f"CASE WHEN instr(selection, '>') > 0 THEN {first} ELSE selection END"
    return "split_part(selection, '>', 1)"


def _places(connection: Connection) -> str:
    """The polls asked for in `:rows`, each with all its articles: with them the tally's key is used."""
    asked = connection.json_rows(("poll_id", "text"), ("since", "integer"))
    return (
        f"WITH asked AS ({asked}), places AS (SELECT poll_id, 0 AS article, since FROM asked UNION ALL "
        "SELECT placements.poll_id, placements.article, since FROM asked "
        "JOIN placements ON placements.poll_id = asked.poll_id)"
    )
