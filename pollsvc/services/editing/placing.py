"""Attaching polls to articles."""

import re
from collections.abc import Sequence

from pollsvc.domain.article import canonical_url, clean_url
from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import PollError, bad, no_such_poll
from pollsvc.domain.log import COMMAND_LINE, Act, Actor
from pollsvc.domain.poll import Poll
from pollsvc.storage import log
from pollsvc.storage import placements as store
from pollsvc.storage.database import Connection
from pollsvc.storage.polls import announce_poll, load_poll, polls_by_id

_WITHOUT_SCHEME = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?(/.*)?")  # what people type, and browsers show

MAX_ARTICLES = 1_000
"""How many articles a poll can have been placed on."""

MAX_POLLS = 100
"""How many polls can stand on an article."""


class Placing:
    """Work on placements, on a connection that nobody else uses meanwhile. Bad input raises PollError."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor = COMMAND_LINE) -> None:
        self._connection = connection
        self._clock = clock
        self._actor = actor

    async def attach(self, poll_id: str, article: str) -> store.Placement:
        """Put a poll on an article, last; harmless when it stands there already."""
        [place] = await self.attach_all(poll_id, [article])
        return place

    async def attach_all(self, poll_id: str, articles: Sequence[str]) -> list[store.Placement]:
        """Put a poll on all of these articles, last on each, or on none; where it stands, it stays."""
        links = canonical_links(articles)
        now = int(self._clock())
        async with log.editing(self._connection):
            await self._poll(poll_id)
            standing = {
                place.url: place for place in await store.placements_of_poll(self._connection, poll_id)
            }
            if len(standing.keys() | links.keys()) > MAX_ARTICLES:
                raise _too_many()
            number = max((place.article for place in standing.values()), default=0)
            for url, link in links.items():
                if url not in standing or standing[url].detached:
                    await check_room(self._connection, url)
                if url not in standing:
                    number += 1
                    await store.insert_placement(self._connection, poll_id, number, url, link)
                elif standing[url].detached:
                    await store.restore_placement(self._connection, poll_id, url)
                else:
                    continue
                await self._done("poll.attach", poll_id, {}, {"article": url}, now)
            placed = await store.placements_of_poll(self._connection, poll_id)
        return [place for place in placed if place.url in links]

    async def detach(self, poll_id: str, article: str) -> None:
        """Take a poll from an article; the votes cast there stay."""
        [url] = canonical_links([article])
        now = int(self._clock())
        async with log.editing(self._connection):
            await self._poll(poll_id)
            standing = await store.placements_of_article(self._connection, url)
            if poll_id not in {place.poll for place in standing}:
                raise bad("The poll does not stand on this article; check the address.", "article")
            await store.detach_placement(self._connection, poll_id, url)
            await self._done("poll.detach", poll_id, {"article": url}, {}, now)

    async def reorder(self, article: str, polls: Sequence[str]) -> None:
        """Set the order of an article's polls; `polls` names each of them once."""
        [url] = canonical_links([article])
        now = int(self._clock())
        async with log.editing(self._connection):
            before = [place.poll for place in await store.placements_of_article(self._connection, url)]
            if sorted(before) != sorted(polls):
                raise bad("Name each poll of the article once; it may have changed meanwhile.", "polls")
            if before == list(polls):
                return
            await store.set_order(self._connection, url, polls)
            for poll in sorted(polls):
                await announce_poll(self._connection, poll)
            act = Act(
                self._actor, "article.order", f"article:{url}", {"polls": before}, {"polls": list(polls)}
            )
            await log.append(self._connection, act, now)

    async def of_poll(self, poll_id: str) -> list[store.Placement]:
        """The articles that a poll stands on, in the order in which they were added."""
        standing = await store.placements_of_poll(self._connection, poll_id)
        return [place for place in standing if not place.detached]

    async def of_article(self, article: str) -> list[store.Placement]:
        """The placements on an article, drafts included, in order."""
        [url] = canonical_links([article])
        return await store.placements_of_article(self._connection, url)

    async def polls_of_article(self, article: str) -> list[Poll]:
        """The polls on an article, drafts included, in order."""
        ids = [place.poll for place in await self.of_article(article)]
        return await polls_by_id(self._connection, ids)

    async def _poll(self, poll_id: str) -> Poll:
        poll = await load_poll(self._connection, poll_id)
        if poll is None:
            raise no_such_poll()
        return poll

    async def _done(
        self, action: str, poll: str, before: dict[str, object], after: dict[str, object], now: int
    ) -> None:
        await announce_poll(self._connection, poll)
        await log.append(self._connection, Act(self._actor, action, f"poll:{poll}", before, after), now)


async def check_room(connection: Connection, url: str) -> None:
    """Raises PollError `bad_request` when no further poll can stand on an article."""
    if len(await store.placements_of_article(connection, url)) >= MAX_POLLS:
        raise bad(f"An article can have at most {MAX_POLLS} polls; take one off first.", "articles")


def canonical_links(articles: Sequence[str]) -> dict[str, str]:
    """Articles by their canonical URL, each with the link to show; once each, in their order."""
    links: dict[str, str] = {}
    for article in articles:
        if _WITHOUT_SCHEME.fullmatch(article.strip()):
            article = f"https://{article.strip()}"  # noqa: PLW2901
        url, link = canonical_url(article), clean_url(article)
        if url is None or link is None:
            raise bad(
                f"{article!r} is no article URL; give one such as https://news.example/story.", "articles"
            )
        links.setdefault(url, link)
    if len(links) > MAX_ARTICLES:
        raise _too_many()
    return links


def _too_many() -> PollError:
    return bad(f"A poll can be placed on at most {MAX_ARTICLES} articles.", "articles")
