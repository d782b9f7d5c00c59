"""System health: one look says whether BytesFlows answers."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)

from dev.simulated_api import Fault, SimulatedApi
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .helpers.common import pass_time, set_up
from .helpers.translations import text


async def health(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the page shows, with what is looked up meanwhile."""
    info: dict[str, Any] = await get_system_health_info(hass, "bytesflows")
    for key in info:
        assert text("system_health", "info", key)
    info["can_reach_server"] = await info["can_reach_server"]
    return info


@pytest.mark.usefixtures("now")
async def test_system_health(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Reachability, accounts, and the age of the last good poll."""
    assert await async_setup_component(hass, "system_health", {})
    assert await set_up(hass, entry)
    assert await health(hass) == {
        "can_reach_server": "ok",
        "accounts": 1,
        "accounts_loaded": 1,
        "oldest_poll": 0,
    }
    api.break_(Fault.refuse(500))
    await pass_time(hass, freezer)
    await pass_time(hass, freezer, timedelta(hours=1))
    assert (await health(hass))["oldest_poll"] == 3902

    await hass.config_entries.async_unload(entry.entry_id)
    await api.stop()
    assert await health(hass) == {
        "can_reach_server": {"type": "failed", "error": "unreachable"},
        "accounts": 1,
        "accounts_loaded": 0,
        "oldest_poll": None,
    }
