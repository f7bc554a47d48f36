"""`python -m tests.gallery [VIEW …]`: pictures of each kind of poll in each state and look, and their faults.

They are put into `build/gallery/`, with a page that shows them all. Exits with 1 where a widget has faults.
`test_gallery.py` looks at the same pages.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.support.demo import Demo, reading, run_demo
from tests.support.engines import CHROMIUM, run_browsers
from tests.support.server import until

PICTURES = Path(__file__).parent.parent / "build" / "gallery"
KINDS = ("single", "multiple", "rating", "ranked", "reaction", "images", "write-in")
STATES = 13
VIEWS = {
    "light": "look=light",
    "dark": "look=dark",
    "plain": "look=plain",
    "compact": "look=compact",
    "own-colours": "look=own",
    "light-rtl": "look=rtl",
    "dark-rtl": "look=dark&lang=fa",
    "narrow": "look=light&width=240&lang=de",
    "narrow-rtl": "look=light&width=240&lang=ur",
    "wide": "look=light&width=480&lang=fr",
    "large-text": "look=light&width=480&text=200&lang=bn",
    "large-text-narrow": "look=light&width=320&text=200&lang=en",
    "large-text-240": "look=compact&width=240&text=150&lang=de",
    "forced-colours": "look=light",
    "forced-colours-dark": "look=light",
}
"""What there is a picture of for each kind: its name, and the choices in the gallery's bar."""

WIDTH = 1800
"""Of the window, in pixels."""

_FEW_IN_SIGHT = 99
"""How many polls the widget keeps up to date at a time."""

_WAITING = """(count) => {
  const polls = [...document.querySelectorAll('pollsvc-poll')], said = ['refused', 'busy', 'offline'];
  return polls.length != count || polls.some((host) => {
    const form = host.shadowRoot?.querySelector('form'), state = host.getAttribute('poll').split('.')[2];
    if (!form || (said.includes(state) && !form.querySelector('[part=status]').textContent)) return true;
    return [...form.querySelectorAll('img')].some((img) => !(img.complete && img.naturalWidth));
  });
}"""

_HEIGHT = "document.querySelector('.bar').offsetHeight + document.querySelector('table').offsetHeight + 1"

_FAULTS = """() => {
  const faults = [], say = (host, text) => faults.push(host.getAttribute('poll') + ': ' + text);
  for (const host of document.querySelectorAll('pollsvc-poll')) {
    const box = host.getBoundingClientRect();
    if (box.height < 100) say(host, 'is ' + box.height + ' px high');
    for (const node of host.shadowRoot.querySelectorAll('*')) {
      const {left, right, width} = node.getBoundingClientRect();
      if (!width || getComputedStyle(node).visibility == 'hidden') continue;
      const out = Math.max(right - box.right, box.left - left);
      if (out > 1) say(host, node.tagName + ' sticks out by ' + out + ' px');
      if (node.scrollWidth > node.clientWidth + 1 && node.matches('button,input,label,p')) {
        say(host, node.tagName + ' is ' + node.clientWidth + ' px wide for ' + node.scrollWidth);
      }
    }
    const most = parseFloat(getComputedStyle(host).fontSize) * 12;
    for (const label of host.shadowRoot.querySelectorAll('bdi')) {
      const text = label.firstChild, words = text?.data?.matchAll(/[\\p{L}\\p{M}]+/gu) ?? [];
      for (const {index, 0: word} of words) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        const lines = new Set([...range.getClientRects()].map(({top}) => Math.round(top / 8)));
        if (word.length < 9 && lines.size > 1) say(host, 'breaks ' + word);
      }
      const {height} = label.getBoundingClientRect();
      if (height > most) say(host, 'has a label of ' + height + ' px');
    }
  }
  const across = document.documentElement.scrollWidth - innerWidth;
  if (across > 0) faults.push('the page is ' + across + ' px too wide');
  return faults;
}"""


def query(kinds: Iterable[str], view: str) -> str:
    """The address of some kinds in a view, or in several looks, after the question mark."""
    return "&".join([*(f"kind={kind}" for kind in kinds), view])


async def show(page: Page, demo: Demo, asked: str, count: int) -> None:
    """Open the gallery, and wait until each of its so many widgets is whole and says what it has to.

    The window grows with what is in it, so that all is in sight.
    """
    assert count <= _FEW_IN_SIGHT
    await page.goto(f"{demo.origin}/gallery.html?{asked}")
    await page.locator("pollsvc-poll").first.wait_for()

    async def whole() -> bool:
        size = page.viewport_size
        height = int(await page.evaluate(_HEIGHT))
        if size and height > size["height"]:
            await page.set_viewport_size({"width": size["width"], "height": height})
            return False
        return not await page.evaluate(_WAITING, count)

    await until(whole, seconds=60)


async def faults(page: Page) -> list[str]:
    """What is clipped, torn or too high in the widgets that are shown, as `poll: what`."""
    return [str(one) for one in await page.evaluate(_FAULTS)]


def media(view: str) -> dict[str, Any]:
    """What a view asks of the browser, as of Playwright's new_context."""
    return {
        "color_scheme": "dark" if "dark" in view else "light",
        "forced_colors": "active" if view.startswith("forced") else "none",
        "reduced_motion": "reduce",  # else the polls unfold, one after the other
    }


async def draw(views: list[str]) -> list[str]:
    """Put the pictures into `build/gallery/`; returns what is wrong in the widgets."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with run_browsers() as browsers, run_demo(Path(folder) / "data") as demo:
            browser = await browsers.get(CHROMIUM)
            for view in views:
                async with reading(browser, viewport={"width": WIDTH, "height": 1000}, **media(view)) as page:
                    for kind in KINDS:
                        await page.set_viewport_size({"width": WIDTH, "height": 1000})
                        await show(page, demo, query([kind], VIEWS[view]), STATES)
                        await page.screenshot(path=PICTURES / f"{kind}-{view}.png")
                        found += [f"{view}: {fault}" for fault in await faults(page)]
                print(f"{view}: {len(KINDS)} pictures", flush=True)
    (PICTURES / "index.html").write_text(_index(views))
    return found


def _index(views: list[str]) -> str:
    """A page with all the pictures, those of a kind beside each other."""
    rows = "".join(
        f"<h2>{kind}</h2>"
        + "".join(
            f"<a href={kind}-{view}.png><img src={kind}-{view}.png alt='{view}' title='{view}'></a>"
            for view in views
        )
        for kind in KINDS
    )
    style = "body { font-family: sans-serif } img { inline-size: 30%; margin: 1% }"
    return f"<!doctype html><meta charset=utf-8><title>Gallery</title><style>{style}</style>{rows}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("views", nargs="*", metavar="VIEW", help=f"of {', '.join(VIEWS)}; all without")
    views = parser.parse_args().views or list(VIEWS)
    unknown = [view for view in views if view not in VIEWS]
    if unknown:
        parser.error(f"there is no view {', '.join(unknown)}")
    found = asyncio.run(draw(views))
    print(*found, f"{len(views) * len(KINDS)} pictures: {PICTURES}/index.html", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
