"""The use of a day, and that of the days before. Bytes; days are Home Assistant's."""

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from .state import AccountState
from .times import DAY, EPOCH, QUARTER, start_of_day


class Today(NamedTuple):
    """The use of a day of Home Assistant's time zone, and that of the days before."""

    day: str | None
    """Its date in ISO format; None while nothing was used, so that nothing changes."""
    used: int
    """Bytes used on that day so far, or since watching began on it."""
    average_before: int | None
    """Bytes per day before it, or None if that is unknown."""


def use_of_day(state: AccountState, now: datetime, zone: tzinfo) -> Today:
    """Return the use of the day of an aware moment.

    It is compared with the 7 days before if these were watched, else with the rate.
    """
    begin, name = _day_at(now - (now - EPOCH) % QUARTER, zone)
    average = state.consumption.average_before(begin)
    if average is None and state.rate is not None:
        average = round(state.rate * DAY.total_seconds())
    used = state.consumption.used_since(begin)
    return Today(name if used else None, used, average)


# No day begins within a quarter of an hour, and the next polls come in the same one.
@lru_cache(maxsize=8)
def _day_at(quarter: datetime, zone: tzinfo) -> tuple[datetime, str]:
    """Return the begin of the day of a quarter of an hour, and its date."""
    begin = start_of_day(quarter, zone)
    return begin, quarter.astimezone(zone).date().isoformat()
