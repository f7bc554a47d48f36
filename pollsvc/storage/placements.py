"""Placements: which polls stand on which article, in which order."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from pollsvc.storage.database import Connection
from pollsvc.storage.pattern import within


class Placement(NamedTuple):
    """A poll on an article; `article` is its number in the poll, `link` its address as it was given."""

    poll: str
    article: int
    url: str
    link: str
    position: int
    detached: bool


class Article(NamedTuple):
    """An article that polls stand on: its canonical URL, a link to it, how many polls, and of when the newest
    of them is (Unix seconds)."""

    url: str
    link: str
    polls: int
    newest: int


class ArticleSearch(NamedTuple):
    """Which articles to list: those with a text in their address, or of this canonical `url`, with polls of a
    site. `after` is the (newest, url) of the last article of the page before."""

    text: str = ""
    url: str | None = None
    site: str | None = None
    after: tuple[int, str] | None = None
    limit: int = 50


_COLUMNS = "poll_id, article, url, link, position, detached"


def _placement(row: Sequence[Any]) -> Placement:
    poll, article, url, link, position, detached = row
    return Placement(poll, article, url, link, position, bool(detached))


async def insert_placement(connection: Connection, poll: str, article: int, url: str, link: str) -> None:
    """Put a poll last on an article, in the current transaction."""
    await connection.rows(
        f"INSERT INTO placements ({_COLUMNS}) "
        "SELECT CAST(:poll AS text), CAST(:article AS smallint), CAST(:url AS text), CAST(:link AS text), "
        "COALESCE(MAX(position), 0) + 1, false FROM placements WHERE url = CAST(:url AS text)",
        poll=poll,
        article=article,
        url=url,
        link=link,
    )


async def detach_placement(connection: Connection, poll: str, url: str) -> None:
    """Take a poll from an article, which keeps its number in the poll, in the current transaction."""
    await connection.rows(
        "UPDATE placements SET detached = true WHERE poll_id = :poll AND url = :url", poll=poll, url=url
    )


async def take_places(connection: Connection, old: str, new: str) -> None:
    """Put a poll where another one stood on its articles, in the current transaction."""
    await connection.rows(
        "UPDATE placements SET position = (SELECT was.position FROM placements AS was "
        "WHERE was.poll_id = :old AND was.url = placements.url) WHERE poll_id = :new",
        old=old,
        new=new,
    )


async def restore_placement(connection: Connection, poll: str, url: str) -> None:
    """Put a poll that was taken from an article back there, last, in the current transaction."""
    await connection.rows(
        "UPDATE placements SET detached = false, position = "
        "(SELECT COALESCE(MAX(position), 0) + 1 FROM placements WHERE url = CAST(:url AS text)) "
        "WHERE poll_id = :poll AND url = CAST(:url AS text)",
        poll=poll,
        url=url,
    )


async def set_order(connection: Connection, url: str, polls: Sequence[str]) -> None:
    """Set the order of these polls on an article, in the current transaction."""
    for position, poll in enumerate(polls, 1):
        await connection.rows(
            "UPDATE placements SET position = :position WHERE poll_id = :poll AND url = :url",
            position=position,
            poll=poll,
            url=url,
        )


async def placements_of_poll(connection: Connection, poll: str) -> list[Placement]:
    """A poll's placements, in the order in which they were made, detached ones too."""
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM placements WHERE poll_id = :poll ORDER BY article", poll=poll
    )
    return [_placement(row) for row in rows]


async def placements_of_article(connection: Connection, url: str) -> list[Placement]:
    """The placements on the article with this canonical URL, in order; detached ones are left out."""
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM placements WHERE url = :url AND NOT detached ORDER BY position, poll_id",
        url=url,
    )
    return [_placement(row) for row in rows]


async def polls_of_article(connection: Connection, url: str) -> list[str]:
    """The ids of the polls that readers find on the article with this canonical URL, in order."""
    rows = await connection.rows(
        "SELECT poll_id FROM placements JOIN polls ON polls.id = placements.poll_id "
        "WHERE url = :url AND NOT detached AND NOT draft AND archived_at IS NULL ORDER BY position, poll_id",
        url=url,
    )
    return [row[0] for row in rows]


async def search_articles(connection: Connection, search: ArticleSearch) -> list[Article]:
    """A page of the articles that polls stand on, those with the newest polls first."""
    conditions, values = ["NOT detached"], dict[str, object]()
    if search.text:
        conditions.append(
            "(url = CAST(:url AS text) OR lower(url) LIKE :encoded ESCAPE '!' "
            "OR lower(link) LIKE :text ESCAPE '!')"
        )
        encoded = quote(search.text, safe=":/?#[]@!$&'()*+,;=%")
        values |= {
            "url": search.url,
            "encoded": within(encoded.lower()),
            "text": within(search.text.lower()),
        }
    if search.site is not None:
        conditions.append("site_id = :site")
        values["site"] = search.site
    having = "true"
    if search.after is not None:
        having = "MAX(created_at) < :newest OR (MAX(created_at) = :newest AND url > :last)"
        values |= dict(zip(("newest", "last"), search.after, strict=True))
    rows = await connection.rows(
        "SELECT url, MAX(link), COUNT(*), MAX(created_at) FROM placements "
        f"JOIN polls ON polls.id = placements.poll_id WHERE {' AND '.join(conditions)} "
        f"GROUP BY url HAVING {having} ORDER BY 4 DESC, 1 LIMIT {int(search.limit)}",
        **values,
    )
    return [Article(*row) for row in rows]
