"""The use of a day, and that of the days before. Bytes; days are Home Assistant's."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from .state import AccountState
from .times import DAY, start_of_day


@dataclass(frozen=True, slots=True)
class Today:
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
    begin = start_of_day(now, zone)
    average = state.consumption.average_before(begin)
    if average is None and state.rate is not None:
        average = round(state.rate * DAY.total_seconds())
    used = state.consumption.used_since(begin)
    day = now.astimezone(zone).date().isoformat() if used else None
    return Today(day, used, average)
