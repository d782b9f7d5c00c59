"""Make the pictures of the documentation: see `scripts/screenshots`."""

import asyncio
from pathlib import Path
import tempfile
from typing import Final

from playwright.async_api import ViewportSize

from dev import ROOT
from dev.demo.__main__ import RUNS
from dev.demo.account import make_account
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.demo.past import give_past
from dev.simulated_api import SimulatedApi

from .browser import Browser, View
from .examples import ADD, ours
from .images import shrink

IMAGES: Final = ROOT / "docs" / "images"
WIDE: Final = ViewportSize(width=1440, height=760)
PHONE: Final = ViewportSize(width=390, height=1620)


async def main() -> None:
    """Make all of them."""
    account = make_account()
    # What never expires has no daily allowance.
    del account.packages[-1]
    api = SimulatedApi(account)
    await api.start()
    RUNS.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(exist_ok=True)
    async with (
        HomeAssistant(Path(tempfile.mkdtemp(dir=RUNS))) as home,
        Browser.start(home) as browser,
    ):
        entry_id = await home.add_account(account.token, api.url)
        await give_past(home, entry_id)
        await home.add_dashboard()
        async with browser.open(
            ADD, viewport=ViewportSize(width=700, height=520)
        ) as view:
            await view.press("OK")
            await view.see("Connection")
            await _shoot(view, "setup")
        async with browser.open(DASHBOARD_PATH, viewport=WIDE) as view:
            await _shoot(view, "dashboard")
        async with browser.open(
            DASHBOARD_PATH, viewport=PHONE, is_dark=True, scale=1.5
        ) as view:
            await _shoot(view, "dashboard-phone")
        path = f"/config/devices/device/{await home.device_id()}"
        async with browser.open(
            path, viewport=ViewportSize(width=1280, height=1160)
        ) as view:
            await _shoot(view, "device")
        await home.call("POST", "/api/config/automation/config/ours", ours(entry_id))
        async with browser.open(
            "/config/automation/edit/ours",
            viewport=ViewportSize(width=1280, height=760),
        ) as view:
            await view.page.get_by_text("Traffic crossed threshold").first.click()
            await view.see("Fire when the value goes")
            await _shoot(view, "automation")
    await api.stop()


async def _shoot(view: View, name: str) -> None:
    """Make a picture of what has nothing wrong in it."""
    await view.page.wait_for_timeout(2500)
    if problems := await view.problems():
        raise SystemExit(f"{name}: {problems}")
    shrink(await view.page.screenshot(), IMAGES / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
