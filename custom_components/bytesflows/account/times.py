"""Spans of time, and moments, that several modules use."""

from datetime import UTC, datetime, timedelta
from typing import Final

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
CLOCK_TOLERANCE: Final = timedelta(minutes=2)
"""Difference up to which two clocks count as equal."""
EPOCH: Final = datetime.fromtimestamp(0, UTC)
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
