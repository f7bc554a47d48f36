"""Several machines on one PostgreSQL: one is lost; the database is cut off, begins anew, is lost for good."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from pollsvc.domain.paces import CALM
from pollsvc.domain.poll import Policy
from pollsvc.services.editing.sites import Sites
from tests.support.hosts import SWITCH, HostedService, Network, Postgres, network, start_redis
from tests.support.load import Load
from tests.support.programs import deployed, program, serving
from tests.support.reader import Answer, Http, Stream, Wire, fire, new_key, vote_from, watch
from tests.support.server import add_site, open_connection, until

SOON = 5.0
"""Seconds after the end of a fault within which votes are recorded and streams go on."""
CUT_OFF = 30.0
"""Seconds for which the database's host is cut off."""
PATIENCE = 20.0
"""Seconds after which a reader takes a vote for unanswered."""
BURST = CALM.narrow.burst
FRONT = 8080
"""The port of nginx, at the switch."""
OTHER_FRONT = 8082
"""The port of Caddy."""
_FLOOD = 96


@contextmanager
def databases(hosts: Network, *names: str) -> Iterator[list[Postgres]]:
    with tempfile.TemporaryDirectory(prefix="pollsvc-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        try:
            yield [Postgres(hosts, name, Path(folder)) for name in names]
        finally:
            for name in names:
                hosts.kill(name)


@asynccontextmanager
async def services(
    hosts: Network, url: str, folder: Path, *names: str, redis: str = ""
) -> AsyncIterator[list[HostedService]]:
    """A service on each of these hosts, with the site News, and paces at a Redis if there is one."""
    await add_site(url)
    env = {"POLLSVC_REDIS_URL": redis, "POLLSVC_TRUSTED_PROXIES": SWITCH} if redis else {}
    async with AsyncExitStack() as stack:
        made = [HostedService(hosts, name, url, folder, f"http://{SWITCH}:{FRONT}", env) for name in names]
        for service in made:
            stack.push_async_callback(service.end)
        await asyncio.gather(*(service.start() for service in made))
        yield made


@asynccontextmanager
async def nginx(folder: Path, behind: Sequence[HostedService]) -> AsyncIterator[str]:
    """The URL of an nginx with the file of docs/deploy/, without TLS, in front of the services."""
    parts = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    text = deployed(
        "nginx.conf",
        {
            "user www-data;": "" if os.geteuid() else "user root;",
            "worker_processes auto;": "worker_processes 1; daemon off;",
            "worker_rlimit_nofile 65536;": "",
            "worker_connections 30000;": "worker_connections 500;",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx": str(folder),
            "/var/cache/nginx/pollsvc": f"{folder}/cache",
            "listen 80;": "listen 127.0.0.1:8081;",
            "listen [::]:80;": "",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{FRONT};",
            "listen [::]:443 ssl http2;": "",
            "ssl_certificate /etc/ssl/polls.example/fullchain.pem;": "",
            "ssl_certificate_key /etc/ssl/polls.example/privkey.pem;": "",
            "server 127.0.0.1:8000;": " ".join(f"server {one.base_url[7:]};" for one in behind),
            "http {": "http {" + "".join(f"{one}_temp_path {folder}/{one};" for one in parts),
        },
    )
    (folder / "nginx.conf").write_text(text)
    async with serving(
        FRONT, program("nginx"), "-e", "stderr", "-p", str(folder), "-c", f"{folder}/nginx.conf"
    ):
        yield f"http://127.0.0.1:{FRONT}"


@asynccontextmanager
async def caddy(folder: Path, behind: Sequence[HostedService]) -> AsyncIterator[str]:
    """The same of a Caddy."""
    text = deployed(
        "Caddyfile",
        {
            "\n{\n": "\n{\n\tadmin off\n",
            "\npolls.example {\n": f"\nhttp://:{OTHER_FRONT} {{\n\tbind 127.0.0.1\n",
            "127.0.0.1:8000 #": " ".join(one.base_url[7:] for one in behind) + " #",
            "Host polls.example": "Host localhost",
        },
    )
    (folder / "Caddyfile").write_text(text)
    place = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    args = ("run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    async with serving(OTHER_FRONT, program("caddy"), *args, log=folder / "caddy.log", **place):
        yield f"http://127.0.0.1:{OTHER_FRONT}"


async def shows(stream: Stream, voters: int) -> None:
    await stream.until(lambda frame: frame.data["results"]["voters"] >= voters, seconds=60)


async def vote(http: Http, poll: str) -> int:
    """Vote until it is acknowledged; returns how many have voted."""
    body = {"selection": [1], "idempotency_key": new_key()}
    async with asyncio.timeout(60):
        while (answer := await http.post_vote(poll, body)).status == 503:
            await asyncio.sleep(0.05)
    assert answer.status in (200, 201)
    return int(answer.json["results"]["voters"])


class Crowd:
    """Readers who vote through some services, and who watch there; and a poll on which few vote."""

    def __init__(self, load: Load, poll: str, quiet: str, stack: AsyncExitStack) -> None:
        self._load, self._poll, self._quiet, self._stack = load, poll, quiet, stack
        self._places: dict[str, tuple[Http, Stream, Stream]] = {}

    async def come(self, *urls: str) -> None:
        for url in urls:
            http = await self._stack.enter_async_context(Http(url))
            busy, quiet = [
                await self._stack.enter_async_context(watch(http, poll)) for poll in (self._poll, self._quiet)
            ]
            self._places[url] = http, busy, quiet

    def go(self, url: str) -> None:
        del self._places[url]

    async def go_on(self, fault: str, since: float, within: float = SOON) -> None:
        """Wait until votes go on everywhere, and streams move, also by a vote that was cast elsewhere."""
        known = len(self._load.acknowledged)
        places = list(self._places.values())
        votes, streams, elsewhere = await asyncio.gather(
            timed(since, *(self._load.more(20, url, PATIENCE) for url in self._places)),
            timed(since, *(shows(busy, known + 1) for _, busy, _ in places)),
            timed(since, self._heard(places[0][0], places[-1][2])),
        )
        print(
            f"{fault}: 20 votes by each service after {votes:.2f} s, streams move after {streams:.2f} s, "
            f"a vote through another service is seen after {elsewhere:.2f} s"
        )
        assert max(votes, streams) < SOON
        assert elsewhere < within

    async def _heard(self, http: Http, stream: Stream) -> None:
        await shows(stream, await vote(http, self._quiet))


async def timed(since: float, *waits: Coroutine[object, object, None]) -> float:
    await asyncio.gather(*waits)
    return time.monotonic() - since


class Flood:
    """Votes by one network after another on the site Gazette, which holds what comes too fast.

    Each is half to one host and half to the other. They share their paces but while they lose them.
    """

    def __init__(self, behind: Sequence[HostedService], poll: str) -> None:
        self._behind, self._poll = behind, poll
        self._networks = (f"192.0.{number}.1" for number in range(256))
        self.slowest = 0.0  # answer, in seconds

    def lost(self) -> int:
        """How often a process said that it lost the Redis, and not since that it is back."""
        logs = [one.log.read_text() for one in self._behind]
        return sum(log.count("paces cannot be asked") - log.count("paces answer again") for log in logs)

    async def come(self) -> int:
        """How many votes of a network count."""
        address, began = next(self._networks), time.monotonic()

        async def cast(service: HostedService) -> list[Answer]:
            requests = [vote_from(self._poll, address) for _ in range(_FLOOD // len(self._behind))]
            return list(await fire(service.base_url, self._ask, requests, connections=8))

        answers = [one for each in await asyncio.gather(*map(cast, self._behind)) for one in each]
        assert {one.status for one in answers} == {201}
        most = BURST + (time.monotonic() - began) / CALM.narrow.seconds + 1
        counted: int = sum(one.json["status"] == "counted" for one in answers)
        assert counted >= BURST
        assert counted <= most or self.lost(), f"{counted} of {_FLOOD} count"
        return counted

    async def _ask(self, wire: Wire, request: bytes) -> Answer:
        began = time.monotonic()
        answer = await wire.ask(request)
        self.slowest = max(self.slowest, time.monotonic() - began)
        return answer


async def paces_are_shared(hosts: Network, behind: Sequence[HostedService]) -> None:
    """By all processes of both hosts; without their Redis votes go on, and later they share again."""
    async with open_connection(behind[0].database_url) as connection:
        sites = Sites(connection, time.time)
        await sites.add("Gazette", ["https://gazette.example"])
        await sites.change("Gazette", policy=Policy.STANDARD)
    flood = Flood(behind, await behind[0].add_poll("Paced?", site="Gazette"))
    shared = await flood.come()

    hosts.cut_off("redis")
    alone = await flood.come()
    print(f"with the Redis cut off: {alone} of {_FLOOD} votes count, the slowest after {flood.slowest:.2f} s")
    assert flood.lost() > 0
    assert flood.slowest < 1

    hosts.connect("redis")
    began = time.monotonic()

    async def are_back() -> bool:
        return not flood.lost()

    await until(are_back)
    took = time.monotonic() - began
    again = await flood.come()
    print(f"before that {shared}; and {again} again {took:.2f} s after it was there again")


async def test_hosts_and_the_database_fail_one_after_the_other(tmp_path: Path) -> None:
    """Of two services, a database and a Redis; readers come to them, and through nginx and Caddy."""
    async with AsyncExitStack() as stack:
        hosts = stack.enter_context(network("one", "two", "data", "redis"))
        [data] = stack.enter_context(databases(hosts, "data"))
        await data.create()
        await data.start()
        redis = await start_redis(hosts, "redis")
        behind = await stack.enter_async_context(
            services(hosts, data.url, tmp_path, "one", "two", redis=redis)
        )
        await paces_are_shared(hosts, behind)
        one, two = behind
        poll, quiet = [await one.add_poll(name) for name in ("Busy?", "Quiet?")]
        load = Load(one, poll, urls=[one.base_url, two.base_url], patience=PATIENCE)
        fronts = {
            "nginx": await stack.enter_async_context(nginx(tmp_path, behind)),
            "Caddy": await stack.enter_async_context(caddy(tmp_path, behind)),
        }
        through = {
            name: Load(one, await one.add_poll(f"By {name}?"), clients=4, urls=[url], patience=PATIENCE)
            for name, url in fronts.items()
        }
        crowd = Crowd(load, poll, quiet, stack)
        await crowd.come(one.base_url, two.base_url)
        async with AsyncExitStack() as crowds:
            for some in (load, *through.values()):
                await crowds.enter_async_context(some.running())
            await load.more(200)
            await asyncio.gather(*(some.more(50) for some in through.values()))
            for _ in range(20):  # connections, so that both workers have the poll in memory
                async with Http(two.base_url) as http:
                    await http.results(poll)

            hosts.cut_off("data")
            began = time.monotonic()
            refused = len(load.refused)
            await load.refusals(1)
            print(f"cut off: the first vote was refused after {time.monotonic() - began:.2f} s")
            async with Http(two.base_url) as http:
                known = len(load.acknowledged)
                assert (await http.results(poll))["voters"] >= known - 20
                assert (await http.get("/readyz")).status == 503
                await asyncio.sleep(began + CUT_OFF - time.monotonic())
                answers = len(load.refused) - refused
                hosts.connect("data")
                await crowd.go_on("cut off for 30 s, and there again", time.monotonic())
            print(
                f"while it was cut off {answers} votes were refused, the slowest after {load.slowest:.2f} s"
            )

            await data.stop("immediate")
            await data.start()
            await crowd.go_on("PostgreSQL crashed and started again", time.monotonic())

            hosts.lose("one")
            lost = time.monotonic()
            crowd.go(one.base_url)
            await crowd.go_on("a service's host is lost", lost)

            async def go_on_through(name: str) -> None:
                await through[name].more(20, seconds=PATIENCE)
                print(f"20 votes through {name} after {time.monotonic() - lost:.2f} s")

            await asyncio.gather(*map(go_on_through, through))
        assert set(load.refused) <= {503}
        assert load.slowest < 2 * SOON
        assert one.log.read_text().count(" failed: ") < 50, "a load that fails is not tried again at once"
        async with Http(two.base_url) as http:
            for some in (load, *through.values()):
                await some.assert_kept(http)
        await two.assert_clean()


async def test_the_primary_is_lost_and_a_synchronous_standby_promoted(tmp_path: Path) -> None:
    """No vote is acknowledged that the standby does not have; the services follow by a URL of both."""
    async with AsyncExitStack() as stack:
        hosts = stack.enter_context(network("one", "two", "first", "second"))
        first, second = stack.enter_context(databases(hosts, "first", "second"))
        await first.create()
        await first.start()
        await second.copy(first, "second")
        await second.start()
        url = (
            f"postgresql://postgres@{first.address},{second.address}/postgres?target_session_attrs=read-write"
        )
        async with open_connection(first.url) as connection:
            await connection.rows("ALTER SYSTEM SET synchronous_standby_names = 'second'")
            await connection.rows("SELECT pg_reload_conf()")

            async def is_synchronous() -> bool:
                states = await connection.rows("SELECT sync_state FROM pg_stat_replication")
                return [state for (state,) in states] == ["sync"]

            await until(is_synchronous)
        behind = await stack.enter_async_context(services(hosts, url, tmp_path, "one", "two"))
        one, two = behind
        poll, quiet = [await one.add_poll(name) for name in ("Busy?", "Quiet?")]
        async with Http(one.base_url) as http:
            await unrecorded_without_the_standby(hosts, http, quiet)
        load = Load(one, poll, urls=[one.base_url, two.base_url], patience=PATIENCE)
        crowd = Crowd(load, poll, quiet, stack)
        await crowd.come(one.base_url, two.base_url)
        async with load.running():
            await load.more(200)
            hosts.lose("first")
            lost = time.monotonic()
            await load.refusals(1)
            await second.promote()
            promoted = time.monotonic()
            print(f"the standby was promoted {promoted - lost:.2f} s after the primary's host was lost")
            # who has just begun to ask the lost host waits for it once more
            await crowd.go_on("the standby is promoted", promoted, within=2 * SOON)
        assert set(load.refused) <= {503}
        async with Http(two.base_url) as http:
            await load.assert_kept(http)
        await two.assert_clean()
        hosts.cut_off("second")
        began = time.monotonic()
        assert await two.stop() == 0
        took = time.monotonic() - began
        print(f"SIGTERM while the database is cut off: ended after {took:.2f} s")
        assert took < 10
        assert "Traceback" not in two.log.read_text()


async def unrecorded_without_the_standby(hosts: Network, http: Http, poll: str) -> None:
    """A vote that only the primary has is not acknowledged, nor when it is sent again."""
    body = {"selection": [1], "idempotency_key": new_key()}
    hosts.cut_off("second")
    for _ in range(2):
        assert (await http.post_vote(poll, body)).status == 503
    hosts.connect("second")
    since = time.monotonic()
    while (answer := await http.post_vote(poll, body)).status == 503:
        assert time.monotonic() - since < 30
    print(f"a vote is recorded {time.monotonic() - since:.2f} s after the standby is there again")
    assert answer.status == 200

    async def counted() -> bool:
        return await http.counts(poll) == [1, 0, 0]

    await until(counted)
