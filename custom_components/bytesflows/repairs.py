"""Repairs: what a user can put right."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final
import zoneinfo

import voluptuous as vol
from yarl import URL

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TIME_ZONE, CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import json_dumps
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.loader import async_get_loaded_integration
from homeassistant.util import dt as dt_util
from homeassistant.util.json import json_loads_array

from .api import BytesFlowsError, BytesFlowsParseError
from .const import DEFAULT_TIME_ZONE, DOMAIN
from .time_zone import Evidence, fitting, shifted

if TYPE_CHECKING:
    from homeassistant.components.repairs import RepairsFlowResult

    from .coordinator import BytesFlowsConfigEntry

MAX_EVIDENCE: Final = 10
SHOWN_EXPIRIES: Final = 3


@callback
def async_report_not_understood(
    hass: HomeAssistant, entry: BytesFlowsConfigEntry, error: BytesFlowsError
) -> None:
    """Ask for a report of what the API answers, which has nothing of the account."""
    answer = str(error)
    if isinstance(error, BytesFlowsParseError) and error.shape is not None:
        answer = f"{answer}\n{error.shape}"
    integration = async_get_loaded_integration(hass, DOMAIN)
    ir.async_create_issue(
        hass,
        DOMAIN,
        _not_understood_id(entry.entry_id),
        is_fixable=False,
        learn_more_url=str(
            URL(f"{integration.issue_tracker}/new").with_query(
                template="bug.yml", answer=answer
            )
        ),
        severity=ir.IssueSeverity.ERROR,
        translation_key="not_understood",
        translation_placeholders={
            "name": entry.title,
            "url": entry.data[CONF_URL],
            "answer": answer,
        },
    )


@callback
def async_forget_not_understood(hass: HomeAssistant, entry_id: str) -> None:
    """Take that back."""
    ir.async_delete_issue(hass, DOMAIN, _not_understood_id(entry_id))


@callback
def async_report_time_zone(
    hass: HomeAssistant,
    entry: BytesFlowsConfigEntry,
    found: tuple[Evidence, ...],
) -> None:
    """Offer to change the zone; an issue that is ignored comes back for news only."""
    known = _known_evidence(hass, entry.entry_id)
    keys = {item.key for item in known}
    if not (new := [item for item in found if item.key not in keys]):
        return
    async_forget_time_zone(hass, entry.entry_id)
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry.entry_id),
        data={
            "entry_id": entry.entry_id,
            "evidence": json_dumps(
                [item.as_json() for item in [*known, *new][-MAX_EVIDENCE:]]
            ),
        },
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="time_zone",
        translation_placeholders={
            "name": entry.title,
            "time_zone": entry.options.get(CONF_TIME_ZONE, DEFAULT_TIME_ZONE),
        },
    )


@callback
def async_review_time_zone(hass: HomeAssistant, entry_id: str, zone: tzinfo) -> None:
    """Take the issue back if the zone fits what is known by now."""
    known = _known_evidence(hass, entry_id)
    if known and all(item.fits(zone) for item in known):
        async_forget_time_zone(hass, entry_id)


@callback
def async_forget_time_zone(hass: HomeAssistant, entry_id: str) -> None:
    """Take the issue back."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry_id))


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    return TimeZoneRepairFlow(data or {})


class TimeZoneRepairFlow(RepairsFlow):
    """Choose the zone of the API's times, see what it changes, and apply it."""

    def __init__(self, data: dict[str, Any]) -> None:
        """Keep what the issue knows."""
        self._entry_id: str = data.get("entry_id", "")
        self._known = _evidence(data)
        self._choice = ""

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_choose()

    async def async_step_choose(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Choose among the zones that fit."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None:
            return self.async_abort(reason="account_removed")
        if user_input is not None:
            self._choice = user_input[CONF_TIME_ZONE]
            return await self.async_step_confirm()
        zones = await self.hass.async_add_executor_job(_all_zones)
        names = sorted(fitting(zones, self._known), key=_likelihood)
        preferred = [
            name
            for name in (self.hass.config.time_zone, "UTC", DEFAULT_TIME_ZONE)
            if name in names
        ]
        selector = SelectSelector(
            SelectSelectorConfig(options=names, mode=SelectSelectorMode.DROPDOWN)
        )
        return self.async_show_form(
            step_id="choose",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_TIME_ZONE, default=[*preferred, *names][0]): (
                        selector
                    )
                }
            ),
            description_placeholders={
                "name": entry.title,
                "time_zone": entry.options.get(CONF_TIME_ZONE, DEFAULT_TIME_ZONE),
            },
        )

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show what the choice changes, then apply it."""
        entry: BytesFlowsConfigEntry | None
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None:
            return self.async_abort(reason="account_removed")
        if user_input is not None:
            self.hass.config_entries.async_update_entry(
                entry, options={**entry.options, CONF_TIME_ZONE: self._choice}
            )
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return self.async_create_entry(data={})
        old = entry.options.get(CONF_TIME_ZONE, DEFAULT_TIME_ZONE)
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            description_placeholders={
                "old": old,
                "new": self._choice,
                "expiries": await self._expiries(entry, old),
            },
        )

    async def _expiries(self, entry: BytesFlowsConfigEntry, old: str) -> str:
        """Return the next expiries before and after, in Home Assistant's zone.

        Without any, the times that gave the evidence have to do.
        """
        old_zone, new_zone = [
            await dt_util.async_get_time_zone(name) or dt_util.UTC
            for name in (old, self._choice)
        ]
        moments = {item.moment for item in self._known}
        if entry.state is ConfigEntryState.LOADED:
            active = entry.runtime_data.ledger.active
            moments = {item.expires for item in active if item.expires} or moments
        return "\n".join(
            f"- {_local(moment)} → {_local(shifted(moment, old_zone, new_zone))}"
            for moment in sorted(moments)[:SHOWN_EXPIRIES]
        )


def _issue_id(entry_id: str) -> str:
    """Return the id of an account's issue about the zone."""
    return f"time_zone_{entry_id}"


def _not_understood_id(entry_id: str) -> str:
    """Return the id of an account's issue about the API."""
    return f"not_understood_{entry_id}"


def _known_evidence(hass: HomeAssistant, entry_id: str) -> list[Evidence]:
    """Return the evidence that an account's issue is about, if there is one."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, _issue_id(entry_id))
    return _evidence((issue and issue.data) or {})


def _evidence(data: Mapping[str, Any]) -> list[Evidence]:
    """Return the evidence that the data of an issue has."""
    items = json_loads_array(data.get("evidence", "[]"))
    return [Evidence.from_json(item) for item in items if isinstance(item, dict)]


def _likelihood(name: str) -> tuple[bool, str]:
    """Return what sorts zones in which people live before all others."""
    return not name.startswith(("Asia/", "America/", "Europe/")), name


def _all_zones() -> dict[str, tzinfo]:
    """Return all zones; this reads a file for each."""
    return {name: zoneinfo.ZoneInfo(name) for name in zoneinfo.available_timezones()}


def _local(moment: datetime) -> str:
    """Return a time as Home Assistant's clock shows it, to the minute."""
    return f"{dt_util.as_local(moment):%Y-%m-%d %H:%M}"
