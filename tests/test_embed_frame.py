"""A poll in a publisher's frame: who may frame it, how it gets its height, and that a vote in it counts."""

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from pollsvc.services.editing.new_poll import NewOption
from pollsvc.services.embed import frame_code
from pollsvc.services.strings import Strings
from tests.support.browser import TEXT, News, axe, run_publisher, shift
from tests.support.frames import LISTEN, fits, frame, height, inside, post, ready, script, unframed
from tests.support.server import until

pytest_plugins = ("tests.support.browser_fixtures",)


async def test_the_frame_is_for_the_pages_of_the_site_and_the_same_for_all_readers(news: News) -> None:
    answer = await news.http.get(f"/embed/{await news.poll()}")
    assert answer.status == 200
    policy = answer.headers["content-security-policy"].split("; ")
    assert f"frame-ancestors 'self' {news.publisher.origin}" in policy
    for directive in ("default-src 'none'", "script-src 'self'", "connect-src 'self'", "style-src 'self'"):
        assert directive in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "x-frame-options" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["content-type"].startswith("text/html")


async def test_language_and_look_are_chosen_in_the_address(news: News) -> None:
    poll = await news.service.add_poll(
        {"en": "Who won?", "ar": "من انتصر؟"},
        [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "None", "ar": "لا أحد"})],
        site=news.publisher.origin,
    )
    page = (await news.http.get(f"/embed/{poll}?lang=ar&preset=compact")).body.decode()
    assert '<html lang="ar" dir="rtl"' in page
    assert f'<pollsvc-poll poll="{poll}" lang="ar" preset="compact">' in page
    french = (await news.http.get(f"/embed/{poll}?lang=fr")).body.decode()
    assert f'<pollsvc-poll poll="{poll}" lang="fr">' in french
    assert "من انتصر؟" in page
    for odd in ("Compact", "a b", '"><script>', "x" * 33, ""):
        assert (
            "preset="
            not in (await news.http.request("GET", f"/embed/{poll}", params={"preset": odd})).body.decode()
        )


async def test_poll_text_is_text(news: News) -> None:
    poll = await news.poll("<b>\"Who\" & 'why'?", ["<i>a", "b"])
    page = (await news.http.get(f"/embed/{poll}")).body.decode()
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;&#34;Who&#34; &amp;" in page


async def test_what_is_not_there_is_told_on_a_page(news: News) -> None:
    poll, draft = await news.poll(), await news.poll(draft=True)
    for path in ("nosuchpoll", draft, "a/b", "", "%00", f"{poll}?" + "a=1&" * 300):
        answer = await news.http.get(f"/embed/{path}")
        assert answer.status == (400 if "=" in path else 404), path
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-store"
        assert "<h1" in answer.body.decode()
    arabic = await news.http.get("/embed/nosuchpoll?lang=ar")
    assert '<html lang="ar" dir="rtl">' in arabic.body.decode()
    posted = await news.http.request("POST", "/embed/nosuchpoll")
    assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD")
    moved = await news.http.get(f"/embed/{poll}/?lang=ar")
    assert moved.status == 301
    assert moved.headers["location"] == f"{news.service.base_url}/embed/{poll}?lang=ar"
    assert (await news.http.request("HEAD", f"/embed/{poll}")).status == 200


async def test_without_scripts_there_are_the_link_and_the_result(news: News) -> None:
    poll, hidden = await news.poll(), await news.poll("Why?", visibility="after_vote")
    await news.others_vote(poll, [1], [1], [2])
    page = await news.blank(java_script_enabled=False)
    await page.goto(f"{news.service.base_url}/embed/{poll}")
    link = page.get_by_role("link", name="Who won?")
    await expect(link).to_have_attribute("href", f"{news.service.base_url}/p/{poll}")
    await expect(link).to_have_attribute("target", "_top")
    await expect(page.get_by_role("listitem").first).to_have_text(re.compile(r"Iran\s+67%\s*2 votes"))
    await expect(page.locator("noscript p")).to_contain_text("3 voters")
    await expect(page.locator("noscript p")).to_be_visible()
    await page.goto(f"{news.service.base_url}/embed/{hidden}")
    await expect(page.get_by_role("link", name="Why?")).to_be_visible()
    await expect(page.get_by_role("listitem")).to_have_count(0)


async def test_a_frame_gets_the_height_of_its_poll(news: News) -> None:
    first, second = await news.poll(), await news.poll("Which?", [f"Answer {n}" for n in range(12)])
    page = await news.open(
        await news.blank(), frame(news, first, 'id="a"') + frame(news, second, 'id="b"') + script(news)
    )
    for selector in ("#a", "#b"):
        await page.locator(selector).scroll_into_view_if_needed()
        await fits(page, selector)
    assert await height(page, "#b") > await height(page, "#a") + 300
    assert await (await inside(page, "#a")).evaluate("violations") == []


async def test_it_does_not_matter_which_comes_first_frame_or_script(news: News) -> None:
    poll = await news.poll()
    page = await news.open(await news.blank(), frame(news, poll))
    await ready(page)
    assert await height(page) == pytest.approx(150, abs=10)
    await page.evaluate(
        "(src) => document.head.append(Object.assign(document.createElement('script'), {src}))",
        f"{news.service.base_url}/w/frame.js",
    )
    await fits(page)
    await page.evaluate(
        """() => {
          const first = document.querySelector('iframe'), late = first.cloneNode();
          late.id = 'late';
          late.style.height = '';
          first.replaceWith(late);
        }"""
    )
    await fits(page, "#late")


async def test_a_frame_keeps_its_room_until_the_poll_is_there(news: News) -> None:
    poll, go, asked = await news.poll(), asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        asked.set()
        await go.wait()
        await route.continue_()

    page = await news.blank()
    await page.route("**/api/v1/polls**", wait)
    await news.open(page, frame(news, poll, height=300) + script(news), head=LISTEN)
    await asyncio.wait_for(asked.wait(), 10)
    content = await inside(page)
    await content.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert await page.evaluate("heard") == []
    before = await height(page)
    go.set()
    await fits(page)
    heights = [message["height"] for message in await page.evaluate("heard")]
    assert min(heights) >= before - 10, "it never gets smaller than the room that it had"


async def test_the_code_that_editors_paste_moves_next_to_nothing(news: News) -> None:
    poll = await news.poll()
    async with news.service.editor() as editor:
        pasted = frame_code(news.service.base_url, await editor.poll(poll), Strings().words("en"))
    page = await news.open(await news.blank(), pasted)
    await fits(page)
    assert await shift(page) < 0.01
    assert await page.locator("iframe").get_attribute("title") == "Poll: Who won?"


async def test_text_in_view_stays_where_it_is_when_a_frame_above_it_grows(news: News) -> None:
    page = await news.open(
        await news.blank(),
        frame(news, await news.poll()) + script(news) + TEXT * 60 + "<p id=here>Here</p>" + TEXT * 60,
        head=LISTEN,
    )
    await fits(page)
    await page.locator("#here").evaluate("(here) => here.scrollIntoView({block: 'center'})")
    before, tall = await page.locator("#here").bounding_box(), await height(page)
    await post(await inside(page), {"type": "pollsvc:height", "height": tall + 300})
    assert await height(page) > tall + 290
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    after = await page.locator("#here").bounding_box()
    assert before
    assert after
    assert after["y"] == pytest.approx(before["y"], abs=2)


async def test_forged_heights_change_nothing(news: News) -> None:
    poll = await news.poll()
    async with run_publisher() as foreign:
        hostile = foreign.put("<!doctype html><title>Advertisement</title>")
        page = await news.open(
            await news.blank(),
            frame(news, poll, 'id="poll"')
            + f'<iframe id="other" title="Other" src="{hostile}" height="150"></iframe>'
            + script(news),
            head=LISTEN,
        )
        await fits(page, "#poll")
        tall = await height(page, "#poll")
        other, own = await inside(page, "#other"), await inside(page, "#poll")
        message = {"type": "pollsvc:height", "poll": poll, "height": 900}
        await post(other, message)  # another frame
        await post(page.main_frame, message)  # the page itself
        odd: object
        for odd in (39, -1, "900", None, [900], {}, True):
            await post(own, {**message, "height": odd})
        await own.evaluate("parent.postMessage({type: 'pollsvc:height', height: NaN}, '*')")
        await post(own, {"type": "other", "height": 900})
        await post(own, "pollsvc:height")
        await post(own, None)
        assert await height(page, "#poll") == tall
        assert await height(page, "#other") == pytest.approx(150, abs=10)
        await post(own, message)
        assert await height(page, "#poll") == pytest.approx(900, abs=10)
        # a frame that has gone elsewhere is not the poll's any more
        await own.goto(hostile)
        await post(await inside(page, "#poll"), {**message, "height": 500})
        assert await height(page, "#poll") == pytest.approx(900, abs=10)


async def test_pages_elsewhere_get_neither_the_frame_nor_its_height(news: News) -> None:
    poll = await news.poll()
    async with run_publisher() as foreign:
        page = await news.blank()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        body = f"<!doctype html><title>Elsewhere</title>{LISTEN}{frame(news, poll)}{script(news)}"
        await page.goto(foreign.put(body))
        await until(lambda: _found(said, "frame-ancestors"))
        assert await page.frame_locator("iframe").locator("pollsvc-poll").count() == 0
        # a browser that knew no frame-ancestors would show it
        await page.route("**/embed/*", unframed)
        await page.goto(foreign.url())
        content = await ready(page)
        await content.evaluate("parent.postMessage({type: 'done'}, '*')")
        await page.wait_for_function("heard.length > 0")
        assert [message["type"] for message in await page.evaluate("heard")] == ["done"]


async def _found(said: list[str], part: str) -> bool:
    return any(part in text for text in said)


async def test_a_vote_in_a_frame_counts_once(news: News) -> None:
    poll = await news.poll()
    page = await news.open(await news.blank(), frame(news, poll) + script(news))
    await fits(page)
    place = page.frame_locator("iframe").locator("pollsvc-poll")
    await place.get_by_label("Iran").check()
    await place.locator("[part=vote]").dblclick()
    mine = page.frame_locator("iframe").get_by_role("img", name="Your vote")
    await expect(mine).to_be_visible()
    await page.reload()
    await fits(page)
    await expect(mine).to_be_visible()
    assert await news.http.counts(poll) == [1, 0, 0]
    await news.service.assert_clean(poll)


async def test_links_lead_out_of_the_frame(news: News) -> None:
    poll = await news.poll()
    page = await news.open(await news.blank(), frame(news, poll) + script(news))
    await ready(page)
    link = page.frame_locator("iframe").get_by_role("link", name="About this poll")
    if await link.get_attribute("target") == "_blank":
        async with page.context.expect_page() as opened:
            await link.click()
        page = await opened.value
    else:
        await link.click()
    await expect(page).to_have_url(f"{news.service.base_url}/p/{poll}")


async def test_a_sandboxed_frame_shows_the_poll(news: News) -> None:
    page = await news.open(
        await news.blank(), frame(news, await news.poll(), 'sandbox="allow-scripts"') + script(news)
    )
    content = await ready(page)
    assert await content.evaluate("origin") == "null"
    assert await height(page) == pytest.approx(150, abs=10)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_frames_page_has_no_fault_that_axe_finds(news: News, scheme: str) -> None:
    poll = await news.poll()
    page = await news.blank(color_scheme=scheme, reduced_motion="reduce")
    await page.goto(f"{news.service.base_url}/embed/{poll}")
    await expect(page.locator("pollsvc-poll form")).to_be_visible()
    of_whole_pages = ("landmark-one-main", "page-has-heading-one", "region")
    assert [fault for fault in await axe(page) if not fault.startswith(of_whole_pages)] == []
    await page.goto(f"{news.service.base_url}/embed/nosuchpoll")
    assert await axe(page) == []
