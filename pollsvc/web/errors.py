"""What went wrong, as an answer: the one table from codes to statuses, and problem+json (RFC 9457)."""

import logging
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.snapshots import dump

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
    Code.SLOW_DOWN: 429,
    Code.BUSY: 503,
}


def problem(error: PollError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """An error as status, headers and body."""
    status = STATUS[error.code]
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": error.message,
        **error.details,
    }
    return status, headers, dump(body)


def _answer(error: PollError) -> Response:
    status, headers, body = problem(error)
    response = Response(body, status)
    response.raw_headers.extend([*headers, (b"access-control-allow-origin", b"*")])
    return response


async def poll_error(_request: Request, error: Exception) -> Response:
    """The handler of PollError."""
    assert isinstance(error, PollError)  # noqa: S101 - registered for this class only
    return _answer(error)


async def http_error(_request: Request, error: Exception) -> Response:
    """The handler of Starlette's own errors: a path that is none, a method that is not offered."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == STATUS[Code.METHOD_NOT_ALLOWED]:
        response = _answer(PollError(Code.METHOD_NOT_ALLOWED, "Use one of the methods in the Allow header."))
        response.headers.update(error.headers or {})
        return response
    return _answer(PollError(Code.NOT_FOUND, "There is nothing here; check the address."))


async def unexpected(request: Request, error: Exception) -> Response:
    """The handler of everything else, a fault of ours: told to the log, and to the client as `busy`."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(PollError(Code.BUSY, "Something went wrong here; try again in a moment.", retry_after=5))
