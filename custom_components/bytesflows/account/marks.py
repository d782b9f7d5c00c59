"""Scales of an account, the marks on them, and how far each scale was passed.

A trigger is a mark on a scale: how long traffic has been low, or how much time a
package has left. A mark fires when the scale passes it. So it fires once, whatever
happens in between: an outage, a reload, a restart, or a clock that goes back.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ..api import Record
from .times import END_OF_TIME, HOUR


@dataclass(frozen=True, slots=True)
class LowMark:
    """A mark of the traffic that was passed."""

    is_low: bool
    duration: timedelta
    since: datetime
    before: datetime | None = None
    """Since when it was the opposite before, None if nobody saw that begin."""


@dataclass(frozen=True, slots=True)
class PackageMark:
    """A mark of a package that was passed."""

    record: Record
    lead_time: timedelta


type Mark = LowMark | PackageMark


class Places(NamedTuple):
    """The places on the scales at which triggers wait."""

    low: Collection[timedelta] = ()
    """How long traffic is low."""
    not_low: Collection[timedelta] = ()
    """How long traffic is not low."""
    packages: Collection[timedelta] = ()
    """Lead times before an expiry."""

    def of_traffic(self, *, is_low: bool) -> Collection[timedelta]:
        """Return those on the scale of the traffic."""
        return self.low if is_low else self.not_low


@dataclass(frozen=True, slots=True)
class LowScale:
    """How long traffic has been low, or not low, since a change that was seen."""

    is_low: bool | None = None
    since: datetime | None = None
    """When it changed; None if no change was ever seen."""
    passed: timedelta | None = None
    """The part of the scale that was passed; None if not even its start was."""
    before: datetime | None = None
    """When the state before began; None if nobody saw that."""

    def observed(self, now: datetime, *, is_low: bool | None) -> LowScale:
        """Return the scale after a good poll; None says that nothing is known.

        A change in the future was seen by a clock ahead of time, and counts from now.
        """
        if is_low is None or is_low is self.is_low:
            if self.since is not None and self.since > now:
                return replace(self, since=now)
            return self
        if self.is_low is None:
            return LowScale(is_low)
        return LowScale(is_low, now, before=self.since)

    def due(self, durations: Iterable[timedelta], now: datetime) -> list[LowMark]:
        """Return the marks that lie between the passed part and now."""
        if self.since is None or self.is_low is None:
            return []
        elapsed = now - self.since
        return [
            LowMark(self.is_low, duration, self.since, self.before)
            for duration in sorted(durations)
            if duration <= elapsed and (self.passed is None or duration > self.passed)
        ]

    def passed_until(self, now: datetime) -> LowScale:
        """Return the scale passed until now, never less than before."""
        if self.since is None or now < self.since:
            return self
        elapsed = now - self.since
        passed = elapsed if self.passed is None else max(self.passed, elapsed)
        return replace(self, passed=passed)

    def next_due(
        self, durations: Iterable[timedelta], now: datetime
    ) -> datetime | None:
        """Return when the next mark after now is due, if there is one."""
        if self.since is None:
            return None
        ahead = [
            duration
            for duration in durations
            if now - self.since < duration <= END_OF_TIME - self.since
        ]
        return self.since + min(ahead) if ahead else None


class Passed(NamedTuple):
    """How far the scale of a package was passed."""

    left: timedelta
    """The time that it had left then."""
    expires: datetime
    """Its expiry then, in UTC."""
    before: Passed | None = None
    """The same for the expiry before: one that comes back was passed already."""

    def left_at(self, expires: datetime) -> timedelta:
        """Return the time left down to which it was passed, for an expiry."""
        return (self._known(expires) or self).left

    def moved(self, left: timedelta, expires: datetime) -> Passed:
        """Return the scale after a look at a package.

        Time only moves it down, even if a clock goes back. An expiry that moves by more
        than an hour moves it up: an extension arms marks again, a nudge not.
        """
        if expires == self.expires or abs(expires - self.expires) <= HOUR:
            if left >= self.left:
                return self
            return Passed(left, expires, self.before)
        before = self._replace(before=None)
        if (known := self._known(expires)) is not None:
            return Passed(min(left, known.left), expires, before)
        is_extension = expires > self.expires
        return Passed(left if is_extension else min(left, self.left), expires, before)

    def _known(self, expires: datetime) -> Passed | None:
        """Return the scale of the expiry before if it has come back."""
        before = self.before
        if before is None or abs(expires - self.expires) <= HOUR:
            return None
        return before if abs(expires - before.expires) <= HOUR else None


@dataclass(slots=True)
class Marks:
    """The scales of an account, as values: copy it to be able to go back."""

    low: LowScale = field(default_factory=LowScale)
    packages: dict[str, Passed] = field(default_factory=dict)
    """By id, how far the scale of a package was passed."""

    def copy(self) -> Marks:
        """Return a copy."""
        return Marks(self.low, dict(self.packages))

    def undo(self, before: Marks, after: Marks) -> None:
        """Undo a move, given copies from before and after it.

        Scales that have moved again or begun since then stay where they are.
        """
        for id_, passed in after.packages.items():
            if self.packages.get(id_) is not passed:
                continue
            if (was := before.packages.get(id_)) is None:
                del self.packages[id_]
            else:
                self.packages[id_] = was
        if self.low.since == before.low.since:
            self.low = replace(self.low, passed=before.low.passed)

    def due(
        self,
        records: Iterable[Record],
        lead_times: Iterable[timedelta],
        now: datetime,
    ) -> list[PackageMark]:
        """Return the marks of packages that are due, the next expiry first."""
        lead_times = sorted(lead_times, reverse=True)
        found: list[tuple[timedelta, PackageMark]] = []
        for record, expires in _moving(records, now):
            left, passed = expires - now, self.packages.get(record.id)
            found += [
                (left, PackageMark(record, lead_time))
                for lead_time in lead_times
                if left <= lead_time
                and (passed is None or lead_time < passed.left_at(expires))
            ]
        found.sort(key=lambda item: item[0])
        return [mark for _, mark in found]

    def pass_packages(self, records: Iterable[Record], now: datetime) -> None:
        """Move the scales of packages to now."""
        for record, expires in _moving(records, now):
            passed = self.packages.get(record.id)
            if passed is None:
                self.packages[record.id] = Passed(expires - now, expires)
            else:
                self.packages[record.id] = passed.moved(expires - now, expires)

    def next_due(
        self, records: Iterable[Record], lead_times: Iterable[timedelta], now: datetime
    ) -> datetime | None:
        """Return when the next mark of a package is due, if there is one."""
        lead_times = tuple(lead_times)
        due = [
            now + max(expires - now - lead_time, timedelta(0))
            for record, expires in _moving(records, now)
            for lead_time in lead_times
            if (passed := self.packages.get(record.id)) is None
            or lead_time < passed.left_at(expires)
        ]
        return min(due, default=None)

    def keep(self, known: Mapping[str, object], now: datetime) -> None:
        """Drop the scales of packages that are not known, once they have expired.

        Until then, a package can become usable again, and has passed what it passed.
        """
        for id_, passed in list(self.packages.items()):
            if id_ not in known and passed.expires <= now:
                del self.packages[id_]


def _moving(records: Iterable[Record], now: datetime) -> list[tuple[Record, datetime]]:
    """Return usable packages whose expiry can be read, with the expiry."""
    return [
        (record, record.expires)
        for record in records
        if record.expires is not None
        and "expireTime" not in record.unreadable
        and record.is_usable(now)
    ]
