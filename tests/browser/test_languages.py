"""Every language in the real interface, where the room for a text is smallest."""

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio

from dev.browser.browser import PHONE, Browser
from dev.browser.examples import ADD
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import SimulatedApi
from tests.helpers.translations import LANGUAGES, TEXTS

LONG = ViewportSize(width=PHONE["width"], height=2600)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("socket_enabled", "entry_id"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.parametrize("language", LANGUAGES),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up."""
    return await home.add_account(simulated.accounts[0].token, simulated.url)


async def test_form(browser: Browser, language: str) -> None:
    """The form is whole, and speaks the user's language."""
    form = TEXTS[language]["config"]["step"]["user"]
    section = form["sections"]["advanced"]
    async with browser.open(ADD, viewport=LONG, language=language) as view:
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
        assert await view.problems() == []


async def test_device(
    browser: Browser, home: HomeAssistant, entry_id: str, language: str
) -> None:
    """The device page is whole; entities are named in Home Assistant's language."""
    await home.command("config/core/update", language=language)
    await home.call("POST", f"/api/config/config_entries/entry/{entry_id}/reload")
    device = f"/config/devices/device/{await home.device_id()}"
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
    async with browser.open(device, viewport=LONG, language=language) as view:
        for name in names:
            await view.see(name)
        assert await view.problems() == []
