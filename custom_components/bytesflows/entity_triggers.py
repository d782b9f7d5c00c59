"""The trigger that builds on Home Assistant's unstable classes for entities.

It fires even during an outage or a restart, since the coordinator lets entities come
back with the values they showed before.
"""

from typing import Final, override

import voluptuous as vol

from homeassistant.const import CONF_OPTIONS, CONF_TARGET, UnitOfInformation
from homeassistant.core import HomeAssistant
from homeassistant.helpers.trigger import (
    EntityNumericalStateCrossedThresholdTriggerWithUnitBase,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.unit_conversion import InformationConverter

from .entity_bases import known_to_bases
from .entity_filter import DATA_SIZE_SPECS, filter_own_entities

_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_TARGET): object,
        vol.Required(CONF_OPTIONS): {vol.Required("threshold"): object},
    }
)


@known_to_bases
class TrafficCrossedThresholdTrigger(
    EntityNumericalStateCrossedThresholdTriggerWithUnitBase
):
    """Fire when one of our data sizes crosses a threshold, in any unit."""

    _domain_specs = DATA_SIZE_SPECS
    _base_unit = UnitOfInformation.BYTES
    _unit_converter = InformationConverter

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Validate target and threshold.

        Other options of Home Assistant's class are not reliable during an outage.
        """
        _SCHEMA(config)
        return await super().async_validate_config(hass, config)

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return our data sizes only."""
        return super().entity_filter(filter_own_entities(self._hass, entities))
