"""The tool with which language models ask about traffic.

Home Assistant offers it to its voice assistants, and to agents through its MCP server.
It answers from memory, for the accounts of which an entity is exposed, and names no
order and no id.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, override

import voluptuous as vol

from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.components.llm import LLMTools
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.llm import (
    LLM_API_ASSIST,
    LLMContext,
    Tool,
    ToolAnnotations,
    ToolInput,
    ToolResult,
)
from homeassistant.util import dt as dt_util

from .account import Account, describe
from .api import Overview, Record
from .const import DOMAIN
from .coordinator import BytesFlowsConfigEntry, BytesFlowsCoordinator

ATTR_ACCOUNT: Final = "account"
BALANCE: Final = "balance"
MAX_EXPIRIES: Final = 10

_GIB: Final = 2**30
# OpenAI refuses requests with a tool whose description has over 1,024 characters.
_DESCRIPTION: Final = (
    "Get the user's BytesFlows proxy traffic, which is sold in packages that expire: "
    "how much is left, whether it is low, how long it will last, which packages expire "
    "next, and what will be lost. "
    "Sizes are in bytes, and in GiB in the keys that end in _gib. Times are local. "
    "null means unknown. At the average daily consumption, traffic lasts until "
    "estimated_depletion, when the last of it is used up or expires, and "
    "expected_unused_traffic expires unused. next_expiries lists the usable packages "
    "that expire next, the soonest first. "
    "Only 10 are listed. estimated_depletion is also null if nothing is used or left. "
    "A package of size 0 is unlimited and in no sum; unlimited says whether there is "
    "one. balance is there only if it is shared. data_age_seconds is the age of all of "
    "this. status is ok, not_responding (BytesFlows is unavailable), token_rejected "
    "(the user has to enter a new API token in Home Assistant), or not_loaded (the "
    "setup failed). Unless it is ok, the data are the last ones known."
)


class GetTrafficTool(Tool):
    """Tool that returns the traffic of exposed accounts."""

    name = f"{DOMAIN}__get_traffic"
    title = "Get proxy traffic"
    description = _DESCRIPTION
    annotations = ToolAnnotations(
        read_only=True, destructive=False, idempotent=True, open_world=False
    )
    integration = DOMAIN

    def __init__(self, accounts: Iterable[str]) -> None:
        """Initialize the tool with the names of the accounts."""
        self.parameters = vol.Schema(
            {
                vol.Optional(
                    ATTR_ACCOUNT,
                    description="Name of an account. Leave it out for all accounts.",
                ): vol.In(list(accounts))
            }
        )

    @override
    async def async_call(
        self, hass: HomeAssistant, tool_input: ToolInput, llm_context: LLMContext
    ) -> ToolResult:
        """Return the traffic of the accounts that are exposed now."""
        accounts = _exposed_accounts(hass, llm_context.assistant)
        # Accounts may have come and gone since the tool was listed.
        tool = GetTrafficTool(accounts)
        name = tool.parameters(tool_input.tool_args).get(ATTR_ACCOUNT)
        return ToolResult(
            data={
                "accounts": [
                    {ATTR_ACCOUNT: key, **_traffic(hass, entry, llm_context.assistant)}
                    for key, entry in accounts.items()
                    if name in {None, key}
                ]
            }
        )


@callback
def async_get_tools(
    hass: HomeAssistant, llm_context: LLMContext, api_id: str
) -> LLMTools | None:
    """Return the tool if an account is exposed."""
    if api_id != LLM_API_ASSIST:
        return None
    accounts = _exposed_accounts(hass, llm_context.assistant)
    return LLMTools(tools=[GetTrafficTool(accounts)]) if accounts else None


def _exposed_accounts(
    hass: HomeAssistant, assistant: str
) -> dict[str, BytesFlowsConfigEntry]:
    """Return the exposed accounts by their names."""
    entries = hass.config_entries.async_entries(DOMAIN)
    return {
        name: entry
        for name, entry in _named(entries).items()
        if _exposed_keys(hass, entry, assistant)
    }


def _named(
    entries: Iterable[BytesFlowsConfigEntry],
) -> dict[str, BytesFlowsConfigEntry]:
    """Return accounts by their titles, with numbers where titles are the same."""
    named: dict[str, BytesFlowsConfigEntry] = {}
    titles = {entry.title for entry in entries}
    for entry in entries:
        name, number = entry.title, 1
        while name in named or (number > 1 and name in titles):
            number += 1
            name = f"{entry.title} {number}"
        named[name] = entry
    return named


def _exposed_keys(
    hass: HomeAssistant, entry: BytesFlowsConfigEntry, assistant: str
) -> set[str | None]:
    """Return the keys of the entities of an account that an assistant may see."""
    return {
        entity.translation_key
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if entity.disabled_by is None
        and async_should_expose(hass, assistant, entity.entity_id)
    }


def _traffic(
    hass: HomeAssistant, entry: BytesFlowsConfigEntry, assistant: str
) -> dict[str, Any]:
    """Return the traffic of an account."""
    status = {"status": _status(hass, entry)}
    if entry.state is not ConfigEntryState.LOADED:
        return status
    coordinator = entry.runtime_data
    overview = coordinator.data.overview
    balance = {
        BALANCE: None if overview.balance is None else float(overview.balance),
        "currency": overview.currency,
    }
    return {
        **status,
        "data_age_seconds": _age(coordinator.account),
        **_sizes(
            available_traffic=overview.available_traffic,
            total_traffic=overview.total_traffic,
        ),
        "available_percentage": _percentage(overview),
        "traffic_low": coordinator.data.is_low,
        **_forecast(coordinator),
        **(balance if BALANCE in _exposed_keys(hass, entry, assistant) else {}),
    }


def _status(hass: HomeAssistant, entry: BytesFlowsConfigEntry) -> str:
    """Return whether BytesFlows responds, and if not, why."""
    if any(entry.async_get_active_flows(hass, {SOURCE_REAUTH})):
        return "token_rejected"
    if entry.state is not ConfigEntryState.LOADED:
        return "not_loaded"
    coordinator = entry.runtime_data
    if coordinator.last_update_success and coordinator.account.records.error is None:
        return "ok"
    return "not_responding"


def _age(account: Account) -> int | None:
    """Return the age of the data, which is that of the packages in their outage."""
    is_current = account.records.error is None
    since = account.last_poll if is_current else account.state.last_sync
    if since is None:
        return None
    return round((account.clock.now() - since).total_seconds())


def _percentage(overview: Overview) -> float | None:
    """Return the percentage as its sensor shows it."""
    percentage = overview.available_percentage
    return None if percentage is None else round(percentage, 1)


def _forecast(coordinator: BytesFlowsCoordinator) -> dict[str, Any]:
    """Return forecast and next expiries, null while the packages are unknown."""
    summary = coordinator.data.summary
    return {
        **_sizes(
            average_daily_consumption=summary.average_daily_consumption
            if summary
            else None,
            expected_unused_traffic=summary.expected_unused_traffic
            if summary
            else None,
        ),
        "estimated_depletion": _local(summary.estimated_depletion if summary else None),
        "active_packages": summary.usable_count if summary else None,
        "unlimited": summary.is_unlimited if summary else None,
        "next_expiries": _next_expiries(coordinator.account) if summary else None,
    }


def _next_expiries(account: Account) -> list[dict[str, Any]]:
    """Return the usable packages that expire next."""
    now = account.clock.now()
    expiring = sorted(
        (
            (record.expires, record)
            for record in account.state.ledger.active
            if record.expires is not None and record.is_usable(now)
        ),
        key=lambda item: item[0],
    )
    return [_package(record, now) for _, record in expiring[:MAX_EXPIRIES]]


def _package(record: Record, now: datetime) -> dict[str, Any]:
    """Return a package as everywhere, without its order and with local times."""
    package = describe(record, now)
    del package["order_id"]
    sizes = {key: package.pop(key) for key in ("size", "used", "remaining")}
    return {
        **package,
        **_sizes(**sizes),
        "created": _local(record.created),
        "expires": _local(record.expires),
    }


def _sizes(**sizes: int | None) -> dict[str, float | None]:
    """Return sizes in bytes and in GiB: models are bad at dividing."""
    return {
        key: value
        for name, size in sizes.items()
        for key, value in (
            (name, size),
            (f"{name}_gib", None if size is None else _gib(size)),
        )
    }


def _gib(size: int) -> float:
    """Return a size in GiB, with the digits that keep a small one from being none."""
    return round(size / _GIB, 2 if abs(size) >= _GIB else 4)


def _local(time: datetime | None) -> str | None:
    """Return a time as text in the time zone of Home Assistant."""
    return (
        None if time is None else dt_util.as_local(time).isoformat(timespec="minutes")
    )
