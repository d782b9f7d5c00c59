"""Setting an account up, and keeping it, in the dialogs of the real interface."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from dev.browser.browser import DESKTOP, PHONE, Browser
from dev.browser.examples import ADD
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import GIB, Package, SimulatedApi
from tests.helpers.demo import until

DASHBOARD = "/config/integrations/dashboard"
INTEGRATION = "/config/integrations/integration/bytesflows"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def account_there(
    socket_enabled: None, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """Have the account set up, whichever tests ran before."""
    path = "/api/config/config_entries/entry?domain=bytesflows"
    if not await home.call("GET", path):
        await home.add_account(simulated.accounts[0].token, simulated.url)


async def test_form(browser: Browser) -> None:
    """The form is whole in either width, closed and open."""
    async with browser.open(ADD) as view:
        await view.press("OK")
        await view.see("Connect a BytesFlows account")
        for viewport in (DESKTOP, PHONE):
            await view.page.set_viewport_size(viewport)
            assert await view.problems() == []
        assert "Verify SSL certificate" not in await view.texts()
        await view.choose("Connection")
        await view.see("Turn this off only if you use your own server")
        for viewport in (PHONE, DESKTOP):
            await view.page.set_viewport_size(viewport)
            assert await view.problems() == []


async def test_add(browser: Browser, simulated: SimulatedApi) -> None:
    """A wrong token is told; with the right one the account is there."""
    async with browser.open(DASHBOARD) as view:
        await view.press("Add integration")
        search = view.page.get_by_placeholder("Search for a brand name")
        await search.fill("BytesFlows")
        await view.page.get_by_text("BytesFlows", exact=True).last.wait_for()
        # A click can fall on the dialog while its list moves on a slow machine.
        await search.press("Enter")
        await view.see("Connect a BytesFlows account")
        await view.choose("Connection")
        await view.enter("name=api_token", "wrong")
        await view.enter("name=url", "bytesflows.com")
        await view.press("Submit")
        await view.see("enter one such as https://bytesflows.com")
        assert await view.problems() == []
        await view.choose("Connection")
        await view.enter("name=api_token", "wrong")
        await view.enter("name=url", simulated.url)
        await view.press("Submit")
        await view.see("BytesFlows rejected this token")
        assert await view.problems() == []
        token = view.page.locator("ha-form input[name=api_token]")
        assert await token.input_value() == ""
        await view.enter("name=api_token", simulated.accounts[0].token)
        await view.press("Submit")
        await view.press("Skip and finish")
        await view.go(INTEGRATION)
        await view.see("22 entities")
        assert await view.problems() == []


@pytest.mark.usefixtures("account_there")
async def test_options(browser: Browser, home: HomeAssistant) -> None:
    """The options are there behind the gear, and change what is shown."""
    async with browser.open(INTEGRATION, viewport=PHONE) as view:
        await view.press("Configure")
        await view.see("BytesFlows options")
        assert await view.problems() == []
        await view.enter("type=number", "99")
        await view.press("Submit")
        await view.see("Options successfully saved")
        assert await view.problems() == []

    async def is_low() -> bool:
        states = await home.states()
        return bool(states["binary_sensor.bytesflows_traffic_low"]["state"] == "on")

    await until(is_low)


@pytest.mark.usefixtures("account_there")
async def test_reconfigure(browser: Browser, simulated: SimulatedApi) -> None:
    """The token and the address can be changed."""
    async with browser.open(INTEGRATION, viewport=PHONE) as view:
        await view.page.get_by_role("button", name="Menu").nth(1).click()
        await view.choose("Reconfigure")
        await view.see("Reconfigure BytesFlows")
        await view.choose("Connection")
        await view.see("Turn this off only if you use your own server")
        assert await view.problems() == []
        await view.enter("name=url", "http://example.com")
        await view.press("Submit")
        await view.see("The URL must start with https://")
        assert await view.problems() == []
        await view.choose("Connection")
        await view.see("Turn this off only if you use your own server")
        await view.enter("name=url", simulated.url)
        await view.press("Submit")
        await view.see("Your changes have been saved")
        assert await view.problems() == []


@pytest.mark.usefixtures("account_there")
async def test_new_token(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """When the token is revoked, Home Assistant asks for a new one."""
    simulated.accounts[0].token = "another-token"

    async def is_asked() -> bool:
        await home.poll()
        return bool(await home.command("config_entries/flow/progress"))

    await until(is_asked)
    async with browser.open(DASHBOARD, viewport=PHONE) as view:
        await view.see("Discovered")
        assert await view.problems() == []
        await view.choose("Reconfigure")
        await view.see("Enter a new BytesFlows token")
        await view.enter("name=api_token", "wrong")
        await view.press("Submit")
        await view.see("BytesFlows rejected this token")
        assert await view.problems() == []
        await view.enter("name=api_token", "another-token")
        await view.press("Submit")
        await view.see("The new token was accepted and saved")
        assert await view.problems() == []


@pytest.mark.usefixtures("account_there")
async def test_repair(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """A zone that is proved wrong can be put right."""
    now = datetime.now(UTC)
    created, expires = now + timedelta(hours=5), now + timedelta(days=40)
    package = Package(id="new", traffic=GIB, created=created, expires=expires)
    simulated.accounts[0].packages.append(package)

    async def is_listed() -> bool:
        await home.poll()
        states = await home.states()
        return bool(states["event.bytesflows_package"]["state"] != "unknown")

    await until(is_listed)

    async def is_found() -> bool:
        await home.poll()
        return bool((await home.command("repairs/list_issues"))["issues"])

    await until(is_found)
    async with browser.open("/config/repairs", viewport=PHONE) as view:
        await view.see("Check the time zone for BytesFlows")
        assert await view.problems() == []
        await view.choose("Check the time zone for BytesFlows")
        await view.see("The list only contains time zones that match")
        assert await view.problems() == []
        await view.press("Submit")
        await view.see("The time zone changes from Asia/Shanghai to")
        assert await view.problems() == []
        await view.press("Submit")
        await view.see("The issue is repaired")
