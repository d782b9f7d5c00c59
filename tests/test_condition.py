"""Conditions, through automations in a real Home Assistant."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
)

from dev.simulated_api import GIB, Account, Fault, Package
from homeassistant.setup import async_setup_component

from .helpers.home import Home

pytestmark = pytest.mark.usefixtures("now")

LOW = {
    "condition": "bytesflows.is_traffic_low",
    "target": {"entity_id": "binary_sensor.bytesflows_traffic_low"},
}
NOT_OURS = {
    "condition": "bytesflows.is_traffic_low",
    "target": {"entity_id": "binary_sensor.bytesflows_expiring_soon"},
}


def available(**threshold: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a condition on what is available."""
    return {
        "condition": "bytesflows.is_traffic",
        "target": {"entity_id": "sensor.bytesflows_available_traffic"},
        "options": {"threshold": threshold},
    }


def size(number: float, unit: str = "GiB") -> dict[str, Any]:
    """Return an amount as a form gives it."""
    return {"number": number, "unit_of_measurement": unit}


@pytest.fixture
def account() -> Account:
    """Return an account with a package of 100 GiB."""
    return Account(packages=[Package(id="1", traffic=100 * GIB)])


@pytest.mark.parametrize(
    ("condition", "left", "expected"),
    [
        (LOW, 50, False),
        (LOW, 9, True),
        (NOT_OURS, 9, False),
        (available(type="below", value=size(20)), 19, True),
        (available(type="below", value=size(20)), 21, False),
        (available(type="above", value=size(20 * 1024, "MiB")), 21, True),
        (
            available(type="between", value_min=size(1), value_max=size(60)),
            50,
            True,
        ),
        (available(type="outside", value_min=size(1), value_max=size(20)), 50, True),
        (available(type="outside", value_min=size(1), value_max=size(20)), 10, False),
    ],
)
async def test_condition(
    home: Home, condition: dict[str, Any], left: int, expected: bool
) -> None:
    """Each passes when it should; in an outage nothing is known, and none does."""
    home.account.packages[0].used = (100 - left) * GIB
    await home.set_up()
    assert await async_setup_component(
        home.hass,
        "automation",
        {
            "automation": {
                "triggers": {"trigger": "event", "event_type": "test"},
                "conditions": condition,
                "actions": {"event": "heard"},
            }
        },
    )
    heard = async_capture_events(home.hass, "heard")
    home.hass.bus.async_fire("test")
    await home.hass.async_block_till_done()
    assert len(heard) == expected
    home.api.break_(Fault.refuse(500))
    await home.poll()
    home.hass.bus.async_fire("test")
    await home.hass.async_block_till_done()
    assert len(heard) == expected
