"""What a poll's pages show beside its results: its history, and the code that puts it elsewhere."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pollsvc.domain.clock import Clock
from pollsvc.domain.tally import Tally
from pollsvc.services.editing.describing import state_of
from pollsvc.services.embed import (
    article_code,
    div_code,
    embed_code,
    feed_code,
    frame_code,
    page_url,
    room_of,
)
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.services.words import Words, language_name
from pollsvc.web.admin.deeds import before_of, deed_of
from pollsvc.web.admin.guard import HEADERS
from pollsvc.web.admin.render import Renderer, query_of, when
from pollsvc.web.admin.visit import Visit
from pollsvc.web.newsletter import Newsletter, has_answers
from pollsvc.web.pages.history_view import changes_of

_MAIL_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self'",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)


class _Words(Words):
    """What readers are told, in English, with times as editors read them on the rest of the page."""

    def time(self, seconds: int, zone: str) -> str:
        """Unix seconds as a date and time in a time zone that the page names."""
        return when(seconds, zone)


class RecordPages:
    """Pages on which nothing is changed."""

    def __init__(self, render: Renderer, publisher: Publisher, clock: Clock) -> None:
        self._render = render
        self._publisher = publisher
        self._clock = clock
        self._newsletter = Newsletter(publisher.base_url)

    async def history(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/history?before=NUMBER`: what readers can see changed, and who did what."""
        poll = await visit.work.editing.poll(request.path_params["poll"])
        before, site = before_of(request), visit.site.id if visit.site else None
        log = await visit.work.log.page(subject=f"poll:{poll.id}", before=before)
        snapshot = Snapshot(Tally(poll), self._clock(), self._publisher)
        words = _Words(self._publisher.strings.catalogue("en"))
        return self._render(
            "admin/poll_history.html",
            visit,
            request,
            active="polls",
            poll=poll,
            state=state_of(poll, self._clock()),
            changes=changes_of(snapshot, await visit.work.finding.history(poll.id), words, poll.lang),
            deeds=[deed_of(entry, poll.site.time_zone) for entry in log.entries],
            older=query_of(before=log.older, site=site) if log.older else "",
            newest=query_of(site=site) or "?" if before else "",
        )

    async def embed(self, request: Request, visit: Visit) -> Response:
        """`GET /admin/polls/{poll}/embed?lang=LANG`: all that puts a poll into pages, frames, mail and feeds.

        With `part=mail` it is the block for newsletters alone, as a page for the preview.
        """
        poll = await visit.work.editing.poll(request.path_params["poll"])
        base_url, strings, now = self._publisher.base_url, self._publisher.strings, self._clock()
        asked = request.query_params.get("lang", "")
        lang = asked if asked in poll.langs else poll.lang
        words = strings.words(strings.choose(lang, poll.site.locale))
        block = self._newsletter.block(poll, poll.state(now), words, lang)
        if request.query_params.get("part") == "mail":
            return self._mail_page(block, lang)
        own = lang if lang != poll.lang else None
        mail_query = query_of(part="mail", lang=own, site=visit.site.id if visit.site else None)
        response = self._render(
            "admin/poll_embed.html",
            visit,
            request,
            active="polls",
            poll=poll,
            state=state_of(poll, now),
            lang=lang,
            langs=[(tag, language_name(tag)) for tag in poll.langs],
            codes={
                "page": embed_code(base_url, poll, own),
                "div": div_code(base_url, poll, own),
                "articles": article_code(base_url),
                "frame": frame_code(base_url, poll, words, own),
                "feed": feed_code(base_url, poll, words, own),
                "mail": block,
                "room": f"pollsvc-poll {{ display: block; min-block-size: {room_of(poll)}px }}",
            },
            page_url=page_url(base_url, poll, own),
            by_answer=has_answers(poll, poll.state(now)),
            mail_url=f"{base_url}/admin/polls/{poll.id}/embed{mail_query}",
        )
        response.headers["content-security-policy"] = (
            f"{HEADERS['content-security-policy']}; frame-src 'self'"
        )
        return response

    def _mail_page(self, block: str, lang: str) -> Response:
        """The block as a mail program shows it: without scripts, framed by no page but ours."""
        content = (
            f'<!doctype html><html lang="{escape(lang)}"><head><meta charset="utf-8"><title>Mail</title>'
            '<meta name="color-scheme" content="light"><base target="_blank"></head>'
            f'<body style="margin:16px;background:#fff">{block}</body></html>'
        )
        return HTMLResponse(content, headers={"content-security-policy": _MAIL_POLICY})
