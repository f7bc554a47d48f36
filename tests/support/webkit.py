"""A reader in WebKit: GTK's MiniBrowser on a display of its own, driven by Selenium."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from selenium.webdriver import Remote
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.webkitgtk.options import Options

from tests.support.server import free_port, until

T = TypeVar("T")
_PACKAGES = "sudo apt-get install webkit2gtk-driver xvfb xauth"
_SECONDS = 20  # for one command, the start of the browser included
_ROOT = "const root = document.querySelector('pollsvc-poll')?.shadowRoot;"


class WebKit:
    """A browser window, whose page has one poll at most."""

    def __init__(self, driver: Remote) -> None:
        self._driver = driver

    async def open(self, url: str) -> None:
        """Load a page, also one that is shown already."""
        await _in_thread(lambda: self._driver.get(url))

    async def reload(self) -> None:
        await _in_thread(self._driver.refresh)

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression is; `root` is the inside of the poll, if there is one."""
        return await _in_thread(lambda: self._driver.execute_script(f"{_ROOT} return {expression}"))

    async def shows(self, expression: str) -> None:
        """Wait until an expression is true. Raises AssertionError when it is not in 10 seconds."""

        async def holds() -> bool:
            return bool(await self.value(f"root && ({expression})"))

        try:
            await until(holds, pause=0.1)
        except AssertionError as error:
            raise AssertionError(f"{expression}: {await self.value('root?.textContent')}") from error

    async def click(self, selector: str) -> None:
        """Press what a selector finds inside the poll, as a pointer does."""

        def press() -> None:
            found: WebElement = self._driver.execute_script(
                f"{_ROOT} return root.querySelector(arguments[0])", selector
            )
            found.click()

        await _in_thread(press)

    async def focused(self) -> str:
        """The name of what has the focus inside the poll."""
        return str(await self.value("root.activeElement?.ariaLabel ?? root.activeElement?.localName ?? ''"))

    def close(self) -> None:
        self._driver.quit()


@asynccontextmanager
async def run_webkit() -> AsyncIterator[WebKit]:
    """A browser that ends with the block. Raises AssertionError with what to install where it is missing."""
    programs = [shutil.which(name) for name in ("xvfb-run", "xauth", "WebKitWebDriver")]
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    assert all(programs), f"WebKit is missing: install it (on Debian: {_PACKAGES})"
    assert browsers, f"WebKit's MiniBrowser is missing: install it (on Debian: {_PACKAGES})"
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("xvfb-run", "--auto-servernum", "--server-args=-screen 0 1000x1400x24 -nolisten tcp"),
        *("WebKitWebDriver", f"--port={port}"),
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,  # so that its end reaches the display and the browser too
    )
    try:
        await _listens(port)
        webkit = WebKit(
            await asyncio.wait_for(_in_thread(lambda: _connect(port, browsers[-1])), 2 * _SECONDS)
        )
        try:
            yield webkit
        finally:
            await asyncio.wait_for(_in_thread(webkit.close), _SECONDS)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        await asyncio.wait_for(process.wait(), _SECONDS)


def _connect(port: int, browser: Path) -> Remote:
    options = Options()
    options.binary_location = str(browser)
    options.add_argument("--automation")
    config = ClientConfig(f"http://127.0.0.1:{port}", timeout=_SECONDS)
    driver = Remote(RemoteConnection(client_config=config), options=options)
    driver.set_page_load_timeout(_SECONDS)
    driver.set_script_timeout(_SECONDS)
    return driver


async def _listens(port: int) -> None:
    """Wait until something listens on a port."""

    async def answered() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await until(answered, _SECONDS, pause=0.05)


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)
