"""The service that one writes first: one `database.execute` for each vote, through `databases` on SQLite."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from databases import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

database = Database(os.environ["BENCH_DATABASE_URL"])


async def vote(request: Request) -> Response:
    body = await request.json()
    values = {"voter": body["idempotency_key"], "selection": body["selection"][0]}
    await database.execute("INSERT INTO ballots (voter, selection) VALUES (:voter, :selection)", values)
    return JSONResponse({"voted": True}, 201)


async def healthz(request: Request) -> Response:
    return Response()


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with database:
        await database.execute("CREATE TABLE ballots (voter TEXT PRIMARY KEY, selection INTEGER NOT NULL)")
        yield


app = Starlette(
    routes=[
        Route("/api/v1/polls/{poll}/votes", vote, methods=["POST"]),
        Route("/healthz", healthz),
    ],
    lifespan=lifespan,
)
