"""A poll in several languages: one tally, and a page in each."""

import re

import pytest

from pollsvc.domain.poll import direction
from pollsvc.services.editing.new_poll import NewOption
from tests.support.reader import Http, Reader
from tests.support.server import Service
from tests.test_public_page import Page, send, show

QUESTION = {"en": "Who won?", "ar": "من انتصر؟", "sw": "Nani alishinda?"}
ANSWERS = [
    NewOption({"en": "Iran", "ar": "إيران", "sw": "Irani"}),
    NewOption({"en": "Nobody", "ar": "لا أحد", "sw": "Hakuna"}),
]


@pytest.fixture
async def poll(shared: Service) -> str:
    return await shared.add_poll(QUESTION, ANSWERS, lang="en")


@pytest.mark.parametrize(
    ("wanted", "lang", "words"),
    [
        ("", "en", "en"),
        ("?lang=en", "en", "en"),
        ("?lang=ar", "ar", "ar"),
        ("?lang=ar-EG", "ar", "ar"),
        ("?lang=AR", "ar", "ar"),
        ("?lang=sw", "sw", "en"),
        ("?lang=sv", "en", "en"),
        ("?lang=%3Cb%3E", "en", "en"),
    ],
)
async def test_the_page_in_the_language_that_is_wanted(
    shared: Service, http: Http, poll: str, wanted: str, lang: str, words: str
) -> None:
    page = await show(http, poll, wanted)
    direction = "rtl" if lang == "ar" else "ltr"
    assert page.all("section", lang=lang, dir=direction)
    assert QUESTION[lang] in page.text
    assert str(ANSWERS[0].label[lang]) in page.text  # type: ignore[index]
    assert page.all("html")[0]["lang"] == words
    api = (await http.get(f"/api/v1/polls/{poll}{wanted}")).json
    assert (api["question"]["text"], api["question"]["lang"]) == (QUESTION[lang], lang)
    assert api["langs"] == ["en", "ar", "sw"]


async def test_languages_are_links_to_the_same_poll(shared: Service, http: Http, poll: str) -> None:
    address = f"{shared.base_url}/p/{poll}"
    page = await show(http, poll, "?lang=ar")
    links = [link for link in page.all("a") if "hreflang" in link]
    assert [(link["hreflang"], link["href"], link["dir"]) for link in links] == [
        ("en", address, "ltr"),
        ("ar", f"{address}?lang=ar", "rtl"),
        ("sw", f"{address}?lang=sw", "ltr"),
    ]
    assert [link["hreflang"] for link in links if link.get("aria-current") == "page"] == ["ar"]
    assert re.search(r"English\s+العربية\s+Kiswahili", page.text)
    alternates = [link for link in page.all("link", rel="alternate") if "hreflang" in link]
    expected = {(link["hreflang"], link["href"]) for link in links} | {("x-default", address)}
    assert {(one["hreflang"], one["href"]) for one in alternates} == expected
    assert page.all("link", rel="canonical", href=f"{address}?lang=ar")
    assert (await show(http, poll, "?lang=en")).all("link", rel="canonical", href=address)
    assert page.all("meta", property="og:title", content=QUESTION["ar"])


async def test_a_poll_in_one_language_has_no_switch(shared: Service, http: Http) -> None:
    page = await show(http, await shared.add_poll())
    assert not page.all("nav")
    assert not [link for link in page.all("link", rel="alternate") if "hreflang" in link]


async def test_the_form_keeps_its_language(shared: Service, http: Http, poll: str) -> None:
    page = await show(http, poll, "?lang=ar")
    [form] = page.all("form")
    assert form["action"] == f"{shared.base_url}/p/{poll}?lang=ar"
    fields = {"idempotency_key": page.key, "selection": "1"}
    answer = await http.request("POST", f"/p/{poll}?lang=ar", data=fields)
    assert answer.status == 200
    voted = Page(answer)
    assert "شكرًا لك" in voted.text
    assert not voted.all("nav")  # a link would lead back to the form, as somebody who has not voted


async def test_all_languages_have_one_tally(shared: Service, http: Http, poll: str) -> None:
    await Reader(http).vote(poll, 2)
    page = await show(http, poll, "?lang=sw")
    await send(http, poll, {"idempotency_key": page.key, "selection": "2"})
    for lang in ("en", "ar", "sw"):
        results = (await http.get(f"/api/v1/polls/{poll}?lang={lang}")).json["results"]
        assert [one["count"] for one in results["options"]] == [0, 2]
    await shared.assert_clean(poll)


async def test_the_widget_is_told_the_language_that_was_asked_for(
    shared: Service, http: Http, poll: str
) -> None:
    """The page's words are not there in Swahili, but the poll's texts are."""
    for lang in ("en", "ar", "sw"):
        [element] = (await show(http, poll, f"?lang={lang}")).all("pollsvc-poll")
        assert element["lang"] == lang


async def test_a_rating_has_the_numbers_of_its_language(shared: Service, http: Http) -> None:
    poll = await shared.add_poll({"ar": "ما رأيك؟", "en": "How is it?"}, [], kind="rating", lang="ar")
    await Reader(http).vote(poll, 4)
    assert "المتوسط: 4.0 من 5" in (await show(http, poll)).text
    english = await show(http, poll, "?lang=en")
    assert "4.0 of 5 on average" in english.text
    assert "Lowest" in english.text


@pytest.mark.parametrize(
    ("tag", "side"),
    [
        ("ar", "rtl"),
        ("ckb-IQ", "rtl"),
        ("ku", "ltr"),
        ("ku-Arab", "rtl"),
        ("az-Latn-IR", "ltr"),
        ("en", "ltr"),
    ],
)
def test_the_direction_of_a_language_is_that_of_its_script(tag: str, side: str) -> None:
    assert direction(tag) == side
