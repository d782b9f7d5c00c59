"""System health of the BytesFlows integration."""

from typing import Any, Final

from aiohttp import ClientError, ClientTimeout

from homeassistant.components import system_health
from homeassistant.const import CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .api import DEFAULT_URL
from .const import DOMAIN
from .coordinator import BytesFlowsConfigEntry

TIMEOUT: Final = ClientTimeout(total=5)


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register the information."""
    register.async_register_info(_async_system_health_info)


async def _async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return whether BytesFlows can be reached, and how current its accounts are."""
    entries: list[BytesFlowsConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    loaded: list[BytesFlowsConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    servers = {entry.data[CONF_URL]: entry.data[CONF_VERIFY_SSL] for entry in entries}
    url, verify_ssl = min(servers.items(), default=(DEFAULT_URL, True))
    accounts = [entry.runtime_data.account for entry in loaded]
    ages = [
        round((account.clock.now() - account.last_poll).total_seconds())
        for account in accounts
        if account.last_poll is not None
    ]
    return {
        "can_reach_server": _async_check_server(hass, url, verify_ssl=verify_ssl),
        "accounts": len(entries),
        "accounts_loaded": len(loaded),
        "oldest_poll": max(ages, default=None),
    }


async def _async_check_server(
    hass: HomeAssistant, url: str, *, verify_ssl: bool
) -> str | dict[str, str]:
    """Return whether a server can be reached, by the certificate rule of its account.

    Home Assistant's own check rejects self-signed certificates.
    """
    session = async_get_clientsession(hass, verify_ssl)
    try:
        async with session.get(url, timeout=TIMEOUT):
            return "ok"
    except TimeoutError:
        return {"type": "failed", "error": "timeout"}
    except ClientError:
        return {"type": "failed", "error": "unreachable"}
