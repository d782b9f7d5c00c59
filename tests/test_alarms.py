"""The alarms: when they are on, and for how long."""

from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components import bytesflows
from custom_components.bytesflows.account.forecast import is_low
from custom_components.bytesflows.api import Overview
from dev.simulated_api import (
    GIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    SimulatedApi,
)
from homeassistant.const import EVENT_STATE_CHANGED, Platform
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .helpers.automations import automation, became_low, listen, no_longer_low, said
from .helpers.clock import NOW
from .helpers.common import OPTIONS, make_entry, set_up
from .helpers.home import Home

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with a package that expires a little over 3 days from now."""
    expires = NOW + timedelta(days=3, minutes=7)
    return Account(packages=[Package(id="1", traffic=100 * GIB, expires=expires)])


def alarm(hass: HomeAssistant, key: str) -> str:
    """Return the state of an alarm."""
    found = hass.states.get(f"binary_sensor.bytesflows_{key}")
    assert found is not None
    return found.state


@pytest.mark.parametrize(
    ("available", "total", "threshold", "was_low", "expected"),
    [
        (10, 100, 10, None, False),
        (9, 100, 10, None, True),
        (11, 100, 10, True, True),
        (12, 100, 10, True, False),
        (11, 100, 10, False, False),
        (100, 100, 99, True, False),
        (0, 0, 10, False, True),
        (5, 0, 10, None, True),
        (-5, 100, 1, False, True),
        (None, 100, 10, True, True),
        (5, None, 10, False, False),
        (None, None, 10, None, None),
    ],
)
def test_low(
    available: int | None,
    total: int | None,
    threshold: float,
    was_low: bool | None,
    expected: bool | None,
) -> None:
    """Low below the threshold, and no longer from 2 points above it."""
    overview = Overview(
        total_traffic=total, available_traffic=available, balance=Decimal(0)
    )
    found = is_low(overview, threshold, was_low=was_low, had_packages=True)
    assert found is expected


async def test_entities(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names, unique ids, classes and states."""
    monkeypatch.setattr(bytesflows, "PLATFORMS", [Platform.BINARY_SENSOR])
    assert await set_up(hass, entry)
    await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)


async def test_expiring_soon(home: Home) -> None:
    """On within the days of the option, off when the package has expired."""
    await home.set_up()
    assert alarm(home.hass, "expiring_soon") == "off"
    await home.poll()
    assert alarm(home.hass, "expiring_soon") == "off"
    await home.poll()
    assert alarm(home.hass, "expiring_soon") == "on"
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.pass_time(timedelta(hours=1))
    assert alarm(home.hass, "expiring_soon") == "on"
    await home.pass_time(timedelta(hours=2))
    assert alarm(home.hass, "expiring_soon") == "unavailable"
    assert alarm(home.hass, "traffic_low") == "off"
    home.api.heal()
    await home.poll()
    assert alarm(home.hass, "expiring_soon") == "on"
    await home.pass_time(timedelta(days=3))
    assert alarm(home.hass, "expiring_soon") == "off"


async def test_options(hass: HomeAssistant, api: SimulatedApi) -> None:
    """Both limits come from the options."""
    api.accounts[0].packages[0].used = 60 * GIB
    options = {**OPTIONS, "low_traffic_threshold": 41, "expiring_soon_days": 4}
    assert await set_up(hass, make_entry(api, options=options))
    assert alarm(hass, "traffic_low") == "on"
    assert alarm(hass, "expiring_soon") == "on"


@pytest.mark.parametrize(("had_packages", "expected"), [(False, "off"), (True, "on")])
async def test_a_total_of_0(home: Home, had_packages: bool, expected: str) -> None:
    """It is low unless no package was ever seen."""
    home.account.packages[0].status = 0
    if not had_packages:
        home.account.packages.clear()
    await home.set_up()
    assert alarm(home.hass, "traffic_low") == expected
    await home.poll(2)
    assert alarm(home.hass, "traffic_low") == expected
    await home.reload()
    assert alarm(home.hass, "traffic_low") == expected
    assert alarm(home.hass, "expiring_soon") == "off"


async def test_the_first_package_of_an_account(home: Home) -> None:
    """A new account becomes low when its first package is used up, not before."""
    [package] = home.account.packages
    home.account.packages.clear()
    await home.set_up()
    heard = await listen(
        home.hass,
        automation(became_low(), no_longer_low(), says="{{ trigger.platform[11:] }}"),
    )
    home.account.packages.append(package)
    await home.poll()
    package.status = 0
    await home.poll()
    assert alarm(home.hass, "traffic_low") == "on"
    assert said(heard) == ["traffic_became_low"]


async def test_overdrawn(home: Home) -> None:
    """Less than nothing is available: low, at 0 percent."""
    await home.set_up()
    heard = await listen(
        home.hass,
        automation(
            became_low(), says="{{ trigger.available }} {{ trigger.percentage }}"
        ),
    )
    home.account.figures = (100 * GIB, -5_000_000)
    await home.poll()
    assert alarm(home.hass, "traffic_low") == "on"
    assert home.state("available_percentage").state == "0.0"
    assert said(heard) == ["-5000000 0.0"]


@pytest.mark.parametrize(
    "fields",
    [
        {"dynamicTraffic": "many"},
        {"dynamicTraffic": None},
        {"totalTraffic": None},
        {"totalTraffic": -1},
        {"totalTraffic": True, "dynamicTraffic": "NaN"},
    ],
)
@pytest.mark.parametrize("used", [50, 95])
async def test_unreadable(home: Home, fields: dict[str, object], used: int) -> None:
    """While a figure cannot be read, the alarm keeps its state."""
    home.account.packages[0].used = used * GIB
    await home.set_up()
    heard = await listen(
        home.hass, automation(became_low(), no_longer_low(), became_low(minutes=1))
    )
    before = alarm(home.hass, "traffic_low")
    assert before == ("on" if used == 95 else "off")
    home.api.break_(Fault.data(**fields), OVERVIEW)
    await home.poll(2)
    assert alarm(home.hass, "traffic_low") == before
    await home.reload()
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert alarm(home.hass, "traffic_low") == before
    assert heard == []
    home.api.heal()
    await home.poll()
    assert alarm(home.hass, "traffic_low") == before
    assert heard == []


async def test_unreadable_from_the_first_poll(home: Home) -> None:
    """An alarm that was never known is unavailable; its first value is no change."""
    home.account.packages[0].used = 95 * GIB
    home.api.break_(Fault.data(dynamicTraffic="many"), OVERVIEW)
    await home.set_up()
    heard = await listen(home.hass, automation(became_low()))
    assert alarm(home.hass, "traffic_low") == "unavailable"
    assert alarm(home.hass, "expiring_soon") == "off"
    home.api.heal()
    await home.poll()
    assert alarm(home.hass, "traffic_low") == "on"
    assert heard == []


async def test_alarms_change_after_the_sensors(
    home: Home, entity_registry: er.EntityRegistry
) -> None:
    """An automation on an alarm reads the sensors of the same poll.

    The order of Home Assistant's listeners changes when an entity is renamed.
    """
    await home.set_up()
    states: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        states.append(event.data["entity_id"])

    home.hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    for old, new in (
        ("sensor.bytesflows_available_traffic", "sensor.late"),
        ("binary_sensor.bytesflows_traffic_low", "binary_sensor.early"),
        ("sensor.bytesflows_total_traffic", "sensor.later"),
    ):
        entity_registry.async_update_entity(old, new_entity_id=new)
        await home.hass.async_block_till_done()
    for used in (95, 20):
        states.clear()
        home.account.packages[0].used = used * GIB
        home.account.packages[0].traffic += GIB
        await home.poll()
        assert {"sensor.late", "sensor.later", "binary_sensor.early"} < {*states}
        is_alarm = [state.startswith("binary_sensor.") for state in states]
        assert is_alarm == sorted(is_alarm)


async def test_alarms_change_after_the_sensors_after_an_outage(home: Home) -> None:
    """The second pass comes after each of both steps."""
    await home.set_up()
    home.api.break_(Fault.refuse(500))
    await home.poll()
    home.api.heal()
    home.account.packages[0].used = 95 * GIB
    seen: list[tuple[str, str]] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if event.data["entity_id"] == "binary_sensor.bytesflows_traffic_low":
            assert event.data["new_state"] is not None
            available = home.state("available_traffic").state
            seen.append((event.data["new_state"].state, available))

    home.hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    await home.poll()
    assert seen == [("off", "100.0"), ("on", "5.0")]
