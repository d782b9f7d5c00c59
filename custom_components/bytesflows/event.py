"""Events of the packages of a BytesFlows account."""

from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .account import Change, ChangeKind, describe
from .coordinator import BytesFlowsConfigEntry
from .dispatch import account_signal
from .entity import BytesFlowsEntity

PARALLEL_UPDATES = 0

PACKAGE_EVENT = EventEntityDescription(
    key="package", event_types=[kind.value for kind in ChangeKind]
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BytesFlowsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the events of an account."""
    async_add_entities([BytesFlowsEvent(entry.runtime_data, PACKAGE_EVENT)])


class BytesFlowsEvent(BytesFlowsEntity, EventEntity):
    """Arrivals, renewals, and ends of packages."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen for changes."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass,
                account_signal(self.coordinator.config_entry.entry_id),
                self._handle_changes,
            )
        )

    @callback
    def _handle_changes(self, changes: tuple[Change, ...]) -> None:
        """Show each change with the package as it was last seen."""
        for change in changes:
            self._trigger_event(
                change.kind.value,
                describe(change.record, self.coordinator.account.clock.now()),
            )
            self.async_write_ha_state()
