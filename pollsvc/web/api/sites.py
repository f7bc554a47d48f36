"""Sites, articles and the log in the editors' interface."""

import json
from http import HTTPStatus

from starlette.responses import Response

from pollsvc.domain.clock import rfc3339
from pollsvc.domain.errors import bad
from pollsvc.domain.log import Entry
from pollsvc.services.editing.sites import describe_site
from pollsvc.web.api.bodies import ArticleBody, OrderBody, SiteBody, given
from pollsvc.web.api.gate import Call, answer


class ApiSites:
    """Answers calls about sites and the log."""

    async def all(self, call: Call) -> Response:
        """`GET /sites`."""
        sites = [site for site in await call.work.sites.all() if call.key.site in (None, site.id)]
        return answer({"sites": [describe_site(site) for site in sites]})

    async def add(self, call: Call) -> Response:
        """`POST /sites`."""
        call.all_sites()
        fields = given(await call.body(SiteBody))
        for name in ("name", "origins"):
            if name not in fields:
                raise bad(f"Send the site's {name}.", name)
        return answer(describe_site(await call.work.sites.add(**fields)), HTTPStatus.CREATED)

    async def get(self, call: Call) -> Response:
        """`GET /sites/{site}`."""
        return answer(describe_site(await call.site(call.request.path_params["site"])))

    async def change(self, call: Call) -> Response:
        """`PATCH /sites/{site}`."""
        site = await call.site(call.request.path_params["site"])
        changes = given(await call.body(SiteBody))
        return answer(describe_site(await call.work.sites.change(site.id, **changes)))

    async def log(self, call: Call) -> Response:
        """`GET /log`."""
        call.all_sites()
        page = await call.work.log.page(subject=call.query("subject"), before=call.number("before"))
        return answer({"entries": [_entry_json(entry) for entry in page.entries], "next": page.older})


class ApiArticles:
    """Answers calls about the articles that polls stand on."""

    async def of_poll(self, call: Call) -> Response:
        """`GET /polls/{poll}/articles`."""
        poll = await call.poll()
        places = await call.work.placing.of_poll(poll.id)
        return answer(
            {"id": poll.id, "articles": [{"url": place.url, "link": place.link} for place in places]}
        )

    async def attach(self, call: Call) -> Response:
        """`POST /polls/{poll}/articles`."""
        poll = await call.poll()
        place = await call.work.placing.attach(poll.id, (await call.body(ArticleBody)).url)
        return answer({"url": place.url, "link": place.link}, HTTPStatus.CREATED)

    async def detach(self, call: Call) -> Response:
        """`DELETE /polls/{poll}/articles?url=…`."""
        poll = await call.poll()
        await call.work.placing.detach(poll.id, self._url(call))
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"cache-control": "no-store"})

    async def get(self, call: Call) -> Response:
        """`GET /articles?url=…`."""
        return await self._article(call, self._url(call))

    async def reorder(self, call: Call) -> Response:
        """`PUT /articles`."""
        call.all_sites()
        body = await call.body(OrderBody)
        await call.work.placing.reorder(body.url, body.polls)
        return await self._article(call, body.url)

    @staticmethod
    def _url(call: Call) -> str:
        url = call.query("url")
        if url is None:
            raise bad('Send the article\'s address as "url".', "url")
        return url

    @staticmethod
    async def _article(call: Call, url: str) -> Response:
        places = await call.work.placing.of_article(url)
        polls = [await call.work.editing.poll(place.poll) for place in places]
        return answer({"polls": [poll.id for poll in polls if call.key.site in (None, poll.site.id)]})


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        **entry._asdict(),
        "at": rfc3339(entry.at),
        "before": json.loads(entry.before),
        "after": json.loads(entry.after),
    }
