"""Make the pictures of the documentation: see `scripts/screenshots`."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
import tempfile
from typing import Final

from playwright.async_api import Locator, ViewportSize

from dev import ROOT
from dev.demo.__main__ import RUNS
from dev.demo.account import make_account
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.demo.past import give_past
from dev.simulated_api import GIB, SimulatedApi

from .browser import Browser, View
from .examples import ADD
from .images import shrink

IMAGES: Final = ROOT / "docs" / "images"
CARD: Final = "bytesflows-packages-card"
WIDE: Final = ViewportSize(width=1480, height=760)
PHONE: Final = ViewportSize(width=390, height=1680)
EVENING: Final = 18
"""The hour in which pictures are taken: most of a day of use can be seen then."""


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
        await _set_time_zone(home)
        entry_id = await home.add_account(account.token, api.url)
        await give_past(home, entry_id)
        await home.add_dashboard()
        device = await home.device_id()
        await _shoot_pages(browser, device)
        account.use(account.active[-1].remaining + 30 * GIB)
        await _shoot_message(browser, home, device)
    await api.stop()


async def _set_time_zone(home: HomeAssistant) -> None:
    """Have Home Assistant and its pages use a time zone in which it is evening."""
    west = (datetime.now(UTC).hour - EVENING + 12) % 24 - 12
    await home.command("config/core/update", time_zone=f"Etc/GMT{west:+d}")
    locale = dict.fromkeys(
        ("number_format", "date_format", "time_format", "first_weekday"), "language"
    )
    value = {"language": "en", "time_zone": "server", **locale}
    await home.command("frontend/set_user_data", key="language", value=value)


async def _shoot_pages(browser: Browser, device: str) -> None:
    """Make the pictures of an account that is well."""
    async with browser.open(ADD, viewport=ViewportSize(width=450, height=600)) as view:
        await view.press("OK")
        await view.see("Connection")
        await _shoot(view, "setup")
    async with browser.open(DASHBOARD_PATH, viewport=WIDE) as view:
        await view.page.locator(CARD).locator("li").first.wait_for()
        await _shoot(view, "dashboard")
    async with browser.open_fresh(
        DASHBOARD_PATH, viewport=PHONE, is_dark=True, scale=1.5
    ) as view:
        card = view.page.locator(CARD)
        await card.locator("li").first.wait_for()
        await _shoot(view, "dashboard-phone")
    async with browser.open_fresh(DASHBOARD_PATH, viewport=WIDE, scale=1.5) as view:
        card = view.page.locator(CARD)
        await card.locator("li").first.wait_for()
        await _shoot(view, "card", card)
    path = f"/config/devices/device/{device}"
    async with browser.open(
        path, viewport=ViewportSize(width=1280, height=1700)
    ) as view:
        await view.see("Average daily consumption")
        await _shoot(view, "device")
    async with browser.open("/config/automation/edit/new", viewport=WIDE) as view:
        await view.press("Add trigger")
        await view.choose("By target")
        await view.choose("Services")
        await view.page.get_by_text("BytesFlows", exact=True).last.click()
        await view.see("Traffic became low")
        # Icons of other integrations come from the internet.
        icons = view.page.locator("img[alt='Backup'], img[src*='/backup/']")
        await icons.first.evaluate("icon => (icon.style.visibility = 'hidden')")
        await _shoot(view, "automation")


async def _shoot_message(browser: Browser, home: HomeAssistant, device: str) -> None:
    """Make a picture of the message of the first blueprint, on a phone."""
    blueprint = {"path": "bytesflows/low_traffic.yaml", "input": {"account": device}}
    config = {"alias": "Low traffic", "use_blueprint": blueprint}
    await home.call("POST", "/api/config/automation/config/low", config)
    await home.poll()
    async with browser.open_fresh(
        DASHBOARD_PATH, viewport=ViewportSize(width=390, height=420), scale=1.5
    ) as view:
        await view.page.get_by_label("Sidebar toggle").click()
        await view.choose("Notifications")
        await view.see("GiB left")
        await _shoot(view, "message")


async def _shoot(view: View, name: str, part: Locator | None = None) -> None:
    """Make a picture of what has nothing wrong in it."""
    # Charts are drawn, and draw their lines, after all else is there.
    await view.page.wait_for_timeout(2500)
    if problems := await view.problems():
        raise SystemExit(f"{name}: {problems}")
    shrink(await (part or view.page).screenshot(), IMAGES / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
