"""oEmbed 1.0: what consumers get for the address of a poll, and how they find it."""

from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from pollsvc.services.editing.new_poll import NewOption
from tests.support.reader import Answer, Http
from tests.support.server import Service
from tests.support.tags import Tags

HOSTILE = "</title><script>alert(\"1\")</script> & 'quoted' ]]> %s {{ 7*7 }}"
NUMBERS = ("width", "height", "cache_age", "thumbnail_width", "thumbnail_height")


async def ask(http: Http, url: str, **params: str) -> Answer:
    return await http.request("GET", "/oembed", params={"url": url, **params})


async def test_the_answer_has_what_the_specification_asks_for(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    answer = await ask(http, f"{shared.base_url}/p/{poll}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == f"public, max-age={answer.json['cache_age']}"
    assert "set-cookie" not in answer.headers
    html = answer.json.pop("html")
    height = answer.json["height"]
    assert {name: value for name, value in answer.json.items() if name not in ("html", "height")} == {
        "version": "1.0",
        "type": "rich",
        "title": "Who won?",
        "provider_name": "News",
        "provider_url": shared.base_url,
        "cache_age": 600,
        "width": 640,
        "thumbnail_url": f"{shared.base_url}/p/{poll}/card.png",
        "thumbnail_width": 1200,
        "thumbnail_height": 630,
    }
    tags = Tags(html)
    [frame] = tags.of("iframe")
    assert frame["src"] == f"{shared.base_url}/embed/{poll}"
    assert frame["title"] == "Poll: Who won?"
    assert frame["loading"] == "lazy"
    assert frame["width"] == "640"
    assert 200 < int(frame["height"]) < height < 600
    assert [link["href"] for link in tags.of("a")] == [f"{shared.base_url}/p/{poll}"]
    assert tags.names() == {"iframe", "p", "a"}


async def test_xml_says_the_same(shared: Service, http: Http) -> None:
    url = f"{shared.base_url}/p/{await shared.add_poll(HOSTILE, ['<b>', '&amp;'])}"
    answer, json = await ask(http, url, format="xml"), (await ask(http, url, format="json")).json
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "oembed"
    found = {item.tag: int(item.text or "") if item.tag in NUMBERS else item.text for item in root}
    assert found == json


@pytest.mark.parametrize(
    "question", [HOSTILE, '" onload="alert(1)', "من \u202e انتصر؟", "a\ufffe\uffffb", "x" * 300]
)
async def test_titles_are_text(shared: Service, http: Http, question: str) -> None:
    poll = await shared.add_poll(question)
    answer = (await ask(http, f"{shared.base_url}/p/{poll}")).json
    assert answer["title"] == question
    tags = Tags(answer["html"])
    assert tags.names() == {"iframe", "p", "a"}
    [frame] = tags.of("iframe")
    assert frame["title"] == f"Poll: {question}"
    assert set(frame) == {"data-pollsvc-frame", "src", "title", "width", "height", "loading", "style"}
    xml = ElementTree.fromstring((await ask(http, f"{shared.base_url}/p/{poll}", format="xml")).body)
    assert xml.findtext("title") == question.replace("\ufffe", "").replace("\uffff", "")


async def test_addresses_are_known_in_all_their_forms(shared: Service, http: Http) -> None:
    base, poll = shared.base_url, await shared.add_poll()
    for end in (f"/p/{poll}", f"/p/{poll}/", f"/embed/{poll}", f"/embed/{poll}/?a=b", f"/p/{poll}?x=1#y"):
        answer = await ask(http, base + end)
        assert answer.status == 200, end
        assert f'src="{base}/embed/{poll}"' in answer.json["html"]


async def test_addresses_are_known_as_browsers_understand_them(shared: Service, http: Http) -> None:
    base, poll = shared.base_url, await shared.add_poll()
    for url in (
        f"  {base}/p/{poll}\n",
        f"{base.replace('http', 'HTTP', 1)}/p/{poll}",
        f"{base.replace('http', 'https', 1)}/p/{poll}",
        f"{base}/%70/{poll}",
    ):
        answer = await ask(http, url)
        assert answer.status == 200, url


async def test_language_and_look_of_the_address_are_kept(shared: Service, http: Http) -> None:
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "None", "ar": "لا أحد"})]
    poll = await shared.add_poll({"en": "Who won?", "ar": "من انتصر؟"}, options)
    answer = (await ask(http, f"{shared.base_url}/p/{poll}?lang=ar&preset=compact")).json
    assert answer["title"] == "من انتصر؟"
    [frame] = Tags(answer["html"]).of("iframe")
    assert frame["src"] == f"{shared.base_url}/embed/{poll}?lang=ar&preset=compact"
    assert answer["thumbnail_url"].endswith("/card.png?lang=ar")
    [link] = Tags(answer["html"]).of("a")
    assert link["href"] == f"{shared.base_url}/p/{poll}?lang=ar"


async def test_other_addresses_are_not_found(shared: Service, http: Http) -> None:
    base, poll, draft = shared.base_url, await shared.add_poll(), await shared.add_poll(draft=True)
    for url in (
        f"{base}/p/nosuchpoll",
        f"{base}/p/{draft}",
        f"{base}/p/{poll}/history",
        f"{base}/p/",
        f"{base}/",
        f"{base}/p/{poll}%00",
        f"{base}.evil.example/p/{poll}",
        f"https://evil.example/p/{poll}",
        f"https://evil.example/?{base}/p/{poll}",
        f"/p/{poll}",
        f"javascript:{base}/p/{poll}",
        "http://[",
        poll,
    ):
        answer = await ask(http, url)
        assert answer.status == 404, url
        assert answer.code in ("not_found", "no_such_poll")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert (await ask(http, url, format="xml")).status == 404


async def test_formats_and_numbers_that_are_none_are_refused(shared: Service, http: Http) -> None:
    url = f"{shared.base_url}/p/{await shared.add_poll()}"
    for form in ("yaml", "", "JSON"):
        answer = await http.get(f"/oembed?url={url}&format={form or '%20'}")
        assert (answer.status, answer.code) == (501, "unknown_format")
    for name in ("maxwidth", "maxheight"):
        for value in ("0", "-1", "1.5", "x", "999999", "٣٠٠", "1e3"):
            answer = await ask(http, url, **{name: value})
            assert (answer.status, answer.code) == (400, "bad_request"), value
            assert answer.json["field"] == name
    assert (await http.get("/oembed")).code == "bad_request"
    assert (await http.get("/oembed?url=")).code == "bad_request"
    assert (await http.request("POST", "/oembed")).status == 405


@pytest.mark.parametrize(
    ("width", "height"), [(300, 200), (640, 100), (1200, 630), (1199, 9999), (9999, 629), (1, 1), (99999, 60)]
)
async def test_nothing_is_larger_than_asked_for(shared: Service, http: Http, width: int, height: int) -> None:
    url = f"{shared.base_url}/p/{await shared.add_poll('Which?', [str(n) for n in range(1, 12)])}"
    answer = (await ask(http, url, maxwidth=str(width), maxheight=str(height))).json
    [frame] = Tags(answer["html"]).of("iframe")
    assert 1 <= int(frame["width"]) == answer["width"] <= min(width, 640)
    assert 1 <= int(frame["height"]) <= answer["height"] <= height
    fits = width >= 1200 and height >= 630
    assert [name in answer for name in ("thumbnail_url", "thumbnail_width", "thumbnail_height")] == [fits] * 3


@pytest.mark.parametrize("path", ["/embed/", "/p/"])
async def test_consumers_find_it_on_the_polls_pages(shared: Service, http: Http, path: str) -> None:
    poll = await shared.add_poll(HOSTILE)
    page = Tags((await http.get(path + poll)).body.decode())
    found = {link["type"]: link for link in page.of("link") if "oembed" in link.get("type", "")}
    assert set(found) == {"application/json+oembed", "text/xml+oembed"}
    for form, link in zip(("json", "xml"), (found[type_] for type_ in sorted(found)), strict=True):
        assert link["rel"] == "alternate"
        assert link["title"] == HOSTILE
        parts = urlsplit(link["href"])
        assert parse_qs(parts.query) == {"url": [f"{shared.base_url}/p/{poll}"], "format": [form]}
        answer = await http.get(f"{parts.path}?{parts.query}")
        assert answer.status == 200
        assert form in answer.headers["content-type"]
