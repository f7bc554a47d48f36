"""What went wrong, as an answer: the one table from codes to statuses, and problem+json (RFC 9457)."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from pollsvc.domain.errors import Code, PollError, busy
from pollsvc.services.snapshots import dump
from pollsvc.web.http import respond

logger = logging.getLogger(__name__)

STATUS = {
    Code.BAD_REQUEST: 400,
    Code.BAD_READER_TOKEN: 401,
    Code.ORIGIN_NOT_ALLOWED: 403,
    Code.NO_SUCH_POLL: 404,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.ALREADY_VOTED: 409,
    Code.POLL_NOT_OPEN: 409,
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
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    if error.code is Code.BAD_API_KEY:
        headers.append((b"www-authenticate", b"Bearer"))
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": error.message,
        **error.details,
    }
    return status, headers, dump(body)


class ErrorBoundary:
    """Turns what an application raises into an answer, and lets all else through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise
            with suppress(Exception):  # the server ends, or the answer had begun
                await self._answer(busy(), send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            more: list[tuple[bytes, bytes]] = []
            if isinstance(error, HTTPException):
                more = [
                    (name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()
                ]
            await self._answer(as_poll_error(error, scope), send, more)

    @staticmethod
    async def _answer(error: PollError, send: Send, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
        status, headers, body = problem(error)
        await respond(send, status, [*headers, *more, (b"access-control-allow-origin", b"*")], body)


def as_poll_error(error: Exception, scope: Scope) -> PollError:
    """What to tell the client of any error; one that is a fault of ours goes to the log."""
    match error:
        case PollError():
            return error
        case HTTPException(status_code=405):
            return PollError(Code.METHOD_NOT_ALLOWED, "Use one of the methods in the Allow header.")
        case HTTPException():
            return PollError(Code.NOT_FOUND, "There is nothing here; check the address.")
    logger.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    return PollError(Code.BUSY, "Something went wrong here; try again in a moment.", retry_after=5)
