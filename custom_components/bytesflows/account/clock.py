"""The time of an account: the system's, unless the server shows that it is wrong.

A clock that jumps for one poll must not fire a reminder or spoil an average, so a time
is believed once a second source agrees: the server's `Date`, the monotonic clock, or
the next poll.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from .times import CLOCK_TOLERANCE


class Clock:
    """Keep the time of an account, in UTC.

    `observe` is called once per poll, with the `Date` of the response. Between polls
    the time goes on with the monotonic clock.
    """

    def __init__(
        self, system: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        """Start with the system's time.

        `system` returns an aware time in UTC, `monotonic` seconds from any start.
        """
        self._system = system
        self._monotonic = monotonic
        self._time = system()
        self._ticks = monotonic()
        self._doubted: datetime | None = None
        """A time that was not believed yet, moved on to `_ticks`."""
        self._was_server_wrong = False
        """Whether a time was doubted, and the next response did not agree with it."""
        self.is_in_doubt = False
        """Whether the last response, and not the one before, had another time.

        Not if only a server says so that was wrong before: one of its machines may have
        a wrong clock, and what waits for a clock without doubt would wait for good.
        """
        self.has_server_time = False
        """Whether the last response carried a time."""

    def now(self) -> datetime:
        """Return the time of the account, in UTC."""
        return self._time + self._passed()

    def observe(self, server_time: datetime | None) -> datetime:
        """Take a response's time, if it has one, into account; return the time."""
        passed = self._passed()
        expected = self._time + passed
        doubted = None if self._doubted is None else self._doubted + passed
        system = self._system()
        self.has_server_time = server_time is not None
        claimed = system
        if server_time is not None and not _agree(server_time, system):
            claimed = server_time
        is_confirmed = server_time is not None and claimed is system
        is_repeated = doubted is not None and _agree(claimed, doubted)
        if doubted is not None:
            self._was_server_wrong = not is_repeated
        if is_confirmed or is_repeated or _agree(claimed, expected):
            self._time, self._doubted = claimed, None
            self.is_in_doubt = False
        else:
            is_known = self._was_server_wrong and _agree(system, expected)
            self.is_in_doubt = doubted is None and not is_known
            self._time, self._doubted = expected, claimed
        self._ticks = self._monotonic()
        return self._time

    def _passed(self) -> timedelta:
        """Return the time since the last response by the monotonic clock."""
        return timedelta(seconds=self._monotonic() - self._ticks)


def _agree(one: datetime, other: datetime) -> bool:
    """Return whether two clocks show the same time."""
    return abs(one - other) <= CLOCK_TOLERANCE
