"""The publisher's site: static pages, with the service's address and the polls filled in."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pollsvc.cli.demo.gallery import Gallery
from pollsvc.cli.demo.proxy import METHODS, PREFIX, Proxy
from pollsvc.domain.poll import Poll, State
from pollsvc.services.embed import div_code, element_code, frame_code
from pollsvc.services.strings import Strings
from pollsvc.web.newsletter import Newsletter
from pollsvc.web.widget import static_folder

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src {service}; connect-src {service}; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; require-trusted-types-for 'script'"
)
_POLICIES = {
    "strict.html": (
        "default-src 'none'; script-src {service}; connect-src {service}; style-src 'self'; "
        "require-trusted-types-for 'script'"
    ),
    "app.html": (
        "default-src 'none'; script-src 'self' {service}; connect-src {service}; style-src 'self'; "
        "base-uri 'none'; require-trusted-types-for 'script'"
    ),
    "prefix.html": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; base-uri 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "sandbox.html": "default-src 'none'; frame-src 'self'; style-src 'self'; base-uri 'none'",
    "frame.html": (
        "default-src 'none'; script-src {service}; frame-src {service}; style-src 'self'; "
        "style-src-attr 'unsafe-inline'; base-uri 'none'; require-trusted-types-for 'script'"
    ),
    "noscript.html": "default-src 'none'; style-src 'self'; img-src {service}; base-uri 'none'",
    "newsletter.html": "default-src 'none'; frame-src 'self'; style-src 'self'; base-uri 'none'",
    "mail.html": "default-src 'none'; style-src 'unsafe-inline'; img-src {service}; base-uri 'none'",
    "gallery.html": (
        "default-src 'none'; script-src 'self' {service}; connect-src 'self'; style-src 'self'; "
        "img-src 'self'; base-uri 'none'; require-trusted-types-for 'script'"
    ),
}
"""The policies of pages that need another one than articles do."""

Endpoint = Callable[[Request], Awaitable[Response]]


def publisher(
    service: str, origin: str, polls: Mapping[str, Poll], by_city: Mapping[str, list[Poll]]
) -> Starlette:
    """The publisher's application; `origin` is its address."""
    strings, proxy = Strings(), Proxy(service)
    gallery = Gallery(service, origin, strings)
    files = _files(service, _values(service, origin, polls, by_city, strings))

    async def page(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name == "favicon.ico":
            return Response(status_code=204)
        return files.get(name) or Response("There is no such page.\n", 404, media_type="text/plain")

    async def app(_request: Request) -> Response:
        return files["app.html"]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await proxy.start()
        try:
            yield
        finally:
            await proxy.stop()

    routes = [
        Route("/", page),
        Route(PREFIX + "/{rest:path}", proxy.__call__, methods=METHODS),
        Route("/app/{story}", app),
        Route("/gallery/{lang}.json", gallery.answer),
        Route("/{name}", page),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _values(
    service: str,
    origin: str,
    polls: Mapping[str, Poll],
    by_city: Mapping[str, list[Poll]],
    strings: Strings,
) -> dict[str, str]:
    """What is filled in, by name."""
    english = strings.words("en")
    mail = Newsletter(service).block(polls["poll_mail"], State.OPEN, english, "en")
    _, _, port = origin.rpartition(":")
    return {
        "service": service,
        "publisher": origin,
        "port": port,
        "archive": "\n".join(_of_city(service, city, asked) for city, asked in by_city.items()),
        "div": div_code(service, polls["poll_meat"]),
        "frame": frame_code(service, polls["poll_duty"], english),
        "mail": mail,
        **{name: poll.id for name, poll in polls.items()},
    }


def _of_city(service: str, city: str, polls: list[Poll]) -> str:
    """A city's part of the archive; the page has the script tag already."""
    elements = "\n".join(element_code(service, poll) for poll in polls)
    return f'<section>\n<h2>{escape(city)}</h2>\n<div class="cards">\n{elements}\n</div>\n</section>'


def _files(service: str, values: Mapping[str, str]) -> dict[str, Response]:
    """The answers for all that is in the demo's folder, by name."""
    files: dict[str, Response] = {}
    for path in (static_folder() / "demo").iterdir():
        if path.suffix in _TYPES:
            files[path.name] = _file(path, service, values)
    return files


def _file(path: Path, service: str, values: Mapping[str, str]) -> Response:
    text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    policy = _POLICIES.get(path.name, _POLICY).replace("{service}", service)
    headers = {"content-security-policy": policy, "content-type": _TYPES[path.suffix]}
    return Response(text, headers=headers)
