"""Base of the BytesFlows entities."""

from typing import Any, Final, override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .api import DEFAULT_URL
from .const import DOMAIN
from .coordinator import BytesFlowsCoordinator

ATTR_KEY: Final = "key"


class BytesFlowsEntity(CoordinatorEntity[BytesFlowsCoordinator]):
    """Entity of one account."""

    _attr_has_entity_name = True
    _unrecorded_attributes = frozenset({ATTR_KEY})

    def __init__(
        self, coordinator: BytesFlowsCoordinator, description: EntityDescription
    ) -> None:
        """Initialize the entity and the device that stands for the account."""
        super().__init__(coordinator)
        entry = coordinator.config_entry
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            entry_type=DeviceEntryType.SERVICE,
            identifiers={(DOMAIN, entry.entry_id)},
            manufacturer="BytesFlows",
            name=entry.title,
            configuration_url=DEFAULT_URL,
        )
        self._followed: object = None
        """Availability and value at the last update."""

    @property
    def _value(self) -> object:
        """Return the value that the entity takes from the coordinator's data."""
        return None

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if it changed: computing one is expensive."""
        followed = self.available, self._value
        if followed != self._followed:
            self._followed = followed
            self.async_write_ha_state()

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return the key, by which templates find the entity of a device.

        They cannot see translation keys, and entity ids differ by language.
        """
        return {ATTR_KEY: self.entity_description.key}
