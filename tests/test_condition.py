"""Conditions, through automations in a real Home Assistant."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
import sys
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bytesflows import condition as condition_platform
from custom_components.bytesflows.const import DOMAIN
from dev.simulated_api import GIB, Account, Fault, Package
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component

from .helpers.automations import HEARD, Config, automation, became_low, said, size
from .helpers.home import Home
from .helpers.modules import change_entity_classes, forget

pytestmark = pytest.mark.usefixtures("now")

LOW = {
    "condition": "bytesflows.is_traffic_low",
    "target": {"entity_id": "binary_sensor.bytesflows_traffic_low"},
}
NOT_OURS = {
    "condition": "bytesflows.is_traffic_low",
    "target": {"entity_id": "binary_sensor.bytesflows_expiring_soon"},
}


AVAILABLE = {"entity_id": "sensor.bytesflows_available_traffic"}


def available(target: Config = AVAILABLE, **threshold: Any) -> Config:  # noqa: ANN401
    """Return a condition on the available traffic."""
    return {
        "condition": "bytesflows.is_traffic",
        "target": target,
        "options": {"threshold": threshold},
    }


def on_test(condition: Config, **more: Any) -> Config:  # noqa: ANN401
    """Return an automation that listens if a condition passes."""
    trigger = {"trigger": "event", "event_type": "test"}
    return automation(trigger, conditions=condition, **more)


async def check(hass: HomeAssistant) -> None:
    """Have the conditions tested."""
    hass.bus.async_fire("test")
    await hass.async_block_till_done()


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
    home: Home, condition: Config, left: int, expected: bool
) -> None:
    """Each passes when it should; in an outage nothing is known, and none does."""
    home.account.packages[0].used = (100 - left) * GIB
    await home.set_up()
    assert await async_setup_component(
        home.hass, "automation", {"automation": [on_test(condition)]}
    )
    heard = async_capture_events(home.hass, HEARD)
    await check(home.hass)
    assert len(heard) == expected
    home.api.break_(Fault.refuse(500))
    await home.poll()
    await check(home.hass)
    assert len(heard) == expected


async def test_targets(home: Home, entity_registry: er.EntityRegistry) -> None:
    """The device stands for its entities, and others do not count."""
    home.account.packages[0].used = 95 * GIB
    await home.set_up()
    found = entity_registry.async_get("binary_sensor.bytesflows_traffic_low")
    assert found is not None
    device = {"device_id": found.device_id}
    home.hass.states.async_set(
        "sensor.foreign", "1", {"device_class": "data_size", "unit_of_measurement": "B"}
    )
    foreign = {"entity_id": "sensor.foreign"}
    conditions = {
        "low": {**LOW, "target": device},
        "below": available(device, type="below", value=size(6)),
        "foreign": available(foreign, type="below", value=size(6)),
    }
    assert await async_setup_component(
        home.hass,
        "automation",
        {
            "automation": [
                on_test(condition, alias=name, says=name)
                for name, condition in conditions.items()
            ]
        },
    )
    heard = async_capture_events(home.hass, HEARD)
    await check(home.hass)
    assert sorted(said(heard)) == ["below", "low"]


async def test_for(home: Home) -> None:
    """Traffic has been low for some time."""
    await home.set_up()
    condition = {**LOW, "options": {"for": {"minutes": 12}}}
    assert await async_setup_component(
        home.hass, "automation", {"automation": [on_test(condition)]}
    )
    heard = async_capture_events(home.hass, HEARD)
    home.account.packages[0].used = 95 * GIB
    await home.poll(2)
    await check(home.hass)
    assert heard == []
    await home.pass_time(timedelta(minutes=8))
    await check(home.hass)
    assert len(heard) == 1


@pytest.mark.parametrize("change", ["lost", "renamed"])
@pytest.mark.parametrize("account_first", [True, False])
async def test_without_the_classes_for_entities(
    home: Home,
    caplog: pytest.LogCaptureFixture,
    issue_registry: ir.IssueRegistry,
    monkeypatch: pytest.MonkeyPatch,
    account_first: bool,
    change: str,
) -> None:
    """Where Home Assistant has changed them, triggers and entities go on."""
    change_entity_classes(monkeypatch, change)
    forget(monkeypatch, "condition", "entity_conditions")
    automations = [
        automation(became_low()),
        on_test(LOW, alias="Lost"),
        on_test(available(type="below", value=size(20)), alias="Lost, too"),
    ]
    heard = async_capture_events(home.hass, HEARD)
    steps: list[Callable[[], Awaitable[object]]] = [
        home.set_up,
        lambda: async_setup_component(
            home.hass, "automation", {"automation": automations}
        ),
    ]
    for step in steps if account_first else reversed(steps):
        await step()
    await home.hass.async_block_till_done()
    for name in ("lost", "lost_too"):
        lost = home.hass.states.get(f"automation.{name}")
        assert lost is not None
        assert lost.state == "unavailable"
    home.account.packages[0].used = 95 * GIB
    await home.poll()
    assert len(heard) == 1
    assert caplog.text.count("Some triggers and conditions are not available") == 1
    assert [key for key in issue_registry.issues if key[0] == DOMAIN] == [
        (DOMAIN, "unstable_classes")
    ]
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    assert (DOMAIN, "unstable_classes") not in issue_registry.issues


async def test_all_conditions(hass: HomeAssistant) -> None:
    """Home Assistant gets both."""
    conditions = await condition_platform.async_get_conditions(hass)
    assert sorted(conditions) == ["is_traffic", "is_traffic_low"]
    assert f"{condition_platform.__package__}.entity_conditions" in sys.modules
