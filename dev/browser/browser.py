"""A browser that is logged in, and looks for what should not be seen."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
import json
import os
from pathlib import Path
import re
import shutil
import time
from typing import Any, Final, Self

from playwright.async_api import (
    BrowserContext,
    Page,
    Request,
    ViewportSize,
    WebSocket,
    async_playwright,
)

from dev.demo.__main__ import RUNS
from dev.demo.account import DEMO_TOKEN
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import EXAMPLE_TOKEN

CHROMIUM: Final = shutil.which("chromium")
DESKTOP: Final = ViewportSize(width=1280, height=900)
PHONE: Final = ViewportSize(width=390, height=844)
FAILURES: Final = RUNS.parent / "browser"
"""Where there are pictures of what was on screen when tests failed."""

TIMEOUT: Final = 20_000
"""Milliseconds to wait for something, on a machine that is busy."""
STILL: Final = 0.15
"""Seconds without a change after which a page is looked at."""
PATIENCE: Final = 10.0
"""Seconds to wait for that, since some pages never rest."""
ARGUMENTS: Final = (
    # Nothing here asks the internet.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
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
    """Chromium, logged in; its pages share what they have loaded."""

    def __init__(self, context: BrowserContext, home: HomeAssistant) -> None:
        """Keep both."""
        self._context = context
        self._home = home

    @classmethod
    @asynccontextmanager
    async def start(cls, home: HomeAssistant) -> AsyncGenerator[Self]:
        """Start it."""
        async with async_playwright() as playwright:
            # Unlike a context of a browser, a profile keeps what was compiled.
            context = await playwright.chromium.launch_persistent_context(
                "",
                executable_path=CHROMIUM,
                args=ARGUMENTS,
                base_url=home.url,
                reduced_motion="reduce",
                service_workers="block",
            )
            try:
                browser = cls(context, home)
                await browser._log_in(context)
                yield browser
            finally:
                await context.close()

    @asynccontextmanager
    async def open(
        self,
        path: str,
        *,
        viewport: ViewportSize = DESKTOP,
        language: str = "en",
        is_dark: bool = False,
    ) -> AsyncGenerator[View]:
        """Open a page as the demo's user."""
        async with self._show(
            await self._context.new_page(), path, language, viewport, is_dark=is_dark
        ) as view:
            yield view

    @asynccontextmanager
    async def open_fresh(
        self,
        path: str,
        *,
        viewport: ViewportSize = DESKTOP,
        language: str = "en",
        is_dark: bool = False,
        scale: float = 1,
    ) -> AsyncGenerator[View]:
        """Open a page in a session of its own, which has loaded nothing so far."""
        assert self._context.browser is not None
        context = await self._context.browser.new_context(
            device_scale_factor=scale,
            base_url=self._home.url,
            reduced_motion="reduce",
        )
        await self._log_in(context)
        try:
            async with self._show(
                await context.new_page(), path, language, viewport, is_dark=is_dark
            ) as view:
                yield view
        finally:
            await context.close()

    async def _log_in(self, context: BrowserContext) -> None:
        """Let all pages of a context be those of the demo's user."""
        context.set_default_timeout(TIMEOUT)
        tokens = {
            **self._home.tokens,
            "clientId": self._home.tokens["client_id"],
            "expires": (time.time() + self._home.tokens["expires_in"]) * 1000,
            "hassUrl": self._home.url,
        }
        await context.add_init_script(_store("hassTokens", json.dumps(tokens)))

    @asynccontextmanager
    async def _show(
        self,
        page: Page,
        path: str,
        language: str,
        viewport: ViewportSize,
        *,
        is_dark: bool,
    ) -> AsyncGenerator[View]:
        """Show something in a page; make a picture of it when a test fails."""
        view = View(page)
        try:
            await view.turn(viewport, is_dark=is_dark)
            await view.speak(language)
            await view.go(path)
            yield view
        except BaseException:
            name = re.sub(r"\W+", "-", os.environ.get("PYTEST_CURRENT_TEST", "failure"))
            await view.shoot(FAILURES / f"{name}.png")
            raise
        finally:
            await page.close()


def _store(key: str, value: str) -> str:
    """Return a script that stores a value in the browser."""
    return f"localStorage.setItem({json.dumps(key)}, {json.dumps(value)});"


class View:
    """A page, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        """Listen to what goes wrong, and to what is under way."""
        self.page = page
        self.complaints: list[str] = []
        self._under_way: set[object] = set()
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)
        page.on("websocket", self._follow)

    async def speak(self, language: str) -> None:
        """Have the page speak a language from the next time that it is loaded."""
        await self.page.add_init_script(
            _store("selectedLanguage", json.dumps(language))
        )

    async def go(self, path: str) -> None:
        """Load a page of the interface."""
        await self.page.goto(path, wait_until="commit")
        self._under_way.clear()

    async def move(self, path: str) -> None:
        """Go to another page of the interface, as a link in it does."""
        await self.page.evaluate(
            "(path) => { history.pushState(null, '', path);"
            " dispatchEvent(new CustomEvent('location-changed')); }",
            path,
        )

    async def turn(self, viewport: ViewportSize, *, is_dark: bool = False) -> None:
        """Show the page in another size and light."""
        await self.page.set_viewport_size(viewport)
        await self.page.emulate_media(color_scheme="dark" if is_dark else "light")

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

    async def wrapped(self) -> list[str]:
        """Return the texts that take more than one line."""
        found: list[str] = (await self._settle())["wrapped"]
        return found

    async def problems(self) -> list[str]:
        """Return what should not be there, once everything is."""
        found = await self._settle()
        return [
            *self.complaints,
            *(f"raw key: {text}" for text in found["texts"] if _RAW_KEY.search(text)),
            *(
                f"{kind}: {text}"
                for kind in ("cut", "outside", "overlapping", "errors")
                for text in found[kind]
            ),
        ]

    async def _settle(self) -> Mapping[str, Any]:
        """Wait until nothing moves or is under way; return what is shown then."""
        found: Mapping[str, Any] = {}
        same_since = end = time.monotonic()
        while time.monotonic() - end < PATIENCE:
            before, found = found, await self._inspect()
            if self._under_way or found["moving"] or found != before:
                same_since = time.monotonic()
            elif time.monotonic() - same_since >= STILL:
                break
            await self.page.wait_for_timeout(50)
        return found

    async def _inspect(self) -> Mapping[str, Any]:
        """Return what is shown, and what is wrong with it."""
        found: Mapping[str, Any] = await self.page.evaluate(_INSPECT)
        assert not [
            text
            for text in found["texts"]
            if DEMO_TOKEN in text or EXAMPLE_TOKEN in text
        ]
        return found

    def _begin(self, request: Request) -> None:
        """Note that a request is under way."""
        self._under_way.add(request)

    def _end(self, request: Request) -> None:
        """Note that a request is not under way any more."""
        self._under_way.discard(request)

    def _follow(self, socket: WebSocket) -> None:
        """Follow the commands over the connection with Home Assistant."""

        def sent(payload: str | bytes) -> None:
            self._under_way |= {("command", item) for item in _ids(payload)}

        def received(payload: str | bytes) -> None:
            self._under_way -= {("command", item) for item in _ids(payload)}

        socket.on("framesent", sent)
        socket.on("framereceived", received)

    def _note(self, kind: str, text: str) -> None:
        """Note an error, if it can be ours."""
        if kind == "error" and not _NOT_OURS.search(text):
            self.complaints.append(text)


def _ids(payload: str | bytes) -> set[int]:
    """Return the ids of the messages of a frame."""
    messages = json.loads(payload)
    if isinstance(messages, dict):
        messages = [messages]
    return {message["id"] for message in messages if "id" in message}
