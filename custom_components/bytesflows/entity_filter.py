"""Filter of the triggers and conditions that are about our entities."""

from collections.abc import Collection, Mapping
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.automation import DomainSpec

from .const import DOMAIN

PROBLEM_SPECS: Final[Mapping[str, DomainSpec]] = {Platform.BINARY_SENSOR: DomainSpec()}
DATA_SIZE_SPECS: Final[Mapping[str, DomainSpec]] = {
    Platform.SENSOR: DomainSpec(device_class=SensorDeviceClass.DATA_SIZE)
}


@callback
def filter_own_entities(
    hass: HomeAssistant, entity_ids: Collection[str], key: str | None = None
) -> set[str]:
    """Return the entities of this integration, optionally only those with a key."""
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entity_ids
        if (entry := registry.async_get(entity_id)) is not None
        and entry.platform == DOMAIN
        and key in {None, entry.translation_key}
    }
