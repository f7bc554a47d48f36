"""Making and changing sites and polls."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pollsvc.domain.article import canonical_origin, canonical_url
from pollsvc.domain.clock import Clock
from pollsvc.domain.errors import Code, PollError, no_such_poll
from pollsvc.domain.poll import Kind, Option, Poll, Site, State, Visibility
from pollsvc.domain.selection import check_picks
from pollsvc.services.mac import encode
from pollsvc.storage import polls as store
from pollsvc.storage.database import Connection

MAX_OPTIONS = 50
MAX_ARTICLES = 1_000
MAX_QUESTION = 300
MAX_LABEL = 150
"""Limits of a poll; lengths in characters."""

MAX_TIME = 221_845_305_600
"""The latest time of a schedule: 9000-01-01, in Unix seconds; every time zone can still show it."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for something else


@dataclass(frozen=True, slots=True)
class NewPoll:
    """A poll as an editor asks for it. Times are Unix seconds; the least and most picks default by kind."""

    question: str
    options: Sequence[str]
    kind: Kind = Kind.SINGLE
    lang: str | None = None
    min_picks: int | None = None
    max_picks: int | None = None
    articles: Sequence[str] = ()
    opens_at: int | None = None
    closes_at: int | None = None
    visibility: Visibility = Visibility.ALWAYS
    allow_change: bool = False
    draft: bool = False


class Editing:
    """Editors' work on sites and polls, on a connection of its own. Bad input raises PollError."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def add_site(
        self,
        name: str,
        origins: Sequence[str],
        *,
        locale: str = "en",
        time_zone: str = "UTC",
        percent_from: int = 10,
    ) -> Site:
        """Add a publisher whose pages, at these origins, may send votes."""
        canonical = [(origin, canonical_origin(origin)) for origin in origins]
        wrong = [origin for origin, known in canonical if known is None]
        if wrong:
            raise _bad(f"{wrong[0]!r} is no origin; give scheme and host only, such as https://news.example.")
        if not origins:
            raise _bad("A site needs at least one origin, such as https://news.example.")
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise _bad(f"{time_zone!r} is no time zone; give one such as Asia/Tehran.") from None
        site = Site(
            id=_new_id(8),
            name=_text(name, "site's name", MAX_LABEL),
            origins=frozenset(known for _, known in canonical if known),
            locale=locale,
            time_zone=time_zone,
            key=secrets.token_bytes(32),
            percent_from=percent_from,
        )
        if not await store.add_site(self._connection, site, int(self._clock())):
            raise _bad(f"There is a site named {name!r} already; choose another name.")
        return site

    async def sites(self) -> list[Site]:
        """All sites, by name."""
        return await store.list_sites(self._connection)

    async def site(self, name: str) -> Site:
        """The site of this name or id."""
        for site in await self.sites():
            if name in (site.name, site.id):
                return site
        raise _bad(f"There is no site named {name!r}; `pollsvc site list` shows them.")

    async def create_poll(self, site: Site, new: NewPoll) -> Poll:
        """Create a poll of a site."""
        labels = [_text(label, "option", MAX_LABEL) for label in new.options]
        if not 2 <= len(labels) <= MAX_OPTIONS:
            raise _bad(f"A poll needs 2 to {MAX_OPTIONS} options; {len(labels)} were given.")
        if len(set(labels)) != len(labels):
            raise _bad("Two options have the same label; give each its own.")
        least = 1 if new.min_picks is None else new.min_picks
        most = (1 if new.kind is Kind.SINGLE else len(labels)) if new.max_picks is None else new.max_picks
        check_picks(new.kind, len(labels), least, most)
        for time in (new.opens_at, new.closes_at):
            if time is not None and not 0 <= time <= MAX_TIME:
                raise _bad("A poll can open and close between the years 1970 and 9000; choose another time.")
        if new.opens_at is not None and new.closes_at is not None and new.opens_at >= new.closes_at:
            raise _bad("A poll must close after it opens.")
        poll = Poll(
            id=_new_id(10),
            site=site,
            kind=new.kind,
            question=_text(new.question, "question", MAX_QUESTION),
            lang=new.lang or site.locale,
            options=tuple(Option(number, label) for number, label in enumerate(labels, 1)),
            min_picks=least,
            max_picks=most,
            opens_at=new.opens_at,
            closes_at=new.closes_at,
            draft=new.draft,
            visibility=new.visibility,
            allow_change=new.allow_change,
            key=secrets.token_bytes(32),
            results_key=encode(secrets.token_bytes(16)),
            placements=_placements(new.articles),
        )
        await store.add_poll(self._connection, poll, int(self._clock()))
        return poll

    async def polls(self, site: Site | None = None) -> list[Poll]:
        """All polls, or a site's, newest first."""
        return await store.list_polls(self._connection, site.id if site else None)

    async def poll(self, id_: str) -> Poll:
        """A poll by its id, drafts included. Raises `no_such_poll`."""
        poll = await store.load_poll(self._connection, id_)
        if poll is None:
            raise no_such_poll()
        return poll

    async def open_poll(self, id_: str) -> Poll:
        """Open a poll now: publish a draft, bring a later opening forward, or reopen a closed poll."""
        poll, now = await self.poll(id_), int(self._clock())
        opens_at = now if poll.opens_at is None or poll.opens_at > now else poll.opens_at
        closes_at = None if poll.state(now) is State.CLOSED else poll.closes_at
        await store.set_schedule(self._connection, id_, opens_at=opens_at, closes_at=closes_at)
        return await self.poll(id_)

    async def close_poll(self, id_: str) -> Poll:
        """Close a poll now; one that is closed stays as it is."""
        poll, now = await self.poll(id_), int(self._clock())
        if poll.draft:
            raise _bad("The poll is a draft; open it before it can be closed.")
        if poll.state(now) is not State.CLOSED:
            opens_at = poll.opens_at if poll.opens_at is None or poll.opens_at < now else None
            await store.set_schedule(self._connection, id_, opens_at=opens_at, closes_at=now)
        return await self.poll(id_)


def _placements(articles: Sequence[str]) -> dict[str, int]:
    urls: dict[str, int] = {}
    for article in articles:
        url = canonical_url(article)
        if url is None:
            raise _bad(f"{article!r} is no article URL; give one such as https://news.example/story.")
        urls.setdefault(url, len(urls) + 1)
    if len(urls) > MAX_ARTICLES:
        raise _bad(f"A poll can be placed on at most {MAX_ARTICLES} articles.")
    return urls


def _text(text: str, what: str, limit: int) -> str:
    """The text in one line. Raises PollError when it is empty, too long, or not text."""
    line = " ".join(text.split())
    if not line:
        raise _bad(f"The {what} is empty; give it some text.")
    if len(line) > limit:
        raise _bad(f"The {what} is longer than {limit} characters; shorten it.")
    if any(category(char) in {"Cc", "Cs"} for char in line):
        raise _bad(f"The {what} has characters that cannot be shown; remove them.")
    return line


def _new_id(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _bad(message: str) -> PollError:
    return PollError(Code.BAD_REQUEST, message)
