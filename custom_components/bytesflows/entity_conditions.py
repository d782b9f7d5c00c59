"""The conditions, which build on Home Assistant's unstable classes for entities."""

from typing import override

from homeassistant.const import STATE_ON, UnitOfInformation
from homeassistant.helpers.condition import (
    EntityNumericalConditionWithUnitBase,
    EntityStateConditionBase,
)
from homeassistant.util.unit_conversion import InformationConverter

from .entity_bases import known_to_bases
from .entity_filter import DATA_SIZE_SPECS, PROBLEM_SPECS, filter_own_entities


@known_to_bases
class IsTrafficLowCondition(EntityStateConditionBase):
    """Test whether traffic is low."""

    _domain_specs = PROBLEM_SPECS
    _states = {STATE_ON}  # noqa: RUF012

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return that alarm only."""
        return super().entity_filter(
            filter_own_entities(self._hass, entities, "traffic_low")
        )


@known_to_bases
class IsTrafficCondition(EntityNumericalConditionWithUnitBase):
    """Test one of our data sizes against a threshold, in any unit."""

    _domain_specs = DATA_SIZE_SPECS
    _base_unit = UnitOfInformation.BYTES
    _unit_converter = InformationConverter

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return our data sizes only."""
        return super().entity_filter(filter_own_entities(self._hass, entities))
