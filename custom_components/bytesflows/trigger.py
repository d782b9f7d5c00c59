"""Triggers of the BytesFlows integration.

Those of an entity are Home Assistant's own, for our entities only. That they fire
across an outage and a restart is the work of the coordinator, which lets entities come
back with what they showed before.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, override

import voluptuous as vol

from homeassistant.const import (
    CONF_OPTIONS,
    STATE_OFF,
    STATE_ON,
    UnitOfInformation,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import (
    EntityNumericalStateCrossedThresholdTriggerWithUnitBase,
    EntityTargetStateTriggerBase,
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.unit_conversion import InformationConverter

from .api import Record
from .automation import ALARMS, SIZES, TRAFFIC_LOW, ours
from .const import ATTR_CONFIG_ENTRY_ID, DOMAIN
from .coordinator import SIGNAL_PROGRESS, UPDATE_INTERVAL, Progress

CONF_BEFORE: Final = "before"


def _lead_time(value: object) -> timedelta:
    """Validate how long before an expiry to fire."""
    before = cv.positive_time_period(value)
    if before < UPDATE_INTERVAL:
        raise vol.Invalid("must be 5 minutes at least, the time from poll to poll")
    return before


_PACKAGE_EXPIRING_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_OPTIONS): {
            vol.Required(ATTR_CONFIG_ENTRY_ID): cv.string,
            vol.Required(CONF_BEFORE): _lead_time,
        }
    }
)


class TrafficCrossedThresholdTrigger(
    EntityNumericalStateCrossedThresholdTriggerWithUnitBase
):
    """Fire when one of our sizes crosses a threshold, whatever the units."""

    _domain_specs = SIZES
    _base_unit = UnitOfInformation.BYTES
    _unit_converter = InformationConverter

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Take our sizes only."""
        return super().entity_filter(ours(self._hass, entities))


class _TrafficLowTrigger(EntityTargetStateTriggerBase):
    """Fire when the alarm about low traffic changes."""

    _domain_specs = ALARMS

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Take that alarm only."""
        return super().entity_filter(ours(self._hass, entities, TRAFFIC_LOW))


class TrafficBecameLowTrigger(_TrafficLowTrigger):
    """Fire when traffic becomes low."""

    _to_states = {STATE_ON}  # noqa: RUF012


class TrafficNoLongerLowTrigger(_TrafficLowTrigger):
    """Fire when traffic is no longer low."""

    _to_states = {STATE_OFF}  # noqa: RUF012


class PackageExpiringTrigger(Trigger):
    """Fire a given time before a package expires that has something left.

    Once for each package, also for one that arrives when that time has come already.
    """

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Validate the options, and that the account is one of ours."""
        checked: ConfigType = _PACKAGE_EXPIRING_SCHEMA(config)
        entry_id = checked[CONF_OPTIONS][ATTR_CONFIG_ENTRY_ID]
        entry = hass.config_entries.async_get_entry(entry_id)
        if entry is None or entry.domain != DOMAIN:
            raise vol.Invalid(f"{entry_id} is not a BytesFlows account")
        return checked

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        if TYPE_CHECKING:
            assert config.options is not None
        self._entry_id: str = config.options[ATTR_CONFIG_ENTRY_ID]
        self._before: timedelta = config.options[CONF_BEFORE]

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Follow the time, also while the account is reloaded."""

        @callback
        def follow(progress: Progress) -> None:
            if progress.entry_id == self._entry_id:
                for record in self._expiring(progress):
                    _ = run_action(
                        {"config_entry_id": self._entry_id, **_describe(record)},
                        f"expiry of package {record.order_id or record.id}",
                    )

        return async_dispatcher_connect(self._hass, SIGNAL_PROGRESS, follow)

    def _expiring(self, progress: Progress) -> list[Record]:
        """Return the packages whose time has come, the first to expire first."""
        found = [
            (record.expires, record)
            for record in progress.records
            if record.expires is not None
            and record.is_usable(progress.until)
            and record.expires - self._before <= progress.until
            and (
                record.expires - self._before > progress.since
                or record.id in progress.arrived
            )
        ]
        return [record for _, record in sorted(found, key=lambda item: item[0])]


def _describe(record: Record) -> dict[str, Any]:
    """Return what an automation needs to know of a package."""
    return {
        "order_id": record.order_id,
        "source": record.source.value,
        "size": record.traffic,
        "remaining": record.remaining,
        "created": record.created and record.created.isoformat(),
        "expires": record.expires and record.expires.isoformat(),
    }


TRIGGERS: dict[str, type[Trigger]] = {
    "package_expiring": PackageExpiringTrigger,
    "traffic_became_low": TrafficBecameLowTrigger,
    "traffic_crossed_threshold": TrafficCrossedThresholdTrigger,
    "traffic_no_longer_low": TrafficNoLongerLowTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
