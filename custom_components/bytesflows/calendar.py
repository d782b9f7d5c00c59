"""The calendar of a BytesFlows account: when its packages expire."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Final, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .api import Record
from .const import DOMAIN
from .coordinator import BytesFlowsConfigEntry, BytesFlowsCoordinator
from .entity import BytesFlowsEntity

PARALLEL_UPDATES = 0

PACKAGE_EXPIRIES = CalendarEntityDescription(key="package_expiries")

DURATION: Final = timedelta(minutes=1)
"""How long an expiry lasts in the calendar, which shows no shorter events well."""

_KIB: Final = 1024


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BytesFlowsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the calendar of an account."""
    texts = await async_get_translations(hass, hass.config.language, "common", {DOMAIN})
    async_add_entities([PackageExpiries(entry.runtime_data, texts)])


class PackageExpiries(BytesFlowsEntity, CalendarEntity):
    """The moments at which packages expire, and expired as far as is known."""

    def __init__(
        self, coordinator: BytesFlowsCoordinator, texts: Mapping[str, str]
    ) -> None:
        """Initialize the entity with the texts in the language of the server."""
        super().__init__(coordinator, PACKAGE_EXPIRIES)
        self._texts = texts
        # Home Assistant asks three times a poll, and checks each new event at length.
        self._event = lru_cache(maxsize=1)(self._make_event)

    @property
    @override
    def available(self) -> bool:
        """Return whether the packages are known, too."""
        return super().available and self.coordinator.data.packages is not None

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """Return the expiry that is now, or comes next."""
        now = dt_util.utcnow()
        coming = [
            item
            for item in _expiries(self.coordinator.ledger.active)
            if item[0] + DURATION > now
        ]
        if not coming:
            return None
        expires, record = coming[0]
        return self._event(expires, replace(record, traffic_used=0))

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return the expiries between two times.

        What became invalid before its time does not expire any more.
        """
        ledger = self.coordinator.ledger
        now = dt_util.utcnow()
        active = {record.id for record in ledger.active}
        return [
            self._make_event(expires, record)
            for expires, record in _expiries(ledger.records)
            if start_date < expires + DURATION
            and expires < end_date
            and (expires <= now or record.id in active)
        ]

    def _make_event(self, expires: datetime, record: Record) -> CalendarEvent:
        """Return the expiry of a package, whatever of it is used."""
        title = self._texts[f"component.{DOMAIN}.common.expiry_{record.source}"]
        return CalendarEvent(
            start=expires,
            end=expires + DURATION,
            summary=title.format(size=_size(record.traffic)),
            description=record.order_id,
            uid=record.id,
        )


def _expiries(records: Iterable[Record]) -> list[tuple[datetime, Record]]:
    """Return packages that expire, with the moment, the earliest first."""
    return sorted(
        ((record.expires, record) for record in records if record.expires is not None),
        key=itemgetter(0),
    )


def _size(traffic: int) -> str:
    """Return a number of bytes as people write it."""
    size = float(traffic)
    unit = "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < _KIB:
            break
        size /= _KIB
        unit = larger
    return f"{round(size, 2):g} {unit}"
