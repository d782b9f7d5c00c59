"""The scales of an account, moved by its good polls and by its clock."""

from datetime import datetime
from typing import NamedTuple

from .clock import Clock
from .marks import Mark, Places
from .package import Change
from .state import AccountState


class Due(NamedTuple):
    """Changes and marks to dispatch, in this order."""

    changes: tuple[Change, ...]
    marks: tuple[Mark, ...]


class Scales:
    """Move the scales, and take out the marks that they pass."""

    def __init__(self, state: AccountState, clock: Clock) -> None:
        """Start before the first poll of this run."""
        self._state = state
        self._clock = clock
        self._last_poll: datetime | None = None

    def observe(self, now: datetime, *, is_low: bool | None) -> None:
        """Note whether traffic was low in a good poll, unless the clock is in doubt."""
        self._last_poll = now
        if not self._clock.is_in_doubt:
            marks = self._state.marks
            marks.low = marks.low.observed(now, is_low=is_low)

    def take_due(self, places: Places, *, with_changes: bool) -> Due:
        """Take out the changes and marks that are due; the scales move past them.

        The marks of low traffic and of the opposite pass only in a good poll, those of
        packages by time. While the clock is in doubt, marks wait for the next poll.
        """
        state = self._state
        changes: tuple[Change, ...] = ()
        if with_changes:
            changes, state.changes = state.changes, ()
        marks = () if self._clock.is_in_doubt else self._pass_marks(places)
        return Due(changes, marks)

    def _pass_marks(self, places: Places) -> tuple[Mark, ...]:
        """Move the scales to now, and return the marks that they pass."""
        state = self._state
        marks: list[Mark] = []
        low = state.marks.low
        if self._last_poll is not None and low.is_low is not None and low.since:
            waiting = places.of_traffic(is_low=low.is_low)
            marks += low.due(waiting, self._last_poll)
            state.marks.low = low.passed_until(self._last_poll)
        now = self._clock.now()
        records = state.ledger.active
        if places.packages:
            marks += state.marks.due(records, places.packages, now)
        state.marks.pass_packages(records, now)
        return tuple(marks)

    def next_low_mark(self, places: Places) -> datetime | None:
        """Return when the next mark of low traffic is due."""
        low = self._state.marks.low
        if low.is_low is None or low.since is None or self._last_poll is None:
            return None
        return low.next_due(places.of_traffic(is_low=low.is_low), self._last_poll)

    def next_package_mark(self, places: Places) -> datetime | None:
        """Return when the next mark of a package is due, by a clock without doubt."""
        if not places.packages or self._clock.is_in_doubt:
            return None
        state, now = self._state, self._clock.now()
        return state.marks.next_due(state.ledger.active, places.packages, now)
