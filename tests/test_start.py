"""The start of Home Assistant, while the account went on."""

from datetime import UTC, datetime, timedelta

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from dev.simulated_api import GIB, Account, Package, SimulatedApi
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .helpers.common import set_up

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


async def test_automations_hear_what_happened_while_home_assistant_was_down(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
) -> None:
    """At a start, nothing is told before automations listen."""
    account = api.accounts[0] = Account.with_packages(3)
    assert await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    account.packages[0].status = 0
    account.packages += [
        Package(id="4", order_id="TASK-4", traffic=GIB, created=datetime.now(UTC)),
        Package(id="5", order_id="TASK-5", traffic=GIB, created=datetime.now(UTC)),
    ]

    hass.set_state(CoreState.starting)
    heard = async_capture_events(hass, "heard")
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert await async_setup_component(hass, "automation", AUTOMATIONS)
    await hass.async_block_till_done()
    assert heard == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert heard == []
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=6))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert sorted(event.data["what"] for event in heard) == [
        "expired TASK-0",
        "purchased TASK-4",
        "purchased TASK-5",
    ]
