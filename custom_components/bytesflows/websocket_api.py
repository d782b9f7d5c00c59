"""The WebSocket command from which the card gets its packages."""

from datetime import datetime
from typing import Any, Final

import voluptuous as vol

from homeassistant.components import websocket_api
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, callback

from .account import describe
from .api import Record
from .const import DOMAIN
from .coordinator import BytesFlowsConfigEntry, BytesFlowsCoordinator
from .permissions import may_read
from .target import async_get_accounts

ERR_NOT_LOADED: Final = "not_loaded"


@callback
def async_setup_websocket_api(hass: HomeAssistant) -> None:
    """Set up the command."""
    websocket_api.async_register_command(hass, _async_handle_packages)


@websocket_api.websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/packages",
        vol.Required(ATTR_DEVICE_ID): str,
    }
)
@callback
def _async_handle_packages(
    hass: HomeAssistant,
    connection: websocket_api.ActiveConnection,
    msg: dict[str, Any],
) -> None:
    """Send the usable packages of an account, from memory.

    Pages that are open during an update keep the previous module, so keys of the
    response may be added, not renamed.
    """
    entry = _async_get_entry(hass, msg[ATTR_DEVICE_ID])
    if entry is None or not may_read(hass, connection.user, entry.entry_id):
        connection.send_error(
            msg["id"], websocket_api.ERR_NOT_FOUND, "There is no such account"
        )
        return
    # Entities show the states that the card follows before the entry is loaded.
    coordinator = getattr(entry, "runtime_data", None)
    if coordinator is None:
        connection.send_error(msg["id"], ERR_NOT_LOADED, "The account is not loaded")
        return
    connection.send_result(msg["id"], _answer(coordinator))


@callback
def _async_get_entry(
    hass: HomeAssistant, device_id: str
) -> BytesFlowsConfigEntry | None:
    """Return the entry of the account that a device stands for."""
    for entry_id in async_get_accounts(hass, {ATTR_DEVICE_ID: device_id}):
        return hass.config_entries.async_get_entry(entry_id)
    return None


def _answer(coordinator: BytesFlowsCoordinator) -> dict[str, Any]:
    """Return the usable packages, the soonest expiry first, and their age."""
    account = coordinator.account
    now = account.clock.now()
    usable = [item for item in account.state.ledger.active if item.is_usable(now)]
    return {
        "packages": [describe(item, now) for item in sorted(usable, key=_by_expiry)],
        "expiring_soon_days": account.options.expiring_soon.days,
        "unreachable_since": (
            None if coordinator.last_update_success else _written(account.last_poll)
        ),
        "outdated_since": (
            None
            if coordinator.last_update_success and account.records.error is None
            else _written(account.state.last_sync)
        ),
    }


def _by_expiry(record: Record) -> tuple[bool, float]:
    """Sort by expiry, and those that never expire last."""
    expires = record.expires
    return expires is None, expires.timestamp() if expires else 0.0


def _written(time: datetime | None) -> str | None:
    """Return a time as text."""
    return None if time is None else time.isoformat()
