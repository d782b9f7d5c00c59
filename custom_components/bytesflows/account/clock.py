"""The time of an account: the system's, unless the server shows that it is wrong.

A clock that jumps for one poll must not fire a reminder or spoil an average, so a time
is believed once a second source agrees: the server's `Date`, the monotonic clock, or
the next poll. Answers that come close together prove nothing: the `Date` of a cache
stands still.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from .times import CLOCK_TOLERANCE


class _Claim(NamedTuple):
    """A time, and when it was said by the monotonic clock."""

    time: datetime
    ticks: float

    def at(self, ticks: float) -> datetime:
        """Return the present time if the claim is right."""
        return self.time + timedelta(seconds=ticks - self.ticks)


class Clock:
    """Tell the time of an account, in UTC.

    `observe` is called once per answer, with its `Date`. Between answers the time goes
    on with the monotonic clock.
    """

    def __init__(
        self, system: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        """Start with the system's time.

        `system` returns an aware time in UTC, `monotonic` seconds from any start.
        """
        self._system = system
        self._monotonic = monotonic
        self._base = _Claim(system(), monotonic())
        self._server_claim: _Claim | None = None
        """A server's time that was not confirmed yet, as it was said first."""
        self._system_claim: _Claim | None = None
        """A jump of the system's time that was not believed yet."""
        self._fallback: _Claim | None = None
        """The time before one that is followed although it is not confirmed yet."""
        self._first: float | None = None
        """When the first answer came."""
        self._doubted_since: float | None = None
        self._was_server_wrong = False
        """Whether a server's time did not go on as the monotonic clock did."""
        self.is_in_doubt = True
        """Whether no answer came so far, or one said a time that nothing confirmed yet.

        Not for more than 2 minutes and an answer, and not if only a server says so that
        was wrong before: one of its machines may have a wrong clock, and what waits for
        a clock without doubt would wait for good.
        """
        self.has_server_time = False
        """Whether the last answer carried the time of the account."""
        self.has_jumped = False
        """Whether the last answer moved the time: the one before was wrong, or a sleep
        was not counted."""

    def now(self) -> datetime:
        """Return the time of the account, in UTC."""
        return self._base.at(self._monotonic())

    def observe(self, server_time: datetime | None) -> datetime:
        """Take an answer's time, if it has one, into account; return the time."""
        ticks, system = self._monotonic(), self._system()
        if self._first is None:
            self._first = ticks
        before = self._base.at(ticks)
        self._check_claim(server_time, ticks)
        expected = self._base.at(ticks)
        self.is_in_doubt = False
        if server_time is None:
            self._follow_system(system, expected, ticks)
        elif _agree(server_time, system):
            self._believe(system, ticks)
        else:
            self._follow_server(server_time, system, expected, ticks)
        time = self._base.time
        self.has_jumped = not _agree(time, before)
        self.has_server_time = server_time is not None and _agree(server_time, time)
        return time

    def _check_claim(self, server_time: datetime | None, ticks: float) -> None:
        """Drop the claim of a server whose time did not go on."""
        claim = self._server_claim
        if claim is None or server_time is None or _agree(server_time, claim.at(ticks)):
            return
        self._was_server_wrong, self._server_claim = True, None
        if self._fallback is not None:
            self._base, self._fallback = self._fallback, None

    def _follow_server(
        self, server_time: datetime, system: datetime, expected: datetime, ticks: float
    ) -> None:
        """Believe a server that says another time than the system, once that is sure.

        At the start there is no time to hold on to: the server's is followed from the
        second answer on. A cache can only be behind.
        """
        claim = self._server_claim
        if claim is None and _agree(server_time, expected):
            self._believe(server_time, ticks)
            return
        if claim is None:
            self._server_claim = _Claim(server_time, ticks)
        elif self._has_passed(ticks, claim.ticks):
            self._was_server_wrong = False
            self._believe(server_time, ticks)
            return
        elif not self._has_passed(ticks, self._first):
            if server_time > system:
                self._believe(server_time, ticks)
                return
            self._fallback = self._fallback or self._base
            expected = claim.at(ticks)
        if self._was_server_wrong:
            self._follow_system(system, expected, ticks)
        else:
            self._doubt(expected, ticks)

    def _follow_system(
        self, system: datetime, expected: datetime, ticks: float
    ) -> None:
        """Believe the system's time, a jump of it at the next answer."""
        claim, server_claim = self._system_claim, self._server_claim
        is_repeated = claim is not None and _agree(system, claim.at(ticks))
        if is_repeated or _agree(system, expected):
            self._believe(system, ticks)
            self._server_claim = server_claim
        else:
            self._system_claim = _Claim(system, ticks)
            self._doubt(expected, ticks)

    def _believe(self, time: datetime, ticks: float) -> None:
        """Take over a time."""
        self._base = _Claim(time, ticks)
        self._server_claim = self._system_claim = self._fallback = None
        self._doubted_since = None

    def _doubt(self, expected: datetime, ticks: float) -> None:
        """Go on with the last time, in doubt for a while."""
        self._base = _Claim(expected, ticks)
        if self._doubted_since is None:
            self._doubted_since = ticks
        self.is_in_doubt = not self._has_passed(ticks, self._doubted_since)

    @staticmethod
    def _has_passed(ticks: float, since: float | None) -> bool:
        """Return whether a clock that stands still would have shown by now."""
        return since is not None and timedelta(seconds=ticks - since) > CLOCK_TOLERANCE


def _agree(one: datetime, other: datetime) -> bool:
    """Return whether two clocks show the same time."""
    return abs(one - other) <= CLOCK_TOLERANCE
