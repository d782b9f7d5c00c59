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
from custom_components.bytesflows.alarms import is_low
from custom_components.bytesflows.api import Overview
from dev.simulated_api import GIB, RECORDS, Account, Fault, Package, SimulatedApi
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

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
    ],
)
def test_low(
    available: int, total: int, threshold: float, was_low: bool | None, expected: bool
) -> None:
    """Low below the threshold, and no longer from 2 points above it."""
    overview = Overview(
        total_traffic=total, available_traffic=available, balance=Decimal(0)
    )
    assert is_low(overview, threshold, was_low=was_low) is expected


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
    """On within the days of the option, off when the package is over."""
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
