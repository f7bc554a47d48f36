"""A poll's last ballot is recorded before it is closed, so that what is published then holds all of them."""

import asyncio
import gzip
import time
from dataclasses import replace
from pathlib import Path

from pollsvc.domain.ballot import COUNTS, Ballot, Cast, Outcome, Status
from pollsvc.domain.review import Rule, Verdict
from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.publishing import Publishing
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.judging import Judging
from pollsvc.storage.ballots import record
from pollsvc.storage.database import Connection
from pollsvc.storage.log import editing
from pollsvc.storage.polls import load_poll, update_poll
from tests.support.reader import Http, Reader
from tests.support.server import SECRET, Service, open_connection, until
from tests.test_recount import recount

KEYS = LogKeys([SECRET])


def cast(poll: str, voter: str, selection: str) -> Cast:
    ballot = Ballot.of(poll, voter * 22, selection, 29_000_000)
    return Cast(ballot, allow_change=True, admit=lambda: COUNTS)


async def outcomes(connection: Connection, *casts: Cast) -> list[Outcome]:
    return [one.outcome for one in (await record(connection, casts, time.time())).recorded]


async def test_what_is_on_its_way_when_a_poll_closes_is_refused(shared: Service) -> None:
    poll, other = await shared.add_poll(allow_change=True), await shared.add_poll()
    async with open_connection(shared.database_url) as connection:
        assert await outcomes(connection, cast(poll, "a", "1")) == [Outcome.CREATED]
        await Editing(connection, time.time).close_poll(poll)
        casts = [cast(poll, "a", "1"), cast(poll, "a", "2"), cast(poll, "b", "1"), cast(other, "b", "1")]
        assert await outcomes(connection, *casts) == [
            *(Outcome.REPEATED, Outcome.CLOSED, Outcome.CLOSED, Outcome.CREATED),
        ]
    await shared.assert_clean(poll)


async def test_a_batch_that_waits_for_the_edit_finds_the_poll_closed(shared: Service) -> None:
    """The transaction that closes the poll has not ended when the batch begins."""
    poll = await shared.add_poll()
    async with open_connection(shared.database_url) as editor, open_connection(shared.database_url) as writer:
        assert await outcomes(writer, cast(poll, "a", "1")) == [Outcome.CREATED]
        async with editing(editor):
            before = await load_poll(editor, poll)
            assert before is not None
            await update_poll(editor, before, replace(before, closes_at=int(time.time())))
            batch = asyncio.create_task(outcomes(writer, cast(poll, "b", "1")))

            async def waits() -> bool:
                if editor.sqlite:  # which begins no transaction beside another that writes
                    return True
                rows = await editor.rows("SELECT 1 FROM pg_locks WHERE NOT granted")
                return bool(rows)

            await until(waits)
        assert await batch == [Outcome.CLOSED]


async def test_what_is_published_meanwhile_can_be_recounted(service: Service, tmp_path: Path) -> None:
    """Votes and reviews do not stop while the poll is closed and published at once."""
    async with (
        Http(service.base_url) as http,
        open_connection(service.database_url) as connection,
        open_connection(service.database_url) as reviewing,
    ):
        for number in range(3):
            poll, closed = await service.add_poll(), asyncio.Event()

            async def votes(poll: str = poll, closed: asyncio.Event = closed) -> int:
                accepted = 0
                while not closed.is_set():
                    accepted += (await Reader(http).vote(poll, 1)).status == 201
                return accepted

            async def reviews(poll: str = poll, closed: asyncio.Event = closed) -> None:
                judging = Judging(reviewing, time.time)
                while not closed.is_set():
                    await judging.judge(poll, Rule(Status.COUNTED), Verdict.HOLD)
                    await judging.judge(poll, Rule(Status.HELD), Verdict.RELEASE)

            voting = [asyncio.create_task(votes()) for _ in range(16)]
            review = asyncio.create_task(reviews())
            await until_voted(http, poll)
            await Editing(connection, time.time).close_poll(poll)
            published = await Publishing(connection, time.time, KEYS).publish(poll)
            closed.set()
            accepted = sum(await asyncio.gather(*voting))
            await review
            file = tmp_path / f"{number}.ndjson.gz"
            rows = await connection.rows(
                "SELECT content FROM published_parts WHERE poll_id = :poll ORDER BY part", poll=poll
            )
            file.write_bytes(b"".join(row[0] for row in rows))
            assert gzip.decompress(file.read_bytes()).count(b'{"type":"leaf"') == published.leaves
            status, found = recount(file)
            assert (status, found["differences"]) == (0, [])
            results = found["results"]
            assert results["voters"] + results["held"] == accepted
    await service.assert_clean()


async def until_voted(http: Http, poll: str) -> None:
    async def voted() -> bool:
        return sum(await http.counts(poll)) > 20

    await until(voted)
