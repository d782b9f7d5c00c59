"""A browser that is logged in, and looks for what should not be seen."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
import json
from pathlib import Path
import re
import shutil
import time
from typing import Any, Final, Self

from playwright.async_api import (
    Browser as PlaywrightBrowser,
    Page,
    ViewportSize,
    async_playwright,
)

from dev.demo.__main__ import RUNS
from dev.demo.account import DEMO_TOKEN
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import EXAMPLE_TOKEN

CHROMIUM: Final = shutil.which("chromium")
DESKTOP: Final = ViewportSize(width=1280, height=900)
PHONE: Final = ViewportSize(width=390, height=844)
FAILURE: Final = RUNS.parent / "browser" / "failure.png"
"""What was on screen when a test failed."""

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_INSPECT: Final = (Path(__file__).parent / "inspect.js").read_text(encoding="utf-8")
# What stands where a text is missing: a key instead of words.
_RAW_KEY: Final = re.compile(
    r"component\.bytesflows|\[%key|\bui\.(card|common|components|dialogs|panel)\.\w"
    r"|\b(config|options|issues)\.(step|error|abort)\.\w|\{\w+\}"
)
# The interface asks the internet for pictures of integrations, and complains when a
# page is left before it has loaded.
_NOT_OURS: Final = re.compile(
    r"Failed to load resource|net::ERR_|brands\.home-assistant|^disconnected$"
)


class Browser:
    """Chromium, with a session of its own for each page."""

    def __init__(self, browser: PlaywrightBrowser, home: HomeAssistant) -> None:
        """Keep both."""
        self._browser = browser
        self._home = home

    @classmethod
    @asynccontextmanager
    async def start(cls, home: HomeAssistant) -> AsyncGenerator[Self]:
        """Start it."""
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=ARGUMENTS
            )
            try:
                yield cls(browser, home)
            finally:
                await browser.close()

    @asynccontextmanager
    async def open(
        self,
        path: str,
        *,
        viewport: ViewportSize = DESKTOP,
        language: str = "en",
        is_dark: bool = False,
        scale: float = 1,
    ) -> AsyncGenerator[View]:
        """Open a page as the demo's user."""
        context = await self._browser.new_context(
            viewport=viewport,
            color_scheme="dark" if is_dark else "light",
            device_scale_factor=scale,
            base_url=self._home.url,
            reduced_motion="reduce",
        )
        context.set_default_timeout(120_000)
        stored = {
            "hassTokens": json.dumps(
                {
                    **self._home.tokens,
                    "clientId": self._home.tokens["client_id"],
                    "expires": (time.time() + self._home.tokens["expires_in"]) * 1000,
                    "hassUrl": self._home.url,
                }
            ),
            "selectedLanguage": json.dumps(language),
        }
        await context.add_init_script(
            f"for (const [key, value] of Object.entries({json.dumps(stored)}))"
            " localStorage.setItem(key, value);"
        )
        view = View(await context.new_page())
        try:
            await view.go(path)
            yield view
        except BaseException:
            await view.shoot(FAILURE)
            raise
        finally:
            await context.close()


class View:
    """A page, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        """Listen to what goes wrong."""
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))

    async def go(self, path: str) -> None:
        """Go somewhere, and wait until it is there."""
        await self.page.goto(path)
        await self.page.wait_for_load_state("networkidle")

    async def press(self, name: str) -> None:
        """Press a button."""
        await self.page.get_by_role("button", name=name, exact=True).first.click()

    async def choose(self, text: str) -> None:
        """Choose what says just this."""
        await self.page.get_by_text(text, exact=True).first.click()

    async def enter(self, field: str, value: str) -> None:
        """Fill in a field of a form, which is told by an attribute."""
        await self.page.locator(f"ha-form input[{field}]").first.fill(value)

    async def see(self, text: str) -> None:
        """Wait until a text is there."""
        await self.page.get_by_text(text).first.wait_for()

    async def shoot(self, path: Path) -> None:
        """Make a picture."""
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        await self._inspect()
        await self.page.screenshot(path=path)

    async def texts(self) -> list[str]:
        """Return all texts that are shown."""
        found: list[str] = (await self._inspect())["texts"]
        return found

    async def problems(self) -> list[str]:
        """Return what should not be there."""
        # Transitions of the interface end first.
        await self.page.wait_for_timeout(700)
        found = await self._inspect()
        return [
            *self.complaints,
            *(f"raw key: {text}" for text in found["texts"] if _RAW_KEY.search(text)),
            *(
                f"{kind}: {text}"
                for kind in ("cut", "outside", "overlapping", "errors")
                for text in found[kind]
            ),
        ]

    async def _inspect(self) -> Mapping[str, Any]:
        """Return what is shown, and what is wrong with it."""
        found: Mapping[str, Any] = await self.page.evaluate(_INSPECT)
        assert not [
            text
            for text in found["texts"]
            if DEMO_TOKEN in text or EXAMPLE_TOKEN in text
        ]
        return found

    def _note(self, kind: str, text: str) -> None:
        """Note an error, if it can be ours."""
        if kind == "error" and not _NOT_OURS.search(text):
            self.complaints.append(text)
