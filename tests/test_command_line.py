"""The commands that editors and scripts rely on: what they print, and how they fail."""

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pollsvc import __version__
from pollsvc.cli.main import cli as commands
from pollsvc.domain.errors import PollError
from tests.support.reader import Http, Reader
from tests.support.server import SITE, CliError, Service, add_site


@pytest.fixture
async def cli(tmp_path: Path) -> Service:
    """The commands on a new SQLite file with the site News; nothing serves."""
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1)
    await add_site(service.database_url)
    return service


async def invoke(service: Service, *args: str) -> Result:
    """Run a command in this process, where starting one for each would take too long."""
    return await asyncio.to_thread(CliRunner().invoke, commands, args, env=service.env)


async def cli_json(service: Service, *args: str) -> Any:
    """What a command prints with `--json`."""
    result = await invoke(service, *args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def refused(service: Service, *args: str) -> str:
    """What a command that must be refused says."""
    result = await invoke(service, *args)
    if isinstance(result.exception, PollError):
        assert "\n" not in result.exception.message
        return result.exception.message
    assert result.exit_code == 2, result.output
    return result.output.strip().splitlines()[-1]


async def fails(service: Service, *args: str) -> str:
    """Run a command that must fail with status 2 and one line on standard error; that line."""
    with pytest.raises(CliError) as failed:
        await service.run(*args)
    assert failed.value.status == 2, failed.value.output
    lines = failed.value.output.strip().splitlines()
    if not lines[0].startswith("Usage:"):  # click's own, of a wrong option
        assert len(lines) == 1, failed.value.output
        assert lines[0].startswith("pollsvc: ")
    assert "Traceback" not in failed.value.output
    return lines[-1]


async def test_sites_are_added_and_listed(cli: Service) -> None:
    added = await cli.cli(
        "site", "add", "Courier", "--origin", "https://a.example", "--origin", "HTTP://B:80/"
    )
    assert set(added) >= {"id", "name", "origins"}
    assert added["origins"] == ["http://b", "https://a.example"]
    names = [site["name"] for site in await cli.cli("site", "list")]
    assert names == ["Courier", "News"]
    assert "Courier" in await cli.run("site", "list")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["News", "--origin", "https://x.example"], "already"),
        (["X", "--origin", "https://x.example/path"], "origin"),
        (["X", "--origin", "*"], "origin"),
        (["X", "--origin", "ftp://x.example"], "origin"),
        (["X"], "--origin"),
        ([" ", "--origin", "https://x.example"], "name"),
        (["X", "--origin", "https://x.example", "--time-zone", "Mars/Olympus"], "time zone"),
    ],
)
async def test_a_site_that_cannot_be(cli: Service, args: list[str], says: str) -> None:
    assert says in await refused(cli, "site", "add", *args)


async def test_a_poll_from_creation_to_close(cli: Service) -> None:
    """Created as a draft with all its options, shown, listed, opened, closed, reopened."""
    created = await cli_json(
        cli,
        *("poll", "create", "--site", "News", "--question", "Which <two>?", "--kind", "multiple"),
        *("--option", "a", "--option", "b", "--option", "c", "--min", "1", "--max", "2", "--allow-change"),
        *("--article", "https://news.example/x?utm_source=y", "--opens", "2026-01-01T00:00Z", "--draft"),
        *("--closes", "2099-01-01T00:00+01:00", "--results", "after_vote", "--lang", "fr"),
    )
    assert set(created) == {"id", "embed"}
    poll = created["id"]
    assert f'<pollsvc-poll poll="{poll}">' in created["embed"]
    assert f'<script async src="{cli.base_url}/w/1.js"></script>' in created["embed"]
    assert "Which &lt;two&gt;?" in created["embed"]
    shown = await cli_json(cli, "poll", "show", poll)
    assert shown == {
        "id": poll,
        "site": shown["site"],
        "kind": "multiple",
        "state": "draft",
        "question": {"fr": "Which <two>?"},
        "lang": "fr",
        "options": [
            {"id": number, "label": {"fr": label}, "state": "active"} for number, label in enumerate("abc", 1)
        ],
        "picks": {"min": 1, "max": 2},
        "opens_at": "2026-01-01T00:00:00Z",
        "closes_at": "2098-12-31T23:00:00Z",
        "visibility": "after_vote",
        "allow_change": True,
        "order": "fixed",
        "write_in": False,
        "articles": ["https://news.example/x"],
        "replaces": None,
        "replaced_by": None,
        "revision": 1,
        "created_at": shown["created_at"],
    }
    assert await cli_json(cli, "poll", "list", "--site", "News") == [shown]
    assert (await cli_json(cli, "poll", "open", poll))["state"] == "open"
    assert (await cli_json(cli, "poll", "close", poll))["state"] == "closed"
    reopened = await cli_json(cli, "poll", "open", poll)
    assert (reopened["state"], reopened["closes_at"]) == ("open", None)
    assert "Which <two>?" in (await invoke(cli, "poll", "show", poll)).output


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--site", "Nowhere", "--option", "a", "--option", "b"], "site list"),
        (["--option", "a"], "2 to"),
        (["--option", "a", "--option", "a"], "same label"),
        (["--option", "a", "--option", " "], "empty"),
        (["--option", "a", "--option", "b" * 200], "longer"),
        (["--option", "a", "--option", "b", "--kind", "sorted"], "kind"),
        (["--option", "a", "--option", "b", "--max", "2"], "single"),
        (["--option", "a", "--option", "b", "--kind", "multiple", "--min", "0"], "min"),
        (["--option", "a", "--option", "b", "--kind", "multiple", "--max", "3"], "max"),
        (["--option", "a", "--option", "b", "--opens", "tomorrow"], "no time"),
        (
            ["--option", "a", "--option", "b", "--opens", "2027-01-01", "--closes", "2026-01-01"],
            "close after",
        ),
        (["--option", "a", "--option", "b", "--article", "javascript:x"], "article"),
    ],
)
async def test_a_poll_that_cannot_be(cli: Service, args: list[str], says: str) -> None:
    site = [] if "--site" in args else ["--site", "News"]
    assert says in await refused(cli, "poll", "create", "--question", "Q?", *site, *args)
    async with cli.editor() as editor:
        assert await editor.polls() == []


async def test_an_unknown_poll(cli: Service) -> None:
    for command in ("show", "open", "close", "export"):
        assert "no such poll" in await refused(cli, "poll", command, "nosuchpoll")
    assert "no such poll" in await fails(cli, "results", "nosuchpoll")
    assert "no such poll" in await fails(cli, "audit", "nosuchpoll")


async def test_times_without_an_offset_are_of_the_sites_zone(cli: Service) -> None:
    await cli_json(
        cli, "site", "add", "Tehran", "--origin", "https://t.example", "--time-zone", "Asia/Tehran"
    )
    poll = await cli_json(
        cli,
        *("poll", "create", "--site", "Tehran", "--question", "Q?", "--option", "a", "--option", "b"),
        *("--opens", "2030-06-01T12:00"),
    )
    assert (await cli_json(cli, "poll", "show", poll["id"]))["opens_at"] == "2030-06-01T08:30:00Z"
    first = ("--opens", "0001-01-01T00:00")  # a time of no year in UTC
    create = ("poll", "create", "--site", "Tehran", "--question", "Q?", "--option", "a", "--option", "b")
    assert "'0001-01-01T00:00' is no time" in await refused(cli, *create, *first)


async def test_results_audit_and_export_of_a_poll(service: Service) -> None:
    poll = await service.add_poll(articles=["https://news.example/a"])
    async with Http(service.base_url) as http:
        await Reader(http).vote(poll, 2, article="https://news.example/a")
        vote = await Reader(http).vote(poll, 2)
        assert await cli_json(service, "results", poll) == vote.json["results"] == await http.results(poll)
    assert "100% of voters" in (await invoke(service, "results", poll)).stdout
    report = await cli_json(service, "audit", poll)
    assert (report["ok"], report["polls"], report["ballots"], report["differences"]) == (True, 1, 2, [])
    assert "all agree" in (await invoke(service, "audit")).stdout
    exported = json.loads((await invoke(service, "poll", "export", poll)).stdout)
    assert exported["results"] == vote.json["results"]
    assert [(row["article"], row["selection"], row["count"]) for row in exported["tally"]] == [
        (None, "2", 1),
        ("https://news.example/a", "2", 1),
    ]
    assert set(exported["tally"][0]) == {
        *("article", "minute", "selection", "labels", "status", "reason", "count"),
    }


async def test_the_csv_export_runs_no_formula(service: Service) -> None:
    labels = ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(A1)", 'quo"ted, comma', "plain"]
    poll = await service.add_poll(options=labels, kind="multiple")
    async with Http(service.base_url) as http:
        for option in range(1, len(labels) + 1):
            await Reader(http).vote(poll, option)
        await Reader(http).vote(poll, 1, 6)
    target = service.log.parent / "votes.csv"
    await service.run("poll", "export", poll, "--format", "csv", "--output", str(target))
    rows = list(csv.DictReader(io.StringIO(target.read_bytes().decode("utf-8-sig"))))
    assert {row["labels"] for row in rows} == {
        *("'" + label for label in labels[:4]),
        *(labels[4], labels[5], f"'{labels[0]} | {labels[5]}"),
    }
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())
    assert sum(int(row["count"]) for row in rows) == 7


async def test_keys_rotate_prints_the_old_keys_and_a_new_one(cli: Service) -> None:
    first = (await cli.run("keys", "rotate")).strip().split(",")
    assert first[0] == cli.env["POLLSVC_SECRET_KEYS"]
    assert len(first) == 2
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first[1])
    cli.env["POLLSVC_SECRET_KEYS"] = ",".join(first)
    assert (await cli.cli("audit"))["ok"]
    del cli.env["POLLSVC_SECRET_KEYS"]
    cli.env["POLLSVC_SECRET_KEYS"] = (await cli.run("keys", "rotate")).strip()
    with pytest.raises(CliError, match="was not written by pollsvc"):  # but by who had another secret
        await cli.run("audit")


async def test_without_secrets_commands_show_and_change_nothing(cli: Service) -> None:
    del cli.env["POLLSVC_SECRET_KEYS"]
    assert SITE in await cli.run("site", "list")
    said = await fails(cli, "site", "add", "Gazette", "--origin", "https://gazette.example")
    assert "POLLSVC_SECRET_KEYS is not set" in said
    assert "Gazette" not in await cli.run("site", "list")


async def test_every_command_has_a_help_text(cli: Service) -> None:
    text = await cli.run("--help")
    commands = re.findall(r"^  (\w+)  +(\S.*)$", text.partition("Commands:")[2], re.MULTILINE)
    assert {name for name, _ in commands} >= {"audit", "demo", "keys", "migrate", "poll", "results", "serve"}


@pytest.mark.parametrize(
    "program",
    [[sys.executable, "-m", "pollsvc"], [str(Path(sys.executable).with_name("pollsvc"))]],
    ids=["module", "script"],
)
def test_it_starts_by_both_its_names(tmp_path: Path, program: list[str]) -> None:
    done = subprocess.run([*program, "--version"], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode() == f"pollsvc, version {__version__}\n"


async def test_without_json_people_read_sentences(cli: Service) -> None:
    out = await cli.run(
        *("poll", "create", "--site", "News", "--question", "Q?", "--option", "a", "--option", "b")
    )
    assert out.startswith("Created ")
    assert "<pollsvc-poll" in out


async def test_a_database_that_cannot_be_opened(cli: Service, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, but a text that is long enough" * 50)
    urls = [
        f"sqlite:///{tmp_path}/text.db",
        f"sqlite:///{tmp_path}/no/such/folder.db",
        "postgresql://nobody@127.0.0.1:1/none",
        "x",
    ]
    for url in urls:
        cli.env["POLLSVC_DATABASE_URL"] = url
        assert "POLLSVC_DATABASE_URL" in await fails(cli, "poll", "list"), url


@pytest.mark.parametrize(
    "closes", ["9999-12-31T23:59:59-10:00", "9999-12-31T23:59:59Z", "0500-01-01", "1969-12-31"]
)
async def test_a_time_that_cannot_be_shown_everywhere_is_refused(service: Service, closes: str) -> None:
    with pytest.raises(CliError) as failed:
        await service.create_poll(extra=["--closes", closes])
    assert failed.value.status == 2
    assert failed.value.output.count("\n") == 1
    assert await service.cli("poll", "list") == []
