"""While a disk takes seconds to sync, votes wait or are refused; it costs nobody else, and no memory."""

import asyncio
import time
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.support.load import Load
from tests.support.reader import Http, watch
from tests.support.server import until
from tests.support.shim import Shim

LIMIT = 100
CLIENTS = 400


async def test_a_slow_disk(tmp_path: Path) -> None:
    shim = Shim(tmp_path)
    service = await shim.service(tmp_path, {"POLLSVC_QUEUE_LIMIT": str(LIMIT)})
    try:
        await service.start()
        poll = await service.add_poll()
        assert service.process is not None
        memory = psutil.Process(service.process.pid).memory_info
        load = Load(service, poll, CLIENTS)
        reads = []
        async with Http(service.base_url) as http, watch(http, poll) as stream:
            await http.results(poll)
            async with load.running():
                await load.more(CLIENTS)
                shim.set(sync=1.0)
                await load.refusals(1_000)  # so that what a refusal needs at first is there
                before = memory().rss
                known, told, began = len(load.acknowledged), len(load.refused), time.monotonic()
                while time.monotonic() - began < 3 or len(load.refused) - told < 5_000:
                    asked = time.monotonic()
                    assert (await http.get(f"/api/v1/polls/{poll}")).status == 200
                    reads.append(time.monotonic() - asked)
                    await asyncio.sleep(0.05)
                passed = time.monotonic() - began
                grown = (memory().rss - before) / 2**20
                recorded, refused = len(load.acknowledged) - known, len(load.refused) - told
                print(
                    f"with 1 s for a sync, in {passed:.1f} s: {recorded} votes recorded, {refused} refused; "
                    f"a result took {median(reads) * 1000:.0f} ms; {grown:.1f} MB more"
                )
                assert grown < 16
                assert median(reads) < 0.5
                shim.set(sync=3.4)
                await until(lambda: _is_late(http))
                shim.set()
                await until(http.is_ready)
                await load.more(CLIENTS)
            assert set(load.refused) == {503}
            voters = (await http.results(poll))["voters"]
            await stream.until(lambda frame: frame.data["results"]["voters"] >= voters)
            await load.assert_kept(http)
        await service.assert_clean()
    finally:
        await service.end()


async def _is_late(http: Http) -> bool:
    answer = await http.get("/readyz")
    return answer.status == 503 and b"in time" in answer.body
