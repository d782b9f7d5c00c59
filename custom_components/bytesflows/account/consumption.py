"""Lifetime consumption, and its rate."""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from operator import itemgetter
from typing import Final

from .time_zone import offset_at
from .times import DAY, HOUR

RATE_WINDOW: Final = timedelta(days=7)
RETENTION: Final = timedelta(days=8)
"""How long samples are kept."""
MAX_SAMPLES: Final = RETENTION // HOUR + 2
"""A number and not an age: a clock ahead of time must not drop those of last week."""

_MAX_INT64: Final = 2**63 - 1


@dataclass(slots=True)
class Consumption:
    """The lifetime total, with hourly samples of it. Bytes, and times in UTC."""

    total: int = 0
    """It never goes down."""
    watched_since: datetime | None = None
    """When the first reading was made, or the first after a gap of over a day."""
    samples: list[tuple[datetime, int]] = field(default_factory=list)
    """Ends of hours in which traffic was used, and the total then."""

    def take(
        self,
        used: int,
        last: datetime | None,
        now: datetime,
        *,
        is_baseline: bool,
        zone: tzinfo = UTC,
    ) -> None:
        """Count bytes that a reading found, and start over after a gap of over a day.

        The gap would make an average of days that nobody watched. `last` is the time
        of the reading before. A day begins at midnight in the time zone.
        """
        if is_baseline and self.watched_since is not None:
            used = 0
        if last is None or now - last > DAY:
            self.start(used, now)
        else:
            self.add(used, now, zone)

    def start(self, used: int, now: datetime) -> None:
        """Start to watch, with the bytes used while nobody watched."""
        self.total = min(self.total + used, _MAX_INT64)
        self.watched_since = now
        self.samples = [(now, self.total)]

    def restart(self, now: datetime) -> None:
        """Start to watch again if nothing was used since the start.

        The clock may have been wrong then.
        """
        if self.watched_since is not None and len(self.samples) <= 1:
            self.start(0, now)

    def count(self, used: int) -> None:
        """Count bytes that were used, at a time that is in doubt.

        They belong to the next time that is not.
        """
        self.total = min(self.total + used, _MAX_INT64)

    def has_watched_window(self, now: datetime) -> bool:
        """Return whether the last 7 days were watched, without a gap of over a day."""
        return (
            self.watched_since is not None and now - self.watched_since >= RATE_WINDOW
        )

    def add(self, used: int, now: datetime, zone: tzinfo = UTC) -> None:
        """Count bytes that were used, until an aware moment.

        Hours are those of a time zone, so that one of them ends at its midnight.
        """
        self._drop_future(now)
        self.total = min(self.total + max(0, used), _MAX_INT64)
        if self.samples and self.samples[-1][1] == self.total:
            return
        offset = offset_at(now, zone)
        hour = rounded_down(now + offset) - offset + HOUR
        if len(self.samples) > 1 and self.samples[-1][0] == hour:
            self.samples.pop()
        self.samples.append((hour, self.total))
        del self.samples[:-MAX_SAMPLES]

    def rate(self, now: datetime) -> float | None:
        """Return the bytes used per second, on average over the last 7 days.

        None before 24 hours of watching. What was used while nobody watched counts from
        the reading that found it.
        """
        if self.watched_since is None or now - self.watched_since < DAY:
            return None
        begin = max(self.watched_since, now - RATE_WINDOW)
        return self.used_since(begin) / (now - begin).total_seconds()

    def used_since(self, time: datetime) -> int:
        """Return the bytes used since an aware moment, or since watching began."""
        return self.total - self._total_at(time)

    def average_before(self, time: datetime) -> int | None:
        """Return the bytes per day of the 7 days before, or None if not watched."""
        if not self.has_watched_window(time):
            return None
        used = self._total_at(time) - self._total_at(time - RATE_WINDOW)
        return round(used / (RATE_WINDOW / DAY))

    def _total_at(self, time: datetime) -> int:
        """Return the total at an aware moment, or when watching began."""
        following = bisect_right(self.samples, time, key=itemgetter(0))
        return self.samples[max(0, following - 1)][1]

    def _drop_future(self, now: datetime) -> None:
        """Drop the samples of a clock that was ahead of time."""
        if self.watched_since is not None and self.watched_since > now:
            self.start(0, now)
        last_hour = now + HOUR
        while len(self.samples) > 1 and self.samples[-1][0] > last_hour:
            self.samples.pop()


def rounded_down(now: datetime) -> datetime:
    """Return the start of the hour."""
    return now.replace(minute=0, second=0, microsecond=0)
