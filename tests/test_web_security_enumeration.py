"""Nobody finds out by asking what there is: drafts, editors, keys, and the polls of other sites."""

import re
import statistics
import time
from collections.abc import AsyncIterator

import pytest

from pollsvc.domain.editor import Role, Scope
from pollsvc.services.accounts.api_keys import PREFIX, ApiKeys
from pollsvc.services.accounts.passwords import Passwords
from pollsvc.services.accounts.sign_in import LEAST_TIME
from pollsvc.services.editing.sites import Sites
from pollsvc.services.ids import new_id
from pollsvc.storage import accounts
from tests.support.editors import PASSWORD, EditorHttp, add_editor
from tests.support.furnished import Furnished, furnished
from tests.support.reader import Answer, Http, new_key
from tests.support.routes import PROGRAMS, Call, all_calls
from tests.support.server import open_connection

OF_POLLS = [
    call
    for call in all_calls()
    if "{poll}" in call.path and not call.door and not call.path.startswith(PROGRAMS)
]
KEYED = [call for call in all_calls() if call.path.startswith(f"{PROGRAMS}/polls/{{poll}}")]
PAGES = [call for call in all_calls() if call.door and "{poll}" in call.path]
ROUNDS = 60
CLASS = 0.004
"""Seconds by which two medians of one class may differ: less than the way through a network varies."""


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    async with furnished(tmp_path_factory.mktemp("enumeration")) as place:
        yield place


@pytest.fixture
async def http(place: Furnished) -> AsyncIterator[Http]:
    async with Http(place.service.base_url) as http:
        yield http


def told(answer: Answer, *own: str) -> tuple[int, dict[str, str], str]:
    """An answer without what the request said itself and what chance or time make."""
    text = answer.body.decode()
    for word in own:
        text = text.replace(word, "ID")
    chance = ("date", "content-length", "x-request-id")
    headers = {name: value for name, value in answer.headers.items() if name not in chance}
    if "location" in headers:
        headers["location"] = re.sub("|".join(own), "ID", headers["location"])
    return answer.status, headers, text


async def drafts_of(place: Furnished) -> list[str]:
    """What nobody outside may know of: a draft, one with a schedule, one on an article, an archived one."""
    service, day = place.service, int(time.time()) + 86_400
    made = [
        await service.add_poll(draft=True),
        await service.add_poll(draft=True, opens_at=day, closes_at=2 * day),
        await service.add_poll(draft=True, articles=["https://news.example/secret"]),
    ]
    archived = await service.add_poll(draft=True)
    async with service.editor() as editor:
        await editor.archive_poll(archived)
    return [*made, archived]


@pytest.mark.parametrize("call", OF_POLLS, ids=str)
async def test_a_draft_is_like_a_poll_that_there_is_not(place: Furnished, http: Http, call: Call) -> None:
    for draft in await drafts_of(place):
        unknown, own = new_id(10), {"Origin": "http://news.example"}
        for headers in ({}, own, {"If-None-Match": "*"}):
            answers = []
            for poll in (draft, unknown):
                body = b'{"selection": [1], "idempotency_key": "%b"}' % new_key().encode()
                answers.append(
                    told(
                        await http.request(
                            call.method,
                            call.to({"poll": poll}),
                            data=body if call.changes else None,
                            headers=headers,
                        ),
                        poll,
                    )
                )
            assert answers[0] == answers[1]
            assert answers[0][0] in (404, 403)


async def test_drafts_are_in_no_list(place: Furnished, http: Http) -> None:
    drafts, shown = await drafts_of(place), place.ids["poll"]
    several = await http.get("/api/v1/polls?" + "&".join(f"id={poll}" for poll in (*drafts, shown)))
    assert [poll["id"] for poll in several.json["polls"]] == [shown]
    for path in (
        *("/api/v1/articles?url=https://news.example/secret", f"/s/{place.ids['site']}", "/s/x"),
        *(f"/s/{place.ids['site']}.atom", f"/s/{place.ids['site']}?q=won", "/api/v1/openapi.json"),
        *(f"/api/v1/live?poll={drafts[0]}", f"/oembed?url={place.service.base_url}/p/{drafts[0]}"),
        *(f"/api/v1/log/inclusion?poll={drafts[0]}&number=1", f"/embed/{drafts[0]}"),
    ):
        answer = await http.get(path)
        assert not any(draft in answer.body.decode() for draft in drafts[1:]), path
    streams = [told(await http.get(f"/api/v1/live?poll={poll}")) for poll in (drafts[0], new_id(10))]
    assert streams[0] == streams[1]


async def test_asking_for_a_draft_takes_as_long_as_for_no_poll(place: Furnished, http: Http) -> None:
    """Once they have been asked for, in turns."""
    draft, unknown = (await drafts_of(place))[0], new_id(10)
    times: dict[str, list[float]] = {"draft": [], "unknown": []}
    for _ in range(ROUNDS):
        for name, poll in (("draft", draft), ("unknown", unknown)):
            begin = time.perf_counter()
            assert (await http.get(f"/api/v1/polls/{poll}")).status == 404
            times[name].append(time.perf_counter() - begin)
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    assert abs(middle["draft"] - middle["unknown"]) < CLASS, middle


async def test_an_unknown_editor_is_told_what_a_known_one_is(place: Furnished) -> None:
    """Also one who is disabled, and after so many tries; and all are told as late."""
    url, kinds = place.service.database_url, ("known", "unknown", "disabled")
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    password = await Passwords().hash(PASSWORD)
    for _ in range(3):
        known, disabled = await add_editor(url, Role.EDITOR), await add_editor(url, Role.EDITOR)
        async with open_connection(url) as connection:
            for editor in (known, disabled):
                await accounts.update_password(connection, editor.id, password)
            await accounts.update_disabled(connection, disabled.id, int(time.time()))
        names = {"known": known.name, "unknown": f"editor-{new_id(10)}", "disabled": disabled.name}
        for _ in range(2):
            answers = {}
            for kind, name in names.items():
                async with EditorHttp(place.service.base_url) as http:
                    begin = time.perf_counter()
                    answer = await http.sign_in(name, PASSWORD if kind == "disabled" else "wrong password")
                    times[kind].append(time.perf_counter() - begin)
                answers[kind] = told(answer, name)
                assert "set-cookie" not in answer.headers
            assert answers["known"] == answers["unknown"] == answers["disabled"]
            assert answers["known"][0] == 401
    assert min(min(seconds) for seconds in times.values()) >= LEAST_TIME
    middle = {kind: statistics.median(seconds) for kind, seconds in times.items()}
    print(f"\nsign-in refused after (s): {middle}")
    assert max(middle.values()) - min(middle.values()) < LEAST_TIME / 2, middle


@pytest.mark.parametrize("call", PAGES, ids=str)
async def test_who_is_not_signed_in_learns_of_no_poll(place: Furnished, call: Call) -> None:
    async with EditorHttp(place.service.base_url) as http:
        asked = [
            told(await http.request(call.method, call.to({"poll": poll})), poll)
            for poll in (place.ids["poll"], new_id(10))
        ]
    assert asked[0] == asked[1]
    assert asked[0][0] in (303, 401)


@pytest.mark.parametrize("call", KEYED, ids=str)
async def test_a_key_learns_of_no_poll_of_another_site(place: Furnished, http: Http, call: Call) -> None:
    url = place.service.database_url
    name = f"Gazette {new_id(6)}"
    await place.service.create_site(name, ["https://gazette.example"])
    theirs = await place.service.add_poll(site=name)
    async with open_connection(url) as connection:
        site = await Sites(connection, time.time).get(place.ids["site"])
        keys = ApiKeys(connection, time.time)
        _, text = await keys.create("News", tuple(Scope), site)
    headers = {"Authorization": f"Bearer {text}", "If-Match": "*", "Content-Type": "application/json"}
    body = {"url": "https://news.example/x", "decision": "reject", "question": "x"}
    answers = [
        told(
            await http.request(
                call.method, call.to({"poll": poll, "option": "1"}), json=body, headers=headers
            ),
            poll,
        )
        for poll in (theirs, new_id(10))
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] in (400, 404)


async def test_a_wrong_secret_of_a_key_is_told_what_an_unknown_key_is(place: Furnished, http: Http) -> None:
    async with open_connection(place.service.database_url) as connection:
        keys = ApiKeys(connection, time.time)
        revoked, revoked_text = await keys.create("Old", tuple(Scope), None)
        await keys.revoke(revoked.id)
    secret = "x" * 43
    tried = {
        "wrong": f"{PREFIX}{place.ids['key']}_{secret}",
        "unknown": f"{PREFIX}{new_id(10)}_{secret}",
        "revoked": revoked_text,
        "odd": "x",
    }
    times: dict[str, list[float]] = {name: [] for name in tried}
    answers = {}
    for _ in range(ROUNDS):
        for name, text in tried.items():
            begin = time.perf_counter()
            answer = await http.get(f"{PROGRAMS}/polls", Authorization=f"Bearer {text}")
            times[name].append(time.perf_counter() - begin)
            answers[name] = told(answer, text)
    assert answers["wrong"] == answers["unknown"] == answers["revoked"] == answers["odd"]
    assert answers["wrong"][0] == 401
    middle = {name: statistics.median(times[name]) for name in ("wrong", "unknown", "revoked")}
    assert max(middle.values()) - min(middle.values()) < CLASS, middle


async def test_hidden_results_have_no_address_that_is_told_or_guessed(place: Furnished, http: Http) -> None:
    """A wrong key is told what an unknown poll is."""
    poll = await place.service.add_poll(visibility="after_vote")
    public = (await http.get(f"/api/v1/polls/{poll}")).json
    assert public["results"] is None
    assert "results_url" not in str(public) or public.get("results_url") is None
    wrong = await http.get(f"/api/v1/polls/{poll}/results/{new_id(22)}")
    unknown = await http.get(f"/api/v1/polls/{new_id(10)}/results/{new_id(22)}")
    assert told(wrong) == told(unknown)
    assert wrong.code == "no_such_poll"


async def test_ids_are_drawn_by_chance(place: Furnished) -> None:
    """Of one poll none tells the next one's; those who follow links learn of those only."""
    ids = [await place.service.add_poll() for _ in range(20)]
    assert len({id_[:3] for id_ in ids}) > 15
    assert all(len(id_) == 10 for id_ in ids)
