"""Polls with their options."""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from pollsvc.domain.poll import Kind, Option, OptionState, Poll, Visibility
from pollsvc.domain.tally import Change
from pollsvc.storage import schema
from pollsvc.storage.ballots import next_versions
from pollsvc.storage.changes import announce
from pollsvc.storage.database import Connection
from pollsvc.storage.sites import site_of

_ESCAPE = "!"

LISTED = ("draft", "scheduled", "open", "closed", "archived")
"""What a search may ask a poll to be."""


class Search(NamedTuple):
    """Which polls to list: of a site, in one of LISTED, with a text in question, option or article.

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
    await _insert_options(connection, poll)
    await announce_poll(connection, poll.id)


async def update_poll(connection: Connection, poll: Poll) -> None:
    """Write all that can change of a poll and its options, in the current `editing` transaction."""
    await connection.execute(
        schema.polls.update().where(schema.polls.c.id == poll.id).values(**_values(poll))
    )
    await connection.execute(schema.options.delete().where(schema.options.c.poll_id == poll.id))
    await _insert_options(connection, poll)
    await announce_poll(connection, poll.id)


async def announce_poll(connection: Connection, poll: str) -> None:
    """Move a poll's version on and tell the processes, when the current transaction commits."""
    versions = await next_versions(connection, [poll])
    await announce(connection, [Change(poll, version, {}) for version in versions.values()])


async def load_poll(connection: Connection, poll: str) -> Poll | None:
    """A poll with all that belongs to it."""
    found = await load_polls(connection, schema.polls.c.id == poll)
    return found[0] if found else None


async def list_polls(connection: Connection, site: str | None = None) -> list[Poll]:
    """All polls, or those of a site, newest first."""
    return await load_polls(connection, *([schema.polls.c.site_id == site] if site else []))


async def search_polls(connection: Connection, search: Search) -> list[Poll]:
    """A page of the polls that a search finds, newest first."""
    table, conditions = schema.polls, [_in_state(search)]
    if search.site is not None:
        conditions.append(table.c.site_id == search.site)
    if search.text:
        on_article = select(schema.placements.c.poll_id).where(
            func.lower(schema.placements.c.link).like(_within(search.text.lower()), escape=_ESCAPE)
        )
        found = table.c.search.like(_within(folded_text(search.text)), escape=_ESCAPE)
        conditions.append(or_(found, table.c.id == search.text, table.c.id.in_(on_article)))
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


def _within(text: str) -> str:
    """The pattern of texts that hold this one; a `%` in SQL itself would trip `databases`."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return f"%{text}%"


async def questions_by_id(connection: Connection, polls: Sequence[str]) -> dict[str, str]:
    """The questions of polls, each in the poll's first language, by id."""
    table = schema.polls.c
    query = select(table.id, table.lang, table.question).where(table.id.in_(polls))
    return {row.id: json.loads(row.question)[row.lang] for row in await connection.fetch(query)}


def folded_text(text: str) -> str:
    """A text as it is searched and compared: NFKC, case folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


async def _insert_options(connection: Connection, poll: Poll) -> None:
    for position, option in enumerate(poll.options, 1):
        await connection.execute(
            schema.options.insert().values(
                poll_id=poll.id,
                id=option.id,
                position=position,
                label=_json(option.label),
                state=option.state.value,
                emoji=option.emoji,
                image=option.image,
                alt=_json(option.alt),
                write_in=option.write_in,
                merged_into=option.merged_into,
            )
        )


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
