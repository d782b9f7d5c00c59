"""System health: one look says whether BytesFlows answers."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    get_system_health_info,
)

from dev.simulated_api import Fault
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .helpers.home import Home
from .helpers.translations import text


async def health(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the page shows, with what is looked up meanwhile."""
    info: dict[str, Any] = await get_system_health_info(hass, "bytesflows")
    for key in info:
        assert text("system_health", "info", key)
    info["can_reach_server"] = await info["can_reach_server"]
    return info


@pytest.mark.usefixtures("now")
async def test_system_health(home: Home) -> None:
    """Reachability, accounts, and the age of the last good poll."""
    assert await async_setup_component(home.hass, "system_health", {})
    await home.set_up()
    assert await health(home.hass) == {
        "can_reach_server": "ok",
        "accounts": 1,
        "accounts_loaded": 1,
        "oldest_poll": 0,
    }
    home.api.break_(Fault.refuse(500))
    await home.poll()
    await home.pass_time(timedelta(hours=1))
    assert (await health(home.hass))["oldest_poll"] == 3902

    await home.unload()
    await home.api.stop()
    assert await health(home.hass) == {
        "can_reach_server": {"type": "failed", "error": "unreachable"},
        "accounts": 1,
        "accounts_loaded": 0,
        "oldest_poll": None,
    }
