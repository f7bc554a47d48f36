"""Under a cap on its memory the service takes what strangers send without end, and honest votes beside it."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.support.load import Load
from tests.support.reader import Http, Wire, ask, fire, vote_bytes
from tests.support.server import run_service

CAP = 192 * 2**20
"""Bytes of addresses that the process may have beyond those that it has when it is warm."""
HALF = 500
"""Connections that each hold a head that never ends, just short of what is refused."""

Flood = Callable[[str, int], bytes]


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


FLOODS: Sequence[tuple[int, Flood]] = (
    (11_000, lambda _, n: get(f"/api/v1/articles?url=https://news.example/{n}/{'x' * 1_900}")),
    (11_000, lambda _, n: get(f"/api/v1/polls/{n:010d}")),
    (1_500, lambda poll, n: get(f"/api/v1/polls/{poll}?lang=en-{n:07d}")),
    (500, lambda poll, n: get(f"/p/{poll}?lang=en-{n:07d}")),
    (
        500,
        lambda poll, n: get(f"/api/v1/polls?id={poll}" + "".join(f"&id={n:05d}{i:05d}" for i in range(49))),
    ),
    (1_000, lambda poll, _: vote_bytes(poll, b'{"selection": [1], "x": "' + b"y" * 60_000)),
    (1_000, lambda poll, n: vote_bytes(poll, {"selection": [1], "reader": f"{n}." + "y" * 3_000})),
    (500, lambda _, n: get(f"/p/{n:010d}/history")),
)
"""What strangers may send, and how often: more of each than the caches hold."""


async def test_memory_is_bounded(tmp_path: Path) -> None:
    async with run_service(tmp_path, site=True) as service, Http(service.base_url) as http:
        poll = await service.add_poll()
        assert service.process is not None
        process = psutil.Process(service.process.pid)
        load = Load(service, poll)
        answers: Counter[int] = Counter()

        async def flood(first: int) -> None:
            for count, request in FLOODS:
                requests = (request(poll, first + number) for number in range(count))
                answers.update(one.status for one in await fire(service.base_url, ask, requests))

        async with load.running():
            await load.more(500)
            size = process.memory_info().vms + CAP
            process.rlimit(psutil.RLIMIT_AS, (size, size))
            start = process.memory_info().rss
            await flood(0)
            full = process.memory_info().rss
            await flood(1_000_000)
            again = process.memory_info().rss
            with ExitStack() as wires:
                for _ in range(HALF):
                    wire = wires.enter_context(Wire(service.base_url))
                    await wire.send(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: " + b"z" * 60_000)
                await load.more(500)
                held = process.memory_info().rss
            await load.more(100)
        print(
            f"{sum(answers.values())} requests of strangers: {(full - start) / 2**20:.0f} MB, the same again "
            f"{(again - full) / 2**20:.0f} MB, {HALF} endless heads {(held - again) / 2**20:.0f} MB; "
            f"{len(load.acknowledged)} votes beside them"
        )
        assert full - start < 96 * 2**20
        assert again - full < 16 * 2**20
        assert held - again < HALF * 160_000
        assert set(answers) <= {200, 400, 401, 404, 413}
        assert load.refused == []
        assert service.log.read_text().count("\n") < 10
        await load.assert_kept(http)
    await service.assert_clean()
