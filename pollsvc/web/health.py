"""Whether the process lives, and whether it can take votes."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pollsvc.services.readiness import Readiness


async def healthz(_request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})


class GetReadiness:
    """`GET /readyz`: 200 when this process can take votes now, else 503 with the reason in a line."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def show(self, _request: Request) -> Response:
        fault = await self._readiness.fault()
        headers = {"cache-control": "no-store"}
        return PlainTextResponse(f"{fault or 'ready'}\n", 503 if fault else 200, headers)
