"""Alerts on the editors' pages: told, shown, reviewed and put aside."""

import re
import time

import pytest

from pollsvc.domain.editor import Role
from tests.support.admin_browser import ARABIC, Admin
from tests.support.browser import axe, sticking_out
from tests.support.desk import Desk, place_of, text_of
from tests.support.editors import signed_in
from tests.support.reader import Http
from tests.support.server import open_connection
from tests.support.stuffing import from_a_room, put, stuffed

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.admin_fixtures")


def hidden(page: str, number: str) -> str:
    [action] = re.findall(rf'action="http://[^/]+(/admin/polls/\w+/alerts/{number}/dismiss[^"]*)"', page)
    return str(action)


async def test_an_alert_leads_to_its_ballots_and_is_put_aside(desk: Desk) -> None:
    poll = await stuffed(desk.service)
    path = f"/admin/polls/{poll}/ballots"
    dashboard = await desk.page("/admin")
    assert f"{path}#alert-" in dashboard
    assert "One network" in text_of(dashboard)
    assert re.search(r"\d alerts?", text_of(await desk.page(f"/admin/polls/{poll}")))
    page = await desk.page(path)
    said = text_of(page)
    assert "180 of" in said
    assert "from one network" in said
    assert 'role="img"' in page
    [number] = re.findall(r'id="alert-(\d+)" (?:(?!article).)*?One network', page, flags=re.DOTALL)[:1]
    form = await desk.page(f"{path}?alert={number}")
    assert "These are 180 counted, 0 held, 0 excluded" in text_of(form)
    fields = {
        name: re.search(rf'name="rule:{name}"[^>]* value="([^"]*)"', form)[1]  # type: ignore[index]
        for name in ("network", "since", "until")
    }
    assert fields["network"] == "rooms"
    sent = {f"rule:{name}": value for name, value in fields.items()}
    sent |= {"by": "rule", "rule:status": "counted", "rule:do": "hold"}
    assert place_of(await desk.http.send(path, sent)) == f"{path}?done=ballots_judged"
    assert "These are 0 counted, 180 held" in text_of(await desk.page(f"{path}?alert={number}"))
    dismissal = hidden(page, number)
    refused = await desk.http.send(dismissal, {"note": " "})
    assert (refused.status, "Say in up to" in text_of(refused)) == (400, True)
    note = "<b>held</b> them"
    assert place_of(await desk.http.send(dismissal, {"note": note})) == f"{path}?done=alert_dismissed"
    after = await desk.page(path)
    assert "1 dismissed" in text_of(after)
    assert "&lt;b&gt;held&lt;/b&gt; them" in after
    assert f"{path}#alert-{number}" not in await desk.page("/admin")
    assert "dismissed an alert" in text_of(await desk.page(f"/admin/polls/{poll}/history"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose what to do"),
        ({"rule:do": "hold"}, "Name a network or a time"),
        ({"rule:do": "hold", "rule:network": "%%"}, "5 or 10 characters"),
        ({"rule:do": "hold", "rule:since": "soon"}, "no date and time"),
        ({"rule:do": "hold", "rule:network": "rooms", "rule:status": "lost"}, "Choose"),
    ],
)
async def test_a_rule_that_is_not_clear_changes_nothing(
    desk: Desk, fields: dict[str, str], said: str
) -> None:
    poll = await desk.add()
    async with open_connection(desk.service.database_url) as connection:
        await put(connection, poll, from_a_room(int(time.time()) // 60, 1))
    answer = await desk.http.send(f"/admin/polls/{poll}/ballots", {"by": "rule", **fields})
    assert (answer.status, said in text_of(answer)) == (400, True)
    assert {ballot.status for ballot in await desk.service.ballots(poll)} == {"counted"}


async def test_who_only_looks_cannot_put_an_alert_aside(desk: Desk) -> None:
    poll = await stuffed(desk.service)
    service = desk.service
    async with signed_in(service.base_url, service.database_url, Role.VIEWER) as viewer:
        page = (await viewer.get(f"/admin/polls/{poll}/ballots")).body.decode()
        assert "One network" in page
        assert "/dismiss" not in page
        number = re.findall(r'id="alert-(\d+)"', page)[0]
        answer = await viewer.send(f"/admin/polls/{poll}/alerts/{number}/dismiss", {"note": "no"})
        assert answer.status == 403
    for other in ("99", "x"):
        answer = await desk.http.send(f"/admin/polls/{poll}/alerts/{other}/dismiss", {"note": "no"})
        assert answer.status == 404


async def test_programs_and_the_command_line_get_the_same(desk: Desk) -> None:
    service = desk.service
    poll = await stuffed(service)
    listed = await service.cli("poll", "alerts", poll)
    [network] = [one for one in listed if one["kind"] == "network" and one["serious"]]
    assert (network["state"], network["network"], network["ballots"]) == ("open", "rooms", 180)
    assert sum(network["minutes"]["part"]) == 180
    assert "One network (to look at)" in await service.run("poll", "alerts", poll)
    key = (await service.cli("apikey", "add", "CMS", "--scope", "results:read"))["key"]
    path, bearer = f"/api/v1/admin/polls/{poll}/alerts", {"Authorization": f"Bearer {key}"}
    async with Http(service.base_url) as http:
        assert (await http.get(path)).status == 401
        assert (await http.request("GET", path, headers=bearer)).json == {"id": poll, "alerts": listed}


async def test_readers_are_not_told(desk: Desk) -> None:
    poll = await stuffed(desk.service)
    for path in (f"/p/{poll}", f"/api/v1/polls/{poll}", f"/p/{poll}/history"):
        assert "alert" not in (await desk.http.get(path)).body.decode().lower()


async def test_pages_with_alerts_have_no_fault_that_axe_finds(admin: Admin) -> None:
    poll = await stuffed(admin.service, ARABIC, "حداد أم احتفال؟", lang="ar")
    for path in (f"/admin/polls/{poll}/ballots?alert=1", "/admin"):
        page = await admin.open(path)
        assert "One network" in await page.inner_text("main")
        for width in (1100, 900, 1280, 320):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await sticking_out(page) == [], (path, width)
            for scheme in ("light", "dark") if width in {1280, 320} else ():
                await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                assert await axe(page) == []
