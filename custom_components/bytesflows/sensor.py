"""Sensors of a BytesFlows account."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import override

from homeassistant.components.sensor import (
    RestoreSensor,
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
from .forecast import Packages

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


@dataclass(frozen=True, kw_only=True)
class TrafficSensorDescription(SensorEntityDescription):
    """A size, which goes up and down unless told otherwise."""

    device_class: SensorDeviceClass | None = SensorDeviceClass.DATA_SIZE
    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT
    native_unit_of_measurement: str | None = UnitOfInformation.BYTES
    suggested_unit_of_measurement: str | None = UnitOfInformation.GIBIBYTES
    suggested_display_precision: int | None = 2


@dataclass(frozen=True, kw_only=True)
class OverviewTrafficDescription(TrafficSensorDescription, OverviewSensorDescription):
    """A size that the overview has."""


@dataclass(frozen=True, kw_only=True)
class PackagesTrafficDescription(TrafficSensorDescription, PackagesSensorDescription):
    """A size that follows from the records."""


OVERVIEW_SENSORS: tuple[OverviewSensorDescription, ...] = (
    OverviewTrafficDescription(
        key="available_traffic",
        value_fn=lambda overview: overview.available_traffic,
    ),
    # It falls when a package expires, so it does not count consumption.
    OverviewTrafficDescription(
        key="used_traffic",
        value_fn=lambda overview: overview.used_traffic,
    ),
    OverviewTrafficDescription(
        key="total_traffic",
        value_fn=lambda overview: overview.total_traffic,
    ),
    OverviewSensorDescription(
        key="available_percentage",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        value_fn=lambda overview: overview.available_percentage,
    ),
    OverviewSensorDescription(
        key="balance",
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
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda packages: packages.next_expiry,
    ),
    PackagesTrafficDescription(
        key="expiring_traffic",
        value_fn=lambda packages: packages.expiring_traffic,
    ),
    PackagesSensorDescription(
        key="active_packages",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda packages: packages.usable,
    ),
    PackagesTrafficDescription(
        key="average_daily_consumption",
        value_fn=lambda packages: packages.forecast.average_daily_consumption,
    ),
    PackagesSensorDescription(
        key="estimated_depletion",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda packages: packages.forecast.depletion,
    ),
    PackagesTrafficDescription(
        key="daily_allowance",
        value_fn=lambda packages: packages.forecast.daily_allowance,
    ),
    PackagesTrafficDescription(
        key="purchased_traffic_available",
        entity_registry_enabled_default=False,
        value_fn=lambda packages: packages.purchased_traffic_available,
    ),
    PackagesTrafficDescription(
        key="check_in_traffic_available",
        entity_registry_enabled_default=False,
        value_fn=lambda packages: packages.check_in_traffic_available,
    ),
    PackagesSensorDescription(
        key="last_purchase",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        value_fn=lambda packages: packages.last_purchase,
    ),
    PackagesSensorDescription(
        key="last_check_in",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda packages: packages.last_check_in,
    ),
)

CONSUMED_SENSOR = PackagesTrafficDescription(
    key="consumed_traffic",
    state_class=SensorStateClass.TOTAL_INCREASING,
    value_fn=lambda packages: packages.consumed,
)
LAST_UPDATE_SENSOR = SensorEntityDescription(
    key="last_update",
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
            ConsumedSensor(coordinator, CONSUMED_SENSOR),
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


class ConsumedSensor(PackagesSensor, RestoreSensor):
    """The traffic ever used, which never falls."""

    @override
    async def async_added_to_hass(self) -> None:
        """Never show less than before, even if what was stored is lost."""
        await super().async_added_to_hass()
        last = await self.async_get_last_sensor_data()
        consumed = None if last is None else last.native_value
        if isinstance(consumed, int | float | Decimal) and isfinite(consumed):
            self.coordinator.async_raise_consumed(int(consumed))

    @property
    @override
    def native_value(self) -> int | datetime | None:
        """Return the total, in an outage too: it is what will be restored."""
        ledger = self.coordinator.ledger
        if self.coordinator.data.packages is None and ledger.is_complete:
            return ledger.consumed
        return super().native_value


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
