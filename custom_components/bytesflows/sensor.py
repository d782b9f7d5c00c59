"""Sensors of a BytesFlows account."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypedDict, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfInformation, UnitOfRatio
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .account import AccountData, Change, Summary
from .api import Overview
from .coordinator import BytesFlowsConfigEntry
from .dispatch import account_signal
from .entity import ATTR_KEY, BytesFlowsEntity

PARALLEL_UPDATES = 0

ATTR_AVERAGE_BEFORE: Final = "average_before"
ATTR_DAY: Final = "day"
ATTR_IS_CURRENT: Final = "is_current"
ATTR_IS_UNLIMITED: Final = "is_unlimited"
ATTR_LAST_EXPIRY: Final = "last_expiry"
ATTR_MIDNIGHT_OFFSET: Final = "midnight_offset"
ATTR_USED_TODAY: Final = "used_today"
ATTR_UTC_OFFSET: Final = "utc_offset"


@dataclass(frozen=True, kw_only=True)
class OverviewSensorEntityDescription(SensorEntityDescription):
    """Sensor whose value is in the overview."""

    value_fn: Callable[[Overview], float | Decimal | None]


@dataclass(frozen=True, kw_only=True)
class PackagesSensorEntityDescription(SensorEntityDescription):
    """Sensor whose value follows from the packages."""

    value_fn: Callable[[Summary], int | datetime | None]
    attributes_fn: Callable[[AccountData, Summary], Mapping[str, Any]] = lambda *_: {}
    """Attributes for templates, which can change while the value does not."""


def _of_depletion(data: AccountData, summary: Summary) -> Mapping[str, Any]:
    """Return the last expiry, with which the depletion is compared."""
    last = summary.last_expiry
    return {
        ATTR_IS_CURRENT: data.is_current,
        ATTR_LAST_EXPIRY: last and last.isoformat(),
    }


def _of_packages(_: AccountData, summary: Summary) -> Mapping[str, Any]:
    """Return whether a package is unlimited, which adds nothing to any traffic."""
    return {ATTR_IS_UNLIMITED: summary.is_unlimited}


def _of_check_in(data: AccountData, summary: Summary) -> Mapping[str, Any]:
    """Return the hours from UTC in the API's time zone, to which check-ins belong."""
    return {
        ATTR_IS_CURRENT: data.is_current,
        ATTR_MIDNIGHT_OFFSET: summary.midnight_offset,
        ATTR_UTC_OFFSET: summary.utc_offset,
    }


def _of_average(data: AccountData, _: Summary) -> Mapping[str, Any]:
    """Return the bytes used today, and the average of the days before."""
    today = data.today
    if TYPE_CHECKING:
        # It is known while the summary is.
        assert today is not None
    return {
        ATTR_AVERAGE_BEFORE: today.average_before,
        ATTR_DAY: today.day,
        ATTR_USED_TODAY: today.used,
    }


class _Traffic(TypedDict):
    """The description that all traffic sensors share."""

    device_class: SensorDeviceClass
    native_unit_of_measurement: str
    suggested_unit_of_measurement: str
    suggested_display_precision: int


TRAFFIC: Final = _Traffic(
    device_class=SensorDeviceClass.DATA_SIZE,
    native_unit_of_measurement=UnitOfInformation.BYTES,
    suggested_unit_of_measurement=UnitOfInformation.GIBIBYTES,
    suggested_display_precision=2,
)

OVERVIEW_SENSORS: tuple[OverviewSensorEntityDescription, ...] = (
    OverviewSensorEntityDescription(
        key="available_traffic",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda overview: overview.available_traffic,
        **TRAFFIC,
    ),
    # It goes down when a package expires, so it does not count consumption.
    OverviewSensorEntityDescription(
        key="used_traffic",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda overview: overview.used_traffic,
        **TRAFFIC,
    ),
    OverviewSensorEntityDescription(
        key="total_traffic",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda overview: overview.total_traffic,
        **TRAFFIC,
    ),
    OverviewSensorEntityDescription(
        key="available_percentage",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        value_fn=lambda overview: overview.available_percentage,
    ),
)

BALANCE_SENSOR = OverviewSensorEntityDescription(
    key="balance",
    device_class=SensorDeviceClass.MONETARY,
    state_class=SensorStateClass.TOTAL,
    suggested_display_precision=2,
    value_fn=lambda overview: overview.balance,
)

PACKAGES_SENSORS: tuple[PackagesSensorEntityDescription, ...] = (
    PackagesSensorEntityDescription(
        key="next_expiry",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda summary: summary.next_expiry,
    ),
    PackagesSensorEntityDescription(
        key="expiring_traffic",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda summary: summary.expiring_traffic,
        **TRAFFIC,
    ),
    PackagesSensorEntityDescription(
        key="active_packages",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda summary: summary.usable_count,
        attributes_fn=_of_packages,
    ),
    PackagesSensorEntityDescription(
        key="average_daily_consumption",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda summary: summary.average_daily_consumption,
        attributes_fn=_of_average,
        **TRAFFIC,
    ),
    PackagesSensorEntityDescription(
        key="estimated_depletion",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda summary: summary.estimated_depletion,
        attributes_fn=_of_depletion,
    ),
    PackagesSensorEntityDescription(
        key="expected_unused_traffic",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda summary: summary.expected_unused_traffic,
        **TRAFFIC,
    ),
    PackagesSensorEntityDescription(
        key="daily_allowance",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda summary: summary.daily_allowance,
        **TRAFFIC,
    ),
    PackagesSensorEntityDescription(
        key="purchased_traffic_available",
        entity_registry_enabled_default=False,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda summary: summary.purchased_traffic_available,
        **TRAFFIC,
    ),
    PackagesSensorEntityDescription(
        key="check_in_traffic_available",
        entity_registry_enabled_default=False,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda summary: summary.check_in_traffic_available,
        **TRAFFIC,
    ),
    PackagesSensorEntityDescription(
        key="last_purchase",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        value_fn=lambda summary: summary.last_purchase,
    ),
    PackagesSensorEntityDescription(
        key="last_check_in",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda summary: summary.last_check_in,
        attributes_fn=_of_check_in,
    ),
    PackagesSensorEntityDescription(
        key="lifetime_consumption",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda summary: summary.lifetime_consumption,
        **TRAFFIC,
    ),
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
            *(BytesFlowsOverviewSensor(coordinator, item) for item in OVERVIEW_SENSORS),
            BytesFlowsBalanceSensor(coordinator, BALANCE_SENSOR),
            *(BytesFlowsPackagesSensor(coordinator, item) for item in PACKAGES_SENSORS),
            BytesFlowsLastUpdateSensor(coordinator, LAST_UPDATE_SENSOR),
        ]
    )


class BytesFlowsOverviewSensor(BytesFlowsEntity, SensorEntity):
    """Sensor of the overview of an account."""

    entity_description: OverviewSensorEntityDescription

    @property
    @override
    def native_value(self) -> float | Decimal | None:
        """Return the value."""
        return self.entity_description.value_fn(self.coordinator.data.overview)

    @property
    @override
    def _value(self) -> object:
        """Return the value."""
        return self.native_value


class BytesFlowsBalanceSensor(BytesFlowsOverviewSensor):
    """The balance of an account, in the currency that comes with it."""

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Return the currency."""
        return self.coordinator.data.overview.currency

    @property
    @override
    def _value(self) -> object:
        """Return the balance and its currency."""
        return self.native_value, self.native_unit_of_measurement


class BytesFlowsPackagesSensor(BytesFlowsEntity, SensorEntity):
    """Sensor that follows from the packages of an account."""

    entity_description: PackagesSensorEntityDescription
    _unrecorded_attributes = frozenset(
        {
            ATTR_AVERAGE_BEFORE,
            ATTR_DAY,
            ATTR_IS_CURRENT,
            ATTR_IS_UNLIMITED,
            ATTR_KEY,
            ATTR_LAST_EXPIRY,
            ATTR_MIDNIGHT_OFFSET,
            ATTR_USED_TODAY,
            ATTR_UTC_OFFSET,
        }
    )

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return the attributes for templates."""
        return {**super().extra_state_attributes, **self._attributes}

    @property
    def _attributes(self) -> Mapping[str, Any]:
        """Return the attributes that follow from the packages."""
        data = self.coordinator.data
        if data.summary is None:
            return {}
        return self.entity_description.attributes_fn(data, data.summary)

    @property
    @override
    def available(self) -> bool:
        """Return whether the packages are known as well."""
        return super().available and self.coordinator.data.summary is not None

    @property
    @override
    def native_value(self) -> int | datetime | None:
        """Return the value."""
        summary = self.coordinator.data.summary
        return None if summary is None else self.entity_description.value_fn(summary)

    @property
    @override
    def _value(self) -> object:
        """Return the value and the attributes."""
        return self.native_value, self._attributes


class BytesFlowsLastUpdateSensor(BytesFlowsEntity, SensorEntity):
    """The time of the last good poll, which stays known in an outage."""

    @override
    async def async_added_to_hass(self) -> None:
        """Follow every good poll, including those that change nothing."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass,
                account_signal(self.coordinator.config_entry.entry_id),
                self._handle_poll,
            )
        )

    @callback
    def _handle_poll(self, changes: tuple[Change, ...]) -> None:
        """Show the time of the poll."""
        self.async_write_ha_state()

    @property
    @override
    def available(self) -> bool:
        """Stay available: the sensor matters most during an outage."""
        return True

    @property
    @override
    def native_value(self) -> datetime | None:
        """Return the time."""
        return self.coordinator.account.last_poll
