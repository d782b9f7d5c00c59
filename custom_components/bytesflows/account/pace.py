"""How fast traffic is used right now, so that its end is not missed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ..api import Overview
from .times import HOUR, MINUTE

SOON: Final = HOUR
"""Remaining time below which polls are more frequent."""
MIN_SPAN: Final = MINUTE / 3
"""Shortest time between two polls whose difference shows the use."""


@dataclass(slots=True)
class Pace:
    """The use since the poll before, and whether traffic lasts less than an hour."""

    is_last_hour: bool = False
    rate: float = 0.0
    """Bytes per second."""
    _last: tuple[datetime, int, int] | None = None
    """Time, total, and available traffic of the last poll."""

    def observe(self, overview: Overview, now: datetime) -> None:
        """Take an overview into account.

        Where the total moved, too, packages came or went, which hides the use: the rate
        stays. Without a readable overview there is no hurry.
        """
        total, available = overview.total_traffic, overview.available_traffic
        if total is None or available is None:
            self._last, self.is_last_hour = None, False
            return
        if self._last is None or now < self._last[0]:
            self._last = now, total, available
        time, last_total, last_available = self._last
        if now - time >= MIN_SPAN:
            if total == last_total:
                used = max(0, last_available - available)
                self.rate = used / (now - time).total_seconds()
            self._last = now, total, available
        self.is_last_hour = 0 < available < self.rate * SOON.total_seconds()
