"""The dashboard in every state of an account, in each size, by day and by night."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
import pytest_asyncio

from dev.browser.browser import Browser
from dev.demo.account import make_account
from dev.demo.home_assistant import DASHBOARD_PATH, HomeAssistant
from dev.demo.past import give_past
from dev.simulated_api import GIB, MIB, RECORDS, Fault, Package, SimulatedApi
from tests.helpers.translations import TEXTS

from .dashboard import (
    LONG,
    ONE_RELEASE,
    WIDE,
    become,
    bottoms,
    colors,
    look,
    looked_at,
    see_account,
    times,
)

MARKUP: Final = "<img src=x onerror=alert(1)>"
TOTAL: Final = "sensor.bytesflows_total_traffic"
UNEVEN: Final = 40
"""Pixels that one column may be longer than another."""
COMMON: Final = TEXTS["en"]["common"]

pytestmark = [
    ONE_RELEASE["latest"],
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled", "well"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def entry_id(home: HomeAssistant, simulated: SimulatedApi) -> str:
    """Set the account up with a past, and its dashboard."""
    entry_id = await home.add_account(simulated.accounts[0].token, simulated.url)
    await give_past(home, entry_id)
    await home.add_dashboard()
    return entry_id


@pytest_asyncio.fixture(loop_scope="session")
async def well(
    socket_enabled: None, home: HomeAssistant, simulated: SimulatedApi, entry_id: str
) -> None:
    """Have the account as it was, whichever tests ran before."""
    simulated.heal()
    fresh = make_account()
    simulated.accounts[0].packages[:] = fresh.packages
    simulated.accounts[0].balance = fresh.balance
    await reload(home, entry_id)


async def reload(home: HomeAssistant, entry_id: str) -> None:
    """Load the account anew."""
    await home.call("POST", f"/api/config/config_entries/entry/{entry_id}/reload")


@pytest.mark.parametrize("language", ["en", "de", "zh-Hans", "he"])
async def test_well(browser: Browser, language: str) -> None:
    """Of an account that is well everything is shown, the same way everywhere."""
    never = TEXTS.get(language, TEXTS["en"])["common"]["card_never"]
    async with looked_at(browser, "well", never, language=language) as view:
        await view.problems()
        first, *_, last = await bottoms(view)
        assert last - first < UNEVEN
        # The first package expires in 2 days, and nothing else is wrong.
        assert await colors(view) == {
            "available_percentage": "green",
            "available_traffic": "light-blue",
            "average_daily_consumption": None,
            "balance": "teal",
            "estimated_depletion": None,
            "expected_to_expire_unused": "orange",
            "expiring_traffic": "orange",
            "last_check_in": None,
            "next_expiry": "orange",
            "total_traffic": None,
        }


async def test_right_to_left(browser: Browser) -> None:
    """Bars begin at the right where texts do."""
    async with browser.open(DASHBOARD_PATH, viewport=LONG, language="he") as view:
        await see_account(view)
        fill = view.page.locator("bytesflows-packages-card .bar > div").first
        bar = view.page.locator("bytesflows-packages-card .bar").first
        inner, outer = await fill.bounding_box(), await bar.bounding_box()
        assert inner is not None
        assert outer is not None
        assert inner["x"] > outer["x"]


async def test_nearly_empty(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """Low traffic is said at the top, and two tiles warn of it."""
    simulated.accounts[0].use(33 * GIB)
    await become(home, "binary_sensor.bytesflows_traffic_low", "on")
    texts = ("1.96 GiB", COMMON["dashboard_traffic_low"])
    async with looked_at(browser, "low", *texts) as view:
        await view.problems()
        found = await colors(view)
        assert found["available_percentage"] == "red"
        assert found["estimated_depletion"] == "deep-orange"
        assert any(time.startswith("In ") for time in await times(view))
        assert found["expected_to_expire_unused"] is None


async def test_empty(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """An account without a package has no tiles about packages."""
    simulated.accounts[0].packages.clear()
    simulated.accounts[0].balance = 0
    await become(home, TOTAL, "0.0")
    await look(browser, "empty", "0.00 GiB", COMMON["card_empty"], "$0.00")


async def test_unlimited(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """A package without a size is called unlimited."""
    now = datetime.now(UTC)
    expires = now + timedelta(days=9)
    simulated.accounts[0].packages[:] = [
        Package(id="1", traffic=0, created=now - timedelta(hours=2), expires=expires)
    ]
    await become(home, "sensor.bytesflows_active_packages", "1")
    await look(browser, "unlimited", "Unlimited")


async def test_far_expiry(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """An expiry that is not soon is a date in no color; a loss of 0 has none either."""
    now = datetime.now(UTC)
    expires = now + timedelta(days=24)
    package = Package(id="1", traffic=50 * GIB, used=25 * GIB, expires=expires)
    package.created = now - timedelta(days=3)
    simulated.accounts[0].packages[:] = [package]
    await become(home, "sensor.bytesflows_active_packages", "1")
    async with browser.open(DASHBOARD_PATH, viewport=WIDE) as view:
        await see_account(view)
        await view.problems()
        found = await colors(view)
        assert found["next_expiry"] is None
        assert found["expiring_traffic"] is None
        date = expires.astimezone()
        assert f"{date.month}/{date.day}/{date.year}" in await times(view)


async def test_unreachable(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """One line says since when, and the packages are those of that time."""
    simulated.break_(Fault.refuse(500))
    await become(home, TOTAL, "unavailable")
    since, as_of = (
        COMMON[key].partition("{")[0] for key in ("outage_since", "card_as_of")
    )
    await look(browser, "unreachable", since, as_of)


async def test_records_unreachable(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi
) -> None:
    """The figures of the overview go on, and the packages say how old they are."""
    simulated.break_(Fault.refuse(500), RECORDS)
    simulated.accounts[0].use(GIB)
    await become(home, "sensor.bytesflows_available_traffic", "33.9609375")
    await look(browser, "records", "33.96 GiB", COMMON["card_as_of"].partition("{")[0])


async def test_not_loaded(
    browser: Browser, home: HomeAssistant, simulated: SimulatedApi, entry_id: str
) -> None:
    """An account that could not be set up is one line, and comes back by itself."""
    simulated.break_(Fault.refuse(500))
    await reload(home, entry_id)
    async with looked_at(browser, "not-loaded", COMMON["outage"]) as view:
        simulated.heal()
        await reload(home, entry_id)
        await view.page.locator("bytesflows-packages-card li").first.wait_for()
        assert await view.problems() == []
        assert COMMON["outage"] not in await view.texts()


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
    simulated.accounts[0].packages[:] = crowd()
    await become(home, "sensor.bytesflows_active_packages", "40")
    async with looked_at(browser, "crowd", "and 36 more") as view:
        await view.turn(LONG)
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
