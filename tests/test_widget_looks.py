"""How the widget looks and speaks: presets, languages, narrow places, print, and seeing the result first."""

import time

import pytest
from playwright.async_api import Route, expect

from pollsvc.services.editing.new_poll import NewOption
from tests.support.browser import ROOM, TEXT, News, article, axe, embed, mine, shift, vote
from tests.support.engines import in_both_engines

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines


async def test_the_result_can_be_seen_before_the_vote(news: News) -> None:
    poll = await news.poll()
    await news.others_vote(poll, [1], [2], [2])
    page = await news.read(poll)
    await page.get_by_label("Neither").check()
    see = page.get_by_role("button", name="See results")
    await see.focus()
    await page.keyboard.press("Enter")
    assert await page.locator("[part=number]").all_inner_texts() == ["33%\n1", "67%\n2", "0%\n0"]
    await expect(page.locator("ul")).to_be_focused()
    await expect(page.get_by_text("You voted")).to_be_hidden()
    await expect(page.get_by_text("Percent of voters")).to_be_visible()
    await page.get_by_role("button", name="Back to voting").click()
    await expect(page.get_by_label("Neither")).to_be_checked()
    await expect(page.get_by_label("Iran")).to_be_focused()
    await page.locator("[part=vote]").click()
    await expect(mine(page)).to_have_count(1)
    assert await news.http.counts(poll) == [1, 2, 1]
    assert await shift(page) == 0


async def test_hidden_results_have_no_button_that_shows_them(news: News) -> None:
    page = await news.read(await news.poll(visibility="after_close"))
    await expect(page.get_by_role("button", name="See results")).to_be_hidden()
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    assert await page.locator("[part=number]").all_inner_texts() == ["", "", ""]
    await expect(page.get_by_text("Results after voting ends")).to_be_visible()


async def test_a_held_vote_is_still_called_held_after_a_reload(news: News) -> None:
    page = await news.blank()
    await page.add_init_script(
        """const ask = fetch;
        window.fetch = async (url, init) => {
          const reply = await ask(url, init);
          return url.endsWith('/votes') ? Response.json({...await reply.json(), status: 'held'}) : reply;
        }"""
    )
    await news.open(page, embed(news.service, await news.poll()))
    await vote(page, "Iran")
    await expect(page.get_by_role("status")).to_contain_text("held for review")
    await page.reload()
    await expect(page.locator("form").get_by_text("held for review")).to_be_visible()
    await expect(page.get_by_text("You voted")).to_have_count(0)


@pytest.mark.parametrize(
    ("seconds", "left"), [(90, "in 2 minutes"), (3 * 3600 + 60, "in 3 hours"), (30 * 86400, "")]
)
async def test_the_closing_time_counts_down(news: News, seconds: int, left: str) -> None:
    page = await news.read(await news.poll(closes_at=int(time.time()) + seconds))
    text = await page.get_by_text("Open until").inner_text()
    assert text.endswith(f"({left})" if left else "M")


async def test_presets(news: News) -> None:
    poll = await news.poll()
    elements = "".join(
        f'<pollsvc-poll poll="{poll}" preset="{name}"></pollsvc-poll>' for name in ("", "plain", "compact")
    )
    page = await news.open(await news.blank(viewport={"width": 700, "height": 2400}), elements)
    forms = page.locator("[part=poll]")
    await expect(forms).to_have_count(3)
    style = """(form) => {
      const {borderTopWidth, paddingTop, fontSize} = getComputedStyle(form);
      return [borderTopWidth, paddingTop, fontSize].map((length) => Math.round(parseFloat(length)));
    }"""
    looks = [await form.evaluate(style) for form in await forms.all()]
    assert looks == [[1, 19, 16], [0, 0, 16], [1, 11, 14]]
    assert await axe(page) == []


@pytest.mark.parametrize(
    ("page_lang", "element", "preferred", "button"),
    [
        ("fr", 'lang="tr"', "de-DE", "Oy ver"),
        ("fr", "", "de-DE", "Voter"),
        ("", "", "de-DE", "Abstimmen"),
        ("de-AT", "", "en-US", "Abstimmen"),
        ("tlh", "", "de-DE", "Vote"),
    ],
)
async def test_the_language_is_the_elements_the_pages_or_the_browsers(
    news: News, page_lang: str, element: str, preferred: str, button: str
) -> None:
    poll = await news.poll()
    page = await news.blank(locale=preferred)
    html = article(news.service, f'<pollsvc-poll poll="{poll}" {element}></pollsvc-poll>', head=ROOM)
    html = html.replace('<html lang="en" ', f'<html lang="{page_lang}" ' if page_lang else "<html ")
    await page.goto(news.publisher.put(html))
    await expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()


async def test_two_languages_and_one_count_on_a_page(news: News) -> None:
    options = [NewOption({"en": "Iran", "fa": "ایران"}), NewOption({"en": "Nobody", "fa": "هیچ‌کس"})]
    poll = await news.poll({"en": "Who won?", "fa": "چه کسی برد؟"}, options)
    body = embed(news.service, poll) + f'<div lang="fa" dir="rtl">{embed(news.service, poll)}</div>'
    page = await news.open(await news.blank(viewport={"width": 700, "height": 2000}), body)
    await expect(page.locator("legend").nth(1)).to_have_text("چه کسی برد؟")
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await news.others_vote(poll, *[[1]] * 12)
    await expect(page.locator("[part=voters]").nth(0)).to_contain_text("12 voters")
    await expect(page.locator("[part=voters]").nth(1)).to_contain_text("۱۲")
    assert await page.evaluate("streams.filter((stream) => stream.readyState < 2).length") == 1


async def test_results_may_come_before_the_poll_in_another_language(news: News) -> None:
    """A stream of the first copy tells of a poll whose second copy still waits for its words."""
    poll = await news.poll()
    page = await news.read(poll, viewport={"width": 700, "height": 2000})
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/v1/polls?*lang=de", hold)
    await page.evaluate(
        """(poll) => {
          const copy = document.createElement('pollsvc-poll');
          copy.lang = 'de';
          copy.setAttribute('poll', poll);
          document.body.append(copy);
        }""",
        poll,
    )
    while not held:
        await page.evaluate("new Promise(requestAnimationFrame)")
    await page.evaluate("streams.at(-1).onerror()")  # the next stream begins when the second copy is known
    await page.wait_for_function("streams.at(-1).readyState == 1")
    await news.others_vote(poll, [1])
    await expect(page.locator("[part=voters]")).to_contain_text("1 voter")
    await held[0].continue_()
    await expect(page.locator("[part=voters]").nth(1)).to_contain_text("1 abstimmende Person")


async def test_a_page_as_dark_as_it_says(news: News) -> None:
    page = await news.blank(color_scheme="dark")
    head = '<meta name="color-scheme" content="light dark">' + ROOM
    await news.open(page, embed(news.service, await news.poll()), head=head)
    form = page.locator("[part=poll]")
    await expect(form).to_be_visible()
    colour = await form.evaluate("(form) => getComputedStyle(form).color.match(/\\d+/g).map(Number)")
    assert min(colour) > 240


async def test_on_paper_there_are_no_buttons(news: News) -> None:
    poll = await news.poll()
    await news.others_vote(poll, [1], [2], [2])
    page = await news.read(poll)
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button")).to_have_count(0)
    await expect(page.get_by_text("50%").first).to_be_visible()


async def test_a_sandboxed_frame_is_read_only(news: News) -> None:
    poll = await news.poll()
    await news.others_vote(poll, [1], [1], [2])
    news.publisher.put(article(news.service, embed(news.service, poll), head=ROOM), "/inner")
    page = await news.blank()
    frame_tag = '<iframe sandbox="allow-scripts" src="/inner" width="600" height="700"></iframe>'
    await page.goto(news.publisher.put(f"<!doctype html><title>News</title>{frame_tag}"))
    frame = page.frame_locator("iframe")
    await expect(frame.locator("[part=number]").first).to_have_text("67%\n2")
    await expect(frame.get_by_role("radio")).to_have_count(0)
    await expect(frame.get_by_role("link", name="Vote on the poll’s own page")).to_be_visible()
    await news.others_vote(poll, [2])
    await expect(frame.locator("[part=number]").first).to_have_text("50%\n2")


async def test_polls_come_one_after_the_other_where_there_is_no_room_yet(news: News) -> None:
    """The first one is whole long before the last one, and nothing jumps."""
    polls = [await news.poll() for _ in range(3)]
    page = await news.blank(viewport={"width": 700, "height": 1500})
    html = article(news.service, TEXT.join(embed(news.service, poll) for poll in polls))
    await page.goto(news.publisher.put(html))
    boxes = (
        "[...document.querySelectorAll('pollsvc-poll')].map((p) => p.shadowRoot.querySelector('[part=box]'))"
    )
    await page.wait_for_function(f"{boxes}.every((box) => box.querySelector('form'))")
    await page.wait_for_function(f"!{boxes}[0].style.maxBlockSize")
    assert await page.evaluate(f"{boxes}.map((box) => !box.style.maxBlockSize)") == [True, False, False]
    assert await shift(page) == 0
