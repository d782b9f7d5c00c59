"""How fast traffic is used: bytes per second, from the packages or from watching.

Sizes are bytes, times are aware and in UTC.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ..api import Source
from .consumption import Consumption
from .ledger import Ledger
from .package import Package
from .times import DAY

PAST: Final = timedelta(days=60)
"""How far back the packages count."""


class PastRate:
    """The rate of the packages, computed once per hour and change of the ledger."""

    def __init__(self) -> None:
        """Start without one."""
        self._key: tuple[int, datetime] | None = None
        self._rate: float | None = None

    def at(self, ledger: Ledger, hour: datetime) -> float | None:
        """Return the rate of the packages of a ledger at an aware hour."""
        key = ledger.version, hour
        if self._key != key:
            self._rate = past_rate(ledger.packages.values(), hour)
            self._key = key
        return self._rate


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
    begin = now - PAST
    dated = [
        (package.record.created, package)
        for package in packages
        if package.record.created is not None
    ]
    oldest = min((created for created, _ in dated), default=now)
    if now - oldest < DAY:
        return None
    arrivals: dict[Source, list[datetime]] = {}
    for created, package in dated:
        arrivals.setdefault(package.record.source, []).append(created)
    for times in arrivals.values():
        times.sort()
    used = sum(
        package.counted
        * _share_since(begin, created, package, arrivals[package.record.source], now)
        for created, package in dated
    )
    return used / (now - max(begin, oldest)).total_seconds()


def _share_since(
    begin: datetime,
    created: datetime,
    package: Package,
    arrivals: list[datetime],
    now: datetime,
) -> float:
    """Return the part of the life of a package, and of its use, since a moment.

    `arrivals` are the creation times of the packages of its source, in order.
    """
    if created >= begin:
        return 1.0
    end = min(now, package.record.expires or now)
    if package.ended is not None:
        following = bisect_left(arrivals, created + DAY)
        end = min([end, *arrivals[following : following + 1]])
        if package.ended > created:
            # Otherwise it ended before we looked, and nobody knows when.
            end = min(end, package.ended)
    return 0.0 if end <= begin else (end - begin) / (end - created)
