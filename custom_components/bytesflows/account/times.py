"""Spans of time, and moments, that several modules use."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

MINUTE: Final = timedelta(minutes=1)
QUARTER: Final = timedelta(minutes=15)
"""All offsets of time zones are multiples of it."""
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
CLOCK_TOLERANCE: Final = timedelta(minutes=2)
"""Difference up to which two clocks count as equal."""
EPOCH: Final = datetime.fromtimestamp(0, UTC)
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


def start_of_day(moment: datetime, zone: tzinfo) -> datetime:
    """Return the last midnight in a time zone, in UTC."""
    local = moment.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return midnight.astimezone(UTC)
