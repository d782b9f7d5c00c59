"""System health of the BytesFlows integration."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiohttp import ClientError, ClientTimeout
from yarl import URL

from homeassistant.components import system_health
from homeassistant.const import CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

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
    """Return which servers can be reached, and how current the accounts are."""
    entries: list[BytesFlowsConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    loaded: list[BytesFlowsConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    servers = _servers(entries)
    accounts = [entry.runtime_data.account for entry in loaded]
    ages = [
        round((account.clock.now() - account.last_poll).total_seconds())
        for account in accounts
        if account.last_poll is not None
    ]
    return {
        **(
            {"can_reach_server": _async_check_servers(hass, servers)} if servers else {}
        ),
        "accounts": len(entries),
        "accounts_loaded": len(loaded),
        "oldest_poll": max(ages, default=None),
    }


def _servers(entries: Iterable[BytesFlowsConfigEntry]) -> dict[str, bool]:
    """Return the servers of enabled accounts, and whether their certificates matter.

    They do as soon as one account of a server checks them.
    """
    servers: dict[str, bool] = {}
    for entry in entries:
        if entry.disabled_by is None:
            # A path may be private, and does not decide whether a server responds.
            server = str(URL(entry.data[CONF_URL]).origin())
            servers[server] = servers.get(server, False) or entry.data[CONF_VERIFY_SSL]
    return servers


async def _async_check_servers(
    hass: HomeAssistant, servers: Mapping[str, bool]
) -> str | dict[str, str]:
    """Return whether all servers respond, with the names of those that do not."""
    errors = await asyncio.gather(
        *(
            _async_check_server(hass, server, verify_ssl=verify_ssl)
            for server, verify_ssl in servers.items()
        )
    )
    failed = [
        error if len(servers) == 1 else f"{server}: {error}"
        for server, error in zip(servers, errors, strict=True)
        if error is not None
    ]
    return {"type": "failed", "error": ", ".join(failed)} if failed else "ok"


async def _async_check_server(
    hass: HomeAssistant, server: str, *, verify_ssl: bool
) -> str | None:
    """Return the reason that a server does not respond, or None if it does.

    Home Assistant's own check rejects self-signed certificates.
    """
    session = async_get_clientsession(hass, verify_ssl)
    try:
        async with session.get(server, allow_redirects=False, timeout=TIMEOUT):
            return None
    except TimeoutError:
        return "timeout"
    except ClientError:
        return "unreachable"
