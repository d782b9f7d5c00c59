"""Sensors of a BytesFlows account."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfInformation, UnitOfRatio
from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Overview
from .coordinator import BytesFlowsConfigEntry
from .entity import BytesFlowsEntity
from .ledger import Packages

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class OverviewSensorDescription(SensorEntityDescription):
    """A sensor whose value the overview has."""

    value_fn: Callable[[Overview], float | Decimal | None]
    unit_fn: Callable[[Overview], str | None] | None = None
    """The unit, where the overview has that too."""


@dataclass(frozen=True, kw_only=True)
class PackagesSensorDescription(SensorEntityDescription):
    """A sensor whose value follows from the records."""

    value_fn: Callable[[Packages], int | datetime | None]


OVERVIEW_SENSORS: tuple[OverviewSensorDescription, ...] = (
    OverviewSensorDescription(
        key="available_traffic",
        translation_key="available_traffic",
        device_class=SensorDeviceClass.DATA_SIZE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.GIBIBYTES,
        suggested_display_precision=2,
        value_fn=lambda overview: overview.available_traffic,
    ),
    OverviewSensorDescription(
        key="used_traffic",
        translation_key="used_traffic",
        device_class=SensorDeviceClass.DATA_SIZE,
        # It falls when a package expires, so it does not count consumption.
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.GIBIBYTES,
        suggested_display_precision=2,
        value_fn=lambda overview: overview.used_traffic,
    ),
    OverviewSensorDescription(
        key="total_traffic",
        translation_key="total_traffic",
        device_class=SensorDeviceClass.DATA_SIZE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.GIBIBYTES,
        suggested_display_precision=2,
        value_fn=lambda overview: overview.total_traffic,
    ),
    OverviewSensorDescription(
        key="available_percentage",
        translation_key="available_percentage",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        value_fn=lambda overview: overview.available_percentage,
    ),
    OverviewSensorDescription(
        key="balance",
        translation_key="balance",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        value_fn=lambda overview: overview.balance,
        unit_fn=lambda overview: overview.currency,
    ),
)

PACKAGES_SENSORS: tuple[PackagesSensorDescription, ...] = (
    PackagesSensorDescription(
        key="next_expiry",
        translation_key="next_expiry",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda packages: packages.next_expiry,
    ),
    PackagesSensorDescription(
        key="expiring_traffic",
        translation_key="expiring_traffic",
        device_class=SensorDeviceClass.DATA_SIZE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.GIBIBYTES,
        suggested_display_precision=2,
        value_fn=lambda packages: packages.expiring_traffic,
    ),
    PackagesSensorDescription(
        key="active_packages",
        translation_key="active_packages",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda packages: packages.usable,
    ),
    PackagesSensorDescription(
        key="last_purchase",
        translation_key="last_purchase",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        value_fn=lambda packages: packages.last_purchase,
    ),
    PackagesSensorDescription(
        key="last_check_in",
        translation_key="last_check_in",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda packages: packages.last_check_in,
    ),
)

LAST_UPDATE_SENSOR = SensorEntityDescription(
    key="last_update",
    translation_key="last_update",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_category=EntityCategory.DIAGNOSTIC,
    entity_registry_enabled_default=False,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BytesFlowsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of an account."""
    coordinator = entry.runtime_data
    async_add_entities(
        [
            *(OverviewSensor(coordinator, item) for item in OVERVIEW_SENSORS),
            *(PackagesSensor(coordinator, item) for item in PACKAGES_SENSORS),
            LastUpdateSensor(coordinator, LAST_UPDATE_SENSOR),
        ]
    )


class OverviewSensor(BytesFlowsEntity, SensorEntity):
    """A figure of the account's overview."""

    entity_description: OverviewSensorDescription

    @property
    @override
    def native_value(self) -> float | Decimal | None:
        """Return the figure."""
        return self.entity_description.value_fn(self.coordinator.data.overview)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Return the unit, which may come with the figure."""
        if self.entity_description.unit_fn is None:
            return super().native_unit_of_measurement
        return self.entity_description.unit_fn(self.coordinator.data.overview)


class PackagesSensor(BytesFlowsEntity, SensorEntity):
    """A figure that follows from the account's packages."""

    entity_description: PackagesSensorDescription

    @property
    @override
    def available(self) -> bool:
        """Return whether the packages are known, too."""
        return super().available and self.coordinator.data.packages is not None

    @property
    @override
    def native_value(self) -> int | datetime | None:
        """Return the figure."""
        packages = self.coordinator.data.packages
        return None if packages is None else self.entity_description.value_fn(packages)


class LastUpdateSensor(BytesFlowsEntity, SensorEntity):
    """The moment of the last good poll, which an outage does not make unknown."""

    @override
    async def async_added_to_hass(self) -> None:
        """Follow every good poll, also one that changed nothing."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass, self.coordinator.poll_signal, self.async_write_ha_state
            )
        )

    @property
    @override
    def available(self) -> bool:
        """Stay available, since this is when the value matters."""
        return True

    @property
    @override
    def native_value(self) -> datetime | None:
        """Return the moment."""
        return self.coordinator.last_poll
