"""Check whether packages prove that the configured time zone is wrong.

One observation is not enough: two arrivals must imply the same offset, or a creation
time in the future must be there for an hour.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

from ..api import Record
from .time_zone import LISTED_WITHIN, Evidence, offset_at, written
from .times import CLOCK_TOLERANCE, DAY, HOUR, MINUTE, QUARTER

CLOSE: Final = 11 * MINUTE
"""Time between two polls up to which an arrival implies an offset to the quarter."""
AHEAD: Final = 20 * MINUTE
"""How far in the future a creation must be so that clocks cannot be the cause."""
STILL_THERE_AFTER: Final = HOUR - 2 * MINUTE
"""The hourly reading can be this early."""
LEAST_OFFSET: Final = -12 * HOUR
MOST_OFFSET: Final = 14 * HOUR


class Arrivals(NamedTuple):
    """Packages that are new in a reading."""

    records: tuple[Record, ...]
    before: datetime | None
    """The last poll in which they cannot have been there, if there was one."""

    def implied_offsets(self, zone: tzinfo, now: datetime) -> set[timedelta]:
        """Return the offsets that they imply if the two polls were close together.

        A creation at midnight to the second is a date without a time.
        """
        if self.before is None or not timedelta(0) <= now - self.before <= CLOSE:
            return set()
        middle = self.before + (now - self.before) / 2
        creations = [
            written(item.created, zone) for item in self.records if item.created
        ]
        offsets = {
            round((creation - middle) / QUARTER) * QUARTER
            for creation in creations
            if creation.time() != time.min
        }
        return {offset for offset in offsets if LEAST_OFFSET <= offset <= MOST_OFFSET}


class Verdict(NamedTuple):
    """Judgment of a reading on the configured time zone."""

    evidence: tuple[Evidence, ...] = ()
    """Evidence against it."""
    is_confirmed: bool = False
    """Whether two arrivals, at least a day apart, fit it."""


@dataclass(slots=True)
class ZoneWatch:
    """Observations that outlive a restart and a change of the configured time zone."""

    offsets: dict[timedelta, datetime] = field(default_factory=dict)
    """Offsets that arrivals implied, and when each did so first."""
    ahead: dict[datetime, datetime] = field(default_factory=dict)
    """Written creation times in the future, and when each was seen first."""

    def judge(
        self,
        zone: tzinfo,
        active: Iterable[Record],
        arrivals: Arrivals,
        now: datetime,
    ) -> Verdict:
        """Return the verdict of a reading, which also lists the active packages."""
        implied = arrivals.implied_offsets(zone, now)
        evidence: list[Evidence] = []
        is_confirmed = False
        if any(_is_fit(offset, zone, now) for offset in implied):
            is_confirmed = self._confirm(zone, now)
        else:
            evidence += self._contradict(implied, now)
        self._update_ahead(zone, active, now)
        evidence += self._still_ahead(now)
        if evidence:
            self._forget_offsets(zone, fitting=True)
        return Verdict(tuple(evidence), is_confirmed)

    def _confirm(self, zone: tzinfo, now: datetime) -> bool:
        """Note that an arrival fits; return whether one did a day before."""
        self.ahead.clear()
        self._forget_offsets(zone, fitting=False)
        first = self._first_seen(offset_at(now, zone), now)
        return now - min(first, *self.offsets.values()) >= DAY

    def _contradict(
        self, implied: Iterable[timedelta], now: datetime
    ) -> Iterator[Evidence]:
        """Note that no arrival fits; yield the offsets implied a day before, too."""
        for offset in sorted(implied):
            if now - self._first_seen(offset, now) >= DAY:
                yield Evidence(now, offset, offset)

    def _first_seen(self, offset: timedelta, now: datetime) -> datetime:
        """Return when an offset was implied first, which is not in the future."""
        self.offsets[offset] = min(now, self.offsets.get(offset, now))
        return self.offsets[offset]

    def _forget_offsets(self, zone: tzinfo, *, fitting: bool) -> None:
        """Forget the offsets that fit a time zone, or those that do not."""
        for offset, since in list(self.offsets.items()):
            if _is_fit(offset, zone, since) is fitting:
                del self.offsets[offset]

    def _update_ahead(
        self, zone: tzinfo, active: Iterable[Record], now: datetime
    ) -> None:
        """Note creation times in the future, and forget those that are gone."""
        known, self.ahead = self.ahead, {}
        earliest = min([now, *known.values()])
        for record in active:
            if record.created is None or record.created - earliest <= AHEAD:
                continue
            creation = written(record.created, zone)
            since = min(now, known.get(creation, now))
            if record.created - since > AHEAD and creation - since <= MOST_OFFSET:
                self.ahead[creation] = since

    def _still_ahead(self, now: datetime) -> list[Evidence]:
        """Return the strongest evidence of the creation times still listed."""
        found = [
            Evidence(since, _rounded_up(creation - since), MOST_OFFSET)
            for creation, since in self.ahead.items()
            if now - since >= STILL_THERE_AFTER
        ]
        return sorted(found, key=lambda item: item.least)[-1:]


def _is_fit(offset: timedelta, zone: tzinfo, moment: datetime) -> bool:
    """Return whether the offset that an arrival implies fits a time zone."""
    return -AHEAD <= offset_at(moment, zone) - offset < LISTED_WITHIN


def _rounded_up(offset: timedelta) -> timedelta:
    """Return the next offset that there can be, as far as clocks agree."""
    return -((CLOCK_TOLERANCE - offset) // QUARTER) * QUARTER
