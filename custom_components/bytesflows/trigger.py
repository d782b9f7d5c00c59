"""Triggers of the BytesFlows integration.

Three of them are about an account and wait for its marks; they only need Home
Assistant's documented `Trigger`. The fourth is about an entity, and is left out
if Home Assistant's classes for that have changed.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, override

import voluptuous as vol

from homeassistant.const import CONF_FOR, CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType

from .issues import async_report_unstable_classes
from .registrations import MarkKind, async_get_registrations
from .schedule import UPDATE_INTERVAL

CONF_BEFORE: Final = "before"


def _lead_time(value: object) -> timedelta:
    """Validate how long before an expiry to fire."""
    lead_time: timedelta = cv.positive_time_period(value)
    if lead_time < UPDATE_INTERVAL:
        raise vol.Invalid("must be at least 5 minutes, the polling interval")
    return lead_time


_LOW_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_TARGET): cv.TARGET_FIELDS,
        vol.Optional(CONF_OPTIONS, default={}): {
            vol.Optional(CONF_FOR, default=timedelta(0)): cv.positive_time_period,
        },
    }
)
_PACKAGE_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_TARGET): cv.TARGET_FIELDS,
        vol.Required(CONF_OPTIONS): {
            vol.Required(CONF_BEFORE): _lead_time,
        },
    }
)


class MarkTrigger(Trigger):
    """Fire when an account passes a mark on one of its scales."""

    kind: MarkKind
    schema = _LOW_SCHEMA
    duration_key = CONF_FOR

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Validate target and options."""
        checked: ConfigType = cls.schema(config)
        return checked

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        if TYPE_CHECKING:
            assert config.options is not None
            assert config.target is not None
        self._target: Mapping[str, Any] = config.target
        self._duration: timedelta = config.options[self.duration_key]

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Wait for the mark, even while the account is reloaded."""
        return async_get_registrations(self._hass).async_add(
            self.kind, self._duration, self._target, run_action
        )


class TrafficBecameLowTrigger(MarkTrigger):
    """Fire when traffic has been low for some time."""

    kind = MarkKind.LOW


class TrafficNoLongerLowTrigger(MarkTrigger):
    """Fire when traffic has no longer been low for some time."""

    kind = MarkKind.NOT_LOW


class PackageExpiringTrigger(MarkTrigger):
    """Fire some time before a package expires that can still be used."""

    kind = MarkKind.PACKAGE
    schema = _PACKAGE_SCHEMA
    duration_key = CONF_BEFORE


TRIGGERS: dict[str, type[Trigger]] = {
    "package_expiring": PackageExpiringTrigger,
    "traffic_became_low": TrafficBecameLowTrigger,
    "traffic_no_longer_low": TrafficNoLongerLowTrigger,
}
_error: Exception | None = None

try:
    from .entity_triggers import TrafficCrossedThresholdTrigger
except Exception as err:  # noqa: BLE001
    _error = err
else:
    TRIGGERS["traffic_crossed_threshold"] = TrafficCrossedThresholdTrigger


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers that this release of Home Assistant allows."""
    if _error is not None:
        async_report_unstable_classes(hass, _error)
    return TRIGGERS
