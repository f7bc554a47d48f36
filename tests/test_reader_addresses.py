"""The addresses of readers' pages: what is odd about them is told alike, and what is not there."""

import pytest

from pollsvc.services.strings import Strings
from tests.support.reader import Http
from tests.support.server import Service
from tests.test_public_page import Page
from tests.test_site_archive import new_site, see

STRINGS = Strings()


@pytest.mark.parametrize("room", ["p", "embed", "s"])
async def test_slashes_too_many_lead_to_the_page(shared: Service, http: Http, room: str) -> None:
    answer = await http.get(f"/{room}/nosuch//?lang=ar&q=%D8%A7")
    assert answer.status == 301
    assert answer.headers["location"] == f"{shared.base_url}/{room}/nosuch?lang=ar&q=%D8%A7"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["p/nosuch/history", "embed/nosuch", "s/nosuch", "s/nosuch.atom", "s/a/b"])
async def test_other_methods_are_refused_on_a_page(http: Http, path: str) -> None:
    answer = await http.request("DELETE", f"/{path}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_too_many_parameters_are_refused_alike(shared: Service, http: Http) -> None:
    poll, site = await shared.add_poll(), await new_site(shared, "Many parameters")
    for path in (f"p/{poll}", f"p/{poll}/history", f"embed/{poll}", f"s/{site}", f"s/{site}.atom"):
        answer = await http.get(f"/{path}?" + "a=1&" * 300)
        assert answer.status == 400, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("lang", STRINGS.langs)
async def test_an_unknown_publisher_is_told_in_the_readers_language(http: Http, lang: str) -> None:
    words = STRINGS.words(lang)
    answer = await http.get(f"/s/nosuch?lang={lang}")
    page = Page(answer)
    assert answer.status == 404
    assert page.all("html")[0]["lang"] == lang
    assert words.say("site_missing") in page.text
    assert words.say("site_missing_how") in page.text
    assert words.say("site_none") not in page.text


async def test_a_link_to_a_list_is_shown_with_its_title_and_no_polls_picture(
    shared: Service, http: Http
) -> None:
    site = await new_site(shared, "Linked")
    await shared.add_poll("Who won?", site="Linked")
    page = await see(http, site)
    assert page.all("meta", property="og:title", content="Polls of Linked")
    assert page.all("meta", name="twitter:card", content="summary")
    assert not page.all("meta", property="og:image")


async def test_a_rating_in_the_feed_has_no_empty_summary(shared: Service, http: Http) -> None:
    site = await new_site(shared, "Rated")
    await shared.add_poll("How well?", [], kind="rating", site="Rated")
    assert "<summary" not in (await http.get(f"/s/{site}.atom")).body.decode()
