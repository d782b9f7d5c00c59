"""Diagnostics of a BytesFlows account, without anything secret or personal."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .const import CONF_API_TOKEN
from .coordinator import BytesFlowsConfigEntry, BytesFlowsCoordinator

TO_REDACT = {CONF_API_TOKEN, "balance", "id", "order_id"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BytesFlowsConfigEntry
) -> dict[str, Any]:
    """Return what a bug report needs, also where the account could not be set up."""
    coordinator: BytesFlowsCoordinator | None = getattr(entry, "runtime_data", None)
    return {
        "entry": {
            "state": entry.state.value,
            "data": async_redact_data(dict(entry.data), TO_REDACT),
            "options": dict(entry.options),
        },
        "account": None if coordinator is None else _account(coordinator),
    }


def _account(coordinator: BytesFlowsCoordinator) -> dict[str, Any]:
    """Return what is known of an account, and how it came to be known."""
    error = coordinator.last_exception
    return {
        "last_poll": coordinator.last_poll,
        "last_poll_succeeded": coordinator.last_update_success,
        "last_error": None if error is None else repr(error.__cause__ or error),
        "data": async_redact_data(asdict(coordinator.data), TO_REDACT),
        "records": _records(coordinator),
    }


def _records(coordinator: BytesFlowsCoordinator) -> dict[str, Any] | None:
    """Return the shape of the records: counts of all, and the active ones."""
    if (reading := coordinator.reading) is None:
        return None
    records = tuple(coordinator.ledger.records)
    created = [record.created for record in records if record.created is not None]
    return {
        "read": reading.time,
        "age_seconds": (dt_util.utcnow() - reading.time).total_seconds(),
        "count": len(records),
        "count_by_source_and_status": dict(
            Counter(f"{record.source}, status {record.status}" for record in records)
        ),
        "count_without_creation_time": len(records) - len(created),
        "count_without_expiry": sum(record.expires is None for record in records),
        "oldest_created": min(created, default=None),
        "newest_created": max(created, default=None),
        "active": [
            async_redact_data(asdict(record), TO_REDACT)
            for record in records
            if record.is_active
        ],
    }
