"""What tests of the dashboard share."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import os
from pathlib import Path
from typing import Final

from playwright.async_api import ViewportSize
import pytest

from dev.browser.browser import PHONE, Browser, View
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from tests.helpers.demo import RELEASES, until
from tests.helpers.translations import TEXTS

WIDE: Final = ViewportSize(width=1366, height=900)
"""As wide as most laptops: three columns have little room there."""
TABLET: Final = ViewportSize(width=768, height=1400)
LONG: Final = ViewportSize(width=PHONE["width"], height=2400)
LOOKS: Final = ((WIDE, False), (TABLET, True), (LONG, True), (LONG, False))
SENTENCES: Final = tuple(
    TEXTS["en"]["common"][key].partition("{")[0]
    for key in ("outage_since", "dashboard_no_past")
)
"""The starts of the sentences of the dashboard, which may take two lines."""
ONE_RELEASE: Final = {
    release: pytest.mark.parametrize("home", [release], indirect=True, scope="session")
    for release in RELEASES
}
"""The marks of tests that take long, and look at one release of Home Assistant only."""
PICTURES: Final = os.environ.get("BROWSER_PICTURES")
"""A folder for pictures of all that is looked at, if somebody wants to look, too."""


async def see_account(view: View, language: str = "en") -> None:
    """Wait until the view of an account is whole."""
    texts = TEXTS.get(language, TEXTS["en"])["common"]
    await view.see(texts["dashboard_traffic"])
    await view.page.locator("bytesflows-packages-card ha-card *").first.wait_for()


async def look(browser: Browser, name: str, *texts: str) -> None:
    """Look at the dashboard in each size, by day and by night."""
    async with looked_at(browser, name, *texts):
        pass


@asynccontextmanager
async def looked_at(
    browser: Browser, name: str, *texts: str, language: str = "en"
) -> AsyncGenerator[View]:
    """Look at the dashboard, and keep it open at its full width."""
    async with browser.open(DASHBOARD_PATH, viewport=WIDE, language=language) as view:
        await see_account(view, language)
        for text in texts:
            await view.see(text)
        for viewport, is_dark in LOOKS:
            await view.turn(viewport, is_dark=is_dark)
            assert await view.problems() == []
            wrapped = await view.wrapped()
            assert [item for item in wrapped if not item.startswith(SENTENCES)] == []
            if PICTURES:
                light = "dark" if is_dark else "light"
                file = f"{name}-{language}-{viewport['width']}-{light}.png"
                await view.shoot(Path(PICTURES) / file)
        await view.turn(WIDE)
        yield view


async def bottoms(view: View) -> list[float]:
    """Return where the columns end."""
    ends: dict[float, float] = {}
    for card in await view.page.locator("hui-section").all():
        if box := await card.bounding_box():
            ends[box["x"]] = max(ends.get(box["x"], 0), box["y"] + box["height"])
    return sorted(ends.values())


async def colors(view: View) -> dict[str, str | None]:
    """Return the colors of the tiles that are shown, by the keys of their entities."""
    script = """cards => cards
        .filter(({ config, offsetParent }) => offsetParent && config?.type === "tile")
        .map(({ config: { entity, color } }) => [entity, color ?? null])"""
    shown = await view.page.locator("hui-card").evaluate_all(script)
    return {entity.partition(".bytesflows_")[2]: color for entity, color in shown}


async def times(view: View) -> list[str]:
    """Return the times in the tiles that are shown."""
    script = """items => items
        .filter(({ offsetParent }) => offsetParent)
        .map(({ shadowRoot }) => shadowRoot.textContent.trim())"""
    found: list[str] = await view.page.locator("hui-timestamp-display").evaluate_all(
        script
    )
    return found


async def become(home: HomeAssistant, key: str, value: str) -> None:
    """Poll until an entity shows a value."""

    async def is_there() -> bool:
        if (await home.states())[key]["state"] == value:
            return True
        await home.poll()
        return False

    await until(is_there)
