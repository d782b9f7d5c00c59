"""Triggers, through automations in a real Home Assistant."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
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
    SimulatedApi,
)
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STARTED,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import CoreState, Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from .helpers.common import make_entry, pass_time, set_up

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
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
        created=MOMENT - timedelta(days=1),
        expires=MOMENT + timedelta(days=days),
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
async def test_fires(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    trigger: dict[str, Any],
    gib: float,
) -> None:
    """Each fires in the poll that sees it, and not again."""
    assert await set_up(hass, entry)
    heard = await listen(hass, trigger)
    await pass_time(hass, freezer)
    assert heard == []
    await leave(api.accounts[0], gib)
    await pass_time(hass, freezer)
    assert len(heard) == 1
    await leave(api.accounts[0], gib - 0.1)
    await pass_time(hass, freezer)
    await pass_time(hass, freezer)
    assert len(heard) == 1


async def test_automation_before_the_account(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An automation may be there before the account is loaded."""
    entry.add_to_hass(hass)
    heard = await listen(hass, BELOW_20, BECAME_LOW, expiring(days=1))
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert heard == []
    await leave(api.accounts[0], 5)
    await pass_time(hass, freezer)
    assert len(heard) == 2


async def test_nothing_flaps(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Around the threshold, low stays low until it is 2 points above it."""
    assert await set_up(hass, entry)
    heard = await listen(hass, BECAME_LOW, NO_LONGER_LOW)
    for left, expected in ((10, 0), (9.9, 1), (10.1, 1), (9.9, 1), (11.9, 1), (12, 2)):
        await leave(api.accounts[0], left)
        await pass_time(hass, freezer)
        assert len(heard) == expected, left


@pytest.mark.parametrize("path", ["", RECORDS])
async def test_across_an_outage(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """What happens in an outage is seen when it is over, once; an outage is nothing."""
    assert await set_up(hass, entry)
    purchased = {
        **BELOW_20,
        "target": {"entity_id": "sensor.bytesflows_consumed_traffic"},
    }
    purchased["options"] = {"threshold": {"type": "above", "value": size(70)}}
    heard = await listen(hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW, purchased)
    for _ in range(2):
        api.break_(Fault.refuse(500), *filter(None, [path]))
        await pass_time(hass, freezer, timedelta(hours=2))
        await pass_time(hass, freezer)
        api.heal()
        await pass_time(hass, freezer)
        assert heard == []
    api.break_(Fault.refuse(500), *filter(None, [path]))
    await leave(api.accounts[0], 5)
    await pass_time(hass, freezer, timedelta(hours=2))
    await pass_time(hass, freezer)
    api.heal()
    for _ in range(3):
        await pass_time(hass, freezer)
    assert len(heard) == 3


async def test_across_a_reload(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A reload is nothing, and what happens meanwhile is seen."""
    assert await set_up(hass, entry)
    heard = await listen(hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW)
    for left, expected in ((50, 0), (5, 2), (5, 2), (50, 3), (5, 5)):
        await hass.config_entries.async_unload(entry.entry_id)
        await leave(api.accounts[0], left)
        await pass_time(hass, freezer)
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert len(heard) == expected


async def restart(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """Let Home Assistant end."""
    for event, state in (
        (EVENT_HOMEASSISTANT_STOP, CoreState.stopping),
        (EVENT_HOMEASSISTANT_FINAL_WRITE, CoreState.final_write),
    ):
        hass.set_state(state)
        hass.bus.async_fire(event)
        await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)
    freezer.tick(timedelta(hours=2))
    hass.set_state(CoreState.starting)


async def finish_start(hass: HomeAssistant) -> None:
    """Let Home Assistant have started."""
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()


@pytest.mark.parametrize(("left", "expected"), [(50, 0), (5, 3)])
async def test_across_a_restart(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    left: float,
    expected: int,
) -> None:
    """What happens while Home Assistant is down is seen when automations are there."""
    assert await set_up(hass, entry)
    await restart(hass, entry, freezer)
    await leave(api.accounts[0], left)
    if expected:
        api.accounts[0].packages.append(package("2", days=0.5))
    assert await hass.config_entries.async_setup(entry.entry_id)
    heard = await listen(hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW, expiring(days=1))
    await pass_time(hass, freezer)
    assert heard == []
    await finish_start(hass)
    assert heard == []
    for _ in range(3):
        await pass_time(hass, freezer)
    assert len(heard) == expected


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
async def test_restart_into_an_outage(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """An outage that begins while Home Assistant starts delays, and loses nothing."""
    assert await set_up(hass, entry)
    await restart(hass, entry, freezer)
    await leave(api.accounts[0], 5)
    if path == RECORDS:
        api.break_(Fault.refuse(500), path)
    assert await hass.config_entries.async_setup(entry.entry_id)
    heard = await listen(hass, BELOW_20, BECAME_LOW, NO_LONGER_LOW)
    api.break_(Fault.refuse(500), path)
    await pass_time(hass, freezer)
    await finish_start(hass)
    await pass_time(hass, freezer)
    api.heal()
    for _ in range(3):
        await pass_time(hass, freezer)
    assert len(heard) == 2


async def test_first_setup_is_no_change(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An account that is low, and about to lose a package, when it is added."""
    await leave(api.accounts[0], 5)
    api.accounts[0].packages.append(package("2", days=0.5))
    entry.add_to_hass(hass)
    heard = await listen(hass, BELOW_20, BECAME_LOW, expiring(days=1))
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await pass_time(hass, freezer)
    assert heard == []
    found = hass.states.get(LOW)
    assert found is not None
    assert found.state == "on"


async def test_only_what_is_targeted(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Two accounts, entities of others, and alarms of another kind."""
    api.accounts.append(
        Account(token="other", packages=[package("9", traffic=100 * GIB)])
    )
    other = make_entry(api, token="other", entry_id="01JOTHER")
    assert await set_up(hass, entry)
    assert await set_up(hass, other)
    theirs = {
        "trigger": "bytesflows.traffic_became_low",
        "target": {
            "entity_id": [
                "binary_sensor.foreign",
                "binary_sensor.bytesflows_expiring_soon",
            ]
        },
    }
    hass.states.async_set("binary_sensor.foreign", "off", {"device_class": "problem"})
    heard = await listen(
        hass, BECAME_LOW, BELOW_20, theirs, expiring("01JOTHER", hours=2)
    )
    hass.states.async_set("binary_sensor.foreign", "on", {"device_class": "problem"})
    api.accounts[1].packages[0].used = 99 * GIB
    api.accounts[0].packages.append(package("2", days=0.01))
    await pass_time(hass, freezer)
    assert heard == []
    await leave(api.accounts[0], 5)
    await pass_time(hass, freezer)
    assert len(heard) == 2


async def test_for(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What must last for some time fires after that."""
    assert await set_up(hass, entry)
    heard = await listen(hass, {**BECAME_LOW, "options": {"for": "00:12:00"}})
    await leave(api.accounts[0], 5)
    await pass_time(hass, freezer)
    await leave(api.accounts[0], 50)
    await pass_time(hass, freezer)
    await pass_time(hass, freezer, timedelta(minutes=12))
    assert heard == []
    await leave(api.accounts[0], 5)
    await pass_time(hass, freezer)
    await pass_time(hass, freezer)
    assert heard == []
    await pass_time(hass, freezer, timedelta(minutes=12))
    assert len(heard) == 1


async def test_renamed_disabled_and_removed(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry: er.EntityRegistry,
) -> None:
    """A device stands for its entities; what is not there is nothing."""
    assert await set_up(hass, entry)
    found = entity_registry.async_get(LOW)
    assert found is not None
    device = {"target": {"device_id": found.device_id}}
    heard = await listen(hass, {**BECAME_LOW, **device}, {**BELOW_20, **device})
    entity_registry.async_update_entity(LOW, new_entity_id="binary_sensor.renamed")
    await hass.async_block_till_done()
    # Of the sizes of the device, what is available and what expires.
    await leave(api.accounts[0], 5)
    await pass_time(hass, freezer)
    assert len(heard) == 3

    entity_registry.async_update_entity(
        "binary_sensor.renamed", disabled_by=er.RegistryEntryDisabler.USER
    )
    await hass.async_block_till_done()
    await leave(api.accounts[0], 50)
    await pass_time(hass, freezer)
    heard.clear()
    await leave(api.accounts[0], 5)
    await pass_time(hass, freezer)
    assert len(heard) == 2

    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    await pass_time(hass, freezer)
    assert len(heard) == 2


EXPIRING_TEXT = (
    "{{ trigger.order_id }} {{ trigger.source }} {{ trigger.size }}"
    " {{ trigger.remaining }} {{ trigger.expires }} {{ trigger.config_entry_id }}"
)


async def test_package_expiring(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each package fires once, when its time has come or when it arrives later."""
    packages = api.accounts[0].packages
    packages += [
        package("2", days=1.5, used=GIB // 2),
        package("3", days=1.5, used=GIB),
    ]
    assert await set_up(hass, entry)
    heard = await listen(hass, expiring(days=1), message=EXPIRING_TEXT)
    await pass_time(hass, freezer, timedelta(hours=11, minutes=50))
    assert heard == []
    for _ in range(3):
        await pass_time(hass, freezer)
    assert what(heard) == [
        "ORD-2 order 1073741824 536870912 2026-03-03T00:00:00+00:00 01JEXAMPLE"
    ]
    packages.append(package("4", days=1))
    packages.append(package("5", days=0.9))
    await pass_time(hass, freezer)
    await pass_time(hass, freezer)
    assert [text.split()[0] for text in what(heard)[1:]] == ["ORD-5", "ORD-4"]


async def test_package_expiring_in_an_outage(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Time goes on, whether BytesFlows answers or not."""
    api.accounts[0].packages.append(package("2", days=1.1))
    assert await set_up(hass, entry)
    heard = await listen(hass, expiring(days=1))
    api.break_(Fault.refuse(500))
    await pass_time(hass, freezer, timedelta(hours=2))
    await pass_time(hass, freezer, timedelta(hours=2))
    assert len(heard) == 1
    api.heal()
    await pass_time(hass, freezer, timedelta(hours=2))
    await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(hass, freezer)
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
