"""Repairs: issues that a user can fix."""

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
import zoneinfo

import voluptuous as vol

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TIME_ZONE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util

from .account import fitting_zones, offset_at, shifted
from .api import Codec, Record
from .const import DEFAULT_TIME_ZONE
from .coordinator import BytesFlowsConfigEntry
from .issues import TIME_ZONE, evidence_of
from .storage import AccountStorage

SHOWN_EXPIRIES: Final = 3


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    return TimeZoneRepairFlow(issue_id.removeprefix(f"{TIME_ZONE}_"), data or {})


class TimeZoneRepairFlow(RepairsFlow):
    """Choose the time zone of the API, see the effect, and apply it."""

    def __init__(self, entry_id: str, data: dict[str, Any]) -> None:
        """Keep the evidence of the issue."""
        self._entry_id = entry_id
        self._evidence = evidence_of(data)
        self._choice = ""

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_choose()

    async def async_step_choose(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Choose among the time zones that fit."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None:
            return self.async_abort(reason="account_removed")
        if user_input is not None:
            self._choice = user_input[CONF_TIME_ZONE]
            return await self.async_step_confirm()
        zones = await self.hass.async_add_executor_job(_all_zones)
        names = sorted(fitting_zones(zones, self._evidence), key=_likelihood)
        preferred = [
            name
            for name in (self.hass.config.time_zone, "UTC", DEFAULT_TIME_ZONE)
            if name in names
        ]
        now = dt_util.utcnow()
        options = [
            SelectOptionDict(
                value=name, label=f"{name} ({_format(offset_at(now, zones[name]))})"
            )
            for name in names
        ]
        selector = SelectSelector(
            SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
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
        """Show the effect of the choice, then apply it."""
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
        """Return the next expiries before and after, in Home Assistant's time zone.

        Without any, the present moment shows the effect.
        """
        old_zone, new_zone = [
            await dt_util.async_get_time_zone(name) or dt_util.UTC
            for name in (old, self._choice)
        ]
        active = await self._active_packages(entry, old_zone)
        moments = {item.expires for item in active if item.expires}
        return "\n".join(
            f"- {_local(moment)} → {_local(shifted(moment, old_zone, new_zone))}"
            for moment in sorted(moments or {dt_util.utcnow()})[:SHOWN_EXPIRIES]
        )

    async def _active_packages(
        self, entry: BytesFlowsConfigEntry, zone: tzinfo
    ) -> Iterable[Record]:
        """Return the active packages, from the stored file if need be."""
        if entry.state is ConfigEntryState.LOADED:
            return entry.runtime_data.account.state.ledger.active
        storage = AccountStorage(self.hass, entry.entry_id, Codec(zone))
        return (await storage.async_load(dt_util.utcnow())).ledger.active


def _likelihood(name: str) -> tuple[bool, str]:
    """Sort time zones in which people live before all others."""
    return not name.startswith(("Asia/", "America/", "Europe/")), name


def _all_zones() -> dict[str, tzinfo]:
    """Return all time zones; this reads a file for each."""
    return {name: zoneinfo.ZoneInfo(name) for name in zoneinfo.available_timezones()}


def _format(offset: timedelta) -> str:
    """Return an offset for people, such as UTC+05:30."""
    sign = "-" if offset < timedelta(0) else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"UTC{sign}{hours:02}:{minutes:02}"


def _local(moment: datetime) -> str:
    """Return a time as Home Assistant's clock shows it, to the minute."""
    return f"{dt_util.as_local(moment):%Y-%m-%d %H:%M}"
