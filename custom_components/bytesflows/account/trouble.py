"""How long something has been wrong."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .times import DAY

REPORT_AFTER: Final = DAY
"""How long trouble lasts before people are asked to report it."""

_HALF_DAY: Final = 12 * 60 * 60


@dataclass(slots=True)
class Trouble:
    """A kind of trouble: since when, and when it was last seen, in UTC."""

    since: datetime | None = None
    last: datetime | None = None

    def observe(self, now: datetime, *, is_there: bool) -> None:
        """Note trouble, or clear it a day after it was last seen."""
        if is_there:
            self.note(now)
        elif self.has_faded(now):
            self.clear()

    def note(self, now: datetime) -> None:
        """Note that it is there; after more than a day without it, it begins again."""
        if (
            self.since is None
            or self.last is None
            or not self.since <= now <= self.last + DAY
        ):
            self.since = now
        self.last = now

    def clear(self) -> None:
        """Note that it has passed."""
        self.since = self.last = None

    @property
    def stage(self) -> tuple[datetime | None, int | None]:
        """Return the beginning, and the half-day of the last time, which are stored."""
        last = self.last
        return self.since, None if last is None else int(last.timestamp()) // _HALF_DAY

    def is_lasting(self, now: datetime) -> bool:
        """Return whether it has lasted long enough to be reported."""
        return self.since is not None and now - self.since >= REPORT_AFTER

    def has_faded(self, now: datetime) -> bool:
        """Return whether it was not seen for a day, or only in the future."""
        return self.last is not None and not self.last <= now < self.last + DAY
