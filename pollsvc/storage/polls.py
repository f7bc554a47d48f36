"""Sites, polls, their options and placements."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from pollsvc.domain.poll import Kind, Option, Poll, Site, Visibility
from pollsvc.domain.tally import Change
from pollsvc.storage import schema
from pollsvc.storage.ballots import next_versions
from pollsvc.storage.changes import announce
from pollsvc.storage.database import Connection


async def add_site(connection: Connection, site: Site, now: int) -> bool:
    """Insert a site; False when its name is taken."""
    async with connection.transaction():
        table = schema.sites
        if await connection.fetch(select(table.c.id).where(table.c.name == site.name)):
            return False
        await connection.execute(
            table.insert().values(
                id=site.id,
                name=site.name,
                origins=json.dumps(sorted(site.origins)),
                locale=site.locale,
                time_zone=site.time_zone,
                key=site.key,
                percent_from=site.percent_from,
                created_at=now,
            )
        )
    return True


async def list_sites(connection: Connection) -> list[Site]:
    """All sites, by name."""
    return [_site(row) for row in await connection.fetch(schema.sites.select().order_by(schema.sites.c.name))]


async def add_poll(connection: Connection, poll: Poll, now: int) -> None:
    """Insert a poll with its options and placements; it comes last on each of its articles."""
    async with connection.transaction():
        await connection.execute(
            schema.polls.insert().values(
                id=poll.id,
                site_id=poll.site.id,
                kind=poll.kind.value,
                question=poll.question,
                lang=poll.lang,
                min_picks=poll.min_picks,
                max_picks=poll.max_picks,
                opens_at=poll.opens_at,
                closes_at=poll.closes_at,
                draft=poll.draft,
                visibility=poll.visibility.value,
                allow_change=poll.allow_change,
                key=poll.key,
                results_key=poll.results_key,
                created_at=now,
            )
        )
        for position, option in enumerate(poll.options, 1):
            await connection.execute(
                schema.options.insert().values(
                    poll_id=poll.id, id=option.id, position=position, label=option.label
                )
            )
        for url, article in poll.placements.items():
            await connection.rows(
                "INSERT INTO placements (poll_id, article, url, position) "
                "SELECT CAST(:poll AS text), CAST(:article AS smallint), CAST(:url AS text), "
                "COALESCE(MAX(position), 0) + 1 FROM placements WHERE url = CAST(:url AS text)",
                poll=poll.id,
                article=article,
                url=url,
            )
        await _changed(connection, poll.id)


async def set_schedule(
    connection: Connection, poll: str, *, opens_at: int | None, closes_at: int | None
) -> None:
    """Set when a poll opens and closes, and publish it if it was a draft."""
    async with connection.transaction():
        await connection.execute(
            schema.polls.update()
            .where(schema.polls.c.id == poll)
            .values(opens_at=opens_at, closes_at=closes_at, draft=False)
        )
        await _changed(connection, poll)


async def load_poll(connection: Connection, poll: str) -> Poll | None:
    """A poll with all that belongs to it."""
    found = await load_polls(connection, schema.polls.c.id == poll)
    return found[0] if found else None


async def list_polls(connection: Connection, site: str | None = None) -> list[Poll]:
    """All polls, or those of a site, newest first."""
    return await load_polls(connection, *([schema.polls.c.site_id == site] if site else []))


async def load_polls(connection: Connection, *conditions: Any) -> list[Poll]:
    """The polls that meet SQLAlchemy conditions on `schema.polls`, newest first."""
    polls, options, placements = schema.polls, schema.options, schema.placements
    query = (
        select(
            polls, *(column.label(f"site_{column.name}") for column in schema.sites.c if column.name != "id")
        )
        .join(schema.sites)
        .where(*conditions)
        .order_by(polls.c.created_at.desc(), polls.c.id)
    )
    rows = await connection.fetch(query)
    ids = select(polls.c.id).where(*conditions)
    labels: dict[str, list[Option]] = {}
    for row in await connection.fetch(
        options.select().where(options.c.poll_id.in_(ids)).order_by(options.c.poll_id, options.c.position)
    ):
        labels.setdefault(row.poll_id, []).append(Option(row.id, row.label))
    articles: dict[str, dict[str, int]] = {}
    for row in await connection.fetch(
        placements.select().where(placements.c.poll_id.in_(ids)).order_by(placements.c.article)
    ):
        articles.setdefault(row.poll_id, {})[row.url] = row.article
    return [_poll(row, tuple(labels.get(row.id, ())), articles.get(row.id, {})) for row in rows]


async def polls_of_article(connection: Connection, url: str) -> list[str]:
    """The ids of the polls placed on the article with this canonical URL, in order; drafts are left out."""
    rows = await connection.rows(
        "SELECT poll_id FROM placements JOIN polls ON polls.id = placements.poll_id "
        "WHERE url = :url AND NOT draft ORDER BY position, poll_id",
        url=url,
    )
    return [row[0] for row in rows]


async def _changed(connection: Connection, poll: str) -> None:
    versions = await next_versions(connection, [poll])
    await announce(connection, [Change(poll, version, {}) for version in versions.values()])


def _site(row: Any, prefix: str = "") -> Site:
    def value(name: str) -> Any:
        return getattr(row, prefix + name)

    return Site(
        id=value("id"),
        name=value("name"),
        origins=frozenset(json.loads(value("origins"))),
        locale=value("locale"),
        time_zone=value("time_zone"),
        key=value("key"),
        percent_from=value("percent_from"),
    )


def _poll(row: Any, options: Sequence[Option], placements: dict[str, int]) -> Poll:
    return Poll(
        id=row.id,
        site=_site(row, "site_"),
        kind=Kind(row.kind),
        question=row.question,
        lang=row.lang,
        options=tuple(options),
        min_picks=row.min_picks,
        max_picks=row.max_picks,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        draft=bool(row.draft),
        visibility=Visibility(row.visibility),
        allow_change=bool(row.allow_change),
        key=row.key,
        results_key=row.results_key,
        placements=placements,
    )
