"""Each site may have paces of its own: what they come to is told, and is so; every process hears of them."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pollsvc.domain.editor import Role
from pollsvc.domain.errors import PollError
from pollsvc.domain.paces import CALM, NAMES, PROVEN, STANDARD, Pace, Paces, paces_of, read_pace
from pollsvc.domain.poll import Policy, Poll
from pollsvc.services.admission import Admission
from pollsvc.services.editing.sites import Sites
from tests.support.desk import place_of, text_of
from tests.support.editors import signed_in
from tests.support.forms import filled, form_in
from tests.support.reader import Http
from tests.support.server import CliError, Service, open_connection, run_service, until
from tests.test_admission import NOW, Clock, cast, counted, poll_of, post

HOUR = 3600


def poll_with(paces: Paces | None) -> Poll:
    poll = poll_of()
    return replace(poll, site=replace(poll.site, paces=paces))


def paces(calm: str = "30/12", wide: str = "35/12", proof: str = "10/12", proof_wide: str = "8/12") -> Paces:
    texts = (calm, wide, proof, proof_wide)
    return paces_of({name: read_pace(name, text) for name, text in zip(NAMES, texts, strict=True)})


def test_the_usual_paces_are_what_they_were() -> None:
    assert paces() == STANDARD
    assert (Pace(30, 12), Pace(35, 12), Pace(120, 3), Pace(140, 3)) == CALM
    assert (Pace(10, 12), Pace(8, 12), Pace(40, 3), Pace(32, 3)) == PROVEN


@pytest.mark.parametrize(
    "chosen",
    [STANDARD, paces("5/60", "5/60", "2/60", "2/60"), paces("100/4", "1000/1"), paces("300/12", "300/12")],
    ids=["usual", "tight", "wide", "large at once"],
)
def test_what_paces_come_to_is_what_is_told(chosen: Paces) -> None:
    """By the hour, of a loop that solves every challenge and of one that solves none."""
    told = chosen.expected()
    for proof, hours in ((True, (told.most, told.after, told.after)), (False, (told.hour,))):
        clock = Clock()
        admission = Admission(Policy.STANDARD, clock)
        for place, expected in enumerate(hours):
            found = 0
            for second in range(HOUR):
                clock.now = NOW + place * HOUR + second
                while counted(cast(admission, "192.0.2.1", poll=poll_with(chosen), proof=proof)):
                    found += 1
            assert abs(found - expected) <= 2, (place, proof)
    assert f"a school of {told.hour:,} " in chosen.meaning()
    assert f"gets {told.most:,} in its first hour and {told.after:,} in each" in chosen.meaning()


def test_each_site_has_its_own() -> None:
    admission = Admission(Policy.STANDARD, Clock())
    tight = poll_with(paces("3/60", "3/60", "1/60", "1/60"))
    assert counted(cast(admission, "192.0.2.1", 50, tight)) == 3
    other = replace(poll_of("other", "elsewhere"), id="other")
    assert counted(cast(admission, "192.0.2.1", 50, other)) == CALM.narrow.burst


def test_who_used_up_a_slower_pace_does_not_wait_by_it() -> None:
    """Under 12 s the burst is back after six minutes, whatever was charged before."""
    clock = Clock()
    admission = Admission(Policy.STANDARD, clock)
    cast(admission, "192.0.2.1", 50, poll_with(paces("24/3600", "24/3600")))
    assert counted(cast(admission, "192.0.2.1", 1, poll_with(None))) == 0
    clock.now += CALM.narrow.burst * CALM.narrow.seconds
    assert counted(cast(admission, "192.0.2.1", 50, poll_with(None))) == CALM.narrow.burst


@pytest.mark.parametrize(
    "text", ["", "30", "30/", "/12", "-1/12", "30/0", "0/12", "30/-1", "30/0.05", "1/3601"]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_pace_that_makes_no_sense_names_itself(name: str, text: str) -> None:
    with pytest.raises(PollError) as failed:
        paces_of(STANDARD.named() | {name: read_pace(name, text)})
    assert failed.value.details == {"field": name}


@pytest.mark.parametrize("text", ["10001/1", "1e3/12", "30/1.2345", "30/nan", "٣٠/12", "30/12/1", "100/1000"])
def test_other_paces_that_make_no_sense(text: str) -> None:
    with pytest.raises(PollError):
        paces_of(STANDARD.named() | {"proof": read_pace("proof", text)})


@pytest.mark.parametrize("wide", ["29/12", "35/12.1"])
def test_a_wide_network_may_do_what_one_of_its_addresses_may(wide: str) -> None:
    with pytest.raises(PollError, match="many addresses"):
        paces(wide=wide)


@pytest.fixture(scope="module")
async def paced(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    env = {"POLLSVC_ADMISSION": "standard", "POLLSVC_TRUSTED_PROXIES": "127.0.0.1/32"}
    folder = tmp_path_factory.mktemp("paces")
    async with run_service(folder, env=env, workers=2, site=True) as service:
        yield service


async def test_the_command_sets_shows_and_takes_back(paced: Service) -> None:
    """Other fields stay as they are; each change is in the log of edits."""
    shown = await paced.run("site", "policy", "News")
    assert "The policy of News is default." in shown
    assert "Its paces are the usual ones: calm 30/12, calm-wide 35/12, proof 10/12, proof-wide 8/12." in shown
    assert STANDARD.meaning() in shown
    told = await paced.cli("site", "policy", "News", "--calm", "20/6", "--calm-wide", "60/1.5")
    assert told["paces"] == {"calm": "20/6", "calm_wide": "60/1.5", "proof": "10/12", "proof_wide": "8/12"}
    assert (told["policy"], told["usual"], told["at_once"], told["hour"]) == (None, False, 20, 620)
    told = await paced.cli("site", "policy", "News", "strict", "--proof-wide", "30/6")
    assert (told["policy"], told["paces"]["proof_wide"], told["paces"]["calm"]) == ("strict", "30/6", "20/6")
    for wrong, said in (
        (["--calm", "0/12"], "1 to 10,000 votes"),
        (["--calm", "many"], "such as 30/12"),
        (["--calm-wide", "1/12"], "many addresses"),
        (["--calm", "30/12", "--usual-paces"], "Give paces, or"),
    ):
        with pytest.raises(CliError, match=said):
            await paced.run("site", "policy", "News", *wrong)
    told = await paced.cli("site", "policy", "News", "default", "--usual-paces")
    assert (told["policy"], told["usual"]) == (None, True)
    async with open_connection(paced.database_url) as connection:
        [row] = await connection.rows(
            "SELECT after FROM audit_log WHERE action = 'site.change' ORDER BY number LIMIT 1"
        )
    assert json.loads(row[0])["paces"]["calm"] == "20/6"
    await paced.assert_clean()


async def test_every_process_hears_of_new_paces(paced: Service) -> None:
    """Of a poll that it has in memory: votes are held by the new numbers in both."""
    poll = await paced.add_poll()
    async with Http(paced.base_url) as http:
        for number in range(12):
            assert await post(http, poll, f"192.0.{number}.1") == "counted"
        async with open_connection(paced.database_url) as connection:
            tight = paces("1/3600", "1/3600", "1/3600", "1/3600")
            await Sites(connection, lambda: NOW).change("News", paces=tight)
        number = 100

        async def held() -> bool:
            """Whether of five votes from a new address at most one counts in each process, four times."""
            nonlocal number
            for _ in range(4):
                number += 1
                told = [await post(http, poll, f"198.51.{number}.1") for _ in range(5)]
                if told.count("counted") > 2:
                    return False
            return True

        await until(held)


async def test_admins_set_them_on_the_sites_page(paced: Service) -> None:
    async with signed_in(paced.base_url, paced.database_url, Role.ADMIN) as http:
        async with open_connection(paced.database_url) as connection:
            site = await Sites(connection, lambda: NOW).change("News", paces=None, policy=None)
        path = f"/admin/sites/{site.id}"
        action = f"{path}/admission"

        async def page() -> str:
            return (await http.get(path)).body.decode()

        form = form_in(await page(), action=paced.base_url + action)
        assert ("calm_burst", "30") in form
        assert STANDARD.meaning() in text_of(await page())
        assert "Use the usual numbers" not in await page()
        done = await http.send(action, filled(form, calm_wide_burst="٢٠٠", calm_burst="100", policy="open"))
        assert place_of(done) == f"{path}?done=site_admission"
        chosen = paces("100/12", "200/12")
        assert chosen.meaning() in text_of(await page())
        wrong = await http.send(action, filled(form, calm_burst="0", policy="strict"))
        assert (wrong.status, 'href="#calm_burst"' in wrong.body.decode()) == (400, True)
        assert ("calm_burst", "0") in form_in(wrong.body.decode(), action=paced.base_url + action)
        for field, text in (("policy", "lax"), ("proof_seconds", "x"), ("calm_wide_burst", "9")):
            assert (await http.send(action, filled(form, **{field: text}))).status == 400
        async with open_connection(paced.database_url) as connection:
            found = await Sites(connection, lambda: NOW).get("News")
            assert (found.paces, found.policy) == (chosen, Policy.OPEN)
        form = form_in(await page(), action=paced.base_url + action)
        await http.send(action, filled(form, policy="", do="usual"))
        async with open_connection(paced.database_url) as connection:
            found = await Sites(connection, lambda: NOW).get("News")
            assert (found.paces, found.policy) == (None, None)
    async with signed_in(paced.base_url, paced.database_url, Role.EDITOR) as http:
        assert (await http.send(action, {"policy": "open"})).status == 403
