"""What an account looks like: its device, its dashboard, and the automation editor."""

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio

from dev.browser.browser import DESKTOP, PHONE, Browser
from dev.browser.examples import ours
from dev.demo.home_assistant import HomeAssistant
from dev.demo.past import give_past
from dev.simulated_api import SimulatedApi

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("socket_enabled", "entry_id"),
    pytest.mark.xdist_group("browser"),
]

ROOMY = ViewportSize(width=DESKTOP["width"], height=1400)
LONG = ViewportSize(width=PHONE["width"], height=2600)
SIZES = pytest.mark.parametrize(
    ("viewport", "is_dark"), [(ROOMY, False), (LONG, True)], ids=["desktop", "phone"]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up, with a past."""
    entry_id = await home.add_account(simulated.accounts[0].token, simulated.url)
    await give_past(home, entry_id)
    return entry_id


@SIZES
async def test_device(
    browser: Browser, home: HomeAssistant, viewport: ViewportSize, is_dark: bool
) -> None:
    """The device page has every entity with its name and a value in its unit."""
    path = f"/config/devices/device/{await home.device_id()}"
    async with browser.open(path, viewport=viewport, is_dark=is_dark) as view:
        await view.see("Average daily consumption")
        assert await view.problems() == []
        texts = await view.texts()
    assert {"Next expiry", "Traffic low", "Package expiries", "Package"} <= set(texts)
    assert {"53.00 GiB", "$12.50", "4", "OK"} <= set(texts)


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

    await home.call("POST", "/api/config/automation/config/ours", ours(entry_id))
    async with browser.open("/config/automation/edit/ours") as view:
        await view.see("Traffic crossed threshold")
        await view.see("Package expiring")
        await view.see("Traffic is low")
        await view.see("BytesFlows: Get packages")
        assert await view.problems() == []
