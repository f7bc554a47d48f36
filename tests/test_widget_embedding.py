"""The ways in which publishers put polls into pages, and what readers without JavaScript get."""

import pytest
from playwright.async_api import Route, expect

from tests.support.browser import TEXT, News, Requests, article, embed, mine, open_streams, told, vote
from tests.support.engines import chromium_only, in_both_engines

pytest_plugins = ("tests.support.browser_fixtures",)
pytestmark = in_both_engines


@chromium_only("Playwright cannot turn off scripts in a Firefox that is not its own")
async def test_without_javascript_there_is_the_link(news: News) -> None:
    poll = await news.poll()
    page = await news.open(await news.blank(java_script_enabled=False), embed(news.service, poll))
    await page.get_by_role("link", name="Vote: Who won?").click()
    await expect(page.get_by_role("heading", name="Who won?")).to_be_visible()
    await page.get_by_label("Iran").check()
    await page.get_by_role("button", name="Vote").click()
    await expect(page.get_by_text("Thank you. Your vote is recorded.")).to_be_visible()
    assert await news.http.counts(poll) == [1, 0, 0]


async def test_the_link_stays_until_the_poll_is_there(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/v1/polls?**", hold)
    await news.open(page, embed(news.service, poll))
    await page.wait_for_function("document.querySelector('pollsvc-poll').shadowRoot")
    await expect(page.get_by_role("link", name="Vote: Who won?")).to_be_visible()
    while not held:
        await page.evaluate("new Promise(requestAnimationFrame)")
    await held[0].continue_()
    await expect(page.get_by_role("link", name="Vote: Who won?")).to_have_count(0)


async def test_an_unknown_poll_leaves_the_link(news: News) -> None:
    page = await news.blank()
    async with page.expect_response("**/api/v1/polls?**"):
        await news.open(page, embed(news.service, "nosuchpoll"))
    await expect(page.get_by_role("link", name="Vote: Who won?")).to_be_visible()


async def test_a_div_for_site_builders(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    await news.open(page, f'<div data-pollsvc="{poll}"><a href="/">Vote</a></div>')
    await vote(page, "Iran", page.locator("div[data-pollsvc]"))
    await expect(mine(page)).to_have_count(1)


async def test_elements_and_divs_that_come_later_and_go(news: News) -> None:
    first, second = await news.poll(), await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"])
    page = await news.open(await news.blank(), "")
    await page.wait_for_function("!!customElements.get('pollsvc-poll')")
    await page.evaluate(
        """([first, second]) => {
          const element = document.createElement('pollsvc-poll');
          element.setAttribute('poll', first);
          const place = document.createElement('div');
          place.dataset.pollsvc = second;
          document.querySelector('main').append(element, place);
        }""",
        [first, second],
    )
    await expect(page.get_by_label("Iran")).to_be_visible()
    await expect(page.get_by_label("Mourn")).to_be_visible()
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    await page.evaluate(
        "document.querySelectorAll('pollsvc-poll, [data-pollsvc]').forEach((e) => e.remove())"
    )
    await page.wait_for_function("streams.every((stream) => stream.readyState == 2)")
    assert await open_streams(page) == []


async def test_single_page_navigation_may_change_the_poll_of_an_element(news: News) -> None:
    first, second = await news.poll(), await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"])
    page = await news.read(first)
    await page.evaluate("(id) => document.querySelector('pollsvc-poll').setAttribute('poll', id)", second)
    await expect(page.get_by_label("Mourn")).to_be_visible()
    await expect(page.get_by_label("Iran")).to_have_count(0)
    await page.wait_for_function("streams.some((stream) => stream.readyState == 1)")
    assert [first in url for url in await open_streams(page)] == [False]


async def test_an_element_that_moves_shows_its_poll_again(news: News) -> None:
    page = await news.read(await news.poll())
    await page.evaluate("document.body.append(document.querySelector('pollsvc-poll'))")
    await expect(page.get_by_role("radio")).to_have_count(3)
    await vote(page, "Iran")
    await expect(mine(page)).to_have_count(1)


async def test_without_an_id_the_polls_of_the_article_in_order(news: News) -> None:
    url = news.publisher.url(f"/story-in-{news.engine}")
    await news.poll("Who won?", articles=[url])
    await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"], articles=[url])
    page = await news.blank()
    requests = Requests(page, news.service)
    await news.open(
        page,
        "<pollsvc-poll>No polls yet</pollsvc-poll>",
        head=f'<link rel="canonical" href="{url}"><style>pollsvc-poll {{ min-height: 60em }}</style>',
    )
    await expect(page.get_by_role("group")).to_have_count(2)
    assert await page.locator("legend").all_inner_texts() == ["Who won?", "Mourn or celebrate?"]
    assert len(await told(page, "ready")) == 2
    assert len(requests.to("/api/v1/articles")) == 1
    assert requests.to("/api/v1/polls?") == []
    await vote(page, "Iran", page.locator("pollsvc-poll pollsvc-poll").first)
    await expect(mine(page)).to_have_count(1)


async def test_single_page_navigation_to_an_article_shows_the_polls_of_that_article(news: News) -> None:
    page = await news.blank()
    for name, question in (("first", "Who won?"), ("second", "Who lost?")):
        await news.poll(question, articles=[news.publisher.url(f"/{name}-of-{news.engine}")])
    news.publisher.put(article(news.service, "<pollsvc-poll></pollsvc-poll>"), f"/first-of-{news.engine}")
    await page.goto(news.publisher.url(f"/first-of-{news.engine}"))
    await expect(page.locator("legend")).to_have_text("Who won?")
    await page.evaluate(
        """(path) => {
          history.pushState(null, '', path);
          document.querySelector('pollsvc-poll').replaceWith(document.createElement('pollsvc-poll'));
        }""",
        f"/second-of-{news.engine}",
    )
    await expect(page.locator("legend")).to_have_text("Who lost?")
    await page.evaluate(
        """(path) => {
          history.pushState(null, '', path);
          document.querySelector('pollsvc-poll').replaceWith(document.createElement('pollsvc-poll'));
        }""",
        f"/first-of-{news.engine}",
    )
    await expect(page.locator("legend")).to_have_text("Who won?")


async def test_polls_of_an_article_have_the_server_and_the_look_of_their_element(news: News) -> None:
    url = news.publisher.url(f"/bundled-in-{news.engine}")
    await news.poll(articles=[url])
    page = await news.blank()
    script = await (await page.request.get(f"{news.service.base_url}/w/1.js")).text()
    element = f'<pollsvc-poll src="{news.service.base_url}" preset="compact"></pollsvc-poll>'
    await page.goto(
        news.publisher.put(f"<!doctype html><title>News</title>{element}", f"/bundled-in-{news.engine}")
    )
    await page.add_script_tag(content=script)
    form = page.locator("pollsvc-poll pollsvc-poll form")
    await expect(form).to_be_visible()
    assert await form.evaluate("(form) => getComputedStyle(form).fontSize") == "13.6px"


async def test_elements_that_are_removed_are_forgotten(news: News) -> None:
    poll = await news.poll()
    page = await news.read(poll)
    await page.evaluate(
        """async (poll) => {
          const later = () => new Promise(requestAnimationFrame);
          window.removed = [];
          for (let round = 0; round < 20; round++) {
            const element = document.createElement('pollsvc-poll');
            element.setAttribute('poll', poll);
            document.body.append(element);
            await later();
            element.remove();
            window.removed.push(element);
          }
        }""",
        poll,
    )
    await news.others_vote(poll, [1])
    await expect(page.locator("[part=voters]")).to_contain_text("1 voter")
    assert (
        await page.evaluate("removed.filter(({shadowRoot}) => /1 voter/.test(shadowRoot.textContent))") == []
    )


async def test_two_servers_on_a_page_are_both_live(news: News) -> None:
    here, there = await news.poll(), await news.poll("Mourn or celebrate?", ["Mourn", "Celebrate"])
    other = news.service.base_url.replace("127.0.0.1", "localhost")
    page = await news.blank(viewport={"width": 700, "height": 1500})
    body = embed(news.service, here) + f'<pollsvc-poll poll="{there}" src="{other}"></pollsvc-poll>'
    await news.open(page, body)
    await expect(page.locator("form")).to_have_count(2)
    await page.wait_for_function("streams.filter((stream) => stream.readyState == 1).length == 2")
    for number, poll in enumerate((here, there)):
        await news.others_vote(poll, [1])
        await expect(page.locator("[part=voters]").nth(number)).to_contain_text("1 voter")


async def test_an_article_without_polls_keeps_what_is_inside(news: News) -> None:
    page = await news.blank()
    async with page.expect_response("**/api/v1/articles?**"):
        await news.open(page, "<pollsvc-poll>No polls yet</pollsvc-poll>")
    await expect(page.get_by_text("No polls yet")).to_be_visible()


@pytest.mark.parametrize("prefix", ["/polls", "/a/b"])
async def test_a_path_before_the_script_is_kept(news: News, prefix: str) -> None:
    poll = await news.poll()
    page = await news.blank()
    base = news.service.base_url

    async def without_prefix(route: Route) -> None:
        url = route.request.url.replace(base + prefix, base)
        await route.fulfill(response=await route.fetch(url=url))

    await page.route(f"{base}{prefix}/**", without_prefix)
    body = f'<script async src="{base}{prefix}/w/1.js"></script>{embed(news.service, poll)}'
    await page.route(f"{base}/w/1.js", lambda route: route.abort())
    await page.goto(news.publisher.put(f"<!doctype html><title>News</title>{body}"))
    await expect(page.get_by_role("radio")).to_have_count(3)


async def test_src_names_a_server_where_the_script_is_not_its_own(news: News) -> None:
    poll = await news.poll()
    page = await news.blank()
    script = await (await page.request.get(f"{news.service.base_url}/w/1.js")).text()
    for src, works in ((f' src="{news.service.base_url}/"', True), ("", False)):
        element = f'<pollsvc-poll poll="{poll}"{src}><a href="/">Vote</a></pollsvc-poll>'
        html = f"<!doctype html><title>News</title>{element}"
        await page.goto(news.publisher.put(html))
        await page.add_script_tag(content=script)
        if works:
            await expect(page.get_by_role("radio")).to_have_count(3)
        else:
            await expect(page.get_by_text("pollsvc: no src")).to_be_visible()
            await expect(page.get_by_role("link", name="Vote")).to_be_visible()


async def test_a_poll_between_paragraphs_far_down_is_whole_when_it_is_reached(news: News) -> None:
    polls = [await news.poll() for _ in range(2)]
    page = await news.blank()
    body = embed(news.service, polls[0]) + TEXT * 60 + embed(news.service, polls[1])
    await news.open(page, body)
    await expect(page.get_by_role("radio")).to_have_count(3)
    await page.evaluate(
        "scrollTo(0, document.querySelectorAll('pollsvc-poll')[1].offsetTop - innerHeight - 300)"
    )
    await expect(page.get_by_role("radio")).to_have_count(6)
    assert await page.locator("[part=box]").nth(1).evaluate("(box) => box.style.maxBlockSize") == ""
