"""What an account looks like: its device, its dashboard, and the automation editor."""

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio

from dev.browser.browser import DESKTOP, PHONE, Browser
from dev.browser.examples import ours
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.demo.past import give_past
from dev.simulated_api import GIB, Fault, SimulatedApi
from tests.helpers.demo import until

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
    assert {"53.00 GiB", "$12.50", "4 packages", "OK"} <= set(texts)


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
        await view.see("BytesFlows: Get records")
        assert await view.problems() == []


async def become(home: HomeAssistant, key: str, value: str) -> None:
    """Poll until an entity shows a value."""

    async def is_there() -> bool:
        await home.poll()
        return bool((await home.states())[key]["state"] == value)

    await until(is_there)


async def look(browser: Browser, *texts: str) -> None:
    """Look at the dashboard, on a desktop by day and on a phone by night."""
    for viewport, is_dark in ((ROOMY, False), (LONG, True)):
        async with browser.open(
            DASHBOARD_PATH, viewport=viewport, is_dark=is_dark
        ) as view:
            for text in ("Used each day", *texts):
                await view.see(text)
            assert await view.problems() == []


async def test_dashboard(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """It looks right with an account that is well, dry, away, and new and empty."""
    account = simulated.accounts[0]
    await look(browser, "34.96 GiB", "$12.50", "4 packages", "Purchase", "never")

    account.use(33 * GIB)
    await become(home, "binary_sensor.bytesflows_traffic_low", "on")
    await look(browser, "1.96 GiB", "Problem")

    simulated.break_(Fault.refuse(500))
    await become(home, "sensor.bytesflows_total_traffic", "unavailable")
    await look(browser, "Unavailable")

    simulated.heal()
    account.packages.clear()
    account.balance = 0
    await become(home, "sensor.bytesflows_total_traffic", "0.0")
    await look(browser, "0.00 GiB", "Unknown", "$0.00", "0 packages")
