"""Actions of the BytesFlows integration."""

from datetime import UTC, datetime
from typing import Any, Final

import voluptuous as vol

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv, service
from homeassistant.util import dt as dt_util

from .api import Record, Source
from .const import ATTR_CONFIG_ENTRY_ID, DOMAIN
from .coordinator import BytesFlowsConfigEntry

SERVICE_GET_RECORDS: Final = "get_records"

ATTR_LIMIT: Final = "limit"
ATTR_SOURCE_TYPE: Final = "source_type"
ATTR_STATUS: Final = "status"

ACTIVE: Final = "active"
INACTIVE: Final = "inactive"
MAX_LIMIT: Final = 1000

GET_RECORDS_SCHEMA: Final = vol.Schema(
    {
        vol.Required(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_SOURCE_TYPE): vol.All(
            vol.In([Source.ORDER.value, Source.SIGN.value]), vol.Coerce(Source)
        ),
        vol.Optional(ATTR_STATUS): vol.In([ACTIVE, INACTIVE]),
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
        SERVICE_GET_RECORDS,
        _async_get_records,
        schema=GET_RECORDS_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )


async def _async_get_records(call: ServiceCall) -> ServiceResponse:
    """Return the packages of an account, the newest first."""
    entry: BytesFlowsConfigEntry = service.async_get_config_entry(
        call.hass, DOMAIN, call.data[ATTR_CONFIG_ENTRY_ID]
    )
    records = await entry.runtime_data.async_fetch_records(
        call.data.get(ATTR_SOURCE_TYPE)
    )
    status = call.data.get(ATTR_STATUS)
    found = [record for record in records if status in {None, _status(record)}]
    found.sort(key=_created, reverse=True)
    now = dt_util.utcnow()
    return {
        "total": len(found),
        "records": [
            _describe(record, now) for record in found[: call.data[ATTR_LIMIT]]
        ],
    }


def _created(record: Record) -> datetime:
    """Return when a package was created, long ago where that is not known."""
    return record.created or datetime.min.replace(tzinfo=UTC)


def _status(record: Record) -> str:
    """Return what the server says of a package."""
    return ACTIVE if record.is_active else INACTIVE


def _describe(record: Record, now: datetime) -> dict[str, Any]:
    """Return a package: sizes in bytes, times in UTC."""
    return {
        "id": record.id,
        "order_id": record.order_id,
        "source_type": record.source.value,
        "status": _status(record),
        "usable": record.is_usable(now),
        "size": record.traffic,
        "used": record.traffic_used,
        "remaining": record.remaining,
        "created": record.created and record.created.isoformat(),
        "expires": record.expires and record.expires.isoformat(),
    }
