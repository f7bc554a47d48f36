"""An editor at work without JavaScript: pages opened, forms sent."""

import re
from html import unescape
from typing import Any

from pollsvc.domain.poll import Poll
from tests.support.editors import EditorHttp
from tests.support.forms import Field, form_in
from tests.support.reader import Answer
from tests.support.server import Service

HERE = "https://news.example"


class Desk:
    """An editor at work: opens pages, and sends their forms."""

    def __init__(self, service: Service, http: EditorHttp) -> None:
        self.service = service
        self.http = http

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status == status, answer
        return answer.body.decode()

    async def form(self, path: str) -> list[Field]:
        """The form of a poll on a page."""
        return form_in(await self.page(path), id_="poll-form")

    async def new_form(self, site: str = "News") -> list[Field]:
        [id_] = re.findall(rf'new\?site=(\w+)"><bdi>{site}<', await self.page("/admin/polls/new"))
        return await self.form(f"/admin/polls/new?site={id_}")

    async def poll(self, id_: str) -> Poll:
        async with self.service.editor() as editor:
            return await editor.poll(id_)

    async def add(self, question: Any = "Who won?", options: Any = ("Iran", "America"), **more: Any) -> str:
        return await self.service.add_poll(question, options, **more)


def place_of(answer: Answer) -> str:
    """Where an answer redirects to, without the host."""
    assert answer.status == 303, answer.body.decode()
    return re.sub(r"^http://[^/]+", "", answer.headers["location"])


def id_in(path: str) -> str:
    return path.split("/")[3].partition("?")[0]


def text_of(answer: Answer | str) -> str:
    """A page's text, as far as it can be seen."""
    html = answer if isinstance(answer, str) else answer.body.decode()
    html = re.sub(r"<(script|style|template)\b.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
