"""The widget's files, under their short-lived names and under immutable ones."""

import gzip
from base64 import b64encode
from hashlib import sha384
from importlib.resources import files
from pathlib import Path

from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError
from pollsvc.web.http import not_modified, respond, takes_gzip

VERSION = "1.0.0"
"""The widget's version (semver.org); its first number is that of its interface to pages.

`/w/1.js` is the newest release of that interface, for ever. A release's files are kept in `static/released/`
under their immutable names, so that a page that has pinned one keeps it.
"""
API = VERSION.partition(".")[0]

RARE = f"{API}.rare.js"
"""The widget's second file, for what few polls need."""
PROOF = f"{API}.proof.js"
"""The widget's third file solves challenges, and so is always the one of the service that makes them."""

SCRIPT = "text/javascript; charset=utf-8"
_TYPES = {
    ".js": SCRIPT,
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".py": "text/x-python; charset=utf-8",
}
_BESIDE = (
    *("embed.css", "embed.js", "frame.js", "icon.svg", "page.css", "page.js", "proofs.js", "recount.py"),
    "verify.js",
)
_SHORT = b"public, max-age=300, stale-while-revalidate=86400"
_FOR_EVER = b"public, max-age=31536000, immutable"


def static_folder() -> Path:
    """Where the files for browsers are: in the installed package, or beside it in a checkout."""
    package = Path(str(files("pollsvc")))
    installed = package / "static"
    return installed if installed.is_dir() else package.parent / "static"


class Asset:
    """A file for browsers, read once, with its compressed form and its validator."""

    def __init__(self, content: bytes, content_type: str) -> None:
        self.content = content
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
        if takes_gzip(scope):
            await respond(send, 200, [*headers, (b"content-encoding", b"gzip")], self.compressed)
        else:
            await respond(send, 200, headers, self.content)


class Assets:
    """`GET /w/{name}`: the widget as `1.js` and as `1.x.y.HASH.js`, and what frames and plain pages need.

    The widget's second file is `1.rare.js`; the first one asks for it by its immutable name, so that the two
    that meet in a page are of one release. `release` has this release's files by their immutable names.
    """

    def __init__(self) -> None:
        folder = static_folder()
        rare = Asset((folder / "widget-rare.js").read_bytes(), SCRIPT)
        rare_name = _immutable_name(rare)
        content = (folder / "widget.js").read_text("utf-8").replace(f"/w/{RARE}", f"/w/{rare_name}")
        self.widget = Asset(content.encode(), SCRIPT)
        self.immutable_name = _immutable_name(self.widget)
        self.release = {self.immutable_name: self.widget, rare_name: rare}
        kept = (folder / "released").glob("*.js")
        self._immutable = {path.name: Asset(path.read_bytes(), SCRIPT) for path in kept} | self.release
        self._short = {
            f"{API}.js": self.widget,
            RARE: rare,
            PROOF: Asset((folder / "widget-proof.js").read_bytes(), SCRIPT),
            **{name: Asset((folder / name).read_bytes(), _TYPES[Path(name).suffix]) for name in _BESIDE},
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        name = scope["path_params"]["name"]
        if name in self._short:
            await self._short[name].send(scope, send, _SHORT)
        elif name in self._immutable:
            await self._immutable[name].send(scope, send, _FOR_EVER)
        else:
            raise PollError(Code.NOT_FOUND, f"There is no such file; the widget is /w/{API}.js.")


def _immutable_name(asset: Asset) -> str:
    return f"{VERSION}.{asset.hash}.js"
