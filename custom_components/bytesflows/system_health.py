"""System health of the BytesFlows integration."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .api import DEFAULT_URL
from .const import DOMAIN
from .coordinator import BytesFlowsConfigEntry


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register what to look at."""
    register.async_register_info(_async_system_health_info)


async def _async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return whether BytesFlows can be reached, and how current its accounts are."""
    entries: list[BytesFlowsConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    loaded: list[BytesFlowsConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    addresses = sorted({entry.data[CONF_URL] for entry in entries}) or [DEFAULT_URL]
    now = dt_util.utcnow()
    ages = [
        round((now - last_poll).total_seconds())
        for entry in loaded
        if (last_poll := entry.runtime_data.last_poll) is not None
    ]
    return {
        "can_reach_server": system_health.async_check_can_reach_url(hass, addresses[0]),
        "accounts": len(entries),
        "accounts_loaded": len(loaded),
        "oldest_poll": max(ages, default=None),
    }
