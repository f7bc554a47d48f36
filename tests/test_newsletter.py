"""The code for newsletters and feeds: links that cast nothing, text that is text, and no need of pictures."""

import re
import time
from html import unescape

import pytest
from playwright.async_api import expect

from pollsvc.services.editing.new_poll import NewOption
from tests.support.admin_browser import Admin
from tests.support.browser import News, axe, sticking_out
from tests.support.desk import Desk
from tests.support.reader import Http
from tests.support.tags import Tags

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.admin_fixtures")

HOSTILE = '</pre></table><script>alert("1")</script><img src=x onerror=alert(1)> & {{ 7*7 }} -->'
ALLOWED = {"table", "tr", "td", "h2", "a", "span", "img"}
"""What mail programs let through."""


async def code(desk: Desk, poll: str, name: str = "mail", lang: str = "") -> str:
    """One of the codes that the page of codes shows, as it is copied."""
    page = await desk.page(f"/admin/polls/{poll}/embed" + (f"?lang={lang}" if lang else ""))
    [shown] = re.findall(rf'<pre id="{name}-code"[^>]*><code>(.*?)</code></pre>', page, re.DOTALL)
    return unescape(shown)


@pytest.mark.parametrize("kind", ["single", "rating", "reaction"])
async def test_each_answer_is_a_link_that_casts_nothing(desk: Desk, http: Http, kind: str) -> None:
    options = [] if kind == "rating" else [NewOption("Glad", emoji="😀"), NewOption("Sad", emoji="😢")]
    if kind == "single":
        options = [NewOption("Iran"), NewOption("Neither")]
    poll = await desk.add("How is it?", options, kind=kind)
    ids = [option.id for option in (await desk.poll(poll)).active_options]
    mail = await code(desk, poll)
    links = Tags(mail).all("href")
    base = f"{desk.service.base_url}/p/{poll}"
    assert [link for link in links if "pick" in link] == [f"{base}?pick={option}" for option in ids]
    assert set(links) == {base, *(f"{base}?pick={option}" for option in ids)}
    for link in [*links, *Tags(mail).all("src")] * 2:  # as scanners do
        assert link.startswith(desk.service.base_url)
        for method in ("HEAD", "GET"):
            answer = await http.request(method, link.removeprefix(desk.service.base_url))
            assert answer.status == 200 or link.endswith(".png"), link
    assert (await http.results(poll))["voters"] == 0
    assert await desk.service.ballots(poll) == []


@pytest.mark.parametrize("kind", ["multiple", "ranked"])
async def test_where_one_link_cannot_say_it_all_there_is_one_to_the_poll(desk: Desk, kind: str) -> None:
    poll = await desk.add("Which?", ["Iran", "America", "Neither"], kind=kind)
    mail = await code(desk, poll)
    assert set(Tags(mail).all("href")) == {f"{desk.service.base_url}/p/{poll}"}
    assert "Vote on the poll’s own page" in mail
    assert "Choose an answer." not in mail


async def test_a_closed_poll_asks_for_nothing(desk: Desk) -> None:
    poll = await desk.add(closes_at=int(time.time()) - 60, opens_at=int(time.time()) - 120)
    mail = await code(desk, poll)
    assert set(Tags(mail).all("href")) == {f"{desk.service.base_url}/p/{poll}"}
    assert "About this poll" in mail
    assert "Result so far" not in mail
    assert Tags(mail).of("img")


async def test_retired_answers_are_not_offered_and_own_ones_lead_to_the_page(desk: Desk) -> None:
    poll = await desk.add(
        "Who?", [NewOption("a"), NewOption("b"), NewOption("c", retired=True)], write_in=True
    )
    mail = await code(desk, poll)
    assert ["pick=3" in mail, "Another answer" in mail] == [False, True]


async def test_all_text_is_escaped(desk: Desk) -> None:
    poll = await desk.add(HOSTILE, [HOSTILE[:90], '" style="x'])
    page = await desk.page(f"/admin/polls/{poll}/embed")
    assert "<script>alert" not in page
    for name in ("mail", "feed", "frame", "embed", "div"):
        html = await code(desk, poll, name)
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "&lt;script&gt;alert(" in html
    mail = await code(desk, poll)
    tags = Tags(mail)
    assert tags.names() == ALLOWED
    assert not [name for _, given in tags.found for name in given if name.startswith("on")]
    assert len(re.findall(r"<table", mail)) == len(re.findall("</table>", mail))
    preview = await desk.http.get(f"/admin/polls/{poll}/embed?part=mail")
    assert "<script" not in preview.body.decode()


async def test_it_says_what_it_is_without_its_picture_and_only_where_all_see_the_result(desk: Desk) -> None:
    shown, hidden = await desk.add(), await desk.add(visibility="after_vote")
    mail = await code(desk, shown)
    assert Tags(mail).all("src") == [f"{desk.service.base_url}/p/{shown}/card.png"]
    assert Tags(mail).all("alt") == ["Picture of the result: Who won?"]
    for text in ("News", "Who won?", "Choose an answer. It opens", "Iran", "America", "Result so far"):
        assert f">{text}" in mail
    secret = await code(desk, hidden)
    assert "<img" not in secret
    assert "Result so far" not in secret


async def test_the_codes_are_in_the_language_that_is_chosen(desk: Desk) -> None:
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "None", "ar": "لا أحد"})]
    poll = await desk.add({"en": "Who won?", "ar": "من انتصر؟"}, options)
    english, arabic = await code(desk, poll), await code(desk, poll, lang="ar")
    assert ["rtl" in english, "lang=ar" in english] == [False, False]
    assert 'lang="ar" dir="rtl"' in arabic
    assert 'align="left"' not in arabic
    base = f"{desk.service.base_url}/p/{poll}"
    assert set(Tags(arabic).all("href")) == {
        f"{base}?lang=ar",
        *(f"{base}?lang=ar&pick={n}" for n in (1, 2)),
    }
    assert Tags(arabic).all("src") == [f"{base}/card.png?lang=ar"]
    assert "إيران" in arabic
    for name in ("embed", "div"):
        assert f'"{poll}" lang="ar"><a href="{base}?lang=ar">من انتصر؟</a>' in await code(
            desk, poll, name, "ar"
        )
    assert f'src="{desk.service.base_url}/embed/{poll}?lang=ar"' in await code(desk, poll, "frame", "ar")
    feed = await code(desk, poll, "feed", "ar")
    assert '<p lang="ar" dir="rtl">' in feed
    assert await code(desk, poll, lang="xx") == english


async def test_feeds_get_plain_paragraphs(desk: Desk) -> None:
    feed = await code(desk, await desk.add(), "feed")
    assert Tags(feed).names() == {"p", "a", "img"}
    assert "style" not in feed


async def test_the_preview_runs_nothing_and_only_our_page_frames_it(desk: Desk) -> None:
    poll = await desk.add()
    answer = await desk.http.get(f"/admin/polls/{poll}/embed?part=mail")
    policy = answer.headers["content-security-policy"]
    for directive in ("default-src 'none'", "frame-ancestors 'self'", "sandbox allow-popups"):
        assert directive in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("lang", ["en", "ar"])
async def test_mail_programs_show_it_at_any_width_also_without_pictures(
    admin: Admin, news: News, lang: str
) -> None:
    options = [NewOption({"en": "Iran", "ar": "إيران"}), NewOption({"en": "None", "ar": "لا أحد"})]
    poll = await admin.service.add_poll({"en": "Who won?", "ar": "من انتصر؟"}, options)
    context = await news.context(java_script_enabled=False)
    await admin.sign_in(context)
    page = await context.new_page()
    await page.route("**/card.png*", lambda route: route.abort())
    await page.goto(f"{admin.service.base_url}/admin/polls/{poll}/embed?part=mail&lang={lang}")
    first, picture = page.get_by_role("link", name="إيران" if lang == "ar" else "Iran"), page.locator("img")
    for width in (320, 390, 700):
        await page.set_viewport_size({"width": width, "height": 700})
        for place in (first, picture, page.get_by_role("heading")):
            box = await place.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        target = await first.bounding_box()
        assert target
        assert target["height"] >= 44
    await expect(picture).to_have_attribute("alt", re.compile("من انتصر" if lang == "ar" else "Who won"))
    heading = page.get_by_role("heading")
    assert await heading.evaluate("(heading) => getComputedStyle(heading).direction") == (
        "rtl" if lang == "ar" else "ltr"
    )


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_page_of_codes_shows_the_preview_and_copies(admin: Admin, width: int) -> None:
    poll = await admin.service.add_poll(
        {"en": "Who won?", "ar": "من؟"},
        [NewOption({"en": "A", "ar": "ا"}), NewOption({"en": "B", "ar": "ب"})],
    )
    page = await admin.open(f"/admin/polls/{poll}/embed", viewport={"width": width, "height": 900})
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    preview = page.frame_locator("#newsletter iframe")
    await page.locator("#newsletter iframe").scroll_into_view_if_needed()
    await expect(preview.get_by_role("heading", name="Who won?")).to_be_visible()
    await page.get_by_role("button", name="Copy Code for newsletters").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == await page.locator("#mail-code").text_content()
    assert copied.startswith("<!--[if mso]>")
    await page.get_by_label("Language of the code").select_option("ar")
    await page.get_by_role("button", name="Show").click()
    await expect(preview.get_by_role("heading", name="من؟")).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        assert await axe(page) == []
    assert await sticking_out(page) == []
    await page.evaluate("window.violations = []")  # what axe does is not allowed
