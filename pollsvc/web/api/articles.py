"""The articles that polls stand on, in the editors' interface."""

from http import HTTPStatus

from starlette.responses import Response

from pollsvc.domain.errors import bad
from pollsvc.web.api.bodies import ArticleBody, OrderBody
from pollsvc.web.api.gate import Call, answer


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
        polls = await call.work.placing.polls_of_article(url)
        return answer({"polls": [poll.id for poll in polls if call.key.site in (None, poll.site.id)]})
