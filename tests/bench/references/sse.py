"""Live streams as sse-starlette's users write them: a queue for each stream, filled by POST /publish."""

import asyncio
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_queues: set[asyncio.Queue[str]] = set()
_latest = "{}"
_number = 0


async def live(request: Request) -> Response:
    return EventSourceResponse(_events())


async def _events() -> AsyncIterator[ServerSentEvent]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    _queues.add(queue)
    try:
        yield ServerSentEvent(_latest, event="results", id=str(_number))
        while True:
            data = await queue.get()
            yield ServerSentEvent(data, event="results", id=str(_number))
    finally:
        _queues.discard(queue)


async def publish(request: Request) -> Response:
    global _latest, _number
    _latest, _number = (await request.body()).decode(), _number + 1
    for queue in _queues:
        queue.put_nowait(_latest)
    return Response(status_code=202)


async def healthz(request: Request) -> Response:
    return Response()


app = Starlette(
    routes=[Route("/live", live), Route("/publish", publish, methods=["POST"]), Route("/healthz", healthz)]
)
