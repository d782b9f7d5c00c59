"""Actions of the BytesFlows integration."""

from collections.abc import Callable
from typing import Final

import voluptuous as vol

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv, service
from homeassistant.util.json import JsonValueType

from .account import describe
from .api import Record, Source
from .const import ATTR_CONFIG_ENTRY_ID, DOMAIN
from .coordinator import BytesFlowsConfigEntry
from .permissions import async_require_read

SERVICE_GET_PACKAGES: Final = "get_packages"

ATTR_LIMIT: Final = "limit"
ATTR_ORDER: Final = "order"
ATTR_SOURCE: Final = "source"
ATTR_STATUS: Final = "status"

ACTIVE: Final = "active"
INACTIVE: Final = "inactive"
NEWEST: Final = "newest"
EXPIRY: Final = "expiry"
MAX_LIMIT: Final = 1000

GET_PACKAGES_SCHEMA: Final = vol.Schema(
    {
        vol.Required(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_SOURCE): vol.All(
            vol.In([Source.ORDER.value, Source.SIGN.value]), vol.Coerce(Source)
        ),
        vol.Optional(ATTR_STATUS): vol.In([ACTIVE, INACTIVE]),
        vol.Optional(ATTR_ORDER, default=NEWEST): vol.In([NEWEST, EXPIRY]),
        vol.Optional(ATTR_LIMIT, default=100): vol.All(
            vol.Coerce(int), vol.Range(min=1, max=MAX_LIMIT)
        ),
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Set up the actions."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_GET_PACKAGES,
        _async_get_packages,
        schema=GET_PACKAGES_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )


async def _async_get_packages(call: ServiceCall) -> ServiceResponse:
    """Return the packages of an account as the server lists them now."""
    entry_id = call.data[ATTR_CONFIG_ENTRY_ID]
    # First, so that nobody finds out which accounts there are.
    await async_require_read(call.hass, call.context, entry_id)
    entry: BytesFlowsConfigEntry = service.async_get_config_entry(
        call.hass, DOMAIN, entry_id
    )
    coordinator = entry.runtime_data
    records = await coordinator.async_fetch_packages(call.data.get(ATTR_SOURCE))
    now = coordinator.account.clock.now()
    status = call.data.get(ATTR_STATUS)
    packages: list[JsonValueType] = [
        {"id": record.id, **describe(record, now)}
        for record in sorted(records, key=_ORDERS[call.data[ATTR_ORDER]])
        if status in {None, ACTIVE if record.is_active else INACTIVE}
    ]
    return {"total": len(packages), "packages": packages[: call.data[ATTR_LIMIT]]}


def _by_age(record: Record) -> tuple[bool, float]:
    """Sort the newest first, and those without a known age last."""
    created = record.created
    return created is None, -created.timestamp() if created else 0.0


def _by_expiry(record: Record) -> tuple[bool, float]:
    """Sort by expiry, and those that never expire last."""
    expires = record.expires
    return expires is None, expires.timestamp() if expires else 0.0


_ORDERS: Final[dict[str, Callable[[Record], tuple[bool, float]]]] = {
    NEWEST: _by_age,
    EXPIRY: _by_expiry,
}
