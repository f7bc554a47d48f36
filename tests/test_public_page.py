"""`/p/{poll}` by plain HTTP: a form and a result that need no JavaScript."""

import re
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest

from pollsvc.services.editing.new_poll import NewOption
from tests.support.reader import Answer, Http, Reader
from tests.support.server import ORIGIN, Service, until

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{7*7}}"


class Page(HTMLParser):
    """What the tests look for in a page: its elements with their attributes, and its text."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(answer.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and all(attrs.get(key) == value for key, value in wanted.items())
        ]

    @property
    def key(self) -> str:
        [field] = self.all("input", name="idempotency_key")
        return str(field["value"])


async def show(http: Http, poll: str, query: str = "") -> Page:
    answer = await http.get(f"/p/{poll}{query}")
    assert answer.status == 200
    return Page(answer)


async def send(
    http: Http, poll: str, fields: Mapping[str, str | list[str]] | bytes, **headers: str
) -> Answer:
    data = fields if isinstance(fields, bytes) else urlencode(fields, doseq=True).encode()
    all_headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return await http.request("POST", f"/p/{poll}", data=data, headers=all_headers)


async def test_a_vote_by_the_form(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    page = await show(http, poll)
    [form] = page.all("form")
    assert (form["method"], form["action"]) == ("post", f"{shared.base_url}/p/{poll}")
    assert [radio["value"] for radio in page.all("input", type="radio")] == ["1", "2", "3"]
    assert page.all("fieldset")
    answer = await send(http, poll, {"idempotency_key": page.key, "selection": "2"}, Origin=shared.base_url)
    assert answer.status == 200
    voted = Page(answer)
    assert not voted.all("form")
    assert voted.all("p", role="status")
    assert "1 vote" in voted.text
    assert await http.counts(poll) == [0, 1, 0]
    await shared.assert_clean(poll)


async def test_sending_the_same_form_again_is_the_same_vote(shared: Service, http: Http) -> None:
    """The reload of the answer, and a second click, leave one ballot; another pick is refused."""
    poll = await shared.add_poll()
    page = await show(http, poll)
    fields = {"idempotency_key": page.key, "selection": "1"}
    for _ in range(3):
        assert (await send(http, poll, fields)).status == 200
    other = await send(http, poll, {**fields, "selection": "2"})
    assert other.status == 409
    assert Page(other).all("p", role="alert")
    assert await http.counts(poll) == [1, 0, 0]
    assert (await show(http, poll)).key != page.key


async def test_several_picks(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(kind="multiple", max_picks=2)
    page = await show(http, poll)
    assert len(page.all("input", type="checkbox")) == 3
    too_many = await send(http, poll, {"idempotency_key": page.key, "selection": ["1", "2", "3"]})
    assert too_many.status == 422
    again = Page(too_many)
    assert again.key == page.key
    assert len([box for box in again.all("input", type="checkbox") if "checked" in box]) == 3
    answer = await send(http, poll, {"idempotency_key": page.key, "selection": ["3", "1"]})
    assert answer.status == 200
    assert await http.counts(poll) == [1, 0, 1]


async def test_nothing_chosen_shows_the_form_again(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    page = await show(http, poll)
    answer = await send(http, poll, {"idempotency_key": page.key})
    again = Page(answer)
    assert (answer.status, again.key) == (422, page.key)
    assert again.all("form")
    assert again.all("p", role="alert")


@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example", "null"])
async def test_no_other_page_may_send_the_form(shared: Service, http: Http, origin: str) -> None:
    """Not even the publisher's: this form is for the poll's own page."""
    poll = await shared.add_poll()
    page = await show(http, poll)
    fields = {"idempotency_key": page.key, "selection": "1"}
    answer = await send(http, poll, fields, Origin=origin)
    assert answer.status == 403
    assert "<h1>That did not work</h1>" in answer.body.decode()
    assert await shared.ballots(poll) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"selection=1",
        b"idempotency_key=short&selection=1",
        b"idempotency_key=aaaaaaaaaaaaaaaaaaaaaaaa&selection=x",
        b"idempotency_key=aaaaaaaaaaaaaaaaaaaaaaaa&selection=-1",
        b"idempotency_key=aaaaaaaaaaaaaaaaaaaaaaaa&selection=%D9%A1",
        b"idempotency_key=aaaaaaaaaaaaaaaaaaaaaaaa&selection=99",
        b"idempotency_key=aaaaaaaaaaaaaaaaaaaaaaaa" + b"&selection=1" * 200,
        b"\xff\xfe\x00" * 50,
        b"&" * 3000,
        b"x" * 5000,
    ],
    ids=lambda body: repr(body[-20:]),
)
async def test_forms_that_are_not_ours(shared: Service, http: Http, body: bytes) -> None:
    poll = await shared.add_poll()
    answer = await send(http, poll, body)
    assert answer.status in (400, 413, 422)
    assert await shared.ballots(poll) == []


async def test_hostile_text_is_text(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(f"Q {HOSTILE}", [f"A {HOSTILE}", "B ${7*7} {% x %}"])
    page = await show(http, poll)
    scripts = [script.get("src") for script in page.all("script")]
    assert scripts == [f"{shared.base_url}/w/1.js", f"{shared.base_url}/w/page.js"]
    assert not page.all("img")
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert f"Q {HOSTILE}" in page.text
    assert f"A {HOSTILE}" in page.text
    [title] = page.all("meta", property="og:title")
    assert title["content"] == f"Q {HOSTILE}"


async def test_the_page_is_locked_down(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    answer = await http.get(f"/p/{poll}")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert not re.search(rb"<(?:style|[a-z]+ style=)|<script>", answer.body)
    for resource in re.findall(r'(?:src|rel="stylesheet" href)="([^"]+)"', answer.body.decode()):
        assert (await http.get(resource.removeprefix(shared.base_url))).status == 200


async def test_open_graph_and_canonical_address(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("Who won?")
    page = await show(http, poll)
    address = f"{shared.base_url}/p/{poll}"
    assert page.all("link", rel="canonical", href=address)
    assert page.all("meta", property="og:title", content="Who won?")
    assert page.all("meta", property="og:url", content=address)


async def test_the_states_of_a_poll(shared: Service, http: Http) -> None:
    now = int(time.time())
    scheduled = await show(http, await shared.add_poll(opens_at=now + 3600))
    closed = await show(http, await shared.add_poll(closes_at=now - 3600))
    draft = await http.get(f"/p/{await shared.add_poll(draft=True)}")
    unknown = await http.get("/p/nosuchpoll")
    assert not scheduled.all("form")
    assert not closed.all("form")
    assert (draft.status, unknown.status) == (404, 404)
    assert draft.body == unknown.body
    assert "content-security-policy" in unknown.headers


async def test_a_form_that_comes_too_late_says_so(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    page = await show(http, poll)
    async with shared.editor() as editor:
        await editor.close_poll(poll)

    async def closed() -> bool:
        return not (await show(http, poll)).all("form")

    await until(closed)
    answer = await send(http, poll, {"idempotency_key": page.key, "selection": "1"})
    assert answer.status == 409
    assert Page(answer).all("p", role="alert")
    assert "Voting had ended. Your vote does not count." in Page(answer).text
    assert await shared.ballots(poll) == []


async def test_hidden_results_are_not_on_the_page_before_the_vote(shared: Service, http: Http) -> None:
    poll = await shared.add_poll(visibility="after_vote")
    for _ in range(12):
        await Reader(http).vote(poll, 1)
    page = await show(http, poll)
    assert "12" not in page.text
    assert not page.all("svg")
    voted = Page(await send(http, poll, {"idempotency_key": page.key, "selection": "1"}))
    assert "13" in voted.text
    assert len(voted.all("svg")) == 3


async def test_what_does_not_count_is_on_the_page_beside_the_widget(shared: Service, http: Http) -> None:
    """Where the widget stands in the place of the form, too; but not before the result may be seen."""
    open_, hidden = await shared.add_poll(), await shared.add_poll(visibility="after_vote")
    for poll in (open_, hidden):
        for _ in range(3):
            voter = (await Reader(http).vote(poll, 1)).json["receipt"]["leaf"].split("\n")[3]
        await shared.run("poll", "review", poll, "--exclude", "test", "--voter", voter)

    async def shown() -> bool:
        after = (await http.get(f"/p/{open_}")).body.decode().partition("</pollsvc-poll>")[2]
        return "1 vote excluded" in after and "test" in after

    await until(shown)
    assert "excluded" not in Page(await http.get(f"/p/{hidden}")).text


async def test_percentages_come_only_from_enough_voters(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    for count in range(1, 11):
        await Reader(http).vote(poll, 1)
        assert ("100%" in (await show(http, poll)).text) == (count >= 10)


async def test_the_page_speaks_the_polls_language(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("من انتصر؟", ["إيران", "أمريكا"], lang="ar")
    arabic, english = await show(http, poll), await show(http, poll, "?lang=en")
    assert (arabic.all("html")[0]["lang"], arabic.all("html")[0]["dir"]) == ("ar", "rtl")
    assert (english.all("html")[0]["lang"], english.all("html")[0]["dir"]) == ("en", "ltr")
    for page in (arabic, english):
        assert page.all("section", lang="ar", dir="rtl")
        assert page.all("h1", dir="auto")


async def test_what_goes_wrong_is_told_on_a_page(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    moved = await http.get(f"/p/{poll}/?lang=ar")
    assert (moved.status, moved.headers["location"]) == (301, f"{shared.base_url}/p/{poll}?lang=ar")
    for path in ("/p/none", "/p/none/history", f"/p/{poll}/odd", "/p/%00"):
        answer = await http.get(path)
        assert answer.status == 404
        assert "There is no such poll" in answer.body.decode()
    answer = await http.request("DELETE", f"/p/{poll}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_the_page_names_the_address_that_it_is_known_by(shared: Service, http: Http) -> None:
    options = [NewOption({"en": "a", "ar": "أ"}), NewOption({"en": "b", "ar": "ب"})]
    poll = await shared.add_poll({"en": "Who won?", "ar": "من فاز؟"}, options)
    for tail in ("", "/history"):
        for query, known in (("", ""), ("?lang=zz", ""), ("?lang=ar-EG", "?lang=ar")):
            [link] = Page(await http.get(f"/p/{poll}{tail}{query}")).all("link", rel="canonical")
            assert link["href"] == f"{shared.base_url}/p/{poll}{tail}{known}"


async def test_a_link_may_choose_an_answer_and_never_votes(shared: Service, http: Http) -> None:
    """As links in newsletters do; mail scanners follow them all."""
    poll = await shared.add_poll()
    for pick in ("2", "9", "x", "-1", "2" * 9):
        page = await show(http, poll, f"?pick={pick}")
        chosen = [radio["value"] for radio in page.all("input", type="radio") if "checked" in radio]
        assert chosen == (["2"] if pick == "2" else [])
        assert ("not cast yet" in page.text) is (pick == "2")
        [element] = page.all("pollsvc-poll")
        assert element.get("pick") == ("2" if pick == "2" else None)
    assert await shared.ballots(poll) == []
    answer = await send(http, poll, {"idempotency_key": page.key, "selection": "2"})
    assert answer.status == 200


async def test_a_poll_can_be_shared_without_telling_anybody(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("Who won & why?")
    page = await show(http, poll)
    links = [str(link["href"]) for link in page.all("a", rel="nofollow noopener")]
    assert len(links) == 5
    address = f"{shared.base_url}/p/{poll}"
    assert all(quote(address, safe="") in link for link in links)
    assert links[0].startswith("mailto:?subject=Who%20won%20%26%20why%3F&body=")
    assert [field["value"] for field in page.all("input") if "readonly" in field] == [address]
    assert [image["content"] for image in page.all("meta", property="og:image")] == [
        f"{address}/card.png?lang=en"
    ]


async def test_the_address_alone_leads_to_the_editors_pages(shared: Service, http: Http) -> None:
    answer = await http.get("/")
    assert (answer.status, answer.headers["location"]) == (302, f"{shared.base_url}/admin")
