"""Whether the process lives, and whether it can take votes."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pollsvc.services.ballot_writer import BallotWriter
from pollsvc.services.tallies import Tallies


async def healthz(_request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})


class Readiness:
    """`GET /readyz`: the database answers and votes are being written."""

    def __init__(self, tallies: Tallies, writer: BallotWriter) -> None:
        self._tallies = tallies
        self._writer = writer

    async def show(self, _request: Request) -> Response:
        fault = self._writer.fault
        try:
            await asyncio.wait_for(self._tallies.ping(), timeout=2)
        except Exception as error:
            fault = f"the database does not answer: {type(error).__name__}"
        headers = {"cache-control": "no-store"}
        return PlainTextResponse(f"{fault or 'ready'}\n", 503 if fault else 200, headers)
