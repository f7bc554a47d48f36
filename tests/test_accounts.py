"""Editors' accounts: names, passwords, roles, and what the log says of each change."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pollsvc.cli.main import cli as commands
from pollsvc.domain.editor import Role
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.log import Actor
from pollsvc.services.accounts.editors import Accounts, check_name
from pollsvc.services.accounts.passwords import Passwords, check_password
from pollsvc.services.accounts.sessions import Sessions
from pollsvc.services.editing.new_poll import NewOption, as_new
from pollsvc.storage import log
from pollsvc.storage.database import Connection
from tests.support.editors import PASSWORD, EditorHttp, add_session, signed_in
from tests.support.server import SITE, Service, add_site, open_connection

ACTOR = Actor("editor", "tester", "tester")


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    async with open_connection(database_url) as opened:
        yield opened


@pytest.fixture
def accounts(connection: Connection) -> Accounts:
    return Accounts(connection, time.time, Passwords(), ACTOR)


async def entries(connection: Connection) -> list[tuple[str, str, Any, Any]]:
    """The log, oldest first: actor, action, before and after."""
    found = reversed(await log.entries(connection))
    return [(one.actor, one.action, json.loads(one.before), json.loads(one.after)) for one in found]


async def test_each_change_is_logged_and_no_secret_is(connection: Connection, accounts: Accounts) -> None:
    await accounts.add_editor("Root", Role.ADMIN, PASSWORD)
    jane, made = await accounts.add_editor("Jane Doe", Role.VIEWER)
    await accounts.set_role("jane doe", Role.EDITOR)
    _, second = await accounts.set_password("JANE DOE")
    await accounts.disable(jane.id)
    await accounts.disable(jane.id)
    await accounts.enable(jane.id)
    told = await entries(connection)
    assert told == [
        ("editor:tester", "editor.add", {}, {"name": "root", "role": "admin"}),
        ("editor:tester", "editor.add", {}, {"name": "jane doe", "role": "viewer"}),
        ("editor:tester", "editor.role", {"role": "viewer"}, {"role": "editor"}),
        ("editor:tester", "editor.password", {}, {"sessions_ended": 0}),
        ("editor:tester", "editor.disable", {"disabled": False}, {"disabled": True}),
        ("editor:tester", "editor.enable", {"disabled": True}, {"disabled": False}),
    ]
    assert made != second
    stored = str(await connection.rows("SELECT * FROM editors"))
    stored += str(await connection.rows("SELECT * FROM audit_log"))
    assert not [secret for secret in (PASSWORD, made, second) if secret in stored]


async def test_the_last_admin_stays(accounts: Accounts) -> None:
    first, _ = await accounts.add_editor("first", Role.ADMIN, PASSWORD)
    second, _ = await accounts.add_editor("second", Role.ADMIN, PASSWORD)
    await accounts.disable(second.id)
    for attempt in (accounts.disable(first.id), accounts.set_role(first.id, Role.EDITOR)):
        with pytest.raises(PollError, match="last admin") as refused:
            await attempt
        assert refused.value.code is Code.NOT_POSSIBLE_NOW
    assert (await accounts.get("first")).role is Role.ADMIN
    await accounts.set_role(second.id, Role.VIEWER)  # who is disabled anyway
    await accounts.enable(second.id)
    with pytest.raises(PollError, match="last admin"):
        await accounts.disable(first.id)


async def test_two_admins_cannot_disable_each_other_at_once(database_url: str) -> None:
    passwords = Passwords()
    async with open_connection(database_url) as one, open_connection(database_url) as other:
        both = [Accounts(each, time.time, passwords) for each in (one, other)]
        for accounts, name in zip(both, ("a", "b"), strict=True):
            await accounts.add_editor(name, Role.ADMIN, PASSWORD)
        done = await asyncio.gather(both[0].disable("b"), both[1].disable("a"), return_exceptions=True)
        assert sorted(isinstance(each, PollError) for each in done) == [False, True]
        assert [each.disabled for each in await both[0].all()].count(False) == 1


async def test_a_new_password_ends_the_other_sessions(connection: Connection, accounts: Accounts) -> None:
    jane, _ = await accounts.add_editor("jane", Role.EDITOR, PASSWORD)
    root, _ = await accounts.add_editor("root", Role.ADMIN, PASSWORD)
    sessions = Sessions(connection, time.time)
    secrets = [await add_session(connection._url, editor) for editor in (jane, jane, jane, root)]
    kept = await sessions.session(secrets[1])
    assert kept is not None
    with pytest.raises(PollError, match="present password"):
        await accounts.change_own_password(jane, "not this one", "another good password", kept.id)
    await accounts.change_own_password(jane, PASSWORD, "another good password", kept.id)
    lasting = [await sessions.session(secret) is not None for secret in secrets]
    assert lasting == [False, True, False, True]
    await accounts.disable(jane.id)
    assert await sessions.session(secrets[1]) is None
    await accounts.enable(jane.id)
    assert await sessions.session(secrets[1]) is None


async def test_the_present_password_cannot_be_tried_for_ever(accounts: Accounts) -> None:
    jane, _ = await accounts.add_editor("jane", Role.EDITOR, PASSWORD)
    for _ in range(5):
        with pytest.raises(PollError, match="present password"):
            await accounts.change_own_password(jane, "not this one", "another good password", "")
    with pytest.raises(PollError) as refused:
        await accounts.change_own_password(jane, PASSWORD, "another good password", "")
    assert refused.value.code is Code.SLOW_DOWN


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("  Jane   DOE ", "jane doe"),
        ("Ｊａｎｅ", "jane"),
        ("ÉLODIE", "élodie"),
        ("E\u0301lodie", "élodie"),
        ("مریم‌بانو", "مریم‌بانو"),
        ("x" * 100, "x" * 100),
    ],
)
def test_names_are_folded(given: str, name: str) -> None:
    assert check_name(given) == name
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b", "a\u202eb", "a\u200bb", "\ud800"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(PollError) as refused:
        check_name(name)
    assert refused.value.details["field"] == "name"


# ---- commands


@pytest.fixture
async def cli(tmp_path: Path) -> Service:
    """The commands on a new SQLite file with the site News; nothing serves."""
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1)
    await add_site(service.database_url)
    return service


async def invoke(service: Service, *args: str, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return await asyncio.to_thread(CliRunner().invoke, commands, args, input=stdin, env=service.env)


async def test_the_editor_commands(cli: Service) -> None:
    made = await invoke(cli, "editor", "add", "Root", "--role", "admin", "--json")
    root = json.loads(made.stdout)
    assert (root["name"], root["role"], root["disabled"]) == ("root", "admin", False)
    assert check_password(root["password"], "root")
    given = await invoke(cli, "editor", "add", "Jane", "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    assert given.stdout == "Added jane (viewer)\n"
    asked = await invoke(cli, "editor", "passwd", "jane", "--prompt", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert asked.stdout.endswith("jane has a new password\n")
    assert PASSWORD not in asked.stdout
    await invoke(cli, "editor", "role", "jane", "--role", "editor")
    await invoke(cli, "editor", "disable", "jane")
    listed = json.loads((await invoke(cli, "editor", "list", "--json")).stdout)
    assert [(one["name"], one["role"], one["disabled"]) for one in listed] == [
        ("jane", "editor", True),
        ("root", "admin", False),
    ]
    assert "password" not in listed[0]
    assert (await invoke(cli, "editor", "enable", "jane")).stdout == "jane can sign in again\n"
    for args, told in (
        (("editor", "disable", "root"), "last admin"),
        (("editor", "passwd", "nobody"), "no editor named"),
        (("editor", "add", "jane", "--role", "viewer"), "already"),
    ):
        failed = (await invoke(cli, *args)).exception
        assert isinstance(failed, PollError)
        assert told in failed.message
    short = await invoke(cli, "editor", "passwd", "jane", "--password-stdin", stdin="short\n")
    assert isinstance(short.exception, PollError)
    async with open_connection(cli.database_url) as connection:
        assert {one[0] for one in await entries(connection)} == {"command"}


# ---- pages


async def test_people_on_their_page(service: Service) -> None:
    async with (
        signed_in(service.base_url, service.database_url) as root,
        EditorHttp(service.base_url) as jane,
    ):
        made = await root.send("/admin/people", {"name": "Jane", "role": "viewer", "password": PASSWORD})
        assert made.status == 200
        assert PASSWORD not in made.body.decode()
        assert (await jane.sign_in("jane")).status == 303
        async with open_connection(service.database_url) as connection:
            id_ = (await Accounts(connection, time.time, Passwords()).get("jane")).id
        assert (await jane.get("/admin/people")).status == 403
        assert (await root.send(f"/admin/people/{id_}/role", {"role": "admin"})).status == 303
        assert (await jane.get("/admin/people")).status == 200
        shown = await root.send(f"/admin/people/{id_}/password")
        password = shown.body.decode().partition("<code>")[2].partition("</code>")[0]
        assert (await jane.get("/admin/people")).status == 303
        assert (await jane.sign_in("jane", password)).status == 303
        assert (await root.send(f"/admin/people/{id_}/disable")).status == 303
        assert (await jane.get("/admin/people")).status == 303
        assert (await jane.sign_in("jane", password)).status == 401
        for fields, told in (
            ({"name": "jane", "role": "viewer"}, "already"),
            ({"name": "x", "role": "king"}, "Choose a role"),
            ({"name": "<b>", "role": "viewer", "password": "short"}, "12 to 1000"),
        ):
            refused = await root.send("/admin/people", fields)
            assert refused.status == 400
            assert told in refused.body.decode()
            assert "<b>" not in refused.body.decode()
        assert (await root.send("/admin/people/nobody/disable")).status == 404


async def test_the_last_admin_is_told_so(service: Service) -> None:
    async with signed_in(service.base_url, service.database_url) as root:
        async with open_connection(service.database_url) as connection:
            id_ = (await Accounts(connection, time.time, Passwords()).all())[0].id
        refused = await root.send(f"/admin/people/{id_}/role", {"role": "viewer"})
        assert refused.status == 409
        assert "last admin" in refused.body.decode()
        assert refused.headers["content-type"].startswith("text/html")


async def test_ones_own_account(service: Service) -> None:
    new = "another good password"
    async with EditorHttp(service.base_url) as here, EditorHttp(service.base_url) as there:
        await service.cli("editor", "add", "jane", "--role", "viewer")
        async with open_connection(service.database_url) as connection:
            await Accounts(connection, time.time, Passwords()).set_password("jane", PASSWORD)
        await here.sign_in("jane")
        await there.sign_in("jane")
        page = (await here.get("/admin/account")).body.decode()
        assert page.count('name="session"') == 1
        other = page.partition('name="session" value="')[2].partition('"')[0]
        assert (await here.send("/admin/account/sessions", {"session": other})).status == 303
        assert (await there.get("/admin/account")).status == 303
        await there.sign_in("jane")
        assert (await here.send("/admin/account/sessions", {"others": "1"})).status == 303
        assert (await there.get("/admin/account")).status == 303
        await there.sign_in("jane")
        wrong = {"old": PASSWORD, "password": new, "again": "something different"}
        assert (await here.send("/admin/account/password", wrong)).status == 400
        right = {"old": PASSWORD, "password": new, "again": new}
        assert (await here.send("/admin/account/password", right)).status == 303
        assert (await here.get("/admin/account?done=password_changed")).status == 200
        assert (await there.get("/admin/account")).status == 303
        assert (await there.sign_in("jane", new)).status == 303


async def test_the_log_can_be_read(service: Service) -> None:
    async with signed_in(service.base_url, service.database_url) as root:
        for number in range(60):
            await root.send("/admin/keys", {"name": f"<i>{number}", "scope:polls:read": "1"})
        first = (await root.get("/admin/log")).body.decode()
        assert "&lt;i&gt;59" in first
        assert "<i>" not in first
        older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        second = (await root.get(f"/admin/log{older}")).body.decode()
        assert "&lt;i&gt;0<" in second
        assert "&lt;i&gt;59" not in second
        assert "Back to the newest" in second
        assert "made the API key" in second
        subject = first.partition("?subject=")[2].partition('"')[0]
        assert (await root.get(f"/admin/log?subject={subject}")).body.decode().count("<tr>") == 2
        assert (await root.get("/admin/log?before=x")).status == 400
        assert (await root.get("/admin/log?before=1")).status == 200


async def test_the_log_tells_of_polls_in_words(service: Service, tmp_path: Path) -> None:
    poll = await service.add_poll("Who won?", options=("Iran", "America"))
    async with service.editor() as editor:
        before = await editor.poll(poll)
        options = [NewOption({"en": "Persia"}, 1), NewOption({"en": "America"}, 2)]
        await editor.edit_poll(poll, replace(as_new(before), options=options), correction=True)
    file = str(tmp_path / "poll.json")
    await service.run("poll", "export", poll, "--output", file)
    imported = (await service.cli("poll", "import", file, "--site", SITE, "--attach"))["id"]
    async with signed_in(service.base_url, service.database_url) as root:
        for path in ("/admin/log", f"/admin/polls/{poll}/history", f"/admin/polls/{imported}/history"):
            page = (await root.get(path)).body.decode()
            assert "Who won?" in page
            assert "&#34;id&#34;" not in page
            assert ("Persia</bdi></ins>" in page) is (imported not in path)
