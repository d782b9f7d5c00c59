"""Conditions of the BytesFlows integration: Home Assistant's, for our entities only."""

from typing import override

from homeassistant.const import STATE_ON, UnitOfInformation
from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import (
    Condition,
    EntityNumericalConditionWithUnitBase,
    EntityStateConditionBase,
)
from homeassistant.util.unit_conversion import InformationConverter

from .automation import ALARMS, SIZES, TRAFFIC_LOW, ours


class IsTrafficLowCondition(EntityStateConditionBase):
    """Test whether traffic is low."""

    _domain_specs = ALARMS
    _states = {STATE_ON}  # noqa: RUF012

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Take that alarm only."""
        return super().entity_filter(ours(self._hass, entities, TRAFFIC_LOW))


class IsTrafficCondition(EntityNumericalConditionWithUnitBase):
    """Test one of our sizes against a threshold, whatever the units."""

    _domain_specs = SIZES
    _base_unit = UnitOfInformation.BYTES
    _unit_converter = InformationConverter

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Take our sizes only."""
        return super().entity_filter(ours(self._hass, entities))


CONDITIONS: dict[str, type[Condition]] = {
    "is_traffic": IsTrafficCondition,
    "is_traffic_low": IsTrafficLowCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return CONDITIONS
