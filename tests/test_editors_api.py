"""The editors' interface: keys and scopes, polls made and changed by programs, and its own description."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pollsvc.domain.editor import Scope
from tests.support.reader import Answer, Http, Reader
from tests.support.server import SITE, Service, until

ROOT = "/api/v1/admin"
ARTICLE = "https://news.example/story"


class Program:
    """A program with an API key."""

    def __init__(self, http: Http, key: str) -> None:
        self.http = http
        self.key = key

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """A call of the interface; an underscore in a header's name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(
            method, ROOT + path, json=body, headers={"Authorization": f"Bearer {self.key}", **named}
        )

    async def create(self, **fields: Any) -> Any:
        """A poll made by the interface."""
        body = {"site": SITE, "question": "Who won?", "options": [{"label": "Iran"}, {"label": "America"}]}
        answer = await self.call("POST", "/polls", body | fields)
        assert answer.status == 201, answer
        return answer.json


async def is_there(http: Http, path: str) -> bool:
    return (await http.get(path)).status == 200


async def key_of(service: Service, scopes: Collection[Scope] = tuple(Scope), site: str | None = None) -> str:
    flags = [part for scope in scopes for part in ("--scope", scope.value)]
    more = ["--site", site] if site else []
    return str((await service.cli("apikey", "add", "CMS", *flags, *more))["key"])


@pytest.fixture(scope="session")
async def key(shared: Service) -> str:
    return await key_of(shared)


@pytest.fixture
async def cms(http: Http, key: str) -> Program:
    return Program(http, key)


async def test_a_poll_from_creation_to_its_result(shared: Service, http: Http, cms: Program) -> None:
    poll = await cms.create(
        question={"en": "Who won?", "ar": "من انتصر؟"},
        options=[{"label": {"en": "Iran", "ar": "إيران"}}, {"label": {"en": "America", "ar": "أمريكا"}}],
        draft=True,
        articles=[ARTICLE],
    )
    assert (poll["state"], poll["revision"], poll["articles"]) == ("draft", 1, [ARTICLE])
    assert f'poll="{poll["id"]}"' in poll["embed"]
    assert (await http.get(f"/api/v1/polls/{poll['id']}")).code == "no_such_poll"
    opened = await cms.call("POST", f"/polls/{poll['id']}/open")
    assert (opened.status, opened.json["state"], opened.headers["etag"]) == (200, "open", '"2"')
    address = f"/api/v1/polls/{poll['id']}?lang=ar-EG"
    await until(lambda: is_there(http, address))  # other processes hear of it a moment later
    arabic = (await http.get(address)).json
    assert arabic["question"] == {"text": "من انتصر؟", "lang": "ar", "dir": "rtl"}
    assert arabic["options"][0]["label"] == "إيران"
    assert (await Reader(http).vote(poll["id"], 2, article=ARTICLE)).status == 201
    results = (await cms.call("GET", f"/polls/{poll['id']}/results")).json["results"]
    assert [option["count"] for option in results["options"]] == [0, 1]
    assert (await cms.call("POST", f"/polls/{poll['id']}/close")).json["state"] == "closed"
    assert (await cms.call("POST", f"/polls/{poll['id']}/archive")).json["state"] == "archived"
    history = (await cms.call("GET", f"/polls/{poll['id']}/history")).json["changes"]
    told = [
        change["what"] for change in history if change["what"] != "opens_at"
    ]  # closed in its first second
    assert told == ["published", "closes_at", "archived"]
    await shared.assert_clean(poll["id"])


async def test_a_change_needs_to_know_what_it_changes(cms: Program) -> None:
    poll = await cms.create()
    path, change = f"/polls/{poll['id']}", {"closes_at": "2096-01-01T00:00Z"}
    assert (await cms.call("PATCH", path, change)).code == "if_match_required"
    changed = await cms.call("PATCH", path, change, If_Match='"1"')
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert changed.json["closes_at"] == "2096-01-01T00:00:00Z"
    late = await cms.call("PATCH", path, {"closes_at": None}, If_Match='"1"')
    assert (late.status, late.code, late.json["revision"]) == (412, "edit_conflict", 2)
    assert (await cms.call("PATCH", path, {"closes_at": None}, If_Match='"x"')).code == "edit_conflict"
    assert (await cms.call("PATCH", path, {"closes_at": None}, If_Match="*")).json["closes_at"] is None


async def test_a_correction_has_to_be_called_one(cms: Program) -> None:
    poll = await cms.create(options=[{"label": "Irna"}, {"label": "America"}])
    path = f"/polls/{poll['id']}"
    options = [{"id": 1, "label": "Iran"}, {"id": 2, "label": "America"}]
    refused = await cms.call("PATCH", path, {"options": options}, If_Match="*")
    assert (refused.status, refused.code) == (409, "needs_confirmation")
    assert refused.json["changes"][0]["new"] == "Iran"
    corrected = await cms.call("PATCH", path, {"options": options, "correction": True}, If_Match="*")
    assert corrected.json["options"][0]["label"] == {"en": "Iran"}
    other = await cms.call("POST", path + "/versions", {"question": "Who lost?"})
    assert (other.status, other.json["replaces"]) == (201, poll["id"])
    assert other.headers["location"].endswith(f"{ROOT}/polls/{other.json['id']}")
    assert (await cms.call("GET", path)).json["replaced_by"] == other.json["id"]


async def test_polls_are_found_page_by_page(cms: Program) -> None:
    made = [(await cms.create(question=f"Pagination {number} ÉLAN"))["id"] for number in range(5)]
    seen, after = [], ""
    for _ in range(3):
        page = (await cms.call("GET", f"/polls?text=pagination&limit=2{after}")).json
        seen += [poll["id"] for poll in page["polls"]]
        after = f"&after={page['next']}"
    assert page["next"] is None
    assert sorted(seen) == sorted(made)
    assert len((await cms.call("GET", "/polls?text=élan")).json["polls"]) == 5
    placed = await cms.create(articles=["https://news.example/a-rare-address"])
    found = (await cms.call("GET", "/polls?text=a-rare-addr")).json["polls"]
    assert [poll["id"] for poll in found] == [placed["id"]]
    for query in (
        "limit=0",
        "limit=101",
        "limit=x",
        "state=odd",
        "after=x",
        "site=Nowhere",
        "limit=1&limit=2",
    ):
        assert (await cms.call("GET", f"/polls?{query}")).code == "bad_request", query


async def test_articles(cms: Program) -> None:
    url = "https://news.example/two-polls"
    first, second = [(await cms.create())["id"] for _ in "ab"]
    for poll in (first, second):
        answer = await cms.call("POST", f"/polls/{poll}/articles", {"url": url + "?utm_source=x"})
        assert (answer.status, answer.json) == (201, {"url": url, "link": url})
    order = await cms.call("PUT", "/articles", {"url": url, "polls": [second, first]})
    assert order.json == {"polls": [second, first]}
    shown = (await cms.http.get(f"/api/v1/articles?url={url}")).json["polls"]
    assert [poll["id"] for poll in shown] == [second, first]
    assert (await cms.call("DELETE", f"/polls/{second}/articles?url={url}")).status == 204
    assert (await cms.call("GET", f"/articles?url={url}")).json == {"polls": [first]}
    assert (await cms.call("GET", f"/polls/{second}/articles")).json["articles"] == []


@pytest.mark.parametrize("text", ["", "Basic x", "Bearer", "Bearer pollsvc_x_y", "Bearer é", "bearer x"])
async def test_without_a_key_nothing_is_answered(http: Http, text: str) -> None:
    answer = await http.get(f"{ROOT}/polls", Authorization=text)
    assert (answer.status, answer.code) == (401, "bad_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_does_what_its_scopes_say(shared: Service, http: Http) -> None:
    reading = Program(http, await key_of(shared, [Scope.POLLS_READ]))
    assert (await reading.call("GET", "/polls")).status == 200
    for method, path in (("POST", "/polls"), ("GET", "/sites"), ("GET", "/log"), ("PUT", "/articles")):
        assert (await reading.call(method, path, {})).code == "forbidden", path


async def test_a_key_of_one_site_sees_no_other(shared: Service, http: Http, cms: Program) -> None:
    gazette = Program(http, await key_of(shared, site="Gazette"))
    theirs = await cms.create()
    assert (await gazette.call("GET", f"/polls/{theirs['id']}")).code == "no_such_poll"
    assert (await gazette.call("POST", f"/polls/{theirs['id']}/close")).code == "no_such_poll"
    body = {"question": "Ours?", "options": [{"label": "a"}, {"label": "b"}]}
    ours = (await gazette.call("POST", "/polls", body)).json
    seen = {poll["id"] for poll in (await gazette.call("GET", "/polls?limit=100")).json["polls"]}
    assert ours["id"] in seen
    assert theirs["id"] not in seen
    assert (await gazette.call("POST", "/polls", body | {"site": SITE})).code == "forbidden"
    assert (await gazette.call("GET", "/log")).code == "forbidden"
    assert [site["name"] for site in (await gazette.call("GET", "/sites")).json["sites"]] == ["Gazette"]


async def test_bad_input_is_told_and_changes_nothing(cms: Program) -> None:
    poll = await cms.create()
    before = (await cms.call("GET", f"/polls/{poll['id']}")).json
    wrong: tuple[object, ...] = (
        *({"question": ""}, {"question": 3}, {"options": []}, {"options": [{"label": "a", "x": 1}]}),
        *({"kind": "odd"}, {"opens_at": "soon"}, {"picks": {"min": -1}}, {"scale": 7, "kind": "rating"}),
        *({"lang": "x" * 90}, {"unknown": 1}, [], {"question": {"en": "a", "": "b"}}, {"correction": "yes"}),
    )
    for body in wrong:
        answer = await cms.call("PATCH", f"/polls/{poll['id']}", body, If_Match="*")
        assert (answer.status, answer.code) == (400, "bad_request"), (body, answer)
    long = await cms.call("POST", "/polls", {"question": "x" * 300_000})
    assert long.code == "body_too_large"
    assert (await cms.call("GET", f"/polls/{poll['id']}")).json == before


async def test_the_log_tells_who_did_it(cms: Program) -> None:
    poll = await cms.create()
    page = (await cms.call("GET", f"/log?subject=poll:{poll['id']}")).json
    [entry] = page["entries"]
    assert (entry["actor_name"], entry["action"], entry["before"]) == ("CMS", "poll.create", {})
    assert entry["actor"].startswith("key:")
    assert cms.key not in str(page)


async def test_requests_made_from_the_description_are_answered_as_it_says(
    shared: Service, key: str, tmp_path: Path
) -> None:
    """No 500, and no answer that the OpenAPI document does not have; made by schemathesis."""
    poll = await shared.add_poll(articles=[ARTICLE], allow_change=True)
    (tmp_path / "schemathesis.toml").write_text(f'[parameters]\n"path.poll" = "{poll}"\n')
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "schemathesis"), "run", "--no-color"),
        *("--header", f"Authorization: Bearer {key}", "--checks", checks, "--max-examples", "6"),
        *("--exclude-path", "/api/v1/live", "--exclude-path", "/oembed"),  # that one answers 501 as it should
        *("--generation-database", "none", "--seed", "1"),
        *("--request-timeout", "20", "--suppress-health-check", "all", "--continue-on-failure"),
        f"{shared.base_url}/api/v1/openapi.json",
        stdout=PIPE,
        stderr=STDOUT,
        cwd=tmp_path,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 240)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, out.decode()[-6000:]
    await shared.assert_clean()


async def test_what_no_text_can_hold_is_refused_and_said(service_on: Service) -> None:
    async with Http(service_on.base_url) as http:
        cms = Program(http, await key_of(service_on))
        for path in ("/polls?text=%00", "/polls?after=1-%00", "/log?subject=%00", "/webhooks/%00/deliveries"):
            assert (await cms.call("GET", path)).code == "bad_request"
        for field in ("question", "lang"):
            body = {"site": SITE, "options": [{"label": "a"}, {"label": "b"}], "question": "Q", field: "a\0"}
            assert (await cms.call("POST", "/polls", body)).code == "bad_request"
        assert (await cms.create(question="A back slash: \\u0000"))["question"]["en"].endswith("u0000")


async def test_a_poll_stays_with_its_site(cms: Program) -> None:
    poll = await cms.create()
    path = f"/polls/{poll['id']}"
    assert (await cms.call("PATCH", path, {"site": "Elsewhere"}, If_Match="*")).code == "bad_request"
    assert (await cms.call("PATCH", path, {"site": poll["site"]}, If_Match="*")).status == 200
    many = await asyncio.gather(
        *(cms.call("PATCH", path, {"question": f"Q{n}?", "correction": True}, If_Match="*") for n in range(8))
    )
    assert [answer.status for answer in many] == [200] * 8
    tags = f'"1", "{poll["revision"] + 8}"'
    again = await cms.call("PATCH", path, {"question": "Q?", "correction": True}, If_Match=tags)
    assert again.status == 200


async def test_options_are_texts_or_have_images_that_were_sent_before(cms: Program) -> None:
    assert [option["label"]["en"] for option in (await cms.create(options=["a", "b"]))["options"]] == [
        "a",
        "b",
    ]
    file = BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "PNG")
    file.seek(0)
    headers = {"Authorization": f"Bearer {cms.key}"}
    sent = await cms.http.request("POST", f"{ROOT}/images", data=file, headers=headers)
    assert (sent.status, sent.json["width"], sent.json["height"]) == (201, 40, 30)
    poll = await cms.create(options=[{"label": "a", "image": sent.json["id"], "alt": "red"}, "b"])
    shown = (await cms.http.get(f"/api/v1/polls/{poll['id']}")).json["options"][0]["image"]
    assert shown == {"url": sent.json["url"], "alt": "red"}
    refused = await cms.http.request("POST", f"{ROOT}/images", data=b"<svg/>", headers=headers)
    assert refused.code == "bad_request"
