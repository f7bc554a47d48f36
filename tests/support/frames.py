"""Pages of publishers that show polls in frames."""

from playwright.async_api import Frame, Page, Route, expect

from tests.support.browser import News

LISTEN = """
<script>
window.heard = [];
addEventListener('message', ({data, origin}) => heard.push({...data, origin}));
</script>
"""


def frame(news: News, poll: str, attributes: str = "", height: int = 150) -> str:
    """The frame that a publisher pastes."""
    return (
        f'<iframe data-pollsvc-frame src="{news.service.base_url}/embed/{poll}" title="Poll" '
        f'width="100%" height="{height}" {attributes}></iframe>'
    )


def script(news: News) -> str:
    """The script that gives frames their height."""
    return f'<script async src="{news.service.base_url}/w/frame.js"></script>'


async def inside(page: Page, selector: str = "iframe[data-pollsvc-frame]") -> Frame:
    """What is in a frame of a page."""
    content = await (await page.locator(selector).element_handle()).content_frame()
    assert content
    return content


async def ready(page: Page, selector: str = "iframe[data-pollsvc-frame]") -> Frame:
    """The frame, when the poll in it is shown."""
    await expect(page.frame_locator(selector).locator("pollsvc-poll form")).to_be_visible()
    return await inside(page, selector)


async def height(page: Page, selector: str = "iframe[data-pollsvc-frame]") -> float:
    """How tall a frame is, in CSS pixels."""
    box = await page.locator(selector).bounding_box()
    assert box
    return box["height"]


async def fits(page: Page, selector: str = "iframe[data-pollsvc-frame]") -> None:
    """Wait until a frame is as tall as what is in it."""
    content = await ready(page, selector)
    wanted = "Math.ceil(document.body.getBoundingClientRect().height) === innerHeight"
    await content.wait_for_function(wanted)


async def post(content: Frame, message: object) -> None:
    """Have a frame send a message to its parent, and wait until the parent has had it."""
    await content.evaluate("(message) => parent.postMessage(message, '*')", message)
    await content.evaluate("parent.postMessage({type: 'done'}, '*')")
    page = content.page
    await page.wait_for_function("heard.at(-1)?.type === 'done'")
    await page.evaluate("heard.length = 0")


async def unframed(route: Route) -> None:
    """The frame's page as it is, for a page that may not have it: without its policy."""
    answer = await route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
    await route.fulfill(response=answer, headers=headers)
