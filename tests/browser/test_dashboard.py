"""The dashboard and the card, as people add and see them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
import yaml

from dev import ROOT
from dev.browser.browser import DESKTOP, Browser, View
from dev.demo.account import make_account
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.simulated_api import MIB, OVERVIEW, RECORDS, Fault, Package, SimulatedApi
from tests.helpers.demo import until
from tests.helpers.translations import TEXTS

from .dashboard import WIDE, become, see_account

FRESH: Final = 15
CHANGES: Final = 50

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled", "entry_id"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up, and its dashboard."""
    entry_id = await home.add_account(simulated.accounts[0].token, simulated.url)
    await home.add_dashboard()
    return entry_id


async def poll(home: HomeAssistant, simulated: SimulatedApi) -> None:
    """Poll until the packages were read."""
    before = simulated.count(RECORDS)

    async def is_read() -> bool:
        await home.poll()
        return simulated.count(RECORDS) > before

    await until(is_read)


@asynccontextmanager
async def more_accounts(
    home: HomeAssistant, simulated: SimulatedApi
) -> AsyncGenerator[None]:
    """Have two more accounts for a while."""
    first, *_ = simulated.accounts
    entries = []
    for number in (2, 3):
        account = make_account()
        account.token += str(number)
        for package in account.packages:
            package.id = f"{number}{package.id}"
        simulated.accounts.append(account)
        entries.append(await home.add_account(account.token, simulated.url))
    yield
    for entry in entries:
        await home.call("DELETE", f"/api/config/config_entries/entry/{entry}")
    simulated.accounts[:] = [first]


async def add(view: View, home: HomeAssistant, language: str) -> str:
    """Add dashboard, the tile, Create; return the path of what is there then."""
    await view.page.locator("ha-button[slot=fab]").click()
    await view.choose(TEXTS[language]["common"]["dashboard_description"])
    create = view.page.locator("ha-button[slot=primaryAction]")
    await create.click()
    await create.wait_for(state="hidden")
    assert await view.problems() == []
    *_, added = await home.command("lovelace/dashboards/list")
    path = f"/{added['url_path']}"
    assert path != DASHBOARD_PATH
    return path


@pytest.mark.parametrize("language", ["en", "de", "zh-Hans"])
async def test_three_clicks(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi, language: str
) -> None:
    """Three clicks to a dashboard with one account, and with three, on their first day.

    Accounts that are added and removed meanwhile appear, and go, by themselves.
    """
    texts = TEXTS[language]["common"]
    page = "/config/lovelace/dashboards"
    async with browser.open(page, language=language, viewport=WIDE) as view:
        path = await add(view, home, language)
        await view.move(path)
        await see_account(view, language)
        await view.see(texts["dashboard_no_past"])
        assert await view.problems() == []

        tab = view.page.get_by_text("BytesFlows 3", exact=True)
        async with more_accounts(home, simulated):
            await tab.wait_for()
            await view.move(page)
            await view.move(await add(view, home, language))
            await see_account(view, language)
            for number in (2, 3):
                await view.choose(f"BytesFlows {number}")
                await see_account(view, language)
                assert await view.problems() == []
            # Home Assistant stumbles when the view that is open goes.
            await view.move(path)
        await tab.wait_for(state="detached")
        assert await view.problems() == []


async def test_fresh_contexts(browser: Browser) -> None:
    """It opens at once in every new browser, however fast its parts load."""
    for number in range(FRESH):
        language = ("en", "de", "zh-Hans")[number % 3]
        async with browser.open_fresh(DASHBOARD_PATH, language=language) as view:
            await see_account(view, language)
            assert view.complaints == []


async def test_card_picker(browser: Browser, home: HomeAssistant) -> None:
    """The card is offered, with a preview and a form, and suggested for an entity."""
    await home.command("lovelace/dashboards/create", url_path="a-plain", title="Plain")
    section = {"type": "grid", "cards": []}
    config = {"views": [{"type": "sections", "sections": [section]}]}
    await home.command("lovelace/config/save", url_path="a-plain", config=config)
    name = TEXTS["en"]["common"]["card_name"]
    async with browser.open("/a-plain/0?edit=1", viewport=WIDE) as view:
        await view.page.get_by_label("Add card").first.click()
        search = view.page.get_by_placeholder("Search entities")
        await search.fill("Available traffic")
        await view.page.get_by_text("Available traffic").last.click()
        await view.page.get_by_text("Community", exact=True).first.wait_for()
        await view.page.locator("bytesflows-packages-card li").first.wait_for()
        await view.choose("By card")
        await view.page.get_by_placeholder("Search cards").fill("BytesFlows")
        await view.see(name)
        await view.page.get_by_text(name).last.click(force=True)
        await view.see(TEXTS["en"]["common"]["card_limit"])
        # A preview asks for Home Assistant's energy dashboard, which is not here.
        assert set(await view.problems()) <= {"Object"}
        await view.press("Save")
        await view.press("Done")
        assert await view.page.locator("bytesflows-packages-card li").count() > 1
        assert set(await view.problems()) <= {"Object"}


async def test_take_control(browser: Browser, home: HomeAssistant) -> None:
    """What the dashboard makes is a plain dashboard, too."""
    script = (
        "async () => (await customElements.get('ll-strategy-dashboard-bytesflows')"
        ".generate({}, document.querySelector('home-assistant').hass))"
    )
    async with browser.open(DASHBOARD_PATH) as view:
        await see_account(view)
        config = await view.page.evaluate(script)
    path = "taken-control"
    await home.command("lovelace/dashboards/create", url_path=path, title="Mine")
    await home.command("lovelace/config/save", url_path=path, config=config)
    async with browser.open(f"/{path}") as view:
        await see_account(view)
        assert await view.problems() == []


async def test_texts_come_late(browser: Browser) -> None:
    """The dashboard waits for its texts when Home Assistant returns without them.

    It does so while somebody else, such as the card, is fetching the same texts.
    """
    script = """async () => {
        const { hass } = document.querySelector("home-assistant");
        let calls = 0;
        const loadBackendTranslation = async (...names) =>
            ++calls < 3 ? () => "" : hass.loadBackendTranslation(...names);
        const strategy = customElements.get("ll-strategy-dashboard-bytesflows");
        const late = { ...hass, loadBackendTranslation };
        return (await strategy.generate({}, late)).views[0].sections.at(-1).cards[0];
    }"""
    async with browser.open(DASHBOARD_PATH) as view:
        await see_account(view)
        heading = await view.page.evaluate(script)
    assert heading["heading"] == TEXTS["en"]["common"]["dashboard_packages"]


async def test_overtaken(browser: Browser) -> None:
    """A dashboard that is ready late has the accounts of now, not of when it began.

    Home Assistant shows the one that is ready last, in whichever order they began.
    """
    script = """async (names) => {
        const { hass } = document.querySelector("home-assistant");
        const strategy = customElements.get("ll-strategy-dashboard-bytesflows");
        const before = names.map((name) => [name, {}]);
        const old = { ...hass, ...Object.fromEntries(before) };
        return (await strategy.generate({}, old)).views;
    }"""
    async with browser.open(DASHBOARD_PATH) as view:
        await see_account(view)
        for names in (["devices"], ["entities"], ["devices", "entities"]):
            [account] = await view.page.evaluate(script, names)
            assert account["title"] == "BytesFlows"
            assert len(account["sections"]) == 4
            assert account["badges"]


async def test_options(browser: Browser, home: HomeAssistant) -> None:
    """The configuration selects accounts and sections; without one there is a hint."""
    device = await home.device_id()
    path = "with-options"
    await home.command("lovelace/dashboards/create", url_path=path, title="Options")
    page = (ROOT / "docs" / "dashboard.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\nstrategy:")[2].partition("```")[0]
    strategy: dict[str, Any] = yaml.safe_load(example)
    assert strategy["sections"] == ["traffic", "packages"]
    strategy["accounts"] = [device]
    strategy["sections"].append("nonsense")
    await home.command(
        "lovelace/config/save", url_path=path, config={"strategy": strategy}
    )
    async with browser.open(f"/{path}") as view:
        await view.page.locator("bytesflows-packages-card li").first.wait_for()
        assert TEXTS["en"]["common"]["dashboard_use"] not in await view.texts()
        assert await view.problems() == []

        strategy["accounts"] = ["none"]
        await home.command(
            "lovelace/config/save", url_path=path, config={"strategy": strategy}
        )
        await view.go(f"/{path}")
        await view.see(TEXTS["en"]["common"]["dashboard_no_account"])
        link = view.page.get_by_text(TEXTS["en"]["common"]["dashboard_add_account"])
        await link.wait_for()
        assert await view.problems() == []


async def test_changes(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """What is open follows each change, grows by nothing, and asks nobody else."""
    key = "sensor.bytesflows_available_traffic"
    before = (await home.states())[key]
    async with browser.open(DASHBOARD_PATH) as view:
        await see_account(view)
        session = await view.page.context.new_cdp_session(view.page)
        simulated.requests.clear()
        counts = []
        for number in range(CHANGES):
            state = {**before, "state": str(number)}
            await home.call("POST", f"/api/states/{key}", state)
            await view.see(f"{number}.00 GiB")
            if number in {9, CHANGES - 1}:
                await view.page.wait_for_timeout(500)
                await session.send("HeapProfiler.collectGarbage")
                counts.append(await session.send("Memory.getDOMCounters"))
        # The one of the poll that is due anyway, if it was.
        assert simulated.count(OVERVIEW) <= 1
        early, late = counts
        assert late["nodes"] <= early["nodes"] * 1.1
        assert late["jsEventListeners"] <= early["jsEventListeners"] * 1.1


async def test_reload(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi, entry_id: str
) -> None:
    """The card goes on after a reload of the account, without a reload of the page."""
    account = simulated.accounts[0]
    async with browser.open(DASHBOARD_PATH, viewport=DESKTOP) as view:
        await see_account(view)
        await home.call("POST", f"/api/config/config_entries/entry/{entry_id}/reload")
        now = datetime.now(UTC)
        account.packages.append(
            Package(
                id="late",
                traffic=777 * MIB,
                created=now,
                expires=now + timedelta(hours=1),
            )
        )
        await poll(home, simulated)
        await view.see("777 MiB")
        assert await view.problems() == []


async def test_first_day_without_response(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """An outage before there is a chart leaves no heading with nothing below it."""
    common = TEXTS["en"]["common"]
    simulated.break_(Fault.refuse(500))
    await become(home, "sensor.bytesflows_total_traffic", "unavailable")
    async with browser.open(DASHBOARD_PATH, viewport=WIDE) as view:
        await view.see(common["outage_since"].partition("{")[0])
        assert await view.problems() == []
        texts = await view.texts()
        assert common["dashboard_use"] in texts
        assert common["dashboard_traffic"] not in texts
        simulated.heal()
        await poll(home, simulated)
        await see_account(view)
        assert await view.problems() == []
