"""The OpenAPI 3.1 document of the public interface, from `openapi.json` beside this file."""

import json
from collections.abc import Sequence
from pathlib import Path

from starlette.types import Receive, Scope, Send

from pollsvc import __version__
from pollsvc.services.snapshots import dump
from pollsvc.web.api.description import describe_api
from pollsvc.web.api.gate import ApiRoute
from pollsvc.web.http import respond


class OpenApi:
    """`GET /api/v1/openapi.json`; the part about the editors' interface is made of its routes."""

    def __init__(self, base_url: str, api: Sequence[ApiRoute]) -> None:
        document = json.loads((Path(__file__).parent / "openapi.json").read_bytes())
        document["info"]["version"] = __version__
        document["servers"] = [{"url": base_url}]
        describe_api(document, api)
        self._body = dump(document)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = (
            (b"content-type", b"application/json"),
            (b"cache-control", b"public, max-age=300"),
            (b"access-control-allow-origin", b"*"),
        )
        await respond(send, 200, headers, self._body)
