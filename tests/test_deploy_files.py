"""The other files of docs/deploy/, each started or checked by the program that it is for."""

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from pollsvc.cli.serve import serve
from pollsvc.settings import read_file
from tests.support.postgres import BINARIES
from tests.support.programs import DEPLOY, deployed, program, run, serving
from tests.support.reader import Http, Reader
from tests.support.scraped import scrape
from tests.support.server import SECRET, Service, add_site, free_port, run_service, until

ROOT = Path(__file__).parent.parent


async def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    """And finds little that the service could do beyond its work."""
    places = {"/opt/pollsvc/bin/pollsvc": shutil.which("true") or "/bin/true"}
    unit = tmp_path / "pollsvc.service"
    unit.write_text(deployed("pollsvc.service", places))
    told = await run(program("systemd-analyze", "systemd"), "verify", "--man=no", str(unit))
    assert "pollsvc.service" not in told
    said = await run(program("systemd-analyze", "systemd"), "security", "--offline=true", str(unit))
    level = re.search(r"Overall exposure level for pollsvc.service: ([0-9.]+)", said)
    assert level
    assert float(level[1]) < 2


def test_the_unit_starts_what_the_command_line_takes() -> None:
    unit = (DEPLOY / "pollsvc.service").read_text()
    started = re.search("^ExecStart=(.*)$", unit, re.MULTILINE)
    assert started
    check_serve(shlex.split(started[1])[1:])
    assert "Environment=POLLSVC_SETTINGS_FILE=" in unit
    grace = re.search("^TimeoutStopSec=([0-9]+)$", unit, re.MULTILINE)
    assert grace
    assert int(grace[1]) > 20


async def test_commands_beside_the_unit_have_its_settings(tmp_path: Path) -> None:
    """And work in its folder, whatever the place that they are given in."""
    settings = tmp_path / "settings"
    settings.write_text(f"POLLSVC_DATABASE_URL=sqlite:///kept.db\nPOLLSVC_SECRET_KEYS={SECRET}\n")
    places = {
        "/var/lib/pollsvc": str(tmp_path),
        "/etc/pollsvc/settings": str(settings),
        "runuser -u pollsvc -- ": "",
        "/opt/pollsvc/bin/pollsvc": f"{sys.executable} -m pollsvc",
    }
    for place in ("/var/lib/pollsvc", "/etc/pollsvc/settings", "/opt/pollsvc/bin/pollsvc"):
        assert place in (DEPLOY / "pollsvc.service").read_text()
    command = ("sh", "-c", deployed("pollsvc", places), "pollsvc")
    env = {"PYTHONPATH": str(ROOT)}
    told = await run(*command, "site", "add", "My news", "--origin", "https://news.example", **env)
    assert f"A new database was made: {tmp_path}/kept.db" in told
    assert "A new database" not in await run(*command, "backup", f"{tmp_path}/copy.db", **env)
    assert (tmp_path / "copy.db").exists()


def check_serve(words: list[str]) -> None:
    """These are the subcommand `serve` and flags that it takes."""
    assert words[0] == "serve"
    result = CliRunner().invoke(serve, [*words[1:], "--help"])
    assert (result.exit_code, "Usage" in result.output) == (0, True)
    flags = {word for word in words if word.startswith("--")}
    assert flags <= {option for one in serve.params for option in one.opts}


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


async def test_the_image_is_made_of_what_is_there_and_starts_the_service(tmp_path: Path) -> None:
    """As far as it can be told without a registry: sources, settings, command, and the check of health."""
    lines = instructions()
    assert [word for word, _ in lines].count("FROM") == 2
    copied = [rest.split() for word, rest in lines if word == "COPY" and not rest.startswith("--from")]
    assert all((ROOT / source).exists() for *sources, _ in copied for source in sources)
    for needed in ("pyproject.toml", "README.md", "LICENSE", "pollsvc", "static"):
        assert any(needed in sources for *sources, _ in copied)
    variables = [word for word_, rest in lines if word_ == "ENV" for word in rest.split()]
    assert read_file("\n".join(word for word in variables if word.startswith("POLLSVC_")))
    [command] = [json.loads(rest) for word, rest in lines if word == "CMD"]
    assert command[0] == "pollsvc"
    check_serve(command[1:])
    [health] = [rest for word, rest in lines if word == "HEALTHCHECK"]
    words = json.loads(health.partition("CMD")[2])
    async with run_service(tmp_path) as service:
        here = [word.replace("127.0.0.1:8000", f"127.0.0.1:{service.port}") for word in words]
        assert here != words
        await run(shutil.which("python3") or "python3", *here[1:])
    with pytest.raises(AssertionError, match="refused"):
        await run(shutil.which("python3") or "python3", *here[1:])


@asynccontextmanager
async def debian_postgres(port: int) -> AsyncIterator[str]:
    """Debian's own PostgreSQL with the file in its conf.d."""
    assert BINARIES, "PostgreSQL is missing: install it (on Debian: sudo apt-get install postgresql)"
    binaries = BINARIES[-1].parent
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="pollsvc-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o777)
        data = folder / "data"
        await run(
            *as_user, str(binaries / "initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "-D", str(data)
        )
        conf = folder / "pollsvc.conf"
        conf.write_text(deployed("postgresql.conf", {"shared_buffers = 1GB": "shared_buffers = 32MB"}))
        conf.chmod(0o644)
        with (data / "postgresql.conf").open("a") as main:
            main.write(f"\ninclude '{conf}'\nlisten_addresses = '127.0.0.1'\nport = {port}\n")
            main.write(f"unix_socket_directories = '{folder}'\n")
        args = (*as_user, str(binaries / "postgres"), "-D", str(data))
        async with serving(port, *args, log=folder / "log"):
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

            async def ready() -> bool:
                with suppress(asyncpg.CannotConnectNowError):
                    await (await asyncpg.connect(url)).close()
                    return True
                return False

            await until(ready)
            yield url
        said = (folder / "log").read_text()
        assert "ballots" not in said  # no statement
        assert "unrecognized" not in said


@asynccontextmanager
async def valkey(folder: Path, port: int) -> AsyncIterator[str]:
    conf = folder / "valkey.conf"
    conf.write_text(
        deployed("valkey.conf", {"port 6379": f"port {port}", "bind 127.0.0.1 -::1": "bind 127.0.0.1"})
    )
    server = shutil.which("valkey-server") or program("redis-server")
    async with serving(
        port, server, str(conf), "--dir", str(folder), "--daemonize", "no", "--loglevel", "warning"
    ):
        yield f"redis://127.0.0.1:{port}/0"


async def test_postgresql_and_valkey_run_with_their_files_and_take_votes(tmp_path: Path) -> None:
    async with debian_postgres(free_port()) as url, valkey(tmp_path, free_port()) as paces:
        await add_site(url)
        env = {"POLLSVC_REDIS_URL": paces, "POLLSVC_ADMISSION": "standard"}
        async with run_service(tmp_path, url, env, workers=2) as service, Http(service.base_url) as http:
            poll = await service.add_poll()
            answers = await asyncio.gather(*(Reader(http).vote(poll, 1) for _ in range(20)))
            assert {answer.status for answer in answers} == {201}
            assert (await scrape(http)).sum("pollsvc_votes_total", outcome="created") == 20
            assert "shared paces" not in service.log.read_text()
            await service.assert_clean()
            await connections_are_as_the_file_says(service)


async def connections_are_as_the_file_says(service: Service) -> None:
    """What the comment of postgresql.conf counts, of two workers at rest; one may not have been asked yet."""
    connection = await asyncpg.connect(service.database_url)
    try:
        held = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        )
    finally:
        await connection.close()
    assert 2 * 3 <= held - 1 <= 2 * 19
