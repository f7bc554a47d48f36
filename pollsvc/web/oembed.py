"""`GET /oembed?url=…`: what a page shows when an editor pastes a poll's address (oEmbed 1.0, oembed.com)."""

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from starlette.types import Receive, Scope, Send

from pollsvc.domain.article import origin_of
from pollsvc.domain.errors import Code, PollError, bad
from pollsvc.services.embed import CARD_HEIGHT, CARD_WIDTH, FRAME_WIDTH, card_url, frame_of, link_to, room_of
from pollsvc.services.snapshots import Snapshot, dump
from pollsvc.services.strings import Strings
from pollsvc.services.tallies import Tallies
from pollsvc.web.embed import preset_in
from pollsvc.web.http import respond
from pollsvc.web.numbers import whole
from pollsvc.web.results import parse_query, wanted_lang
from pollsvc.web.xml import add_text, xml_of

CACHE_AGE = 600
"""Seconds for which consumers may keep an answer; it holds no result."""

_PATH = re.compile(r"/(?:p|embed)/(?P<poll>[A-Za-z0-9_-]+)/?")
_LINK_ROOM = 56  # pixels for a line of text below the frame, which only a very low one goes without
_DIGITS = 5  # of a size in pixels
_HEADERS = (
    (b"access-control-allow-origin", b"*"),
    (b"x-content-type-options", b"nosniff"),
)


class OEmbed:
    """Answers for the addresses of polls: `BASE/p/{poll}` and `BASE/embed/{poll}`."""

    def __init__(self, tallies: Tallies, strings: Strings, base_url: str) -> None:
        self._tallies = tallies
        self._strings = strings
        self._base_url = base_url
        self._path = unquote(urlsplit(base_url).path)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        query = parse_query(scope["query_string"])
        form = query.get("format", ["json"])[0]
        if form not in ("json", "xml"):
            raise PollError(Code.UNKNOWN_FORMAT, "Send json or xml as format.")  # section 2.3.5
        width, height = _most(query, "maxwidth"), _most(query, "maxheight")
        poll, asked = self._asked(query.get("url", [""])[0])
        answer = self._answer(await self._tallies.get(poll), asked, width, height)
        body, kind = (dump(answer), "application/json") if form == "json" else (_xml(answer), "text/xml")
        headers = [
            *_HEADERS,
            (b"content-type", f"{kind}; charset=utf-8".encode()),
            (b"cache-control", b"public, max-age=%d" % CACHE_AGE),
        ]
        await respond(send, 200, headers, body)

    def _asked(self, url: str) -> tuple[str, dict[str, list[str]]]:
        """The poll that an address is of, and its parameters. Raises PollError for all other addresses.

        Host and path are compared as browsers understand them; both schemes are taken.
        """
        url = url.strip()
        if not url:
            raise bad('Send the address of a poll as "url".', "url")
        path = unquote(urlsplit(url).path) if _host_of(url) == _host_of(self._base_url) else ""
        found = _PATH.fullmatch(path.removeprefix(self._path)) if path.startswith(self._path) else None
        if found is None:
            raise PollError(Code.NOT_FOUND, f"Send an address such as {self._base_url}/p/ID.")
        return found["poll"], parse_query(urlsplit(url).query.encode())

    def _answer(
        self, snapshot: Snapshot, asked: dict[str, list[str]], width: int | None, height: int | None
    ) -> Mapping[str, str | int]:
        """The response of type `rich` (section 2.3.4.4)."""
        poll, base_url = snapshot.poll, self._base_url
        langs = snapshot.langs(wanted_lang(asked))
        lang = None if langs.texts == poll.lang else langs.texts
        words = self._strings.words(langs.words)
        wide, tall = min(width or FRAME_WIDTH, FRAME_WIDTH), room_of(poll) + _LINK_ROOM
        tall = min(height or tall, tall)
        link_room = _LINK_ROOM if tall > 2 * _LINK_ROOM else 0
        html = frame_of(base_url, poll, words, wide, tall - link_room, lang, preset_in(asked))
        if link_room:
            html += f"<p>{link_to(base_url, poll, lang)}</p>"
        answer: dict[str, str | int] = {
            "version": "1.0",
            "type": "rich",
            "title": poll.question[langs.texts],
            "provider_name": poll.site.name,
            "provider_url": base_url,
            "cache_age": CACHE_AGE,
            "width": wide,
            "height": tall,
            "html": html,
        }
        if (width or CARD_WIDTH) >= CARD_WIDTH and (height or CARD_HEIGHT) >= CARD_HEIGHT:
            answer["thumbnail_url"] = card_url(base_url, poll, lang)
            answer["thumbnail_width"], answer["thumbnail_height"] = CARD_WIDTH, CARD_HEIGHT
        return answer


def _host_of(url: str) -> str | None:
    """The host and port of an http(s) URL, None where it has none."""
    origin = origin_of(url)
    return origin and origin.partition("://")[2]


def _most(query: dict[str, list[str]], name: str) -> int | None:
    """A size that the answer must not exceed, in pixels. Raises PollError when it is no such number."""
    if name not in query:
        return None
    number = whole(query[name][0], _DIGITS)
    if not number:
        raise bad(f"Send {name} as a whole number of pixels from 1 to {'9' * _DIGITS}.", name)
    return number


def _xml(answer: Mapping[str, str | int]) -> bytes:
    """The answer as XML (section 2.3.4)."""
    root = ElementTree.Element("oembed")
    for name, value in answer.items():
        add_text(root, name, str(value))
    return xml_of(root)
