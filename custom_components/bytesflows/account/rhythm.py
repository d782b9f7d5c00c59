"""Schedule of full readings, which are expensive and may fail or not help."""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from .times import HOUR, MINUTE

COMPLETE_INTERVAL: Final = timedelta(hours=23, minutes=58)
"""When everything is read again: at the poll a day later, which may be a bit early."""
BACK_OFF: Final = tuple(
    minutes * MINUTE - MINUTE / 2 for minutes in (5, 10, 20, 40, 60)
)
"""How long everything is not read again after it was read in vain."""
CALM: Final = 2 * HOUR
"""How long nothing was read in vain before the back-off starts over."""


class Everything(Enum):
    """Whether everything may be read."""

    DUE = auto()
    ALLOWED = auto()
    """If a partial reading does not add up."""
    TOO_EARLY = auto()
    """It was read not long ago, in vain."""


class CompleteReadings:
    """The rhythm of the expensive readings of everything."""

    def __init__(self) -> None:
        """Start without any: the first one is due."""
        self.last: datetime | None = None
        """When everything was read last in this run, in UTC."""
        self._attempt: datetime | None = None
        self._attempts = 0
        self._before: tuple[datetime | None, int] = (None, 0)
        """The attempts before the one that was begun last."""

    def permission(self, now: datetime, *, is_wanted: bool) -> Everything:
        """Return whether everything may be read at an aware moment."""
        if self._attempt is not None:
            pause = BACK_OFF[min(self._attempts, len(BACK_OFF)) - 1]
            if timedelta(0) <= now - self._attempt < pause:
                return Everything.TOO_EARLY
        if is_wanted or self._is_due(now):
            return Everything.DUE
        return Everything.ALLOWED

    def begin(self, now: datetime) -> None:
        """Note that everything is being read, which may fail or not help."""
        self._before = self._attempt, self._attempts
        is_calm = self._attempt is None or abs(now - self._attempt) >= CALM
        self._attempts = 1 if is_calm else self._attempts + 1
        self._attempt = now

    def finish(self, now: datetime) -> None:
        """Note that everything was read; the daily reading is not one in vain."""
        if self._is_due(now):
            self._attempt, self._attempts = self._before
        self.last = now

    def _is_due(self, now: datetime) -> bool:
        """Return whether it is time for the daily reading."""
        return self.last is None or abs(now - self.last) >= COMPLETE_INTERVAL
