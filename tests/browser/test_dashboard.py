"""The dashboard and the card, as people add and see them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio

from dev.browser.browser import DESKTOP, PHONE, Browser, View
from dev.demo.account import make_account
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.demo.past import give_past
from dev.simulated_api import GIB, MIB, OVERVIEW, RECORDS, Fault, Package, SimulatedApi
from tests.helpers.demo import until
from tests.helpers.translations import LANGUAGES, TEXTS

WIDE: Final = ViewportSize(width=1440, height=900)
TABLET: Final = ViewportSize(width=768, height=1400)
LONG: Final = ViewportSize(width=PHONE["width"], height=2400)
LOOKS: Final = ((WIDE, False), (TABLET, True), (LONG, True), (LONG, False))
FRESH: Final = 15
CHANGES: Final = 50
MARKUP: Final = "<img src=x onerror=alert(1)>"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("socket_enabled", "entry_id"),
    pytest.mark.xdist_group("browser"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up, and its dashboard."""
    entry_id = await home.add_account(simulated.accounts[0].token, simulated.url)
    await home.add_dashboard()
    return entry_id


async def see_account(view: View, language: str = "en") -> None:
    """Wait until the view of an account is whole."""
    texts = TEXTS[language]["common"]
    await view.see(texts["dashboard_traffic"])
    await view.page.locator("bytesflows-packages-card ha-card *").first.wait_for()


async def look(browser: Browser, *texts: str) -> None:
    """Look at the dashboard in each size, by day and by night."""
    for viewport, is_dark in LOOKS:
        async with browser.open(
            DASHBOARD_PATH, viewport=viewport, is_dark=is_dark
        ) as view:
            await see_account(view)
            for text in texts:
                await view.see(text)
            assert await view.problems() == []


async def become(home: HomeAssistant, key: str, value: str) -> None:
    """Poll until an entity shows a value."""

    async def is_there() -> bool:
        if (await home.states())[key]["state"] == value:
            return True
        await home.poll()
        return False

    await until(is_there)


async def poll(home: HomeAssistant, simulated: SimulatedApi) -> None:
    """Poll until the packages were read."""
    before = simulated.count(RECORDS)

    async def is_read() -> bool:
        await home.poll()
        return simulated.count(RECORDS) > before

    await until(is_read)


@pytest.mark.parametrize("language", ["en", "de", "zh-Hans"])
async def test_three_clicks(
    browser: Browser, home: HomeAssistant, language: str
) -> None:
    """Add dashboard, the tile, Create: there it is, on its first day."""
    texts = TEXTS[language]["common"]
    async with browser.open("/config/lovelace/dashboards", language=language) as view:
        await view.page.locator("ha-button[slot=fab]").click()
        await view.choose(texts["dashboard_description"])
        create = view.page.locator("ha-button[slot=primaryAction]")
        await create.click()
        await create.wait_for(state="hidden")
        assert await view.problems() == []
        *_, added = await home.command("lovelace/dashboards/list")
        assert added["url_path"] != DASHBOARD_PATH.removeprefix("/")
        await view.go(f"/{added['url_path']}")
        await see_account(view, language)
        await view.see(texts["dashboard_no_past"])
        assert await view.problems() == []


async def test_fresh_contexts(browser: Browser) -> None:
    """It opens at once in every new browser, however fast its parts load."""
    for _ in range(FRESH):
        async with browser.open(DASHBOARD_PATH) as view:
            await see_account(view)
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


async def test_options(browser: Browser, home: HomeAssistant) -> None:
    """The configuration selects accounts and sections; without one there is a hint."""
    device = await home.device_id()
    path = "with-options"
    await home.command("lovelace/dashboards/create", url_path=path, title="Options")
    strategy: dict[str, Any] = {"type": "custom:bytesflows", "accounts": [device]}
    strategy["sections"] = ["packages", "nonsense"]
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
    async with browser.open(f"/{path}") as view:
        await view.see(TEXTS["en"]["common"]["dashboard_no_account"])
        link = view.page.get_by_text(TEXTS["en"]["common"]["dashboard_add_account"])
        await link.wait_for()
        assert await view.problems() == []


async def test_states(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi, entry_id: str
) -> None:
    """It looks right with an account that is well, dry, away, and new and empty."""
    await give_past(home, entry_id)
    account = simulated.accounts[0]
    texts = TEXTS["en"]["common"]
    await look(browser, "34.96 GiB", "$12.50", "32 GiB", texts["card_never"])

    account.use(33 * GIB)
    await become(home, "binary_sensor.bytesflows_traffic_low", "on")
    await look(browser, "1.96 GiB", texts["dashboard_traffic_low"])

    simulated.break_(Fault.refuse(500))
    await become(home, "sensor.bytesflows_total_traffic", "unavailable")
    since = texts["outage_since"].partition("{")[0]
    await look(browser, since, texts["card_as_of"].partition("{")[0])

    simulated.heal()
    account.packages.clear()
    account.balance = 0
    await become(home, "sensor.bytesflows_total_traffic", "0.0")
    await look(browser, "0.00 GiB", texts["card_empty"], "$0.00")


def crowd() -> list[Package]:
    """Return 40 packages, the first of which has markup for an order id."""
    now = datetime.now(UTC)
    return [
        Package(
            id=f"9{number}",
            order_id=f"{MARKUP}{number}",
            source=("order", "sign", "gift")[number % 3],
            traffic=(number + 1) * 700 * MIB,
            used=number * 90 * MIB,
            created=now - timedelta(days=1),
            expires=now + timedelta(hours=7 + 19 * number),
        )
        for number in range(40)
    ]


async def test_many_packages(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """Of many packages some are shown, the others on request; no text is markup."""
    simulated.heal()
    simulated.accounts[0].packages[:] = crowd()
    await become(home, "sensor.bytesflows_active_packages", "40")
    await look(browser, "and 36 more")
    async with browser.open(DASHBOARD_PATH, viewport=LONG) as view:
        await see_account(view)
        rows = view.page.locator("bytesflows-packages-card li")
        assert await rows.count() == 4
        button = view.page.locator("bytesflows-packages-card button")
        await button.focus()
        await view.page.keyboard.press("Enter")
        assert await rows.count() == 40
        assert await button.get_attribute("aria-expanded") == "true"
        await view.page.keyboard.press("Enter")
        assert await rows.count() == 4
        assert await rows.first.get_attribute("title") == f"{MARKUP}0"
        assert await view.page.locator("bytesflows-packages-card img").count() == 0
        meter = view.page.get_by_role("meter").first
        assert await meter.get_attribute("aria-valuenow") == "100"
        assert await view.problems() == []


@pytest.mark.parametrize("language", [*LANGUAGES, "he"])
async def test_languages(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi, language: str
) -> None:
    """Each language fits on a phone, and also goes from right to left."""
    simulated.heal()
    simulated.accounts[0].packages[:] = make_account().packages
    await become(home, "sensor.bytesflows_active_packages", "4")
    path = DASHBOARD_PATH
    async with browser.open(path, viewport=LONG, language=language) as view:
        await see_account(view, language if language in TEXTS else "en")
        assert await view.problems() == []
        if language == "he":
            fill = view.page.locator("bytesflows-packages-card .bar > div").first
            bar = view.page.locator("bytesflows-packages-card .bar").first
            inner, outer = await fill.bounding_box(), await bar.bounding_box()
            assert inner is not None
            assert outer is not None
            assert inner["x"] > outer["x"]


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
