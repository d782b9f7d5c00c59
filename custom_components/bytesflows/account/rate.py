"""How fast traffic is used: bytes per second, from the packages or from watching.

Sizes are bytes, times are aware and in UTC.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ..api import Record, Source
from .consumption import Consumption
from .ledger import Ledger
from .package import Package
from .times import DAY, EPOCH

PAST: Final = timedelta(days=60)
"""How far back the packages count."""


class PastRate:
    """The rate of the packages.

    Those that can change are added up each time, the history once per hour and change
    of it.
    """

    def __init__(self) -> None:
        """Start without one."""
        self._key: tuple[int, datetime] | None = None
        self._window = _Window((), EPOCH)
        self._history = 0.0

    def at(self, ledger: Ledger, hour: datetime) -> float | None:
        """Return the rate of the packages of a ledger at an aware hour."""
        key = ledger.history_version, hour
        if self._key != key:
            window = self._window = _Window(ledger.packages.records, hour)
            self._history = window.use_of(ledger.history(window.may_hold))
            self._key = key
        return self._window.rate(
            self._history + self._window.use_of(ledger.watchlist.changeable)
        )


def current_rate(
    consumption: Consumption, ledger: Ledger, past: PastRate, hour: datetime
) -> float | None:
    """Return the bytes used per second at an aware hour, or None if unknown.

    It is the average over the last 7 days once these were watched. Until then it is
    that of the packages, and where none of them has times, that of the days watched.
    """
    if consumption.has_watched_window(hour):
        return consumption.rate(hour)
    if ledger.has_times:
        return past.at(ledger, hour)
    return consumption.rate(hour)


def past_rate(packages: Iterable[Package], now: datetime) -> float | None:
    """Return the bytes used per second of packages, or None if unknown.

    It is the use of the last 60 days, or of the time since the oldest package was
    created if that is shorter; unknown if it is shorter than a day. Assumptions:

    - A package created within that time was used within it.
    - An older one was used evenly over its life. That goes from its creation until it
      ended, expired, or now. If it has ended, it was used up by the time when another
      one of its source came, a day or more after it: people purchase what they need.
    - Nothing else was used. Packages that the server has forgotten, and those without
      a creation time, are missing: the rate is never more than the packages show.
    """
    packages = tuple(packages)
    window = _Window([package.record for package in packages], now)
    return window.rate(window.use_of(packages))


class _Window:
    """The last 60 days, and the arrivals of packages until then."""

    def __init__(self, records: Iterable[Record], now: datetime) -> None:
        """Note when packages of each source arrived."""
        self._now = now
        self._begin = now - PAST
        arrivals: defaultdict[Source, list[datetime]] = defaultdict(list)
        for record in records:
            if record.created is not None:
                arrivals[record.source].append(record.created)
        for times in arrivals.values():
            times.sort()
        self._arrivals = dict(arrivals)
        """The creation times by source, in order."""

    def rate(self, used: float) -> float | None:
        """Return the bytes per second of a use in the window, or None if unknown."""
        oldest = min((times[0] for times in self._arrivals.values()), default=self._now)
        if self._now - oldest < DAY:
            return None
        return used / (self._now - max(self._begin, oldest)).total_seconds()

    def use_of(self, packages: Iterable[Package]) -> float:
        """Return the bytes of some packages that were used in the window."""
        return sum(
            package.counted * self._share(package, created)
            for package in packages
            if (created := package.record.created) is not None
            and self.may_hold(package.record)
        )

    def may_hold(self, record: Record) -> bool:
        """Return whether the life of a package can reach into the window."""
        begin, created, expires = self._begin, record.created, record.expires
        return created is not None and (
            expires is None or expires > begin or created >= begin
        )

    def _share(self, package: Package, created: datetime) -> float:
        """Return the part of the life of a package that lies in the window."""
        begin = self._begin
        if created >= begin:
            return 1.0
        end = min(self._now, package.record.expires or self._now)
        if package.ended is not None:
            arrivals = self._arrivals[package.record.source]
            following = bisect_left(arrivals, created + DAY)
            end = min([end, *arrivals[following : following + 1]])
            if package.ended > created:
                # Otherwise it ended before we looked, and nobody knows when.
                end = min(end, package.ended)
        return 0.0 if end <= begin else (end - begin) / (end - created)
