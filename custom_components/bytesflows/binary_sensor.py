"""Alarms of a BytesFlows account."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .account import AccountData
from .coordinator import BytesFlowsConfigEntry
from .entity import BytesFlowsEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class BytesFlowsBinarySensorEntityDescription(BinarySensorEntityDescription):
    """A reason to act."""

    device_class: BinarySensorDeviceClass | None = BinarySensorDeviceClass.PROBLEM
    is_on_fn: Callable[[AccountData], bool | None]
    """None while it is unknown."""


ALARMS: tuple[BytesFlowsBinarySensorEntityDescription, ...] = (
    BytesFlowsBinarySensorEntityDescription(
        key="traffic_low", is_on_fn=lambda data: data.is_low
    ),
    BytesFlowsBinarySensorEntityDescription(
        key="expiring_soon", is_on_fn=lambda data: data.is_expiring_soon
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BytesFlowsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the alarms of an account."""
    async_add_entities(
        BytesFlowsBinarySensor(entry.runtime_data, item) for item in ALARMS
    )


class BytesFlowsBinarySensor(BytesFlowsEntity, BinarySensorEntity):
    """Binary sensor that is on while the user should act."""

    entity_description: BytesFlowsBinarySensorEntityDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the account after the other entities."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_add_alarm_listener(
                super()._handle_coordinator_update
            )
        )

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Wait for the pass of the alarms."""

    @property
    @override
    def available(self) -> bool:
        """Return whether it is known."""
        return super().available and self.is_on is not None

    @property
    @override
    def is_on(self) -> bool | None:
        """Return whether there is a reason."""
        return self.entity_description.is_on_fn(self.coordinator.data)

    @property
    @override
    def _value(self) -> object:
        """Return whether it is on."""
        return self.is_on
