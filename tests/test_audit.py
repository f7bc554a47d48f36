"""The recount finds whatever was changed behind the service's back, and says where."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import engine_url
from tests.support.reader import Http, Reader
from tests.support.server import CliError, Service, add_site, open_connection, run_service

Poll = tuple[Service, str]

TAMPERING = {
    "selection": ("UPDATE ballots SET selection = '3' WHERE {one}", {"leaf", "tally"}),
    "impossible selection": (
        "UPDATE ballots SET selection = '9' WHERE {one}",
        {"leaf", "selection", "tally"},
    ),
    "two picks of a single choice": (
        "UPDATE ballots SET selection = '1,2' WHERE {one}",
        {"leaf", "selection", "tally"},
    ),
    "no text of a selection": (
        "UPDATE ballots SET selection = 'x' WHERE {one}",
        {"leaf", "selection", "tally"},
    ),
    "status": ("UPDATE ballots SET status = 'excluded' WHERE {one}", {"leaf", "tally"}),
    "minute": ("UPDATE ballots SET minute = minute - 1 WHERE {one}", {"leaf", "tally"}),
    "article": ("UPDATE ballots SET article = 1 WHERE {one}", {"leaf", "tally"}),
    "number": ("UPDATE ballots SET number = 7 WHERE {one}", {"leaf"}),
    "voter": ("UPDATE ballots SET voter = 'AAAAAAAAAAAAAAAAAAAAAA' WHERE {one}", {"leaf"}),
    "batch": ("UPDATE ballots SET batch = 7000 WHERE {one}", {"leaf"}),
    "deleted ballot": ("DELETE FROM ballots WHERE {one}", {"leaf", "tally"}),
    "added ballot": (
        "INSERT INTO ballots SELECT poll_id, 'AAAAAAAAAAAAAAAAAAAAAA', number, selection, status, reason, "
        "article, minute, batch, network, fresh FROM ballots WHERE {one}",
        {"leaf", "tally"},
    ),
    "changed tally": ("UPDATE tally SET count = count + 1 WHERE poll_id = '{poll}'", {"tally"}),
    "deleted tally": ("DELETE FROM tally WHERE poll_id = '{poll}'", {"tally"}),
    "added tally": ("INSERT INTO tally VALUES ('{poll}', 0, 1, '2', 'counted', '', 5)", {"tally"}),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def voted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callable[[], Any]]:
    """Makes polls with two equal ballots each, all cast before anything is tampered with."""
    folder = tmp_path_factory.mktemp(f"audit-{request.param}")
    async with engine_url(request, folder) as url:
        async with run_service(folder, url, site=True) as service, Http(service.base_url) as http:
            polls = [await service.add_poll() for _ in range(len(TAMPERING) + 2)]
            for poll in polls:
                for _ in range(2):
                    await Reader(http).vote(poll, 1)
        left = iter(polls)
        yield lambda: (service, next(left))


async def run_sql(service: Service, sql: str) -> None:
    async with open_connection(service.database_url) as connection, connection.transaction():
        await connection.rows(sql)


@pytest.mark.parametrize("what", TAMPERING)
async def test_tampering_is_found(voted: Callable[[], Poll], what: str) -> None:
    service, poll = voted()
    assert (await service.audit(poll)).differences == []
    sql, kinds = TAMPERING[what]
    ballots = await service.ballots(poll)
    one = f"poll_id = '{poll}' AND voter = '{ballots[0].voter}'"
    await run_sql(service, sql.format(poll=poll, one=one))
    report = await service.audit(poll)
    assert {difference["kind"] for difference in report.differences} == kinds
    assert {difference["poll"] for difference in report.differences} == {poll}
    assert report.found == len(report.differences)


async def test_an_untouched_poll_is_clean_beside_tampered_ones(voted: Callable[[], Poll]) -> None:
    service, poll = voted()
    assert (await service.audit(poll)).found == 0


async def test_a_ballot_of_another_key_is_found(voted: Callable[[], Poll]) -> None:
    service, poll = voted()
    known = service.env["POLLSVC_SECRET_KEYS"]
    service.env["POLLSVC_SECRET_KEYS"] = "another-secret-for-tests-of-more-than-32-characters"
    try:
        report = await service.audit(poll)
    finally:
        service.env["POLLSVC_SECRET_KEYS"] = known
    assert [difference["kind"] for difference in report.differences] == ["tree"]


async def test_an_orphan_is_found_by_the_command_which_exits_with_1(tmp_path: Path) -> None:
    """And each difference is a line for people, or a value for scripts."""
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1)
    await add_site(service.database_url)
    await run_sql(
        service,
        "INSERT INTO ballots "
        "VALUES ('gone', 'AAAAAAAAAAAAAAAAAAAAAA', 1, '1', 'counted', '', 0, 1, 0, '', FALSE)",
    )
    with pytest.raises(CliError) as failed:
        await service.run("audit")
    assert failed.value.status == 1
    assert "poll: poll gone: the ballot of voter AAAAAAAAAAAAAAAAAAAAAA" in failed.value.output
    assert "1 ballots in 0 polls, 1 entries in the log: 3 differences" in failed.value.output
    with pytest.raises(CliError) as failed:
        await service.run("audit", "--json")
    assert failed.value.status == 1
    assert '"ok": false' in failed.value.output
    assert '"kind": "poll"' in failed.value.output


async def test_a_recount_while_votes_come_in_is_of_one_moment(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(allow_change=True)
    readers = [Reader(http) for _ in range(20)]
    for number in range(1, 6):
        for reader in readers:
            await reader.vote(poll, number % 3 + 1)
            if reader is readers[number]:
                await shared.assert_clean(poll)
