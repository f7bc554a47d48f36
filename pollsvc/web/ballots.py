"""`GET /p/{poll}/ballots.ndjson.gz`: the published ballots of a poll, for anybody to recount."""

from starlette.types import Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.ballot_log.downloads import Downloads
from pollsvc.services.tallies import Tallies
from pollsvc.web.http import not_modified

FILE = "ballots.ndjson.gz"
"""What it is called, at the end of its address."""
CACHE_CONTROL = "public, max-age=300"


class GetBallots:
    """Sends the file part by part, each when the client has taken the one before."""

    def __init__(self, tallies: Tallies, downloads: Downloads) -> None:
        self._tallies = tallies
        self._downloads = downloads

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        poll = (await self._tallies.get(scope["path_params"]["poll"])).poll.id
        bundle = await self._downloads.of(poll)
        if bundle is None:
            raise PollError(Code.NO_SUCH_POLL, "The ballots of this poll are not published.")
        etag = f'"{bundle.sha256}"'
        headers = [
            (b"cache-control", CACHE_CONTROL.encode()),
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
            (b"content-security-policy", b"default-src 'none'; sandbox"),
            (b"x-content-type-options", b"nosniff"),
            (b"etag", etag.encode()),
        ]
        if await not_modified(scope, send, headers, etag):
            return
        headers += [
            (b"content-type", b"application/gzip"),
            (b"content-disposition", f'attachment; filename="{poll}-{FILE}"'.encode()),
            (b"content-length", b"%d" % bundle.size),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "GET":
            async for content in self._downloads.parts(bundle):
                await send({"type": "http.response.body", "body": content, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
