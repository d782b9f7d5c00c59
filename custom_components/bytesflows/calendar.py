"""The calendar of a BytesFlows account: when its packages expire."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import log
from operator import itemgetter
from typing import Final, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.translation import async_get_translations

from .api import Record
from .const import DOMAIN
from .coordinator import BytesFlowsConfigEntry
from .entity import ATTR_KEY, BytesFlowsEntity

PARALLEL_UPDATES = 0

PACKAGE_EXPIRIES = CalendarEntityDescription(key="package_expiries")

DURATION: Final = timedelta(minutes=1)
"""How long an expiry lasts in the calendar, which shows no shorter events well."""

_STEP: Final = log(1.01)
"""Change of the logarithm of traffic for another state."""
_KIB: Final = 1024
_UNLIMITED: Final = "∞"


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BytesFlowsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the calendar of an account."""
    async_add_entities([BytesFlowsCalendar(entry.runtime_data, PACKAGE_EXPIRIES)])


class BytesFlowsCalendar(BytesFlowsEntity, CalendarEntity):
    """Expiries of packages with traffic left, including past ones."""

    # The title says how much is left: recorded, it would fill the database.
    _unrecorded_attributes = frozenset({ATTR_KEY, "message"})
    _event: CalendarEvent | None = None
    _texts: dict[str, str]

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the language of the server."""
        await self._async_load_texts()
        await super().async_added_to_hass()

        async def follow(_: Event) -> None:
            """Show the texts in the current language."""
            await self._async_load_texts()
            self.async_write_ha_state()

        self.async_on_remove(
            self.hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, follow)
        )

    async def _async_load_texts(self) -> None:
        """Load the texts in the language of the server."""
        self._texts = await async_get_translations(
            self.hass, self.hass.config.language, "common", {DOMAIN}
        )

    @property
    @override
    def available(self) -> bool:
        """Return whether the packages are known as well."""
        return super().available and self.coordinator.data.summary is not None

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """Return the expiry that is now, or comes next."""
        return self._event

    @callback
    @override
    def _async_write_ha_state(self) -> None:
        """Make the event once, for which Home Assistant asks several times."""
        coming = self._coming()
        self._event = self._current_event(*coming[0]) if coming else None
        super()._async_write_ha_state()

    def _current_event(self, expires: datetime, record: Record) -> CalendarEvent:
        """Return the event of an expiry: the same while only its title changes.

        Making one is expensive, and the title changes whenever traffic is used.
        """
        same, event = (record.id, expires, record.order_id), self._event
        if event is not None and (event.uid, event.start, event.description) == same:
            event.summary = self._title(record)
            return event
        return self._make_event(expires, record)

    @property
    @override
    def _value(self) -> object:
        """Return the contents of the events, with the traffic to a hundredth.

        A state is written when any of it changes: that updates open calendars, too.
        """
        return [
            (expires, record.id, record.order_id, record.source, _magnitude(record))
            for expires, record in self._coming()
        ]

    def _coming(self) -> list[tuple[datetime, Record]]:
        """Return the packages whose expiry is now or comes, in order, with the time."""
        account = self.coordinator.account
        now = account.clock.now()
        coming = [
            (expires, record)
            for expires, record in _expiries(account.state.ledger.active)
            if expires + DURATION > now
        ]
        coming.sort(key=itemgetter(0))
        return coming

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return the expiries between two times.

        A package that became inactive before its expiry no longer expires.
        """
        account = self.coordinator.account
        ledger, now = account.state.ledger, account.clock.now()
        active = {record.id for record in ledger.active}
        found = [
            (expires, record)
            for expires, record in _expiries(ledger.packages.records)
            if start_date < expires + DURATION
            and expires < end_date
            and (expires <= now or record.id in active)
        ]
        found.sort(key=itemgetter(0))
        return [self._make_event(*item) for item in found]

    def _make_event(self, expires: datetime, record: Record) -> CalendarEvent:
        """Return the expiry of a package."""
        return CalendarEvent(
            start=expires,
            end=expires + DURATION,
            summary=self._title(record),
            description=record.order_id,
            uid=record.id,
        )

    def _title(self, record: Record) -> str:
        """Return the title: a kind of package, and the traffic that expires with it."""
        title = self._texts[f"component.{DOMAIN}.common.expiry_{record.source}"]
        return title.format(
            size=_UNLIMITED if record.is_unlimited else _size(record.remaining)
        )


def _expiries(records: Iterable[Record]) -> Iterator[tuple[datetime, Record]]:
    """Yield packages that expire with traffic left, with the time."""
    for record in records:
        if record.expires is not None and not record.is_depleted:
            yield record.expires, record


def _magnitude(record: Record) -> int | None:
    """Return the remaining traffic in steps of a hundredth, None if it is unlimited.

    A title that is off by less is not worth a state.
    """
    return None if record.is_unlimited else int(log(record.remaining) / _STEP)


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
