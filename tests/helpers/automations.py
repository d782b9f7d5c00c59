"""Automations on our triggers, and their events."""

from typing import Any, Final
from unittest.mock import patch

from pytest_homeassistant_custom_component.common import async_capture_events

from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component

type Config = dict[str, Any]

AVAILABLE: Final = "sensor.bytesflows_available_traffic"
LOW: Final = "binary_sensor.bytesflows_traffic_low"

HEARD: Final = "heard"


def became_low(target: Config | None = None, **duration: float) -> Config:
    """Return a trigger for low traffic."""
    return _on_alarm("traffic_became_low", target, duration)


def no_longer_low(target: Config | None = None, **duration: float) -> Config:
    """Return a trigger for the end of low traffic."""
    return _on_alarm("traffic_no_longer_low", target, duration)


def expiring(target: Config | None = None, **before: float) -> Config:
    """Return a trigger for the expiry of a package."""
    return {
        "trigger": "bytesflows.package_expiring",
        "target": target or {"entity_id": LOW},
        "options": {"before": before},
    }


def crossed(target: Config | None = None, **threshold: Any) -> Config:  # noqa: ANN401
    """Return a trigger for a data size."""
    return {
        "trigger": "bytesflows.traffic_crossed_threshold",
        "target": target or {"entity_id": AVAILABLE},
        "options": {"threshold": threshold},
    }


def size(number: float, unit: str = "GiB") -> Config:
    """Return a threshold as a form gives it."""
    return {"number": number, "unit_of_measurement": unit}


def automation(
    *triggers: Config,
    alias: str = "Listens",
    says: str = "fired",
    **more: Any,  # noqa: ANN401
) -> Config:
    """Return an automation that fires an event, which says something."""
    return {
        "id": alias,
        "alias": alias,
        "triggers": list(triggers),
        "actions": say(says),
        "mode": "queued",
        **more,
    }


def say(text: str) -> Config:
    """Return an action that fires the event."""
    return {"event": HEARD, "event_data": {"says": text}}


async def listen(hass: HomeAssistant, *automations: Config) -> list[Event[Any]]:
    """Set up automations and return a list of their events."""
    events = async_capture_events(hass, HEARD)
    assert await async_setup_component(
        hass, "automation", {"automation": [*automations]}
    )
    await hass.async_block_till_done()
    states = hass.states.async_all("automation")
    assert [state.state for state in states] == ["on"] * len(automations)
    return events


async def reload_automations(hass: HomeAssistant, *automations: Config) -> None:
    """Reload automations: those that did not change go on."""
    with patch(
        "homeassistant.config.load_yaml_config_file",
        return_value={"automation": list(automations)},
    ):
        await hass.services.async_call("automation", "reload", blocking=True)
    await hass.async_block_till_done()


async def turn(hass: HomeAssistant, action: str, alias: str = "listens") -> None:
    """Turn an automation `on` or `off`."""
    await hass.services.async_call(
        "automation",
        f"turn_{action}",
        {"entity_id": f"automation.{alias}"},
        blocking=True,
    )


def said(events: list[Event[Any]]) -> list[str]:
    """Return the texts of some events."""
    return [event.data["says"] for event in events]


def _on_alarm(kind: str, target: Config | None, duration: Config) -> Config:
    """Return a trigger for a change of the alarm."""
    trigger: Config = {
        "trigger": f"bytesflows.{kind}",
        "target": target or {"entity_id": LOW},
    }
    if duration:
        trigger["options"] = {"for": duration}
    return trigger
