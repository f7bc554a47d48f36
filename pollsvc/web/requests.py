"""Each request's id, and where it is wanted a line in the log: nothing in them is of a person."""

import logging
import re
from collections import Counter
from collections.abc import Awaitable, MutableMapping
from contextvars import ContextVar
from random import getrandbits
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from pollsvc.web.http import Addresses, header, route_of

logger = logging.getLogger(__name__)

_request_id: ContextVar[bytes] = ContextVar("request_id", default=b"")


def request_id() -> str:
    """The id of the request that the current task serves; empty for what the service does by itself."""
    return _request_id.get().decode()


_ID = re.compile(r"[A-Za-z0-9-]{16,64}")
"""What is taken for an id: no dot, colon or @, since addresses have those."""
_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""W3C Trace Context, section 3.2: version, trace-id, parent-id, flags."""


class Requests:
    """Gives each request an id, which its answer has as `X-Request-ID`, and counts answers by status.

    A trusted proxy's `X-Request-ID` is taken, or the trace-id of its `traceparent`; else one is made.
    """

    def __init__(self, app: ASGIApp, addresses: Addresses, answers: Counter[int]) -> None:
        self._app = app
        self._addresses = addresses
        self._answers = answers

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        began, id_ = monotonic(), self._id_of(scope)
        _request_id.set(id_)  # in the context of this request's own task

        def sending(message: MutableMapping[str, Any]) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                self._answers[message["status"]] += 1
                message["headers"] = [*message["headers"], (b"x-request-id", id_)]
                if logger.isEnabledFor(logging.INFO):
                    _log(scope, message["status"], monotonic() - began)
            return send(message)

        return self._app(scope, receive, sending)

    def _id_of(self, scope: Scope) -> bytes:
        client = scope.get("client")
        if client and self._addresses.is_trusted(client[0]):
            given = header(scope, b"x-request-id")
            if given is not None and _ID.fullmatch(given):
                return given.encode()
            if found := _TRACE.fullmatch(header(scope, b"traceparent") or ""):
                return found[1].encode()
        return b"%016x" % getrandbits(64)


def _log(scope: Scope, status: int, seconds: float) -> None:
    """A line of an answer that begins. A route's template stands for the path, which may hold a key."""
    fields = {
        "method": scope["method"],
        "route": route_of(scope),
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    logger.info("%(method)s %(route)s %(status)d %(ms).1f ms", fields, extra={"fields": fields})
