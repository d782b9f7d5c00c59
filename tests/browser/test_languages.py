"""Every language in the real interface, where the room for a text is smallest."""

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio

from dev.browser.browser import PHONE, Browser, View
from dev.browser.examples import ADD
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.simulated_api import SimulatedApi
from tests.helpers.translations import LANGUAGES, TEXTS

from .dashboard import ONE_RELEASE, TABLET, WIDE, see_account

LONG = ViewportSize(width=PHONE["width"], height=2600)

pytestmark = [
    ONE_RELEASE["newest"],
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled", "entry_id"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up, and its dashboard."""
    # What never expires has no daily allowance.
    del simulated.accounts[0].packages[-1]
    entry_id = await home.add_account(simulated.accounts[0].token, simulated.url)
    await home.add_dashboard()
    return entry_id


@pytest.mark.parametrize("language", LANGUAGES)
async def test_language(
    browser: Browser, home: HomeAssistant, entry_id: str, language: str
) -> None:
    """Device, dashboard and form are whole on a phone, and speak the language.

    Entities are named in Home Assistant's language, all else in that of the user.
    """
    await home.command("config/core/update", language=language)
    await home.call("POST", f"/api/config/config_entries/entry/{entry_id}/reload")
    device = f"/config/devices/device/{await home.device_id()}"
    async with browser.open(device, viewport=LONG, language=language) as view:
        await see_device(view, home, language)
        assert await view.problems() == []
        await view.move(DASHBOARD_PATH)
        await see_account(view, language)
        for viewport in (LONG, TABLET, WIDE):
            await view.turn(viewport)
            assert await view.problems() == []
        await view.turn(LONG)
        await view.move(ADD)
        await see_form(view, language)
        assert await view.problems() == []


async def see_device(view: View, home: HomeAssistant, language: str) -> None:
    """Wait until all entities are there, by names of that language."""
    names = {
        item["original_name"]
        for item in await home.command("config/entity_registry/list")
        if item["platform"] == "bytesflows" and item["disabled_by"] is None
    }
    assert names < {
        texts["name"]
        for platform in TEXTS[language]["entity"].values()
        for texts in platform.values()
    }
    for name in names:
        await view.see(name)


async def see_form(view: View, language: str) -> None:
    """Wait for the form, opened."""
    form = TEXTS[language]["config"]["step"]["user"]
    section = form["sections"]["advanced"]
    # The interface asks first, in words of its own.
    await (
        view.page.get_by_role("alertdialog")
        .or_(view.page.get_by_role("dialog"))
        .first.wait_for()
    )
    await view.page.keyboard.press("Enter")
    await view.see(form["title"])
    await view.choose(section["name"])
    await view.see(section["data_description"]["verify_ssl"])
