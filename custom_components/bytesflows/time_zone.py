"""What the API itself says of the zone in which it writes its times.

The API document names no zone, so one is configured. It can be proved wrong. Pure
Python: no Home Assistant, no input or output, and no clock of its own. Times are aware
and in UTC; offsets are those that a zone has from UTC.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final, Self

from .ledger import HOUR, Arrival, Ledger

TOLERANCE: Final = timedelta(minutes=30)
"""How long a package may take from its creation to the list."""
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""By how much two clocks may differ."""
LARGEST_OFFSET: Final = timedelta(hours=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the zone's offset must have been at a moment, though it is another."""

    key: str
    """Names what it was found on: the same key is the same evidence."""
    moment: datetime
    least: timedelta
    most: timedelta

    @property
    def is_possible(self) -> bool:
        """Whether any zone could have such an offset."""
        return self.least <= LARGEST_OFFSET and self.most >= -LARGEST_OFFSET

    def fits(self, zone: tzinfo) -> bool:
        """Return whether a zone agrees with it."""
        return self.least <= _offset(zone, self.moment) <= self.most

    def as_json(self) -> dict[str, Any]:
        """Return it fit for JSON."""
        return {
            "key": self.key,
            "moment": self.moment.timestamp(),
            "least": self.least.total_seconds(),
            "most": self.most.total_seconds(),
        }

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Self:
        """Return what `as_json` gave."""
        return cls(
            key=item["key"],
            moment=datetime.fromtimestamp(item["moment"], UTC),
            least=timedelta(seconds=item["least"]),
            most=timedelta(seconds=item["most"]),
        )


class ZoneWatch:
    """Look for evidence against a zone."""

    def __init__(self, zone: tzinfo) -> None:
        """Watch the zone in which times are read."""
        self._zone = zone
        self._overdue: dict[str, datetime] = {}

    def look(self, ledger: Ledger, now: datetime) -> tuple[Evidence, ...]:
        """Return the evidence that a reading gives, right after it was taken."""
        found = (
            *self._arrivals(ledger.arrivals, now),
            *self._future(ledger, now),
            *self._overdue_packages(ledger, now),
        )
        return tuple(
            item for item in found if item.is_possible and not item.fits(self._zone)
        )

    def _arrivals(
        self, arrivals: Iterable[Arrival], now: datetime
    ) -> Iterator[Evidence]:
        """Yield what packages say that were created between two readings.

        One that was created at midnight to the second has a date and no time.
        """
        for arrival in arrivals:
            created = arrival.record.created
            if created is None or self._written(created).time() == time.min:
                continue
            slack = now - arrival.before + TOLERANCE
            if not arrival.before - slack <= created <= now + slack:
                yield Evidence(
                    key=f"arrival {arrival.record.id}",
                    moment=created,
                    least=self._offset_if(created, now) - CLOCK_TOLERANCE,
                    most=self._offset_if(created, arrival.before) + CLOCK_TOLERANCE,
                )

    def _future(self, ledger: Ledger, now: datetime) -> Iterator[Evidence]:
        """Yield what packages say whose creation is still to come."""
        for created in ledger.newest.values():
            if created > now + CLOCK_TOLERANCE:
                yield Evidence(
                    key=f"creation {self._written(created).isoformat()}",
                    moment=created,
                    least=self._offset_if(created, now) - CLOCK_TOLERANCE,
                    most=LARGEST_OFFSET,
                )

    def _overdue_packages(self, ledger: Ledger, now: datetime) -> Iterator[Evidence]:
        """Yield what packages say that have been active for an hour too long."""
        overdue = {
            record.id: record.expires
            for record in ledger.active
            if record.expires is not None and record.expires <= now
        }
        self._overdue = {id_: self._overdue.get(id_, now) for id_ in overdue}
        for id_, expires in overdue.items():
            if now - self._overdue[id_] >= HOUR:
                yield Evidence(
                    key=f"expiry {id_}",
                    moment=expires,
                    least=-LARGEST_OFFSET,
                    most=self._offset_if(expires, now) + CLOCK_TOLERANCE,
                )

    def _written(self, moment: datetime) -> datetime:
        """Return a time as the API wrote it."""
        return moment.astimezone(self._zone).replace(tzinfo=UTC)

    def _offset_if(self, moment: datetime, true: datetime) -> timedelta:
        """Return the zone's offset if what was written meant another moment."""
        return self._written(moment) - true


def fitting(
    zones: Mapping[str, tzinfo], evidence: Iterable[Evidence]
) -> tuple[str, ...]:
    """Return the names of the zones that all evidence allows, or else the newest."""
    evidence = tuple(evidence)
    for items in (evidence, evidence[-1:]):
        names = tuple(
            name
            for name, zone in zones.items()
            if all(item.fits(zone) for item in items)
        )
        if names:
            return names
    return tuple(zones)


def shifted(moment: datetime, old: tzinfo, new: tzinfo) -> datetime:
    """Return the moment that was meant if what was written is read in another zone."""
    return moment.astimezone(old).replace(tzinfo=new).astimezone(UTC)


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    """Return the offset of a zone at a moment."""
    return moment.astimezone(zone).utcoffset() or timedelta(0)
