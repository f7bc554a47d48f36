"""What went wrong, as an answer: the one table from codes to statuses, and problem+json (RFC 9457)."""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError, busy
from pollsvc.services.snapshots import dump
from pollsvc.web.http import respond, route_of

logger = logging.getLogger(__name__)

STATUS = {
    Code.BAD_REQUEST: 400,
    Code.WRONG_HOST: 421,
    Code.BAD_READER_TOKEN: 401,
    Code.ORIGIN_NOT_ALLOWED: 403,
    Code.NO_SUCH_POLL: 404,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.UNKNOWN_FORMAT: 501,
    Code.ALREADY_VOTED: 409,
    Code.POLL_NOT_OPEN: 409,
    Code.PROOF_REQUIRED: 428,
    Code.NOT_VOUCHED_FOR: 403,
    Code.BODY_TOO_LARGE: 413,
    Code.INVALID_SELECTION: 422,
    Code.NOT_SIGNED_IN: 401,
    Code.BAD_API_KEY: 401,
    Code.FORBIDDEN: 403,
    Code.NEEDS_CONFIRMATION: 409,
    Code.NOT_POSSIBLE_NOW: 409,
    Code.EDIT_CONFLICT: 412,
    Code.IF_MATCH_REQUIRED: 428,
    Code.SLOW_DOWN: 429,
    Code.BUSY: 503,
}


def problem(error: PollError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """An error as status, headers and body."""
    status = STATUS[error.code]
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    headers += [(name.encode(), value.encode()) for name, value in headers_of(error).items()]
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": error.message,
        **error.details,
    }
    return status, headers, dump(body)


def headers_of(error: PollError) -> dict[str, str]:
    """The headers that an error has beside its status."""
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.code is Code.BAD_API_KEY:
        headers["www-authenticate"] = "Bearer"
    if isinstance(allow := error.details.get("allow"), list):
        headers["allow"] = ", ".join(allow)
    return headers


def method_not_allowed(methods: Collection[str]) -> PollError:
    """What a method is told that is not one of these; HEAD goes with GET (RFC 9110, section 15.5.6)."""
    allow = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})
    return PollError(
        Code.METHOD_NOT_ALLOWED, f"Use one of the methods {', '.join(allow)}.", details={"allow": allow}
    )


class ErrorBoundary:
    """Turns what an application raises into an answer, and lets all else through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except (Exception, asyncio.CancelledError) as error:
            if scope["type"] != "http":
                raise
            more: list[tuple[bytes, bytes]] = []
            if isinstance(error, HTTPException):
                more = [
                    (name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()
                ]
            status, headers, body = problem(as_poll_error(error, scope))
            with suppress(Exception):  # the answer had begun
                await respond(send, status, [*headers, *more, (b"access-control-allow-origin", b"*")], body)


def as_poll_error(error: BaseException, scope: Scope) -> PollError:
    """What to tell the client of any error; one that is a fault of ours goes to the log."""
    match error:
        case PollError():
            return error
        case asyncio.CancelledError():  # the server ends
            return busy()
        case HTTPException(status_code=405):
            return PollError(Code.METHOD_NOT_ALLOWED, "Use one of the methods in the Allow header.")
        case HTTPException():
            return PollError(Code.NOT_FOUND, "There is nothing here; check the address.")
    logger.error("%s %s failed", scope["method"], route_of(scope), exc_info=error)
    return PollError(Code.BUSY, "Something went wrong here; try again in a moment.", retry_after=5)
