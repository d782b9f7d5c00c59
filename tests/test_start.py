"""The start of Home Assistant, while the account went on."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from dev.simulated_api import GIB, Account, Package, SimulatedApi
from homeassistant.core import Event, callback

from .helpers.clock import NOW
from .helpers.lifecycle import Lives

ENTITY = "event.bytesflows_package"

AUTOMATIONS = {
    "automation": [
        {
            "alias": kind,
            "triggers": {
                "trigger": "state",
                "entity_id": ENTITY,
                "not_from": ["unavailable"],
                "not_to": ["unavailable", "unknown"],
            },
            "conditions": {
                "condition": "template",
                "value_template": "{{ trigger.to_state.attributes.event_type == '"
                + kind
                + "' }}",
            },
            "actions": {
                "event": "heard",
                "event_data_template": {
                    "what": kind + " {{ trigger.to_state.attributes.order_id }}"
                },
            },
            "mode": "queued",
        }
        for kind in ("purchased", "expired")
    ]
}


SECOND = timedelta(seconds=1)


@pytest.fixture
async def lives(
    now: FrozenDateTimeFactory, tmp_path: Path, entry: MockConfigEntry
) -> AsyncGenerator[Lives]:
    """Return a Home Assistant with two automations, which has not started yet."""
    lives = Lives(tmp_path / "config", entry, config=AUTOMATIONS, freezer=now)
    yield lives
    await lives.end()


def listen(lives: Lives) -> list[Event]:
    """Listen to the automations of all lives that follow."""
    events: list[Event] = []

    @callback
    def note(event: Event) -> None:
        events.append(event)

    lives.prepare = lambda hass: hass.bus.async_listen("heard", note)
    return events


def heard(events: list[Event]) -> list[str]:
    """Return the packages that automations were run for, and forget them."""
    found = [event.data["what"] for event in events]
    events.clear()
    return found


async def test_changes_while_home_assistant_was_down(
    lives: Lives, api: SimulatedApi
) -> None:
    """At a start, automations run once for each change, and not before they listen."""
    account = api.accounts[0] = Account.with_packages(3, now=NOW)
    async with lives.life():
        pass
    account.packages[0].status = 0
    account.packages += [
        Package(id=id_, order_id=f"TASK-{id_}", traffic=GIB, created=NOW)
        for id_ in ("4", "5")
    ]

    events = listen(lives)
    await lives.boot()
    await lives.pass_time(10 * SECOND)
    assert heard(events) == []
    await lives.run()
    await lives.pass_time(4 * SECOND)
    assert heard(events) == []
    await lives.pass_time(2 * SECOND)
    assert sorted(heard(events)) == ["purchased TASK-4", "purchased TASK-5"]
    # An end is reported when the next reading agrees.
    await lives.pass_time(UPDATE_INTERVAL + SECOND)
    assert heard(events) == ["expired TASK-0"]
    await lives.pass_time(UPDATE_INTERVAL + SECOND)
    await lives.stop()

    await lives.start()
    await lives.pass_time(10 * SECOND)
    assert heard(events) == []


async def test_stop_before_automations_listen(lives: Lives, api: SimulatedApi) -> None:
    """Changes that no automation could hear are reported after the next start."""
    account = api.accounts[0] = Account.with_packages(3, now=NOW)
    async with lives.life():
        pass
    account.packages.append(
        Package(id="4", order_id="TASK-4", traffic=GIB, created=NOW)
    )
    async with lives.life():
        pass

    events = listen(lives)
    await lives.start()
    await lives.pass_time(10 * SECOND)
    assert heard(events) == ["purchased TASK-4"]
