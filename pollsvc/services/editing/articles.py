"""Finding articles that polls stand on."""

from typing import NamedTuple

from pollsvc.domain.article import canonical_url
from pollsvc.services.editing.lists import place_of, searched
from pollsvc.storage.database import Connection
from pollsvc.storage.placements import Article, ArticleSearch, search_articles

PAGE = 50
"""Articles on a page."""


class ArticlePage(NamedTuple):
    """Articles, those with the newest polls first; `after` is the next page's place, None on the last."""

    articles: list[Article]
    after: str | None


class Articles:
    """Looks for articles, on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, *, text: str = "", site: str | None = None, after: str | None = None) -> ArticlePage:
        """A page of the articles with a text in their address, that polls of a site stand on.

        Raises PollError `bad_request` for an `after` that no page before gave, and a text that is too long.
        """
        text = searched(text)
        search = ArticleSearch(text, canonical_url(text), site, place_of(after), PAGE + 1)
        found = await search_articles(self._connection, search)
        page = found[:PAGE]
        more = f"{page[-1].newest}-{page[-1].url}" if len(found) > PAGE else None
        return ArticlePage(page, more)
