"""Triggers, through automations in a real Home Assistant."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from dev.simulated_api import (
    GIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
)
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STARTED,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import CoreState, Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import make_entry, set_up
from .helpers.home import Home

AVAILABLE = "sensor.bytesflows_available_traffic"
LOW = "binary_sensor.bytesflows_traffic_low"

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with a package of 100 GiB that is half used."""
    return Account(packages=[package("1", traffic=100 * GIB, used=50 * GIB)])


def package(
    id_: str, *, traffic: int = GIB, used: int = 0, days: float = 20
) -> Package:
    """Return a package that expires in some days."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        traffic=traffic,
        used=used,
        created=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=days),
    )


BECAME_LOW = {
    "trigger": "bytesflows.traffic_became_low",
    "target": {"entity_id": LOW},
}
NO_LONGER_LOW = {
    "trigger": "bytesflows.traffic_no_longer_low",
    "target": {"entity_id": LOW},
}


def crossed(**threshold: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a trigger on what is available."""
    return {
        "trigger": "bytesflows.traffic_crossed_threshold",
        "target": {"entity_id": AVAILABLE},
        "options": {"threshold": threshold},
    }


def size(number: float, unit: str = "GiB") -> dict[str, Any]:
    """Return an amount as a form gives it."""
    return {"number": number, "unit_of_measurement": unit}


BELOW_20 = crossed(type="below", value=size(20))


def expiring(
    entry_id: str = "01JEXAMPLE", **before: float
) -> dict[str, str | dict[str, Any]]:
    """Return a trigger on the expiry of a package."""
    return {
        "trigger": "bytesflows.package_expiring",
        "options": {"config_entry_id": entry_id, "before": before},
    }


async def listen(
    hass: HomeAssistant, *triggers: Mapping[str, Any], message: str = "fired"
) -> list[Event[Any]]:
    """Make an automation, and return what it has done."""
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "alias": "Listens",
                "triggers": list(triggers),
                "actions": {"event": "heard", "event_data": {"what": message}},
                "mode": "queued",
            }
        },
    )
    await hass.async_block_till_done()
    found = hass.states.get("automation.listens")
    assert found is not None
    assert found.state == "on"
    return async_capture_events(hass, "heard")


def what(events: list[Event[Any]]) -> list[str]:
    """Return what an automation said."""
    return [event.data["what"] for event in events]


async def leave(account: Account, gib: float) -> None:
    """Leave so much of the account's traffic."""
    account.packages[0].used = round(100 * GIB - gib * GIB)


@pytest.mark.parametrize(
    ("trigger", "gib"),
    [
        (BELOW_20, 19),
        (crossed(type="below", value=size(20 * 1024, "MiB")), 19),
        (crossed(type="below", value=size(21.5, "GB")), 19),
        (crossed(type="above", value=size(0.05, "TiB")), 60),
        (crossed(type="between", value_min=size(10), value_max=size(20)), 15),
        (crossed(type="outside", value_min=size(40), value_max=size(60)), 30),
        (crossed(type="outside", value_min=size(40), value_max=size(60)), 70),
        (BECAME_LOW, 9.9),
    ],
)
async def test_fires(home: Home, trigger: dict[str, Any], gib: float) -> None:
    """Each fires in the poll that sees it, and not again."""
    await home.set_up()
    heard = await listen(home.hass, trigger)
    await home.poll()
    assert heard == []
    await leave(home.account, gib)
    await home.poll()
    assert len(heard) == 1
    await leave(home.account, gib - 0.1)
    await home.poll(2)
    assert len(heard) == 1


async def test_automation_before_the_account(home: Home) -> None:
    """An automation may be there before the account is loaded."""
    home.entry.add_to_hass(home.hass)
    heard = await listen(home.hass, BELOW_20, BECAME_LOW, expiring(days=1))
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert heard == []
    await leave(home.account, 5)
    await home.poll()
    assert len(heard) == 2


async def test_nothing_flaps(home: Home) -> None:
    """Around the threshold, low stays low until it is 2 points above it."""
    await home.set_up()
    heard = await listen(home.hass, BECAME_LOW, NO_LONGER_LOW)
    for left, expected in ((10, 0), (9.9, 1), (10.1, 1), (9.9, 1), (11.9, 1), (12, 2)):
        await leave(home.account, left)
        await home.poll()
        assert len(heard) == expected, left


@pytest.mark.parametrize("path", ["", RECORDS])
async def test_across_an_outage(home: Home, path: str) -> None:
    """What happens in an outage is seen when it is over, once; an outage is nothing."""
    await home.set_up()
    purchased = {
        **BELOW_20,
        "target": {"entity_id": "sensor.bytesflows_consumed_traffic"},
    }
    purchased["options"] = {"threshold": {"type": "above", "value": size(70)}}
    heard = await listen(home.hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW, purchased)
    for _ in range(2):
        home.api.break_(Fault.refuse(500), *filter(None, [path]))
        await home.pass_time(timedelta(hours=2))
        await home.poll()
        home.api.heal()
        await home.poll()
        assert heard == []
    home.api.break_(Fault.refuse(500), *filter(None, [path]))
    await leave(home.account, 5)
    await home.pass_time(timedelta(hours=2))
    await home.poll()
    home.api.heal()
    await home.poll(3)
    assert len(heard) == 3


async def test_across_a_reload(home: Home) -> None:
    """A reload is nothing, and what happens meanwhile is seen."""
    await home.set_up()
    heard = await listen(home.hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW)
    for left, expected in ((50, 0), (5, 2), (5, 2), (50, 3), (5, 5)):
        await home.unload()
        await leave(home.account, left)
        await home.poll()
        await home.hass.config_entries.async_setup(home.entry.entry_id)
        await home.hass.async_block_till_done(wait_background_tasks=True)
        assert len(heard) == expected


async def restart(home: Home) -> None:
    """Let Home Assistant end."""
    for event, state in (
        (EVENT_HOMEASSISTANT_STOP, CoreState.stopping),
        (EVENT_HOMEASSISTANT_FINAL_WRITE, CoreState.final_write),
    ):
        home.hass.set_state(state)
        home.hass.bus.async_fire(event)
        await home.hass.async_block_till_done()
    await home.unload()
    home.freezer.tick(timedelta(hours=2))
    home.hass.set_state(CoreState.starting)


async def finish_start(hass: HomeAssistant) -> None:
    """Let Home Assistant have started."""
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()


@pytest.mark.parametrize(("left", "expected"), [(50, 0), (5, 3)])
async def test_across_a_restart(home: Home, left: float, expected: int) -> None:
    """What happens while Home Assistant is down is seen when automations are there."""
    await home.set_up()
    await restart(home)
    await leave(home.account, left)
    if expected:
        home.account.packages.append(package("2", days=0.5))
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)
    heard = await listen(
        home.hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW, expiring(days=1)
    )
    await home.poll()
    assert heard == []
    await finish_start(home.hass)
    assert heard == []
    await home.poll(3)
    assert len(heard) == expected


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
async def test_restart_into_an_outage(home: Home, path: str) -> None:
    """An outage that begins while Home Assistant starts delays, and loses nothing."""
    await home.set_up()
    await restart(home)
    await leave(home.account, 5)
    if path == RECORDS:
        home.api.break_(Fault.refuse(500), path)
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)
    heard = await listen(home.hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW)
    home.api.break_(Fault.refuse(500), path)
    await home.poll()
    await finish_start(home.hass)
    await home.poll()
    home.api.heal()
    await home.poll(3)
    assert len(heard) == 2


async def test_first_setup_is_no_change(home: Home) -> None:
    """An account that is low, and about to lose a package, when it is added."""
    await leave(home.account, 5)
    home.account.packages.append(package("2", days=0.5))
    home.entry.add_to_hass(home.hass)
    heard = await listen(home.hass, BELOW_20, BECAME_LOW, expiring(days=1))
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    await home.poll()
    assert heard == []
    found = home.hass.states.get(LOW)
    assert found is not None
    assert found.state == "on"


async def test_only_what_is_targeted(home: Home) -> None:
    """Two accounts, entities of others, and alarms of another kind."""
    home.api.accounts.append(
        Account(token="other", packages=[package("9", traffic=100 * GIB)])
    )
    other = make_entry(home.api, token="other", entry_id="01JOTHER")
    await home.set_up()
    assert await set_up(home.hass, other)
    theirs = {
        "trigger": "bytesflows.traffic_became_low",
        "target": {
            "entity_id": [
                "binary_sensor.foreign",
                "binary_sensor.bytesflows_expiring_soon",
            ]
        },
    }
    home.hass.states.async_set(
        "binary_sensor.foreign", "off", {"device_class": "problem"}
    )
    heard = await listen(
        home.hass, BECAME_LOW, BELOW_20, theirs, expiring("01JOTHER", hours=2)
    )
    home.hass.states.async_set(
        "binary_sensor.foreign", "on", {"device_class": "problem"}
    )
    home.api.accounts[1].packages[0].used = 99 * GIB
    home.account.packages.append(package("2", days=0.01))
    await home.poll()
    assert heard == []
    await leave(home.account, 5)
    await home.poll()
    assert len(heard) == 2


async def test_for(home: Home) -> None:
    """What must last for some time fires after that."""
    await home.set_up()
    heard = await listen(home.hass, {**BECAME_LOW, "options": {"for": "00:12:00"}})
    await leave(home.account, 5)
    await home.poll()
    await leave(home.account, 50)
    await home.poll()
    await home.pass_time(timedelta(minutes=12))
    assert heard == []
    await leave(home.account, 5)
    await home.poll(2)
    assert heard == []
    await home.pass_time(timedelta(minutes=12))
    assert len(heard) == 1


async def test_renamed_disabled_and_removed(
    home: Home, entity_registry: er.EntityRegistry
) -> None:
    """A device stands for its entities; what is not there is nothing."""
    await home.set_up()
    found = entity_registry.async_get(LOW)
    assert found is not None
    device = {"target": {"device_id": found.device_id}}
    heard = await listen(home.hass, {**BECAME_LOW, **device}, {**BELOW_20, **device})
    entity_registry.async_update_entity(LOW, new_entity_id="binary_sensor.renamed")
    await home.hass.async_block_till_done()
    # Of the sizes of the device, what is available and what expires.
    await leave(home.account, 5)
    await home.poll()
    assert len(heard) == 3

    entity_registry.async_update_entity(
        "binary_sensor.renamed", disabled_by=er.RegistryEntryDisabler.USER
    )
    await home.hass.async_block_till_done()
    await leave(home.account, 50)
    await home.poll()
    heard.clear()
    await leave(home.account, 5)
    await home.poll()
    assert len(heard) == 2

    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await home.hass.async_block_till_done()
    await home.poll()
    assert len(heard) == 2


EXPIRING_TEXT = (
    "{{ trigger.order_id }} {{ trigger.source }} {{ trigger.size }}"
    " {{ trigger.remaining }} {{ trigger.expires }} {{ trigger.config_entry_id }}"
)


async def test_package_expiring(home: Home) -> None:
    """Each package fires once, when its time has come or when it arrives later."""
    packages = home.account.packages
    packages += [
        package("2", days=1.5, used=GIB // 2),
        package("3", days=1.5, used=GIB),
    ]
    await home.set_up()
    heard = await listen(home.hass, expiring(days=1), message=EXPIRING_TEXT)
    await home.pass_time(timedelta(hours=11, minutes=50))
    assert heard == []
    await home.poll(3)
    assert what(heard) == [
        "ORD-2 order 1073741824 536870912 2026-03-03T00:00:00+00:00 01JEXAMPLE"
    ]
    packages.append(package("4", days=1))
    packages.append(package("5", days=0.9))
    await home.poll(2)
    assert [text.split()[0] for text in what(heard)[1:]] == ["ORD-5", "ORD-4"]


async def test_package_expiring_in_an_outage(home: Home) -> None:
    """Time goes on, whether BytesFlows answers or not."""
    home.account.packages.append(package("2", days=1.1))
    await home.set_up()
    heard = await listen(home.hass, expiring(days=1))
    home.api.break_(Fault.refuse(500))
    await home.pass_time(timedelta(hours=2))
    await home.pass_time(timedelta(hours=2))
    assert len(heard) == 1
    home.api.heal()
    await home.pass_time(timedelta(hours=2))
    await home.reload()
    await home.poll()
    assert len(heard) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"config_entry_id": "none", "before": {"days": 1}},
        {"config_entry_id": "01JFOREIGN", "before": {"days": 1}},
        {"config_entry_id": "01JEXAMPLE", "before": {"minutes": 4}},
        {"config_entry_id": "01JEXAMPLE", "before": "tomorrow"},
        {"config_entry_id": "01JEXAMPLE"},
        {"before": {"days": 1}},
    ],
)
async def test_bad_options(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    options: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An automation that cannot work says so when it is made."""
    MockConfigEntry(domain="foreign", entry_id="01JFOREIGN").add_to_hass(hass)
    assert await set_up(hass, entry)
    trigger = {"trigger": "bytesflows.package_expiring", "options": options}
    assert await async_setup_component(
        hass,
        "automation",
        {"automation": {"alias": "Bad", "triggers": trigger, "actions": []}},
    )
    found = hass.states.get("automation.bad")
    assert found is not None
    assert found.state == "unavailable"
    assert "Automation with alias 'Bad' failed to setup triggers" in caplog.text
