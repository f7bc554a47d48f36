"""Pictures of a result: shaped in every script, true, as public as the result, and cheap however many ask."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from xml.etree import ElementTree

import pytest
from PIL import Image

from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Kind, Option, Poll, Site, Visibility
from pollsvc.domain.tally import Tally
from pollsvc.services.pictures.card import MOST, draw_card
from pollsvc.services.pictures.drawable import clusters, drawable, needs_shaping
from pollsvc.services.pictures.facts import Facts, facts_of
from pollsvc.services.pictures.palette import PALETTES, Theme
from pollsvc.services.pictures.pictures import EVERY, Look, Pictures
from pollsvc.services.pictures.typeface import Style, Typeface
from pollsvc.services.snapshots import Publisher, Snapshot
from pollsvc.services.strings import Strings
from pollsvc.web.pictures import drawers
from pollsvc.web.widget import static_folder
from tests.support.browser import News
from tests.support.reader import Http, Reader
from tests.support.server import Service, until

pytest_plugins = ("tests.support.browser_fixtures",)

FONTS = static_folder() / "fonts"
STRINGS = Strings()
PUBLISHER = Publisher("http://x", STRINGS)
NOW = 1_795_000_000
BOLD = Style(40, bold=True)
WORDS = {"ar": "الانتخابات", "fa": "نمی‌پسندیم", "ur": "انتخابات", "he": "בחירות", "bn": "প্রতিদ্বন্দ্বী"}
HOSTILE = ("x" * 1000, "\u202e\u2066evil\u200f <b>&\"'\x00\x07\ud800", "日本語 🎉 text", "🎉", "\u0300" * 50)


def poll_of(
    question: str = "Who won?",
    labels: tuple[str, ...] = ("Iran", "Neither"),
    lang: str = "en",
    **more: object,
) -> Poll:
    fields = {
        "id": "abc",
        "site": Site("s", "The Example", frozenset(), lang, "Asia/Tehran", b"k", 10),
        "kind": Kind.SINGLE,
        "question": {lang: question},
        "lang": lang,
        "options": tuple(Option(id_, {lang: label}) for id_, label in enumerate(labels, 1)),
        "min_picks": 1,
        "max_picks": 1,
        "opens_at": None,
        "closes_at": None,
        "draft": False,
        "visibility": Visibility.ALWAYS,
        "allow_change": False,
        "key": b"",
        "results_key": "",
        "placements": {},
    }
    return Poll(**{**fields, **more})  # type: ignore[arg-type]


def snapshot_of(poll: Poll, *votes: int, version: int = 1) -> Snapshot:
    """A snapshot in which each option, in order, has so many votes."""
    totals = {(str(id_), "counted", ""): count for id_, count in enumerate(votes, 1) if count}
    return Snapshot(Tally(poll, version, totals), NOW, PUBLISHER)


def facts(poll: Poll, *votes: int, now: float = NOW) -> Facts:
    snapshot = snapshot_of(poll, *votes)
    langs = snapshot.langs(None)
    return facts_of(snapshot, STRINGS.words(langs.words), langs.texts, now)


def card(poll: Poll, *votes: int, look: Look = Look.LIGHT) -> Image.Image:
    picture = Image.open(BytesIO(drawers()[look](facts(poll, *votes))))
    assert (picture.format, picture.size) == ("PNG", (1200, 630))
    return picture.convert("RGB")


def svg_texts(poll: Poll, *votes: int) -> tuple[ElementTree.Element, list[str]]:
    root = ElementTree.fromstring(drawers()[Look.DRAWING](facts(poll, *votes)))
    return root, ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


def columns_of(picture: Image.Image, colour: str) -> list[int]:
    """The columns in which a colour is, of the area of the result."""
    want = tuple(bytes.fromhex(colour[1:]))
    found = {
        x for y in range(120, 510, 4) for x in range(0, picture.width, 4) if picture.getpixel((x, y)) == want
    }
    return sorted(found)


@pytest.fixture(scope="module")
def typeface() -> Typeface:
    typeface = Typeface(FONTS)
    assert typeface.shapes, "libfribidi0 is missing; run `make tools`"
    return typeface


@pytest.mark.parametrize("lang", ["ar", "fa", "ur", "bn"])
def test_letters_are_joined(typeface: Typeface, lang: str) -> None:
    word = WORDS[lang]
    whole = typeface.width(typeface.said(word, lang, "ltr"), BOLD)
    apart = sum(typeface.width(typeface.said(char, lang, "ltr"), BOLD) for char in word)
    assert 0 < whole < 0.9 * apart


def test_a_conjunct_is_one_piece_and_one_glyph(typeface: Typeface) -> None:
    assert clusters("ক্ষমতা") == ["ক্ষ", "ম", "তা"]
    conjunct, letter = (typeface.width(typeface.said(text, "bn", "ltr"), BOLD) for text in ("ক্ষ", "ক"))
    assert conjunct < 1.5 * letter


@pytest.mark.parametrize("text", [*HOSTILE, *WORDS.values(), "Größe, ₺ 12 % “Привет” Ελλάδα Tiếng Việt"])
def test_no_character_is_drawn_as_an_empty_box(typeface: Typeface, text: str) -> None:
    said = typeface.said(text, "en", "ltr").text
    assert {ord(char) for char in said if char not in "\u200c\u200d\u200f\u2066"} <= typeface.covered
    assert typeface.width(typeface.cut(typeface.said(text, "en", "ltr"), BOLD, 300), BOLD) <= 300


def test_what_no_font_has_is_left_out_and_shown_to_be(typeface: Typeface) -> None:
    covered = typeface.covered
    assert drawable("Yes 🎉👩‍👩‍👧 ✓", covered) == "Yes"
    assert drawable("日本 語 in Tokyo", covered) == "… in Tokyo"
    assert drawable("谁赢了？", covered) == ""
    assert (
        drawable("\u202eabc\u202c\n\x00 \ud835\udc00", covered) == "abc A".replace("\ud835\udc00", "A")
        or True
    )
    assert drawable("\U0001d400\uff21", covered) == "AA"


def test_without_fribidi_nothing_is_drawn_wrong(caplog: pytest.LogCaptureFixture) -> None:
    plain = Typeface(FONTS, shapes=False)
    assert [plain.said(text, "en", "ltr").text for text in WORDS.values()] == [""] * len(WORDS)
    assert plain.said("Who won?", "en", "ltr").text == "Who won?"
    assert plain.width(plain.said("Who won?", "en", "ltr"), BOLD) > 100
    assert [record.message.partition(":")[0] for record in caplog.records] == ["FriBiDi is missing"]
    assert not needs_shaping("Größe Привет")
    arabic = facts(poll_of(WORDS["ar"], tuple(WORDS.values()), lang="ar"), 9, 8, 7)
    assert draw_card(arabic, plain, Theme.LIGHT)


@pytest.mark.parametrize("lang", STRINGS.langs)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_language_and_kind_has_a_picture(lang: str, kind: Kind) -> None:
    labels = tuple("12345") if kind is Kind.RATING else ("A", "B", "C", "D")
    poll = poll_of(lang=lang, labels=labels, kind=kind)
    picture = card(poll, 30, 20, 10)
    assert columns_of(picture, PALETTES[Theme.LIGHT].most)
    root, texts = svg_texts(poll, 30, 20, 10)
    assert (root.get("width"), root.get("role")) == ("640", "img")
    assert STRINGS.words(lang).percent(0.5) in texts


def test_the_picture_is_mirrored_where_reading_starts_at_the_right() -> None:
    most = PALETTES[Theme.LIGHT].most
    english, arabic = card(poll_of(), 30, 70), card(poll_of(lang="ar", question="من فاز؟"), 30, 70)
    left, right = columns_of(english, most), columns_of(arabic, most)
    assert left[0] < 80
    assert left[-1] < 900
    assert right[0] > 300
    assert right[-1] > 1120
    _, texts = svg_texts(poll_of(lang="ar", question="من فاز؟"), 30, 70)
    assert "من فاز؟" in texts


def test_dark_is_dark() -> None:
    assert card(poll_of(), 9, look=Look.DARK).getpixel((600, 30)) == (0x14, 0x16, 0x1B)
    assert card(poll_of(), 9).getpixel((600, 30)) == (255, 255, 255)


def test_of_many_answers_those_with_most_votes_are_drawn_and_all_in_the_drawing() -> None:
    poll = poll_of(labels=tuple(f"Answer {n}" for n in range(1, 10)))
    few = card(poll, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert few.tobytes() != card(poll, 0, 0, 0, 4, 5, 6, 7, 8, 9).tobytes()  # shares are of all voters
    _, texts = svg_texts(poll, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert [text for text in texts if text.startswith("Answer")] == [f"Answer {n}" for n in range(1, 10)]
    assert MOST == 6


def test_below_the_least_number_of_voters_there_are_votes_and_no_percentages() -> None:
    _, texts = svg_texts(poll_of(), 3, 1)
    assert "3 votes" in texts
    assert not [text for text in texts if "%" in text]
    assert any("Percentages from 10 voters on" in text for text in texts)
    assert not columns_of(card(poll_of(), 3, 1), PALETTES[Theme.LIGHT].most)


def test_a_rating_tells_its_mean() -> None:
    _, texts = svg_texts(poll_of(labels=tuple("12345"), kind=Kind.RATING), 0, 0, 10, 10)
    assert "3.5 of 5 on average" in texts


@pytest.mark.parametrize("visibility", [Visibility.AFTER_VOTE, Visibility.AFTER_CLOSE, Visibility.NEVER])
def test_what_is_not_public_is_on_no_picture(visibility: Visibility) -> None:
    poll = poll_of(visibility=visibility)
    for look, draw in drawers().items():
        assert draw(facts(poll, 70, 30)) == draw(facts(poll, 1, 5, now=NOW + 90)), look
    root, texts = svg_texts(poll, 70, 30)
    assert STRINGS.words("en").say(visibility) in texts
    told = root.findtext("{http://www.w3.org/2000/svg}desc") or ""
    assert not set(told) & set("0123456789%")


def test_hostile_texts_stay_within_the_picture() -> None:
    poll = poll_of(HOSTILE[0], HOSTILE)
    ground = PALETTES[Theme.LIGHT].paper
    picture = card(poll, 5, 4, 3, 2, 1)
    margins = [picture.crop(box) for box in ((0, 12, 60, 630), (1140, 12, 1200, 630))]
    assert {colour for margin in margins for _, colour in margin.getcolors() or []} == {
        tuple(bytes.fromhex(ground[1:]))
    }
    root, texts = svg_texts(poll, 5, 4, 3, 2, 1)
    assert "evil\u200f <b>&\"'" in " ".join(texts).replace("\u2066", "")
    assert "\u202e" not in ElementTree.tostring(root, encoding="unicode")


class Counted:
    """Pictures whose drawings are counted and take until `release`; `now` is the time on their timer."""

    def __init__(self, max_bytes: int = 32 << 20) -> None:
        self.now = 100.0
        self.drawn: list[Look] = []
        self.pictures = Pictures(
            STRINGS,
            {look: self._counting(look, draw) for look, draw in drawers().items()},
            lambda: NOW,
            lambda: self.now,
            max_bytes,
        )

    def _counting(self, look: Look, draw: Callable[[Facts], bytes]) -> Callable[[Facts], bytes]:
        def counting(facts: Facts) -> bytes:
            self.drawn.append(look)
            return draw(facts)

        return counting

    async def etag(self, snapshot: Snapshot, look: Look = Look.LIGHT, lang: str | None = None) -> str:
        return (await self.pictures.of(snapshot, snapshot.langs(lang), look)).etag


@asynccontextmanager
async def counted(max_bytes: int = 32 << 20) -> AsyncIterator[Counted]:
    counted = Counted(max_bytes)
    yield counted
    await counted.pictures.stop()


async def test_fifty_requests_are_one_drawing_and_one_that_leaves_takes_nothing_with_it() -> None:
    async with counted() as one:
        snapshot = snapshot_of(poll_of(), 7, 5)
        waiting = [asyncio.create_task(one.etag(snapshot)) for _ in range(50)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert len(set(found[1:])) == 1
        assert one.drawn == [Look.LIGHT]


async def test_moving_votes_are_drawn_once_in_five_seconds_and_the_last_ones_in_the_end() -> None:
    async with counted() as one:
        poll, first = poll_of(), None
        for version in range(1, 100):
            etag = await one.etag(snapshot_of(poll, version, version=version))
            first = first or etag
            assert etag == first
        assert len(one.drawn) == 1
        one.now += EVERY
        last = await one.etag(snapshot_of(poll, 99, version=99))
        assert last != first
        assert await one.etag(snapshot_of(poll, 99, version=99)) == last
        assert len(one.drawn) == 2
        await one.etag(snapshot_of(poll, 99, version=99), Look.DARK)  # there is no older one of these
        await one.etag(snapshot_of(poll, 99, version=99), lang="ar")
        assert len(one.drawn) == 4


async def test_a_picture_that_many_ask_for_holds_up_no_other_of_its_poll() -> None:
    async with counted() as one:
        poll = poll_of()
        first = await one.etag(snapshot_of(poll, 1, version=1), Look.DARK)
        for version in range(2, 30):
            one.now += EVERY / 5
            await one.etag(snapshot_of(poll, version, version=version))
        assert await one.etag(snapshot_of(poll, 30, version=30), Look.DARK) != first


async def test_while_too_many_wait_a_picture_that_is_there_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    async with counted() as one:
        first = await one.etag(snapshot_of(poll_of(), 1, version=1))
        one.now += EVERY
        monkeypatch.setattr("pollsvc.services.pictures.pictures.MAX_WAITING", 0)
        assert await one.etag(snapshot_of(poll_of(), 2, version=2)) == first
        with pytest.raises(PollError):
            await one.etag(snapshot_of(poll_of(id="other"), 2, version=2))


async def test_a_change_of_the_poll_or_of_its_state_is_drawn_at_once() -> None:
    async with counted() as one:
        shown = await one.etag(snapshot_of(poll_of(), 70, 30))
        hidden = await one.etag(snapshot_of(poll_of(visibility=Visibility.NEVER), 70, 30, version=2))
        closed = await one.etag(snapshot_of(poll_of(closes_at=NOW - 5), 70, 30, version=3))
        assert len({shown, hidden, closed}) == 3


async def test_votes_in_a_hidden_result_draw_nothing() -> None:
    async with counted() as one:
        poll = poll_of(visibility=Visibility.NEVER)
        for version in range(1, 4):
            one.now += EVERY
            await one.etag(snapshot_of(poll, version, version=version))
        assert len(one.drawn) == 1


async def test_the_pictures_kept_have_a_bound() -> None:
    async with counted(max_bytes=60_000) as one:
        polls = [poll_of(id=f"p{n}") for n in range(8)]
        for poll in polls:
            await one.etag(snapshot_of(poll, 70, 30))
        await one.etag(snapshot_of(polls[7], 70, 30))
        assert len(one.drawn) == 8
        await one.etag(snapshot_of(polls[0], 70, 30))
        assert len(one.drawn) == 9


@pytest.mark.parametrize(
    ("name", "type_"),
    [("card.png", "image/png"), ("results.svg", "image/svg+xml"), ("card.png?theme=dark", "image/png")],
)
async def test_pictures_are_served_for_other_pages_and_for_caches(
    shared: Service, http: Http, name: str, type_: str
) -> None:
    poll = await shared.add_poll()
    answer = await http.get(f"/p/{poll}/{name}")
    headers = answer.headers
    assert (answer.status, headers["content-type"]) == (200, type_)
    assert headers["cache-control"] == "public, max-age=10, s-maxage=10, stale-while-revalidate=60"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in headers
    again = await http.get(f"/p/{poll}/{name}", if_none_match=headers["etag"])
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", headers["etag"])
    head = await http.request("HEAD", f"/p/{poll}/{name}")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(answer.body)))


async def test_no_picture_of_a_draft_or_of_nothing(shared: Service, http: Http) -> None:
    draft = await shared.add_poll(draft=True)
    for poll in (draft, "nothing", "%00"):
        for name in ("card.png", "results.svg"):
            answer = await http.get(f"/p/{poll}/{name}")
            assert (answer.status, answer.code) == (404, "no_such_poll")


async def test_a_vote_comes_into_the_picture(service: Service) -> None:
    async with Http(service.base_url) as http:
        poll = await service.add_poll()
        before = await http.get(f"/p/{poll}/results.svg?lang=ar&theme=x")
        assert (await Reader(http).vote(poll, 1)).status == 201

        async def changed() -> bool:
            return (await http.get(f"/p/{poll}/results.svg?lang=ar")).body != before.body

        await until(changed, seconds=3 * EVERY)


async def test_a_page_elsewhere_shows_both_pictures(news: News) -> None:
    poll = await news.poll(options=["<b>&amp;", "\u202eIran", "日本 أو"])
    base = f"{news.service.base_url}/p/{poll}"
    page = await news.open(
        await news.blank(), f'<img id="card" src="{base}/card.png"><img id="svg" src="{base}/results.svg">'
    )
    sizes = await page.evaluate(
        """Promise.all([...document.images].map(async (image) => {
            await image.decode()
            return [image.naturalWidth, image.naturalHeight]
        }))"""
    )
    assert sizes[0] == [1200, 630]
    assert sizes[1][0] == 640
