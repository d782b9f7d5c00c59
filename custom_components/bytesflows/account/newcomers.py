"""Rows of unknown packages: which become packages, and which are news.

Times are aware and in UTC.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from ..api import Record, Source
from .consumption import RETENTION
from .package import ARRIVALS, Package, Step
from .times import CLOCK_TOLERANCE, EPOCH


class FirstSeen(StrEnum):
    """How a row was first seen."""

    IN_BASELINE = "in_baseline"
    """In the first reading, in which nothing is news."""
    OLD = "old"
    """Older than a known package of its source: it was there before, and is back."""
    NEW = "new"


class Newest(dict[Source, datetime]):
    """The creation time of the newest package, by source."""

    def note(self, records: Iterable[Record], now: datetime) -> None:
        """Note the creation times of packages, except those in the future."""
        latest = now + CLOCK_TOLERANCE
        for record in records:
            created = record.created
            if (
                created is not None
                and created > self.get(record.source, EPOCH)
                and created <= latest
            ):
                self[record.source] = created

    def is_newer(self, record: Record) -> bool:
        """Return whether an unknown package came after those of its source.

        One without a creation time counts as new if it is active.
        """
        if record.created is None:
            return record.is_active
        newest = self.get(record.source)
        return newest is None or record.created > newest


class Newcomers:
    """Make packages of unknown rows, or leave them out until their use is readable."""

    def __init__(self) -> None:
        """Start without any."""
        self.newest: Final = Newest()
        self.left_out: dict[str, FirstSeen] = {}
        """By id, rows that are no packages yet, and how they were first seen."""

    def past_rows(
        self, unknown: Iterable[Record], now: datetime, *, is_baseline: bool
    ) -> dict[str, Record]:
        """Return those of some unknown rows that are of the past, by id.

        Most rows of a history are, and need no closer look.
        """
        latest, left_out = now - RETENTION, self.left_out
        return {
            row.id: row
            for row in unknown
            if is_past(row, latest)
            and row.id not in left_out
            and (is_baseline or not self.newest.is_newer(row))
        }

    def admit(self, record: Record, now: datetime, *, is_baseline: bool) -> Step | None:
        """Return the first step of a package, or None for a row that is left out.

        In the first reading nothing is news.
        """
        seen = self.left_out.pop(record.id, None) or self._first_seen(
            record, is_baseline=is_baseline
        )
        if "trafficUsed" in record.unreadable:
            self.left_out[record.id] = seen
            return None
        if is_baseline:
            package = Package.from_history(record, now)
            return Step(package, record.traffic_used, ())
        arrival = ARRIVALS[record.source]
        if seen is not FirstSeen.NEW:
            package = Package.from_history(record, now)
            is_news = seen is FirstSeen.OLD and record.is_active
            return Step(package, 0, (arrival,) if is_news else ())
        step = Package(record).update(record, now)
        return Step(step.package, step.used, (arrival, *step.kinds))

    def note(self, rows: Iterable[Record], now: datetime) -> None:
        """Note which packages are the newest now."""
        if self.left_out:
            rows = [row for row in rows if row.id not in self.left_out]
        self.newest.note(rows, now)

    def forget_absent(self, ids: Collection[str]) -> None:
        """Forget the rows left out that are no longer listed, given those that are."""
        for id_ in self.left_out.keys() - ids:
            del self.left_out[id_]

    def _first_seen(self, record: Record, *, is_baseline: bool) -> FirstSeen:
        """Return how an unknown row is seen for the first time."""
        if is_baseline:
            return FirstSeen.IN_BASELINE
        return FirstSeen.NEW if self.newest.is_newer(record) else FirstSeen.OLD


def is_past(record: Record, latest: datetime) -> bool:
    """Return whether a package that is new to us ended too long ago to be watched.

    It was used, is inactive, has no unreadable values, and was neither created nor
    expires after `latest`, an aware moment.
    """
    if record.is_active or record.traffic_used == 0 or record.unreadable:
        return False
    created, expires = record.created, record.expires
    return (created is None or created <= latest) and (
        expires is None or expires <= latest
    )
