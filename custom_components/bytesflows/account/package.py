"""One package: its record, and the life that follows from all its records.

A life begins with the arrival of a package and ends when the server says that it is
used up or inactive. One that is usable again afterward begins a new life if its terms
changed; a status that flips back and forth goes on with the old one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from ..api import Record, Source
from .times import MINUTE

_EPOCH: Final = datetime.fromtimestamp(0, UTC)


class ChangeKind(StrEnum):
    """Kinds of changes of a package."""

    PURCHASED = "purchased"
    CHECKED_IN = "checked_in"
    ACQUIRED = "acquired"
    RENEWED = "renewed"
    EXPIRED = "expired"
    DEPLETED = "depleted"


ARRIVALS: Final = {
    Source.ORDER: ChangeKind.PURCHASED,
    Source.SIGN: ChangeKind.CHECKED_IN,
    Source.OTHER: ChangeKind.ACQUIRED,
}


class Life(StrEnum):
    """Stages of the life of a package."""

    OPEN = "open"
    ENDED = "ended"
    RESUMED = "resumed"
    """Usable again on the same terms: the old life goes on, its end is known."""


@dataclass(frozen=True, slots=True)
class Change:
    """An arrival, a renewal, or an end of a package, dispatched once."""

    kind: ChangeKind
    record: Record
    """The package as it was last seen."""

    @property
    def is_arrival(self) -> bool:
        """Whether the package is new."""
        return self.kind in ARRIVALS.values()


@dataclass(slots=True)
class Package:
    """A package and its life. The ledger changes copies and keeps the originals."""

    record: Record
    """The last readable values."""
    counted: int = 0
    """Bytes of its use that count as consumption: the highest use seen."""
    is_listed: bool = True
    was_in_use: bool = False
    """Whether it was ever seen active, or with a use. Until then it waits."""
    life: Life = Life.OPEN
    ended: datetime | None = None
    """When the life was found to have ended, in UTC."""
    end: Record | None = None
    """The record with which the life ended."""
    end_seen: datetime | None = None
    """When an end was seen that the next reading has to confirm."""
    restart_seen: datetime | None = None
    """When a use was seen that may start again at 0."""
    has_restarted: bool = False
    """Whether the use started again, which is news once the package is usable."""
    is_restart_told: bool = False
    """Whether a renewal was reported while the restart was not confirmed yet."""

    @classmethod
    def from_history(cls, record: Record, now: datetime) -> Package:
        """Return a package that was there before we looked: its past does not count."""
        package = cls(
            record, counted=record.traffic_used, was_in_use=_is_in_use(record)
        )
        if package._over is not None:
            times = (record.created, record.expires)
            past = [time for time in times if time is not None and time <= now]
            package.life, package.end = Life.ENDED, record
            package.ended = max(past, default=_EPOCH)
        return package

    @property
    def is_active(self) -> bool:
        """Whether the server lists it and calls it active."""
        return self.is_listed and self.record.is_active

    @property
    def needs_confirmation(self) -> bool:
        """Whether something was seen that the next reading has to confirm."""
        return self.end_seen is not None or self.restart_seen is not None

    @property
    def is_settled(self) -> bool:
        """Whether the same record once more says nothing new."""
        return self.is_listed and not self.needs_confirmation

    def is_usable(self, now: datetime) -> bool:
        """Return whether traffic can be drawn from it at an aware moment."""
        return self.is_listed and self.record.is_usable(now)

    def is_overdue(self, now: datetime) -> bool:
        """Return whether the server calls it active although it has expired."""
        expires = self.record.expires
        return self.is_active and expires is not None and expires <= now

    def is_waiting(self, now: datetime) -> bool:
        """Return whether it can still become active."""
        expires = self.record.expires
        return (
            self.is_listed
            and not self.was_in_use
            and (expires is None or expires > now)
        )

    def update(self, record: Record, now: datetime) -> Step:
        """Take over a row of the server at an aware moment.

        Values that could not be read stay as they were.
        """
        self.record = record.completed_by(self.record)
        self.is_listed = True
        self.was_in_use |= _is_in_use(self.record)
        used = 0 if "trafficUsed" in record.unreadable else self._count(now)
        kinds = (*self._renew(now), *self._finish(now))
        return Step(self, used, kinds)

    def miss(self, now: datetime) -> Step:
        """Take over that a complete reading does not list it."""
        self.is_listed = False
        return Step(self, 0, tuple(self._finish(now)))

    def _count(self, now: datetime) -> int:
        """Count the use, and return the bytes that are new."""
        used = self.record.traffic_used
        if used * 2 >= self.counted:
            self.restart_seen, self.is_restart_told = None, False
            growth = max(0, used - self.counted)
            self.counted += growth
            return growth
        if self.restart_seen is None or self.restart_seen > now:
            self.restart_seen = now
        if now - self.restart_seen < MINUTE:
            return 0
        self.has_restarted = not self.is_restart_told
        self.restart_seen, self.is_restart_told = None, False
        self.counted = used
        return used

    def _renew(self, now: datetime) -> list[ChangeKind]:
        """Begin a new life, or go on with the old one, if it is usable again."""
        if not self.is_usable(now):
            return []
        has_moved = self.has_restarted or (
            self.end is not None and _has_moved(self.record, self.end)
        )
        if has_moved:
            self.life, self.end, self.ended = Life.OPEN, None, None
            self.has_restarted = False
            self.is_restart_told = self.restart_seen is not None
            return [ChangeKind.RENEWED]
        if self.life is Life.ENDED:
            self.life, self.ended = Life.RESUMED, None
        return []

    def _finish(self, now: datetime) -> list[ChangeKind]:
        """End the life if the record says so, once that is certain."""
        over = self._over
        if over is None or self.life is Life.ENDED:
            self.end_seen = None
            return []
        if self.end_seen is None and self._is_doubtful(over, now):
            self.end_seen = now
            return []
        is_known = self.life is Life.RESUMED
        self.life, self.ended, self.end_seen = Life.ENDED, now, None
        self.end = self.end or self.record
        return [] if is_known else [over]

    @property
    def _over(self) -> ChangeKind | None:
        """How the package ended, by its record, if it has."""
        if self.record.is_depleted:
            return ChangeKind.DEPLETED
        if self.is_active or not self.was_in_use:
            return None
        return ChangeKind.EXPIRED

    def _is_doubtful(self, over: ChangeKind, now: datetime) -> bool:
        """Return whether another reading has to confirm an end."""
        if over is ChangeKind.DEPLETED:
            # A size far below the use: either can be the odd one.
            return "trafficUsed" in self.record.unreadable
        expires = self.record.expires
        return not self.is_listed or expires is None or expires > now


@dataclass(frozen=True, slots=True)
class Step:
    """A package after a reading, and the news of the reading."""

    package: Package
    used: int
    """Bytes that were used since the reading before."""
    kinds: tuple[ChangeKind, ...]


def describe(record: Record, now: datetime) -> dict[str, Any]:
    """Return a package for automations and people: bytes, and times in UTC.

    The only description of a package there is, so that it reads the same everywhere.
    """
    return {
        "order_id": record.order_id,
        "source": record.source.value,
        "status": "active" if record.is_active else "inactive",
        "usable": record.is_usable(now),
        "size": record.traffic,
        "used": record.traffic_used,
        "remaining": record.remaining,
        "created": record.created and record.created.isoformat(),
        "expires": record.expires and record.expires.isoformat(),
    }


def _is_in_use(record: Record) -> bool:
    """Return whether a package no longer waits."""
    return record.is_active or record.traffic_used > 0


def _has_moved(record: Record, end: Record) -> bool:
    """Return whether a package has other terms than at its end: a new life of it.

    An order or a creation that is missing in a reading is no other one.
    """
    if (record.expires, record.traffic) != (end.expires, end.traffic):
        return True
    pairs = ((record.order_id, end.order_id), (record.created, end.created))
    return any(new is not None and new != old for new, old in pairs)
