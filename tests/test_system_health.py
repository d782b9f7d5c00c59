"""System health: one look says whether BytesFlows answers."""

import asyncio
from datetime import timedelta
from typing import Any

from aiohttp import ClientTimeout
import pytest
from pytest_homeassistant_custom_component.common import (
    get_system_health_info,
)

from custom_components.bytesflows import system_health
from dev.simulated_api import Fault, SimulatedApi
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .helpers.common import make_entry, set_up
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


async def test_own_certificate(hass: HomeAssistant, tls_api: SimulatedApi) -> None:
    """A server whose certificate the account does not check can be reached."""
    assert await async_setup_component(hass, "system_health", {})
    assert await set_up(hass, make_entry(tls_api, verify_ssl=False))
    assert (await health(hass))["can_reach_server"] == "ok"


async def test_server_that_hangs(
    hass: HomeAssistant, api: SimulatedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not respond is not waited for long."""
    assert await async_setup_component(hass, "system_health", {})
    entry = make_entry(api)
    assert await set_up(hass, entry)
    monkeypatch.setattr(system_health, "TIMEOUT", ClientTimeout(total=0.2))
    loop = asyncio.get_running_loop()
    # It takes connections and says nothing.
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "url": f"http://127.0.0.1:{port}"}
    )
    assert (await health(hass))["can_reach_server"] == {
        "type": "failed",
        "error": "timeout",
    }
    server.close()
