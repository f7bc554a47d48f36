"""Readers of a real WordPress: polls by block, shortcode, pasted address and article; and its feeds."""

import html
import re
from xml.etree import ElementTree

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import mine, vote
from tests.support.courier import Courier

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.wordpress_fixtures")

SCRIPT = re.compile(r"<script\b[^>]*/w/1\.js[^>]*>")
ELEMENT = re.compile(r"<pollsvc-poll[^>]*>.*?</pollsvc-poll>", re.DOTALL)
HOSTILE = "\"'><img src=x onerror=alert(1)>&[b]"


def block(poll: str = "", preset: str = "") -> str:
    """The block as the editor stores it."""
    return f'<!-- wp:pollsvc/poll {{"poll":"{poll}","preset":"{preset}"}} /-->'


def of_article(base_url: str) -> str:
    """The element in which the polls of an article come."""
    return f'<pollsvc-poll src="{base_url}" style="display:flow-root"></pollsvc-poll>'


async def read(courier: Courier, url: str) -> Page:
    page = await courier.blank(reduced_motion="reduce")  # a poll that unfolds takes its time
    await page.goto(url)
    return page


async def test_readers_vote_in_a_block_and_see_the_result(courier: Courier) -> None:
    poll = await courier.poll()
    page = await read(courier, await courier.wordpress.post(block(poll)))
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    await expect(page.locator("pollsvc-poll").get_by_text("100%")).to_be_visible()
    assert await courier.http.counts(poll) == [1, 0, 0]


async def test_a_poll_is_one_element_and_the_page_loads_one_script_without_waiting(courier: Courier) -> None:
    first, second = await courier.poll(), await courier.poll()
    url = await courier.wordpress.post(block(first, "compact") + block(second))
    page, base = await courier.wordpress.get(url), courier.service.base_url
    assert ELEMENT.findall(page) == [
        f'<pollsvc-poll poll="{first}" preset="compact" src="{base}">'
        f'<a href="{base}/p/{first}">Vote in this poll</a></pollsvc-poll>',
        f'<pollsvc-poll poll="{second}" src="{base}">'
        f'<a href="{base}/p/{second}">Vote in this poll</a></pollsvc-poll>',
    ]
    [script] = SCRIPT.findall(page)
    assert f"src='{base}/w/1.js'" in script.replace('"', "'")
    assert re.search(r"\sasync\b", script)
    # Nothing inline, for policies that forbid it.
    assert not re.search(r"<script\b(?![^>]*\ssrc=)[^>]*>[^<]*pollsvc", page)


async def test_pages_without_a_poll_load_nothing(courier: Courier) -> None:
    page = await courier.wordpress.get(await courier.wordpress.post("<p>No poll.</p>"))
    assert "pollsvc" not in page


async def test_without_javascript_there_is_the_link(courier: Courier) -> None:
    poll = await courier.poll()
    page = await courier.blank(java_script_enabled=False)
    await page.goto(await courier.wordpress.post(block(poll)))
    await page.get_by_role("link", name="Vote in this poll").click()
    await expect(page.get_by_role("heading", name="Who won?")).to_be_visible()


async def test_readers_vote_in_a_shortcode(courier: Courier) -> None:
    poll = await courier.poll()
    page = await read(courier, await courier.wordpress.post(f"Text.\n\n[pollsvc id={poll}]\n\nMore."))
    await vote(page, "Neither")
    await expect(mine(page)).to_have_count(1)
    assert await courier.http.counts(poll) == [0, 0, 1]


async def test_shortcodes_take_addresses_and_looks_and_languages(courier: Courier) -> None:
    poll, base = await courier.poll(), courier.service.base_url
    for attributes, start in (
        (f'id="{base}/p/{poll}"', f'poll="{poll}"'),
        (f"id={base}/p/{poll}?lang=ar", f'poll="{poll}"'),
        (f"id={base}/p/{poll}/", f'poll="{poll}"'),
        (poll, f'poll="{poll}"'),
        (f"id={poll} preset=compact lang=ar", f'poll="{poll}" preset="compact" lang="ar"'),
        (f"id={poll} preset='<b>' lang='\" onx='", f'poll="{poll}"'),
    ):
        page = await courier.wordpress.get(await courier.wordpress.post(f"[pollsvc {attributes}]"))
        [element] = ELEMENT.findall(page)
        assert element.startswith(f'<pollsvc-poll {start} src="{base}">')
    assert f'<a href="{base}/p/{poll}"' in element


@pytest.mark.parametrize("bad", ["NoSuch!", "https://elsewhere.example/p/abcdefgh", "../admin", HOSTILE])
async def test_a_bad_id_is_nothing_to_readers_and_a_reason_to_editors(courier: Courier, bad: str) -> None:
    quoted = bad.replace('"', "&quot;").replace("[b]", "")
    url = await courier.wordpress.post(f'<p>Before</p>[pollsvc id="{quoted}"]{block("NoSuch!")}')
    assert "pollsvc" not in await courier.wordpress.get(url)
    editor = await (await courier.signed_in()).new_page()
    await editor.goto(url)
    notices = editor.locator(".pollsvc-notice")
    await expect(notices).to_have_count(2)
    # What WordPress itself holds for broken HTML comes as an empty attribute.
    await expect(notices.first).to_contain_text("empty" if "<" in bad else "is neither the id of a poll nor")
    await expect(notices.last).to_contain_text("“NoSuch!” is neither the id of a poll nor the address of one")
    assert await editor.locator("img[src=x]").count() == 0


async def test_an_article_shows_the_polls_that_name_its_address(
    courier_with_polls_everywhere: Courier,
) -> None:
    courier = courier_with_polls_everywhere
    url = await courier.wordpress.post("<p>The news.</p>")
    poll = await courier.poll(articles=[url])
    page = await read(courier, url)
    await vote(page, "Iran", page.locator("pollsvc-poll pollsvc-poll"))
    await expect(mine(page)).to_have_count(1)
    assert await courier.http.counts(poll) == [1, 0, 0]
    text = await courier.wordpress.get(url)
    assert ELEMENT.findall(text) == [of_article(courier.service.base_url)]
    assert len(SCRIPT.findall(text)) == 1


async def test_an_article_shows_its_polls_once_and_only_where_it_is_read(
    courier_with_polls_everywhere: Courier,
) -> None:
    courier, wordpress = courier_with_polls_everywhere, courier_with_polls_everywhere.wordpress
    base = courier.service.base_url
    url = await wordpress.post("<p>The news.</p>")
    for place in ("/", "/feed/", "/?s=news", url + "feed/?withoutcomments=1"):
        assert "pollsvc" not in await wordpress.get(place), place
    assert "pollsvc" not in await wordpress.get(await wordpress.post("<p>A page.</p>", post_type="page"))
    assert "pollsvc" not in await wordpress.get(await wordpress.post("<p>x</p>", post_password="secret"))
    by_hand = await wordpress.get(await wordpress.post("<p>x</p>[pollsvc]"))
    assert ELEMENT.findall(by_hand) == [of_article(base)]
    other = await wordpress.get(await wordpress.post("<p>x</p>[pollsvc id=abcdefgh]"))
    assert len(ELEMENT.findall(other)) == 1
    pages = await wordpress.post("<p>1</p><!--nextpage--><p>2</p>")
    assert [len(ELEMENT.findall(await wordpress.get(pages + part))) for part in ("", "2/")] == [1, 0]


@pytest.mark.parametrize("by", ["line", "block"])
async def test_a_pasted_address_is_a_poll_to_vote_in(courier: Courier, by: str) -> None:
    poll = await courier.poll()
    address = f"{courier.service.base_url}/p/{poll}"
    content = {
        "line": f"Text.\n\n{address}\n\nMore.",
        "block": f'<!-- wp:embed {{"url":"{address}","type":"rich"}} -->\n'
        '<figure class="wp-block-embed is-type-rich"><div class="wp-block-embed__wrapper">\n'
        f"{address}\n</div></figure>\n<!-- /wp:embed -->",
    }[by]
    page = await read(courier, await courier.wordpress.post(content))
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)
    assert await courier.http.counts(poll) == [1, 0, 0]
    assert await page.locator("iframe").count() == 0


async def test_pages_ask_the_service_for_nothing(courier_with_polls_everywhere: Courier) -> None:
    courier, wordpress = courier_with_polls_everywhere, courier_with_polls_everywhere.wordpress
    poll = await courier.poll()
    wordpress.requests.write_text("")
    url = await wordpress.post(f"{courier.service.base_url}/p/{poll}\n\n[pollsvc id={poll}]{block(poll)}")
    assert len(ELEMENT.findall(await wordpress.get(url))) == 3
    await wordpress.get("/feed/")
    assert wordpress.requests.read_text() == ""


async def test_wordpress_can_ask_the_service_for_a_frame(courier: Courier) -> None:
    poll = await courier.poll()
    address = f"{courier.service.base_url}/p/{poll}"
    frame = await courier.wordpress.php(
        "return wp_oembed_get( $in['url'], array( 'discover' => false ) );", url=address
    )
    assert f"/embed/{poll}" in frame
    assert frame.lstrip().startswith("<iframe")
    assert courier.service.base_url + "/oembed?" in courier.wordpress.requests.read_text()


async def test_feeds_have_a_link_and_a_picture(courier: Courier) -> None:
    poll, base = await courier.poll(), courier.service.base_url
    url = await courier.wordpress.post(block(poll) + "[pollsvc]", title="In the feed")
    feed = await courier.wordpress.get("/feed/")
    items = [item for item in ElementTree.fromstring(feed).iter("item") if item.findtext("link") == url]
    content = items[0].findtext("{http://purl.org/rss/1.0/modules/content/}encoded") or ""
    assert f'<a href="{base}/p/{poll}">Vote in this poll</a>' in content
    assert f'src="{base}/p/{poll}/card.png" alt="The poll and its result as a picture"' in content
    assert f'<a href="{url}">Vote in the article</a>' in content
    assert "pollsvc-poll" not in content.replace("wp-block-pollsvc-poll", "")
    assert "<script" not in content
    assert "Vote in" not in html.unescape(items[0].findtext("description") or "")
