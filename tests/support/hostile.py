"""Sites where all that anybody can write is a payload, and a browser that notices if one ever runs."""

import time
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from PIL import Image
from playwright.async_api import BrowserContext, Dialog, Page, Request

from pollsvc.domain.editor import Role, Scope
from pollsvc.domain.errors import PollError
from pollsvc.domain.log import Actor
from pollsvc.domain.poll import Kind
from pollsvc.domain.webhook import Event
from pollsvc.services.accounts.api_keys import ApiKeys
from pollsvc.services.accounts.editors import is_name
from pollsvc.services.editing.images import Images
from pollsvc.services.editing.new_poll import NewOption
from pollsvc.services.editing.reviewing import Reviewing
from pollsvc.services.editing.sites import Sites
from pollsvc.services.webhooks.webhooks import Webhooks
from tests.support.editors import add_editor, add_session
from tests.support.payloads import PAYLOADS
from tests.support.reader import Http, Reader, new_key
from tests.support.server import Service, open_connection, until

WRITTEN = 40
"""How many of the payloads readers write in; there is a limit on what waits for an editor."""
RANKED = 20


class Hostile(NamedTuple):
    """What was made: polls with one payload each, polls with many, and a webhook."""

    polls: list[str]
    wide: list[str]
    site: str
    webhook: str
    secret: str


async def add_payloads(service: Service, http: Http, origin: str, hooks: str) -> Hostile:
    """Every payload as name of a site, editor and key, as question, option, image text, write-in, article."""
    url, actor = service.database_url, Actor("editor", "adm", PAYLOADS[0])
    secret = await add_session(url, await add_editor(url, Role.ADMIN, "the admin"))
    names, webhook = [], ""
    async with open_connection(url) as connection:
        sites, keys = Sites(connection, time.time, actor), ApiKeys(connection, time.time, actor)
        webhooks = Webhooks(connection, time.time, [hooks], actor)
        image = (await Images(connection, time.time).add(_png())).id
        for payload in PAYLOADS:
            added = await sites.add(payload, [origin], percent_from=1)
            names.append(added.name)
            await keys.create(payload, tuple(Scope), None)
        site = added.id
        for payload in PAYLOADS[:20]:
            with suppress(PollError):  # of which many are no address
                hook, _ = await webhooks.add(added, f"{hooks}/{payload}", tuple(Event))
                webhook = hook.id
    for payload in PAYLOADS:
        if is_name(payload):
            await add_editor(url, Role.EDITOR, payload)
    polls = []
    for number, (payload, site) in enumerate(zip(PAYLOADS, names, strict=True)):
        labels = _apart((payload, PAYLOADS[number - 1]))
        article = f"{origin}/{payload}"
        try:
            polls.append(await service.add_poll(payload, labels, site=site, articles=[article]))
        except PollError:  # no address can be made of it
            polls.append(await service.add_poll(payload, labels, site=site))
    half = len(PAYLOADS) // 2
    wide = []
    for number, part in enumerate((_apart(PAYLOADS[:half]), _apart(PAYLOADS[half:]))):
        more: dict[str, Any] = {"site": names[number], "articles": [f"{origin}/wide{number}"]}
        both = zip(part, part[::-1], strict=True)
        pictured = [NewOption(label=text, image=image, alt=other) for text, other in both]
        wide.append(await service.add_poll(part[0], part, write_in=True, **more))
        wide.append(await service.add_poll(part[1], pictured, **more))
    wide.append(
        await service.add_poll(PAYLOADS[2], _apart(PAYLOADS[:RANKED]), kind=Kind.RANKED, site=names[0])
    )
    for poll in (*wide[:-1], *polls[:3]):
        assert (await Reader(http).vote(poll, 1)).status == 201
    assert (await Reader(http).vote(wide[-1], 2, 1, 3)).status == 201
    await _write_in(service, http, wide[0])
    return Hostile(polls, wide, site, webhook, secret)


async def _write_in(service: Service, http: Http, poll: str) -> None:
    """Readers write payloads in; an editor approves some, and corrects the question."""
    written = []
    for payload in PAYLOADS[:WRITTEN]:
        body = {"selection": [f"{payload} in"[:100]], "idempotency_key": new_key(), "proof": ""}
        answer = await http.post_vote(poll, body)
        assert answer.status == 201, answer
        written.append(answer.json["selection"][0])
    async with service.editor() as editor:
        for option in written[::4]:
            await Reviewing(editor).approve(poll, option)


def _apart(texts: Sequence[str]) -> list[str]:
    """The texts with numbers after them: those that differ in case only could not be options of one poll."""
    return [f"{text} {number}" for number, text in enumerate(texts)]


def _png() -> bytes:
    content = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "PNG")
    return content.getvalue()


_OBSERVE = """
window.found = [];
addEventListener('securitypolicyviolation', ({violatedDirective, blockedURI, sample}) => {
  found.push(`violation of ${violatedDirective} ${blockedURI} ${sample}`);
}, true);
for (const name of ['alert', 'confirm', 'prompt', 'print']) {
  window[name] = (...said) => { found.push(`${name}(${said})`); };
}
"""

_LOOK = """
() => {
  const walk = (root) => {
    for (const element of root.querySelectorAll('*')) {
      for (const {name, value} of element.attributes) {
        if (name.startsWith('on')) found.push(`${element.localName} ${name}=${value}`);
        const leads = /^(xlink:)?(href|src|srcdoc|action|formaction|data|poster)$/.test(name);
        if (leads && /^[\\s\\x00-\\x1f]*(javascript|vbscript|data:text)/i.test(value)) {
          found.push(`${element.localName} ${name}=${value}`);
        }
      }
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  const texts = (root) => root.textContent + [...root.querySelectorAll('*')]
    .map(({value, shadowRoot}) => (value ?? '') + (shadowRoot ? texts(shadowRoot) : '')).join(' ');
  return {found, shows: /alert|evil\\.example|script|config|msgbox/i.test(texts(document.documentElement))};
}
"""


class Guard:
    """Watches all pages of a browser's context: nothing may run, be refused, or ask another host."""

    def __init__(self, context: BrowserContext, *hosts: str) -> None:
        """`hosts` are those that may be asked, with their ports."""
        self.problems: list[str] = []
        self.where = ""
        self._context = context
        self._hosts = hosts
        context.on("request", self._note_request)
        context.on("dialog", self._note_dialog)
        context.on("weberror", lambda error: self._note(f"error {error.error}"))

    async def start(self) -> Page:
        await self._context.add_init_script(_OBSERVE)
        return await self._context.new_page()

    def _note(self, what: str) -> None:
        self.problems.append(f"{self.where}: {what}")

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._hosts:
            self._note(f"request to {request.url}")

    async def _note_dialog(self, dialog: Dialog) -> None:
        self._note(f"dialog {dialog.message}")
        await dialog.dismiss()

    async def open(self, page: Page, url: str) -> None:
        """Open a page, and note what happens by itself."""
        self.where = url
        await page.goto(url)

    async def visit(self, page: Page, url: str, *, shows: bool = True) -> None:
        """Open a page and look at it; with `shows`, a payload has to stand in it as text."""
        await self.open(page, url)
        await self.look(page, shows=shows)

    async def look(self, page: Page, *, shows: bool = True) -> None:
        """Note what has run or could, in the page as it is now."""

        async def seen() -> bool:
            looked = await page.evaluate(_LOOK)
            self.problems += [f"{self.where}: {one}" for one in looked["found"]]
            return looked["shows"] or not shows

        await until(seen)
