"""`pollsvc demo`: two origins, nothing to configure, votes that are kept, and a quick end."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zipfile import ZipFile

from tests.support.reader import Http, Reader, watch
from tests.support.server import free_port


@asynccontextmanager
async def demo(data: Path, port: int, site_port: int) -> AsyncIterator[Process]:
    """A running demo; killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pollsvc", "demo", "--data", str(data)),
        *("--port", str(port), "--site-port", str(site_port)),
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=data.parent,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            while f"127.0.0.1:{site_port}/ar.html".encode() not in await process.stdout.readline():
                pass
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_two_articles_with_polls_whose_votes_outlive_the_demo(tmp_path: Path) -> None:
    data, port, site_port = tmp_path / "demo", free_port(), free_port()
    publisher = f"http://127.0.0.1:{site_port}"
    async with demo(data, port, site_port) as process, Http(f"http://127.0.0.1:{port}") as service:
        async with Http(publisher) as site:
            english, arabic = await site.get("/en.html"), await site.get("/ar.html")
        assert "{{" not in (english.body + arabic.body).decode()
        assert "default-src 'none'" in english.headers["content-security-policy"]
        assert b'dir="rtl"' in arabic.body
        [first] = re.findall(r'poll="([a-z0-9]+)"', english.body.decode())
        [attached] = (await service.get(f"/api/v1/articles?url={publisher}/en.html")).json["polls"]
        second = attached["id"]
        polls = (await service.get(f"/api/v1/polls?id={first}&id={second}")).json["polls"]
        assert {poll["question"]["text"] for poll in polls} == {"Who won?", "Mourn or celebrate?"}
        answer = await service.post_vote(first, {"selection": [1]}, Origin=publisher)
        assert answer.status == 201
        printed = (await asyncio.wait_for(process.stdout.readuntil(b"Ctrl-C"), 5)).decode()  # type: ignore[union-attr]
        [(name, password)] = re.findall(r"name (\S+), password (\S+)", printed)
        fields = {"name": name, "password": password}
        signed_in = await service.request(
            "POST", "/admin/sign-in", data=fields, headers={"Origin": service.base_url}
        )
        assert (signed_in.status, "set-cookie" in signed_in.headers) == (303, True)
        async with watch(service, first) as stream:
            await stream.next()
            process.send_signal(signal.SIGINT)  # Ctrl-C
            assert await asyncio.wait_for(process.wait(), 10) == 0
    async with demo(data, port, site_port), Http(f"http://127.0.0.1:{port}") as service:
        assert (await service.results(first))["voters"] == 1
        assert (await Reader(service).vote(first, 1)).status == 201


async def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    port, site_port = free_port(), free_port()
    async with demo(tmp_path / "demo", port, site_port):
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pollsvc", "demo", "--data", str(tmp_path), "--port", str(port)),
            stderr=PIPE,
        )
        _, said = await asyncio.wait_for(second.communicate(), 20)
    assert second.returncode == 2
    assert said.decode().count("\n") == 1
    assert "--port" in said.decode()


async def test_the_wheel_holds_all_that_is_served(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    build = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(root)),
        stdout=DEVNULL,
    )
    assert await asyncio.wait_for(build.wait(), 60) == 0
    [wheel] = tmp_path.glob("*.whl")
    names = set(ZipFile(wheel).namelist())
    for folder, inside in ((root / "static", "pollsvc/static"), (root / "pollsvc", "pollsvc")):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix not in {".pyc"}:
                assert f"{inside}/{path.relative_to(folder)}" in names
