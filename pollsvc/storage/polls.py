"""Polls with their options."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from pollsvc.domain.article import canonical_url
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, Visibility
from pollsvc.domain.tally import Change
from pollsvc.domain.text import folded_text
from pollsvc.storage import schema
from pollsvc.storage.ballots import next_versions
from pollsvc.storage.changes import announce
from pollsvc.storage.database import Connection
from pollsvc.storage.pattern import ESCAPE, within
from pollsvc.storage.sites import site_of

_OPTION = (
    ("poll_id", "text"),
    ("id", "smallint"),
    ("position", "smallint"),
    ("label", "text"),
    ("state", "text"),
    ("emoji", "text"),
    ("image", "text"),
    ("alt", "text"),
    ("write_in", "text"),
    ("merged_into", "smallint"),
)
_OPTION_COLUMNS = ", ".join(name for name, _ in _OPTION)
_OPTION_CHANGES = ", ".join(f"{name} = excluded.{name}" for name, _ in _OPTION[2:])

LISTED = ("draft", "scheduled", "open", "closed", "archived")
"""What a search may ask a poll to be."""


class Search(NamedTuple):
    """Which polls to list: of a site, in one of LISTED, with all words of a text in question and options, or
    with the text in the address of an article, or as id.

    `now` (Unix seconds) tells the state. `after` is the (created_at, id) of the last poll of the page before.
    Without `state`, all that are not archived.
    """

    now: float
    site: str | None = None
    state: str | None = None
    text: str = ""
    after: tuple[int, str] | None = None
    limit: int = 50


async def insert_poll(connection: Connection, poll: Poll) -> None:
    """Insert a poll with its options, in the current `editing` transaction."""
    values = _values(poll) | {
        "id": poll.id,
        "site_id": poll.site.id,
        "key": poll.key,
        "results_key": poll.results_key,
        "created_at": poll.created_at,
    }
    await connection.execute(schema.polls.insert().values(**values))
    await write_options(connection, poll.id, enumerate(poll.options, 1))
    await announce_poll(connection, poll.id)


async def update_poll(connection: Connection, before: Poll, after: Poll) -> None:
    """Write what can change of a poll, and those of its options that differ, in the `editing` transaction in
    which it was read as `before`."""
    await connection.execute(
        schema.polls.update().where(schema.polls.c.id == after.id).values(**_values(after))
    )
    gone = {option.id for option in before.options} - {option.id for option in after.options}
    if gone:
        table = schema.options
        await connection.execute(table.delete().where(table.c.poll_id == after.id, table.c.id.in_(gone)))
    standing = {option.id: (place, option) for place, option in enumerate(before.options, 1)}
    placed = enumerate(after.options, 1)
    differing = [(place, option) for place, option in placed if standing.get(option.id) != (place, option)]
    await write_options(connection, after.id, differing)
    await announce_poll(connection, after.id)


async def write_options(connection: Connection, poll: str, options: Iterable[tuple[int, Option]]) -> None:
    """Write options of a poll, each with its position, over those that have their ids, in the current
    `editing` transaction."""
    rows = [
        (
            poll,
            option.id,
            position,
            _json(option.label),
            option.state.value,
            option.emoji,
            option.image,
            _json(option.alt),
            option.write_in,
            option.merged_into,
        )
        for position, option in options
    ]
    if rows:
        await connection.rows(
            f"INSERT INTO options ({_OPTION_COLUMNS}) {connection.json_rows(*_OPTION)} "
            f"ON CONFLICT (poll_id, id) DO UPDATE SET {_OPTION_CHANGES}",
            rows=json.dumps(rows),
        )


async def announce_poll(connection: Connection, poll: str) -> None:
    """Move a poll's version on and tell the processes, when the current transaction commits."""
    versions = await next_versions(connection, [poll])
    await announce(connection, [Change(poll, version, {}) for version in versions.values()])


async def load_poll(connection: Connection, poll: str) -> Poll | None:
    """A poll with all that belongs to it."""
    found = await load_polls(connection, schema.polls.c.id == poll)
    return found[0] if found else None


async def polls_by_id(connection: Connection, ids: Sequence[str]) -> list[Poll]:
    """The polls with these ids, in their order; those that are unknown are left out."""
    found = {poll.id: poll for poll in await load_polls(connection, schema.polls.c.id.in_(ids))}
    return [found[id_] for id_ in ids if id_ in found]


async def list_polls(connection: Connection, site: str | None = None) -> list[Poll]:
    """All polls, or those of a site, newest first."""
    return await load_polls(connection, *([schema.polls.c.site_id == site] if site else []))


async def search_polls(connection: Connection, search: Search) -> list[Poll]:
    """A page of the polls that a search finds, newest first."""
    table, conditions = schema.polls, [_in_state(search)]
    if search.site is not None:
        conditions.append(table.c.site_id == search.site)
    if search.text:
        words = [
            table.c.search.like(within(word), escape=ESCAPE) for word in folded_text(search.text).split()
        ]
        places = schema.placements.c
        on_article = select(places.poll_id).where(
            or_(
                func.lower(places.link).like(within(search.text.lower()), escape=ESCAPE),
                places.url == canonical_url(search.text),
            )
        )
        found = [table.c.id == search.text, table.c.id.in_(on_article), *([and_(*words)] if words else [])]
        conditions.append(or_(*found))
    if search.after is not None:
        created_at, id_ = search.after
        conditions.append(
            or_(
                table.c.created_at < created_at,
                and_(table.c.created_at == created_at, table.c.id > id_),
            )
        )
    order = (table.c.created_at.desc(), table.c.id)
    ids = await connection.fetch(select(table.c.id).where(*conditions).order_by(*order).limit(search.limit))
    return await load_polls(connection, table.c.id.in_([row.id for row in ids])) if ids else []


def _in_state(search: Search) -> Any:
    table, now = schema.polls, int(search.now)
    live = and_(table.c.archived_at.is_(None), ~table.c.draft)
    ended = and_(table.c.closes_at.is_not(None), table.c.closes_at <= now)
    coming = and_(table.c.opens_at.is_not(None), table.c.opens_at > now)
    match search.state:
        case "draft":
            return and_(table.c.archived_at.is_(None), table.c.draft)
        case "scheduled":
            return and_(live, coming, ~ended)
        case "open":
            return and_(live, ~coming, ~ended)
        case "closed":
            return and_(live, ended)
        case "archived":
            return table.c.archived_at.is_not(None)
    return table.c.archived_at.is_(None)


async def load_polls(connection: Connection, *conditions: Any) -> list[Poll]:
    """The polls that meet SQLAlchemy conditions on `schema.polls`, newest first."""
    polls, options, placements = schema.polls, schema.options, schema.placements
    query = (
        select(polls, *(column.label(f"site__{column.name}") for column in schema.sites.c))
        .join(schema.sites)
        .where(*conditions)
        .order_by(polls.c.created_at.desc(), polls.c.id)
    )
    rows = await connection.fetch(query)
    ids = select(polls.c.id).where(*conditions)
    answers: dict[str, list[Option]] = {}
    for row in await connection.fetch(
        options.select().where(options.c.poll_id.in_(ids)).order_by(options.c.poll_id, options.c.position)
    ):
        answers.setdefault(row.poll_id, []).append(_option(row))
    articles: dict[str, dict[str, int]] = {}
    for row in await connection.fetch(
        placements.select()
        .where(placements.c.poll_id.in_(ids), ~placements.c.detached)
        .order_by(placements.c.article)
    ):
        articles.setdefault(row.poll_id, {})[row.url] = row.article
    return [_poll(row, answers.get(row.id, ()), articles.get(row.id, {})) for row in rows]


async def questions_by_id(connection: Connection, polls: Sequence[str]) -> dict[str, str]:
    """The questions of polls, each in the poll's first language, by id."""
    table = schema.polls.c
    query = select(table.id, table.lang, table.question).where(table.id.in_(polls))
    return {row.id: json.loads(row.question)[row.lang] for row in await connection.fetch(query)}


def _values(poll: Poll) -> dict[str, object]:
    texts = [*poll.question.values(), *(text for option in poll.options for text in option.label.values())]
    return {
        "kind": poll.kind.value,
        "question": _json(poll.question),
        "lang": poll.lang,
        "min_picks": poll.min_picks,
        "max_picks": poll.max_picks,
        "opens_at": poll.opens_at,
        "closes_at": poll.closes_at,
        "draft": poll.draft,
        "visibility": poll.visibility.value,
        "allow_change": poll.allow_change,
        "shuffle": poll.shuffle,
        "write_in": poll.write_in,
        "archived_at": poll.archived_at,
        "replaces": poll.replaces,
        "replaced_by": poll.replaced_by,
        "revision": poll.revision,
        "search": "\n".join(map(folded_text, texts)),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _option(row: Any) -> Option:
    return Option(
        id=row.id,
        label=json.loads(row.label),
        state=OptionState(row.state),
        emoji=row.emoji,
        image=row.image,
        alt=json.loads(row.alt),
        write_in=row.write_in,
        merged_into=row.merged_into,
    )


def _poll(row: Any, options: Sequence[Option], placements: dict[str, int]) -> Poll:
    return Poll(
        id=row.id,
        site=site_of(row, "site__"),
        kind=Kind(row.kind),
        question=json.loads(row.question),
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
        shuffle=bool(row.shuffle),
        write_in=bool(row.write_in),
        archived_at=row.archived_at,
        replaces=row.replaces,
        replaced_by=row.replaced_by,
        revision=row.revision,
        created_at=row.created_at,
    )
