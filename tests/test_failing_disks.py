"""A disk that is full, over quota or read-only costs votes only, and nothing that was acknowledged."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.disks import Disk, FailingDisk, Quota, SmallDisk, failing_disk, small_disk
from tests.support.load import Load
from tests.support.reader import Http, Reader, watch
from tests.support.server import Service, add_site, until


@pytest.fixture(params=[SmallDisk, Quota, FailingDisk])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with ExitStack() as stack:
        if request.param is Quota:
            yield Quota(tmp_path)
        elif request.param is SmallDisk:
            yield stack.enter_context(small_disk(tmp_path))
        else:
            yield stack.enter_context(failing_disk(tmp_path))


@pytest.fixture
async def service(tmp_path: Path, disk: Disk) -> AsyncIterator[Service]:
    """A service whose file is on the disk, and whose log is not."""
    url = f"sqlite:///{disk.folder}/pollsvc.db"
    await add_site(url)
    service = Service(url, tmp_path, {}, 1)
    try:
        await service.start()
        yield service
    finally:
        await service.end()


async def test_votes_are_refused_and_all_else_goes_on(service: Service, disk: Disk) -> None:
    """And when the disk is mended votes count again, by themselves unless it had to be mounted anew."""
    poll, other = await service.add_poll(), await service.add_poll()
    load = Load(service, poll)
    async with Http(service.base_url) as http:
        async with watch(http, poll) as stream, load.running():
            await load.more(100)
            disk.fail(service)
            await until(lambda: _more(load.refused, 100))
            known, lines = len(load.acknowledged), service.log.read_text().count("\n")
            refusal = await Reader(http).vote(poll, 1)
            assert (refusal.status, refusal.code) == (503, "busy")
            assert int(refusal.headers["retry-after"]) >= 1
            ready = await http.get("/readyz")
            assert (ready.status, ready.body) == (503, b"the last batch of votes was not recorded\n")
            assert (await http.get("/healthz")).status == 200
            for path in (f"/api/v1/polls/{poll}", f"/p/{poll}", f"/p/{other}", f"/api/v1/polls/{other}"):
                assert (await http.get(path)).status == 200  # also what is not in memory yet
            async with watch(http, poll) as late:
                frame = await late.until(lambda frame: True)
            assert frame.data["results"]["voters"] >= known
            await until(lambda: _more(load.refused, 1_000))
            assert len(load.acknowledged) == known
            assert service.log.read_text().count("\n") - lines < 10  # however many votes are refused
            assert "disk" in service.log.read_text() or "read-only" in service.log.read_text()
            if not isinstance(disk, FailingDisk):
                disk.mend(service)
                began = time.monotonic()
                await load.more(100)
                took = time.monotonic() - began
                voters = (await http.results(poll))["voters"]
                await stream.until(lambda frame: frame.data["results"]["voters"] >= voters)
                assert await http.is_ready()
                print(f"the next 100 votes were recorded {took:.2f} s after there was space again")
        if isinstance(disk, FailingDisk):
            await service.stop()
            disk.mend(service)
            await service.start()
        assert set(load.refused) == {503}
        await load.assert_kept(http)
        print(f"{len(load.acknowledged)} acknowledged, {len(load.refused)} refused")
    await service.assert_clean()


async def _more(things: list[int], count: int) -> bool:
    return len(things) >= count


async def test_a_start_on_a_full_disk_says_so_in_one_line(tmp_path: Path) -> None:
    """SQLite needs a little space beside its file; with space, the same start serves."""
    with small_disk(tmp_path) as disk:
        url = f"sqlite:///{disk.folder}/pollsvc.db"
        await add_site(url)
        service = Service(url, tmp_path, {}, 1)
        disk.fail(service)
        with pytest.raises(AssertionError) as failed:
            await service.start()
        [line] = str(failed.value).strip().splitlines()
        assert "disk" in line
        assert "full" in line
        disk.mend(service)
        try:
            await service.start()
        finally:
            await service.end()
