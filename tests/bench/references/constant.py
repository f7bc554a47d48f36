"""A GET that always answers the same headers and body, read once from the JSON file BENCH_ANSWER."""

import json
import os
from pathlib import Path

from starlette.types import Receive, Scope, Send

_ANSWER = json.loads(Path(os.environ["BENCH_ANSWER"]).read_bytes())
_HEADERS = [(name.encode(), value.encode()) for name, value in _ANSWER["headers"]]
_BODY = _ANSWER["body"].encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})
