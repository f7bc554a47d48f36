"""The browsers that tests run in: Chromium and Firefox, one process of each for all tests of a session."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Playwright, async_playwright

CHROMIUM, FIREFOX = "chromium", "firefox"
in_both_engines = pytest.mark.engines(CHROMIUM, FIREFOX)
"""For a module or a test: it runs in Chromium and in Firefox."""

_CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP *.example ~NOTFOUND",  # at once, and not when a resolver gives up
)
_NOT_FLAGS = ("--disable-back-forward-cache",)  # of Playwright's own, for readers have that cache
_FIREFOX_LOOK: dict[str, str | float | bool] = {
    "layout.css.prefers-color-scheme.content-override": 1,  # light
    "ui.prefersReducedMotion": 0,
}
_FIREFOX_LOOKS: Mapping[tuple[str, str], Mapping[str, str | float | bool]] = {
    ("color_scheme", "dark"): {"layout.css.prefers-color-scheme.content-override": 0},
    ("reduced_motion", "reduce"): {"ui.prefersReducedMotion": 1},
    ("forced_colors", "active"): {"browser.display.document_color_use": 2, "ui.useAccessibilityTheme": 1},
}
"""A context's options that Firefox heeds as preferences only, which it reads at its start."""


def chromium_only(why: str) -> pytest.MarkDecorator:
    """For a test in a module of both engines: it runs in Chromium only, for a reason."""
    return pytest.mark.engines(CHROMIUM, why=why)


class Browsers:
    """The browsers of a session, started when they are first asked for."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._started: dict[str, Browser] = {}

    async def get(self, engine: str, options: Mapping[str, Any] | None = None) -> Browser:
        """A browser for contexts with these options, as of Playwright's new_context.

        Raises AssertionError with what to install where the engine is missing.
        """
        preferences = dict(_FIREFOX_LOOK)
        for (option, value), look in _FIREFOX_LOOKS.items():
            if options and options.get(option) == value:
                preferences |= look
        key = f"{engine} {preferences}" if engine == FIREFOX else engine
        if key not in self._started:
            start = self._firefox(preferences) if engine == FIREFOX else self._chromium()
            self._started[key] = await start
        return self._started[key]

    async def close(self) -> None:
        for browser in self._started.values():
            await browser.close()

    async def _chromium(self) -> Browser:
        """Debian's Chromium where there is one, else Playwright's."""
        return await self._playwright.chromium.launch(
            executable_path=os.environ.get("POLLSVC_TEST_CHROMIUM", shutil.which("chromium")),
            args=list(_CHROMIUM_FLAGS),
            ignore_default_args=list(_NOT_FLAGS),
        )

    async def _firefox(self, preferences: dict[str, str | float | bool]) -> Browser:
        """The system's Firefox; Playwright needs both arguments to speak with one that is not its own."""
        path = (
            os.environ.get("POLLSVC_TEST_FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
        )
        assert path, "Firefox is missing: install it (on Debian: sudo apt-get install firefox-esr)"
        return await self._playwright.firefox.launch(
            channel="moz-firefox", executable_path=path, firefox_user_prefs=preferences
        )


@asynccontextmanager
async def run_browsers() -> AsyncIterator[Browsers]:
    """Browsers that end with the block."""
    async with async_playwright() as playwright:
        browsers = Browsers(playwright)
        try:
            yield browsers
        finally:
            await browsers.close()
