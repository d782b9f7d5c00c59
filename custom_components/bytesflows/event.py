"""What happens to the packages of a BytesFlows account."""

from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BytesFlowsConfigEntry
from .entity import BytesFlowsEntity
from .ledger import Change, ChangeKind

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
    async_add_entities([PackageEvent(entry.runtime_data, PACKAGE_EVENT)])


class PackageEvent(BytesFlowsEntity, EventEntity):
    """A package that came, or is over."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what is told."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass, self.coordinator.change_signal, self._handle_change
            )
        )

    @callback
    def _handle_change(self, change: Change) -> None:
        """Show what happened, with the package as it was last seen."""
        record = change.record
        self._trigger_event(
            change.kind.value,
            {
                "order_id": record.order_id,
                "source": record.source.value,
                "size": record.traffic,
                "remaining": record.remaining,
                "created": record.created and record.created.isoformat(),
                "expires": record.expires and record.expires.isoformat(),
            },
        )
        self.async_write_ha_state()
