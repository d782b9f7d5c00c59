"""One package: its record, and the life that follows from all its records.

A life begins with the arrival of a package and ends when the server says that it is
used up or inactive. One that is usable again afterward begins a new life if its terms
changed; a status that flips back and forth continues the old one.
"""

from copy import replace
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, NamedTuple

from ..api import Record, Source
from .times import EPOCH, MINUTE

_TERMS: Final = frozenset({"expireTime", "traffic"})


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
    is_renewal_seen: bool = False
    """Whether terms moved in a way that the next reading has to confirm."""
    is_end_without_expiry: bool = False
    """Whether its expiry was missing, for the first time, in the reading of its end."""

    @classmethod
    def from_history(cls, record: Record, now: datetime) -> Package:
        """Return a package that was there before we looked: its past does not count."""
        package = cls(
            record, counted=record.traffic_used, was_in_use=_is_in_use(record)
        )
        if package._over is not None:
            package.life, package.end, package.ended = Life.ENDED, record, EPOCH
            for time in (record.created, record.expires):
                if time is not None and package.ended < time <= now:
                    package.ended = time
        return package

    @property
    def is_active(self) -> bool:
        """Whether the server lists it and calls it active."""
        return self.is_listed and self.record.is_active

    @property
    def needs_confirmation(self) -> bool:
        """Whether something was seen that the next reading has to confirm."""
        return (
            self.end_seen is not None
            or self.restart_seen is not None
            or self.is_renewal_seen
            or self.is_end_without_expiry
        )

    @property
    def is_settled(self) -> bool:
        """Whether the same record again would change nothing."""
        return self.is_listed and not self.needs_confirmation

    def is_usable(self, now: datetime) -> bool:
        """Return whether traffic can be drawn from it at an aware moment."""
        return self.is_listed and self.record.is_usable(now)

    def is_overdue(self, now: datetime) -> bool:
        """Return whether the server calls it active although it has expired."""
        expires = self.record.expires
        return expires is not None and expires <= now and self.is_active

    def is_waiting(self, now: datetime) -> bool:
        """Return whether it can still become active."""
        expires = self.record.expires
        return (
            self.is_listed
            and not self.was_in_use
            and (expires is None or expires > now)
        )

    def copy(self) -> Package:
        """Return a copy; `replace` takes four times as long."""
        return Package(*_values(self))

    def update(self, record: Record, now: datetime) -> Step:
        """Apply a row of the server at an aware moment.

        Values that could not be read stay as they were.
        """
        previous, self.record = self.record, record.completed_by(self.record)
        self.is_listed = True
        self.was_in_use |= _is_in_use(self.record)
        used = 0 if "trafficUsed" in record.unreadable else self._count(now)
        kinds = (*self._renew(previous, now), *self._finish(previous, now))
        return Step(self, used, kinds)

    def miss(self, now: datetime) -> Step:
        """Take over that a complete reading does not list it."""
        self.is_listed = self.is_renewal_seen = False
        return Step(self, 0, tuple(self._finish(self.record, now)))

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

    def _renew(self, previous: Record, now: datetime) -> list[ChangeKind]:
        """Begin a new life, or go on with the old one, if it is usable again."""
        self.is_renewal_seen = False
        if not self.is_usable(now):
            return []
        if self.has_restarted or self._has_new_terms(previous):
            self.life, self.end, self.ended = Life.OPEN, None, None
            self.is_end_without_expiry = self.has_restarted = False
            self.is_restart_told = self.restart_seen is not None
            return [ChangeKind.RENEWED]
        if self.life is Life.ENDED:
            self.life, self.ended = Life.RESUMED, None
        return []

    def _has_new_terms(self, previous: Record) -> bool:
        """Return whether the terms have certainly moved since the end.

        A renewal that gives nothing, such as one without an expiry, may be a value that
        was odd once: the next reading has to agree.
        """
        record, end = self.record, self.end
        if end is None or not _has_moved(record, end):
            return False
        if self.is_end_without_expiry and record.expires is None:
            end = replace(end, expires=None)
            if not _has_moved(record, end):
                return False
        self.is_renewal_seen = not _gives_more(record, end) and (
            _terms(record) != _terms(previous)
            or not _TERMS.isdisjoint(record.unreadable)
        )
        return not self.is_renewal_seen

    def _finish(self, previous: Record, now: datetime) -> list[ChangeKind]:
        """End the life if the record says so, once that is certain."""
        over = self._over
        if over is None or self.life is Life.ENDED:
            self.end_seen = None
            if self.end is not None and self.is_end_without_expiry:
                self.end = replace(self.end, expires=self.record.expires)
                self.is_end_without_expiry = False
            return []
        if self.end_seen is None and self._is_doubtful(over, previous, now):
            self.end_seen = now
            return []
        is_known = self.life is Life.RESUMED
        self.life, self.ended, self.end_seen = Life.ENDED, now, None
        if self.end is None:
            self.end = self.record
            if self.record.expires is None and previous.expires is not None:
                self.end = replace(self.record, expires=previous.expires)
                self.is_end_without_expiry = True
        return [] if is_known else [over]

    @property
    def _over(self) -> ChangeKind | None:
        """How the package ended, by its record, if it has."""
        if self.record.is_depleted:
            return ChangeKind.DEPLETED
        if self.is_active or not self.was_in_use:
            return None
        return ChangeKind.EXPIRED

    def _is_doubtful(self, over: ChangeKind, previous: Record, now: datetime) -> bool:
        """Return whether another reading has to confirm an end."""
        if over is ChangeKind.DEPLETED:
            # The size may be the odd value, or the use.
            return (
                "trafficUsed" in self.record.unreadable
                or not 0 < previous.traffic <= self.record.traffic_used
            )
        expires = self.record.expires
        return not self.is_listed or expires is None or expires > now


_values: Final = attrgetter(*(item.name for item in fields(Package)))


class Step(NamedTuple):
    """A package after a reading, and the news of the reading."""

    package: Package
    used: int
    """Bytes that were used since the reading before."""
    kinds: tuple[ChangeKind, ...]


def describe(record: Record, now: datetime) -> dict[str, Any]:
    """Return a package for automations and people: bytes, and times in UTC.

    The only description of a package, so that it is the same everywhere.
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
    if _terms(record) != _terms(end):
        return True
    return _is_another(record, end)


def _gives_more(record: Record, end: Record) -> bool:
    """Return whether a renewal is one on its face: there is more than at the end."""
    is_later = record.expires and end.expires and record.expires > end.expires
    return bool(is_later) or record.traffic > end.traffic or _is_another(record, end)


def _terms(record: Record) -> tuple[datetime | None, int]:
    """Return the terms that can be missing or odd in a reading."""
    return record.expires, record.traffic


def _is_another(record: Record, end: Record) -> bool:
    """Return whether the order or the creation is another one."""
    pairs = ((record.order_id, end.order_id), (record.created, end.created))
    return any(new is not None and new != old for new, old in pairs)
