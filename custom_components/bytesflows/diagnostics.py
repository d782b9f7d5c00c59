"""Diagnostics of a BytesFlows account, without anything secret or personal."""

from collections import Counter
from typing import Any

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.core import HomeAssistant

from .account import Account, AccountData, Summary, Today
from .api import Overview, Record
from .const import CONF_API_TOKEN
from .coordinator import BytesFlowsConfigEntry, BytesFlowsCoordinator

TO_REDACT = {CONF_API_TOKEN, "balance", "id", "order_id"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BytesFlowsConfigEntry
) -> dict[str, Any]:
    """Return the data for a bug report, even if the account could not be set up."""
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
    """Return the state of an account, and its history."""
    account = coordinator.account
    error = coordinator.last_exception
    return {
        "last_poll": account.last_poll,
        "last_poll_succeeded": coordinator.last_update_success,
        "last_error": None if error is None else repr(error.__cause__ or error),
        "unreadable": account.unreadable,
        "data": _redacted(coordinator.data),
        "records": _records(account),
    }


def _records(account: Account) -> dict[str, Any] | None:
    """Return the shape of the records: counts of all, and the active ones."""
    if (last := account.records.last_sync) is None:
        return None
    ledger = account.state.ledger
    records = tuple(ledger.packages.records)
    created = [record.created for record in records if record.created is not None]
    return {
        "read": last.time,
        "age_seconds": (account.clock.now() - last.time).total_seconds(),
        "adds_up": last.adds_up,
        "error": account.records.error and repr(account.records.error),
        "listed": ledger.total,
        "missing": ledger.missing,
        "count": len(records),
        "count_by_source_and_status": dict(
            Counter(f"{record.source}, status {record.status}" for record in records)
        ),
        "count_without_creation_time": len(records) - len(created),
        "count_without_expiry": sum(record.expires is None for record in records),
        "oldest_created": min(created, default=None),
        "newest_created": max(created, default=None),
        "active": [_redacted(record) for record in ledger.active],
    }


def _redacted(values: Any) -> Any:  # noqa: ANN401
    """Return values fit for JSON, without anything secret or personal."""
    if isinstance(values, AccountData | Overview | Record | Summary | Today):
        values = values._asdict()
    if isinstance(values, dict):
        return {
            name: REDACTED
            if name in TO_REDACT and value is not None
            else _redacted(value)
            for name, value in values.items()
        }
    return sorted(values) if isinstance(values, frozenset) else values
