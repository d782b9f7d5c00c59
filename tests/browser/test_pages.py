"""What an account looks like: its device, its dashboard, and the automation editor."""

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio

from dev.browser.browser import DESKTOP, PHONE, Browser
from dev.browser.examples import ours
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import SimulatedApi

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled", "entry_id"),
]

ROOMY = ViewportSize(width=DESKTOP["width"], height=1400)
LONG = ViewportSize(width=PHONE["width"], height=2600)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up."""
    return await home.add_account(simulated.accounts[0].token, simulated.url)


async def test_device(browser: Browser, home: HomeAssistant) -> None:
    """The device page has every entity with its name and a value in its unit."""
    path = f"/config/devices/device/{await home.device_id()}"
    async with browser.open(path) as view:
        for viewport, is_dark in ((ROOMY, False), (LONG, True)):
            await view.turn(viewport, is_dark=is_dark)
            await view.see("Average daily consumption")
            assert await view.problems() == []
            texts = set(await view.texts())
            assert {"Next expiry", "Traffic low", "Package expiries"} <= texts
            assert {"53.00 GiB", "$12.50", "4", "OK"} <= texts


async def test_editor(browser: Browser, home: HomeAssistant, entry_id: str) -> None:
    """The automation editor offers our triggers, and shows what was chosen."""
    async with browser.open("/config/automation/edit/new") as view:
        await view.press("Add trigger")
        await view.page.get_by_placeholder("Search").last.fill("BytesFlows")
        for name in (
            "Traffic became low",
            "Traffic no longer low",
            "Traffic crossed threshold",
            "Package expiring",
        ):
            await view.see(name)
        assert await view.problems() == []

        path = "/api/config/automation/config/ours"
        await home.call("POST", path, ours(entry_id))
        await view.go("/config/automation/edit/ours")
        await view.see("Traffic crossed threshold")
        await view.see("Package expiring")
        await view.see("Traffic is low")
        await view.see("BytesFlows: Get packages")
        assert await view.problems() == []
