"""The dashboard of somebody who renamed and disabled entities, or the account."""

import pytest
import pytest_asyncio

from dev.browser.browser import DESKTOP, Browser
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.simulated_api import SimulatedApi
from tests.helpers.translations import TEXTS

from .dashboard import LOOKS, ONE_RELEASE, looked_at

COMMON = TEXTS["en"]["common"]
DISABLED = ("available_traffic", "balance", "traffic_low", "active_packages")

pytestmark = [
    ONE_RELEASE["newest"],
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up, and its dashboard."""
    entry_id = await home.add_account(simulated.accounts[0].token, simulated.url)
    await home.add_dashboard()
    return entry_id


@pytest.mark.usefixtures("entry_id")
async def test_entities(browser: Browser, home: HomeAssistant) -> None:
    """What is renamed is found, and what is disabled leaves no gap."""
    update = "config/entity_registry/update"
    for entity_id in await home.states():
        platform, name = entity_id.split(".bytesflows_")
        if name in DISABLED:
            await home.command(update, entity_id=entity_id, disabled_by="user")
        else:
            renamed = f"{platform}.mine_{name}"
            await home.command(update, entity_id=entity_id, new_entity_id=renamed)
    texts = ("66.0%", COMMON["dashboard_no_past"], COMMON["card_never"])
    async with looked_at(browser, "registry", *texts) as view:
        await view.turn(DESKTOP)
        assert await view.problems() == []
        assert COMMON["dashboard_balance"] not in await view.texts()


async def test_no_account(browser: Browser, home: HomeAssistant, entry_id: str) -> None:
    """A disabled account has no view, and without any there is a hint."""
    await home.command("config_entries/disable", entry_id=entry_id, disabled_by="user")
    async with browser.open(DASHBOARD_PATH) as view:
        await view.see(COMMON["dashboard_no_account"])
        for viewport, is_dark in LOOKS:
            await view.turn(viewport, is_dark=is_dark)
            assert await view.problems() == []
        await view.choose(COMMON["dashboard_add_account"])
        await (
            view.page.get_by_role("alertdialog")
            .or_(view.page.get_by_role("dialog"))
            .first.wait_for()
        )
