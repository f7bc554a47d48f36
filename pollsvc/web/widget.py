"""The widget's file, under its short-lived name and under an immutable one."""

import gzip
from base64 import b64encode
from hashlib import sha384
from importlib.resources import files
from pathlib import Path

from starlette.types import Receive, Scope, Send

from pollsvc import __version__
from pollsvc.domain.errors import Code, PollError
from pollsvc.web.http import header, not_modified, respond

API = "1"
"""The major version of the widget's interface to pages; `/w/1.js` is served for ever."""

_SHORT = b"public, max-age=300, stale-while-revalidate=86400"
_FOR_EVER = b"public, max-age=31536000, immutable"


def static_folder() -> Path:
    """Where the files for browsers are: in the installed package, or beside it in a checkout."""
    package = Path(str(files("pollsvc")))
    installed = package / "static"
    return installed if installed.is_dir() else package.parent / "static"


class Asset:
    """A file for browsers, read once, with its compressed form and its validator."""

    def __init__(self, path: Path, content_type: str) -> None:
        self.content = path.read_bytes()
        self.compressed = gzip.compress(self.content, 9, mtime=0)
        digest = sha384(self.content).digest()
        self.hash = digest.hex()[:16]
        self.integrity = "sha384-" + b64encode(digest).decode()
        self._etag = f'W/"{self.hash}"'  # weak: the same for the compressed form (RFC 9110, section 8.8.1)
        self._headers = (
            (b"content-type", content_type.encode()),
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
            (b"x-content-type-options", b"nosniff"),
            (b"etag", self._etag.encode()),
            (b"vary", b"Accept-Encoding"),
        )

    async def send(self, scope: Scope, send: Send, cache_control: bytes) -> None:
        """Answer with the file, or 304 (RFC 9110, section 13.1.2)."""
        headers = [*self._headers, (b"cache-control", cache_control)]
        if await not_modified(scope, send, headers, self._etag):
            return
        if "gzip" in (header(scope, b"accept-encoding") or ""):
            await respond(send, 200, [*headers, (b"content-encoding", b"gzip")], self.compressed)
        else:
            await respond(send, 200, headers, self.content)


class Assets:
    """`GET /w/{name}`: the widget as `1.js` and as `1.x.y.HASH.js`, and what the plain page needs."""

    def __init__(self) -> None:
        folder = static_folder()
        self.widget = Asset(folder / "widget.js", "text/javascript; charset=utf-8")
        self._beside = {
            "page.css": Asset(folder / "page.css", "text/css; charset=utf-8"),
            "icon.svg": Asset(folder / "icon.svg", "image/svg+xml"),
        }
        self.immutable_name = f"{API}.{__version__.partition('.')[2]}.{self.widget.hash}.js"

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        name = scope["path_params"]["name"]
        if name == f"{API}.js":
            await self.widget.send(scope, send, _SHORT)
        elif name == self.immutable_name:
            await self.widget.send(scope, send, _FOR_EVER)
        elif name in self._beside:
            await self._beside[name].send(scope, send, _SHORT)
        else:
            raise PollError(Code.NOT_FOUND, "There is no such file; the widget is /w/1.js.")
