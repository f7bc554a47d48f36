"""A request's body, taken whole before anybody works on it: a slow sender holds no connection meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile

from starlette.types import Message, Receive

from pollsvc.domain.errors import Code, PollError

_IN_MEMORY = 1 << 18  # bytes; a larger body goes to the disk
_CHUNK = 1 << 16


@asynccontextmanager
async def taken(receive: Receive, limit: int) -> AsyncIterator[Receive]:
    """What gives the body that `receive` gives, of at most `limit` bytes, once all of it is there.

    Raises PollError `body_too_large`, or `bad_request` when the request ends before its body does.
    """
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise PollError(Code.BAD_REQUEST, "The request ended before its body did; send it again.")
            file.write(message.get("body", b""))
            if file.tell() > limit:
                raise PollError(Code.BODY_TOO_LARGE, f"Send at most {_size(limit)}.")
            more = message.get("more_body", False)
        left = file.tell()
        file.seek(0)
        given = False

        async def again() -> Message:
            nonlocal left, given
            if given and not left:
                return await receive()
            given = True
            part = file.read(_CHUNK)
            left -= len(part)
            return {"type": "http.request", "body": part, "more_body": left > 0}

        yield again


def _size(limit: int) -> str:
    return f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
