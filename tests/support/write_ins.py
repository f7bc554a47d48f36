"""Readers who write answers of their own, and editors who decide about them."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pollsvc.domain.poll import Option, Poll
from pollsvc.services.editing.editing import Editing
from tests.support.reader import Answer, Http, new_key
from tests.support.server import Service, open_connection, until


async def write(http: Http, poll: str, *selection: object, key: str | None = None) -> Answer:
    """A vote by a new reader, or by the one of a key, whose browser can prove nothing."""
    return await http.post_vote(
        poll, {"selection": selection, "idempotency_key": key or new_key(), "proof": ""}
    )


async def written(service: Service, poll: str) -> list[Option]:
    """What readers wrote in a poll, as it stands in the database."""
    async with service.editor() as editor:
        return [option for option in (await editor.poll(poll)).options if option.write_in is not None]


async def decide(service: Service, poll: str, option: int, **changes: Any) -> None:
    """What an editor makes of a write-in."""

    def edit(before: Poll, _: int) -> Poll:
        options = [replace(one, **changes) if one.id == option else one for one in before.options]
        return replace(before, options=tuple(options), revision=before.revision + 1)

    async with open_connection(service.database_url) as connection:
        await Editing(connection, time.time).change(poll, "poll.decide", edit, None)


async def counts_become(http: Http, poll: str, counts: Sequence[int], other: int = 0) -> None:
    """Wait until the public result shows these counts."""

    async def so() -> bool:
        results = await http.results(poll)
        return ([one["count"] for one in results["options"]], results["other"]) == ([*counts], other)

    await until(so)
