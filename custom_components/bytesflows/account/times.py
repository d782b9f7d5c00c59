"""Spans of time that several modules use."""

from datetime import timedelta
from typing import Final

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
CLOCK_TOLERANCE: Final = timedelta(minutes=2)
"""Difference up to which two clocks count as equal."""
