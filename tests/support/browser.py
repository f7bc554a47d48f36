"""Readers in real browsers, and a publisher's pages on an origin of their own."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    Request,
    expect,
)

from pollsvc.domain.poll import Texts
from pollsvc.services.editing.new_poll import NewOption
from pollsvc.services.editing.sites import Sites
from tests.support.engines import CHROMIUM, Browsers
from tests.support.reader import Http, Reader
from tests.support.server import OPTIONS, Service, free_port, open_connection, run_service

ROOM = "<style>pollsvc-poll { display: block; min-height: 40em }</style>"
PERCENT_FROM = 3
"""From how many voters on the tests' site shows percentages."""

_OBSERVE = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifts.push(entry.value);
}).observe({type: 'layout-shift', buffered: true});
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample);
});
window.sent = [];
window.fetch = ((real) => (url, options) => {
  if (options?.body) window.sent.push(options.body);
  return real(url, options);
})(window.fetch);
window.told = [];
addEventListener('pageshow', (event) => { window.persisted = event.persisted; });
window.streams = [];
window.EventSource = class extends EventSource {
  constructor(url) {
    super(url);
    window.streams.push(this);
  }
};
for (const type of ['ready', 'vote', 'results']) {
  document.addEventListener('pollsvc:' + type, (event) => window.told.push([type, event.detail]));
}
"""


class Publisher:
    """A news site of the tests: `put` pages, then open `url(path)`."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self._pages: dict[str, tuple[str, dict[str, str]]] = {}

    def url(self, path: str = "/") -> str:
        return self.origin + path

    def put(self, html: str, path: str = "/", csp: str | None = None) -> str:
        """Publish HTML under a path, with a Content-Security-Policy if given; returns its address."""
        self._pages[path] = (html, {"content-security-policy": csp} if csp else {})
        return self.url(path)

    async def answer(self, request: web.Request) -> web.Response:
        if request.path not in self._pages:
            raise web.HTTPNotFound
        html, headers = self._pages[request.path]
        return web.Response(text=html, content_type="text/html", headers=headers)


@asynccontextmanager
async def run_publisher() -> AsyncIterator[Publisher]:
    """A publisher that serves on a free port of 127.0.0.1."""
    port = free_port()
    publisher = Publisher(port)
    app = web.Application()
    app.router.add_get("/{path:.*}", publisher.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield publisher
    finally:
        await runner.cleanup()


def embed(service: Service, poll: str, inner: str | None = None) -> str:
    """What a publisher puts where the poll shall be."""
    link = f'<a href="{service.base_url}/p/{poll}">Vote: Who won?</a>' if inner is None else inner
    return f'<pollsvc-poll poll="{poll}">{link}</pollsvc-poll>'


TEXT = "<p>The news of the day, in a paragraph of some words that fill more than one line of it.</p>"
"""What stands before and after a poll."""


def article(service: Service, body: str, lang: str = "en", direction: str = "ltr", head: str = "") -> str:
    """An article with text around what is in `body`."""
    return (
        f'<!doctype html><html lang="{lang}" dir="{direction}"><head><meta charset="utf-8">'
        "<title>News</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<script async src="{service.base_url}/w/1.js"></script>{head}</head>'
        f"<body><main><h1>News</h1>{TEXT}{body}{TEXT}</main></body></html>"
    )


def strict_csp(service: Service) -> str:
    """The policy that the widget promises to work under."""
    server = service.base_url
    return (
        f"default-src 'none'; script-src {server}; connect-src {server}; require-trusted-types-for 'script'"
    )


class Requests:
    """What a page asked the service for."""

    def __init__(self, page: Page, service: Service) -> None:
        self._base = service.base_url
        self.all: list[Request] = []
        page.on("request", lambda request: self.all.append(request))

    def to(self, part: str = "", method: str | None = None) -> list[Request]:
        """The requests to the service whose address has `part` in it."""
        return [
            request
            for request in self.all
            if request.url.startswith(self._base) and part in request.url and method in (None, request.method)
        ]


async def shift(page: Page) -> float:
    """The sum of all layout shifts of the page so far, also of those after input."""
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return float(await page.evaluate("window.shifts.reduce((sum, value) => sum + value, 0)"))


async def open_streams(page: Page) -> list[str]:
    """The addresses of the live streams that are not closed."""
    found = await page.evaluate(
        "streams.filter((stream) => stream.readyState < 2).map((stream) => stream.url)"
    )
    return [str(url) for url in found]


async def last_body(page: Page) -> str:
    """The body that the page's scripts sent last; Playwright does not know it in Firefox."""
    return str(await page.evaluate("window.sent.at(-1)"))


async def told(page: Page, type_: str) -> list[Any]:
    """The details of the widget's events of one type so far."""
    return [detail for kind, detail in await page.evaluate("window.told") if kind == type_]


async def vote(page: Page, label: str, poll: Locator | None = None) -> None:
    """Choose an answer and press Vote."""
    place = poll or page.locator("pollsvc-poll")
    await place.get_by_label(label).check()
    await place.locator("[part=vote]").click()


def mine(page: Page) -> Locator:
    """The marks at the reader's own choice that are shown."""
    return page.get_by_role("img", name="Your vote")


_STICKING_OUT = """() => {
  const wide = document.documentElement.scrollWidth;
  if (wide <= innerWidth) return [];
  const out = [...document.querySelectorAll('*')].map((node) => [node, node.getBoundingClientRect()])
    .filter(([, box]) => box.left < 0 || box.right > innerWidth)
    .map(([node, box]) => `${node.outerHTML.slice(0, 80)}: ${box.left} to ${box.right}`);
  return [`the page: ${wide} px in ${innerWidth}`, ...out.slice(0, 9)];
}"""

_VIOLATIONS = "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"
"""All rules are run; of those that are kept, only one element is looked up and nothing is sent over."""


async def sticking_out(page: Page) -> list[str]:
    """What makes a page wider than its window, as `element: left to right`; nothing where the page fits."""
    if page.viewport_size:
        await page.wait_for_function("(width) => innerWidth === width", arg=page.viewport_size["width"])
    found: list[str] = await page.evaluate(_STICKING_OUT)
    return found


async def axe(page: Page) -> list[str]:
    """Violations that axe-core finds, as `rule: element`."""
    if not await page.evaluate("typeof window.axe === 'object'"):
        await page.evaluate(AXE_FILE_PATH.read_text())
    found: list[Any] = await page.evaluate(_VIOLATIONS)
    return [
        f"{violation['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:300]}"
        for violation in found
        for node in violation["nodes"]
    ]


class News:
    """A publisher with polls, and the pages that its readers open; `close` ends them."""

    def __init__(
        self,
        service: Service,
        publisher: Publisher,
        browser: Browser,
        http: Http,
        browsers: Browsers | None = None,
    ) -> None:
        self.service = service
        self.publisher = publisher
        self.http = http
        self.engine = browser.browser_type.name
        self._browser = browser
        self._browsers = browsers
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    async def poll(
        self, question: str | Texts = "Who won?", options: Sequence[str | NewOption] = OPTIONS, **more: Any
    ) -> str:
        """Create a poll; `more` are fields of NewPoll. Returns its id."""
        return await self.service.add_poll(question, options, site=self.publisher.origin, **more)

    async def others_vote(self, poll: str, *selections: Sequence[int]) -> None:
        """One vote each by readers elsewhere."""
        for selection in selections:
            answer = await Reader(self.http).vote(poll, *selection)
            assert answer.status == 201, answer

    async def context(self, **options: Any) -> BrowserContext:
        """A browser of a reader of their own; `options` as of Playwright's new_context."""
        options.setdefault("viewport", {"width": 700, "height": 900})
        browser = self._browser
        if self._browsers:
            browser = await self._browsers.get(self.engine, options)
        context = await browser.new_context(**options)
        context.set_default_timeout(10_000)
        await context.add_init_script(_OBSERVE)
        self._contexts.append(context)
        return context

    async def blank(self, context: BrowserContext | None = None, **options: Any) -> Page:
        """An empty page, to prepare before it is opened with `open`."""
        page = await (context or await self.context(**options)).new_page()
        page.on("pageerror", self._note)
        return page

    async def open(self, page: Page, body: str, csp: str | None = None, **more: str) -> Page:
        """Publish an article with a body, and open it; `more` as of `article`.

        Without a policy against it, the page keeps room for a poll, so that it is whole at once.
        """
        if not csp:
            more = {"head": ROOM, **more}
        await page.goto(self.publisher.put(article(self.service, body, **more), csp=csp))
        return page

    async def read(self, poll: str, context: BrowserContext | None = None, **options: Any) -> Page:
        """A page with a poll, opened; it shows its form or its result."""
        page = await self.open(await self.blank(context, **options), embed(self.service, poll))
        await expect(page.locator("pollsvc-poll form")).to_be_visible()
        return page

    def _note(self, error: Error) -> None:
        """Keep a script's error. Firefox tells of requests here too, with half a sentence as the name."""
        if self.engine == CHROMIUM or (error.name or "").isidentifier():
            self.errors.append(str(error))

    async def close(self) -> None:
        """End all; no script error may have come up."""
        for context in self._contexts:
            await context.close()
        assert not self.errors, self.errors


@asynccontextmanager
async def run_newsroom(folder: Path, **env: str) -> AsyncIterator[tuple[Service, Publisher, Http]]:
    """A service with these settings, and a publisher that it knows."""
    async with run_publisher() as publisher, run_service(folder, env=env) as service:
        async with open_connection(service.database_url) as connection:
            await Sites(connection, time.time).add(
                publisher.origin, [publisher.origin], percent_from=PERCENT_FROM
            )
        async with Http(service.base_url) as http:
            yield service, publisher, http
