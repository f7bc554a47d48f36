"""The words for readers in every language: complete, in the right form and direction, read when needed."""

import gettext
import json
import re
import string
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from playwright.async_api import Browser

from pollsvc.domain.poll import Kind, Poll, Site, State
from pollsvc.services.catalogue import read_sources
from pollsvc.services.editing.definitions import define
from pollsvc.services.editing.new_poll import NewOption, NewPoll
from pollsvc.services.strings import Strings
from pollsvc.services.widget_words import hint_of
from tests.support.reader import Http
from tests.support.said import PACKAGE, keys_in_quotes, said
from tests.support.server import Service

pytest_plugins = ("tests.support.browser_fixtures",)

SOURCES = read_sources()
LANGS = Strings().langs
TRANSLATED = [lang for lang in LANGS if lang != "en"]
NUMBERS = [*range(201), 1000, 1_000_000]
PLACE = re.compile(r"\{\w+\}")

COMMON = {
    *("poll", "vote", "sending", "retry", "results", "back", "change", "withdraw", "mine", "thanks"),
    *("withdrawn", "held", "already", "busy", "offline", "refused", "elsewhere"),
    *("after_vote", "after_close", "never", "sample", "details", "verify", "retired", "other", "voters"),
    *("lang", "dir", "states", "times", "hint", "of", "few", "error_closed", "error_vouched"),
}
RATING = {"mean"}
RANKED = {
    *("rank_add", "rank_up", "rank_down", "rank_out", "rank_is", "rank_none", "my_rank"),
}
WRITE_IN = {
    *("own", "own_label", "own_hint", "own_recorded", "error_text", "error_too_long", "error_full"),
    *("error_no_text", "error_retired", "error_slow_down"),
}
CHANGES = {"error_many_changes"}


@pytest.fixture(scope="module")
def strings() -> Strings:
    return Strings()


def catalogue(lang: str) -> Catalog:
    with (PACKAGE / "locale" / lang / "LC_MESSAGES/pollsvc.po").open("rb") as file:
        return read_po(file, locale=lang, abort_invalid=True)


def forms_of(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def poll_of(kind: Kind = Kind.SINGLE, percent_from: int = 10, **more: object) -> Poll:
    site = Site("s", "News", frozenset(), "en", "UTC", b"", percent_from)
    options = [NewOption(name, emoji="😀" if kind is Kind.REACTION else "") for name in "abcd"]
    asked = NewPoll("Who?", [] if kind is Kind.RATING else options, kind=kind, lang="en", **more)  # type: ignore[arg-type]
    return define(asked, site, None, 0)


@pytest.mark.parametrize("lang", TRANSLATED)
def test_every_text_is_translated(lang: str) -> None:
    translated = catalogue(lang)
    assert not translated.obsolete
    sources = {**SOURCES.texts, **SOURCES.plurals}
    messages = {message.context: message for message in translated if message.context}
    assert messages.keys() == sources.keys()
    for key, message in messages.items():
        assert message.id == sources[key], f"{key} is another text in English"
        assert not message.fuzzy, key
        for form in forms_of(message):
            assert form, key
            assert form == form.strip(), key


@pytest.mark.parametrize("lang", TRANSLATED)
def test_translations_keep_their_placeholders(lang: str) -> None:
    """A plural's form for a few numbers at most, such as a dual, may say them in words."""
    translated = catalogue(lang)
    index = gettext.c2py(translated.plural_expr)
    for message in translated:
        english = [message.id] if isinstance(message.id, str) else [*message.id]
        expected = Counter(PLACE.findall(english[-1]))
        for place, form in enumerate(forms_of(message)):
            said_in_words = message.pluralizable and sum(index(number) == place for number in NUMBERS) <= 2
            found = Counter(PLACE.findall(form))
            assert found == expected or (said_in_words and not found), message.context
            assert not set(PLACE.sub("", form)) & set("{}"), message.context


@pytest.mark.parametrize("lang", TRANSLATED)
def test_gettext_tells_apart_just_what_cldr_does(lang: str) -> None:
    translated = catalogue(lang)
    rule, index = Locale.parse(lang).plural_form, gettext.c2py(translated.plural_expr)
    pairs = {(index(number), rule(number)) for number in NUMBERS}
    assert sorted(place for place, _ in pairs) == [*range(translated.num_plurals)]
    assert sorted(category for _, category in pairs) == sorted(rule.tags | {"other"})
    for message in translated:
        assert not message.pluralizable or len(forms_of(message)) == translated.num_plurals, message.context


@pytest.mark.parametrize("lang", LANGS)
async def test_plurals_and_numbers_are_those_of_a_browser(
    strings: Strings, browser: Browser, lang: str
) -> None:
    words, page = strings.words(lang), await browser.new_page()
    categories = await page.evaluate(
        "([lang, numbers]) => numbers.map((n) => new Intl.PluralRules(lang).select(n))", [lang, NUMBERS]
    )
    numbers = [0, 12, 999, 1000, 9999, 10_000, 1_234_567]
    written = await page.evaluate(
        "([lang, numbers]) => numbers.map((n) => new Intl.NumberFormat(lang).format(n))", [lang, numbers]
    )
    shares = [0, 0.07, 0.5, 1]
    percent = await page.evaluate(
        "([lang, numbers]) => numbers.map((n) => new Intl.NumberFormat(lang, {style: 'percent'}).format(n))",
        [lang, shares],
    )
    await page.close()
    for key in SOURCES.plurals:
        forms = words.forms(key)
        assert set(forms) == Locale.parse(lang).plural_form.tags | {"other"}
        for number, category in zip(NUMBERS, categories, strict=True):
            assert words.count(key, number) == forms[category].replace("{n}", words.number(number)), key
    assert [words.number(number) for number in numbers] == written
    assert [words.percent(share) for share in shares] == percent


@pytest.mark.parametrize(
    ("lang", "number", "digits", "year"),
    [
        ("en", "1,234,567.5", string.digits, "2026"),
        ("ar", "1,234,567.5", string.digits, "2026"),
        ("fa", "۱٬۲۳۴٬۵۶۷٫۵", "۰۱۲۳۴۵۶۷۸۹", "1405"),
        ("bn", "১২,৩৪,৫৬৭.৫", "০১২৩৪৫৬৭৮৯", "2026"),
        ("de", "1.234.567,5", string.digits, "2026"),
    ],
)
def test_numbers_and_times_are_in_the_digits_of_the_language(
    strings: Strings, lang: str, number: str, digits: str, year: str
) -> None:
    words = strings.words(lang)
    assert words.number(1_234_567.5, 1) == number
    time = words.time(1_795_000_000, "Asia/Tehran")
    assert {letter for letter in time if letter.isdigit()} <= set(digits)
    assert "".join(digits[int(letter)] for letter in year) in time
    assert digits[5] in words.count("voters", 5)
    assert digits[5] in words.percent(0.5)


@pytest.mark.parametrize("lang", LANGS)
def test_the_direction_is_that_of_the_script(strings: Strings, lang: str) -> None:
    words = strings.words(lang)
    assert words.dir == Locale.parse(lang).text_direction
    letters = "".join(words.say(key) for key in ("vote", "thanks"))
    assert bool(re.search("[\u0590-\u08ff]", letters)) == (words.dir == "rtl")


@pytest.mark.parametrize(
    ("poll", "more"),
    [
        (poll_of(), set[str]()),
        (poll_of(Kind.MULTIPLE, max_picks=3), set[str]()),
        (poll_of(Kind.REACTION), set[str]()),
        (poll_of(Kind.RATING), RATING),
        (poll_of(Kind.RANKED), RANKED),
        (poll_of(Kind.RANKED, write_in=True), RANKED | WRITE_IN),
        (poll_of(write_in=True), WRITE_IN),
        (poll_of(allow_change=True), CHANGES),
        (poll_of(closes_at=100), set[str]()),
    ],
    ids=[
        "single",
        "multiple",
        "reaction",
        "rating",
        "ranked",
        "ranked, write-in",
        "write-in",
        "change",
        "end",
    ],
)
@pytest.mark.parametrize("lang", LANGS)
def test_the_widget_is_sent_the_words_of_its_poll_and_no_others(
    strings: Strings, lang: str, poll: Poll, more: set[str]
) -> None:
    sent = json.loads(json.dumps(strings.for_widget(poll, lang)))
    assert set(sent) == COMMON | more
    assert (sent["lang"], sent["dir"]) == (lang, Locale.parse(lang).text_direction)
    assert sent.pop("voters") == strings.words(lang).forms("voters")
    states, times = sent.pop("states"), sent.pop("times")
    assert states.keys() == set(State)
    assert times.keys() == {*State, "away"}
    left = {"mean": ["{mean}"], "my_rank": ["{rank}"], "rank_is": ["{name}", "{rank}"]}
    left |= {key: ["{name}"] for key in ("rank_add", "rank_up", "rank_down", "rank_out", "rank_none")}
    for key, text in (sent | states).items():
        assert sorted(PLACE.findall(text)) == left.get(key, []), key
    assert {state for state, text in times.items() if PLACE.findall(text) == ["{time}"]} == {
        *("scheduled", "closed"),
        *(("open", "away") if poll.closes_at else ()),
    }


def test_what_is_said_of_percentages_and_picks_depends_on_the_poll(strings: Strings) -> None:
    words = strings.words("en")
    choice = poll_of(Kind.MULTIPLE, min_picks=2, max_picks=3)
    sent = strings.for_widget(choice, "en")
    assert sent["hint"] == "Choose 2 to 3 answers" == hint_of(choice, words)
    assert sent["of"] == "Percent of voters; several answers each"
    assert sent["few"] == "Percentages from 10 voters on"
    assert strings.for_widget(poll_of(percent_from=1), "en")["few"] == ""
    assert strings.for_widget(poll_of(percent_from=0), "en")["few"] == ""
    assert strings.for_widget(poll_of(), "en")["hint"] == "Choose an answer"
    assert strings.for_widget(poll_of(), "en")["of"] == "Percent of voters"
    ranked = strings.for_widget(poll_of(Kind.RANKED, max_picks=4), "en")
    assert ranked["hint"].startswith("Rank up to 4 answers · ")
    assert ranked["of"] == "First choices, in percent of voters"
    rating = strings.for_widget(poll_of(Kind.RATING), "en")
    assert (rating["hint"], rating["mean"]) == ("1 = Lowest · 5 = Highest", "{mean} of 5 on average")
    assert "100" in strings.for_widget(poll_of(write_in=True), "en")["own_hint"]


def test_polls_with_the_same_needs_share_their_words(strings: Strings) -> None:
    poll = poll_of()
    assert strings.for_widget(poll, "en") is strings.for_widget(replace(poll, id="other"), "en")
    assert strings.for_widget(poll, "en") is not strings.for_widget(replace(poll, allow_change=True), "en")


async def test_the_api_sends_them(shared: Service, http: Http) -> None:
    poll = await shared.add_poll()
    for lang in LANGS:
        sent = (await http.get(f"/api/v1/polls/{poll}?lang={lang}")).json["strings"]
        assert set(sent) == COMMON
        assert sent["vote"] == Strings().words(lang).say("vote")


def test_texts_that_are_put_in_are_left_as_they_are(strings: Strings) -> None:
    said = strings.words("en").say("rank_is", name="{rank} {n} \\1", rank="2")
    assert said == "{rank} {n} \\1: now number 2"


def test_a_language_is_read_when_it_is_asked_for() -> None:
    program = """if True:
        import json, sys
        opened = []
        def note(event, args):
            if event == "open" and str(args[0]).endswith((".po", ".pot")):
                opened.append(str(args[0]).replace("\\\\", "/").rpartition("locale/")[2])
        sys.addaudithook(note)
        import pollsvc.app
        from pollsvc.services.strings import Strings
        steps = [list(opened)]
        strings = Strings()
        strings.choose("ar-EG", "en")
        steps.append(list(opened))
        for lang in ("en", "ar", "ar", "en"):
            strings.words(lang).say("vote")
            steps.append(list(opened))
        print(json.dumps(steps))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    both = ["pollsvc.pot", "ar/LC_MESSAGES/pollsvc.po"]
    assert json.loads(done.stdout) == [[], [], both[:1], both, both, both]


def test_every_text_that_is_said_is_there() -> None:
    """With the placeholders that are filled there."""
    for where, method, key, given in said():
        if method == "say":
            assert key in SOURCES.texts, f"{where}: {key}"
            filled, places = {"{" + name + "}" for name in given}, set(PLACE.findall(SOURCES.texts[key]))
            assert filled == places or (key == "mean" and filled < places), where  # the widget has the mean
        elif method in ("count", "forms"):
            assert key in SOURCES.plurals, f"{where}: {key}"
    known = COMMON | RATING | RANKED | WRITE_IN | CHANGES
    for path in (PACKAGE.parent / "static").glob("widget*.js"):
        assert set(re.findall(r"\bs\.([a-z_]+)\b", path.read_text())) <= known, path.name


def test_every_text_is_said_somewhere() -> None:
    assert (SOURCES.texts.keys() | SOURCES.plurals.keys()) - keys_in_quotes() == set()
