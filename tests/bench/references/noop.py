"""A POST that only reads its body and answers 201 with a body of BENCH_LENGTH bytes."""

import os

from starlette.types import Receive, Scope, Send

_BODY = b"x" * int(os.environ["BENCH_LENGTH"])
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 201, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})
