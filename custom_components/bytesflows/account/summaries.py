"""The summaries of an account, which are made no more often than they change."""

from datetime import datetime, tzinfo

from .consumption import rounded_down
from .forecast import Summary, summarize
from .rate import PastRate, current_rate
from .state import AccountState


class Summaries:
    """Summarize the packages in a state."""

    def __init__(self, state: AccountState, time_zone: tzinfo) -> None:
        """Start with the state of an account, and the time zone of the API."""
        self._state = state
        self._time_zone = time_zone
        self._past_rate = PastRate()
        self._current: Summary | None = None
        self._key: tuple[int, datetime | None, datetime] | None = None
        """Reading, begin of watching, and hour of the current summary."""

    def current(self, now: datetime) -> Summary:
        """Return the summary of a moment, at the rate there is then.

        It stays the same until the next reading, hour, or expiry, unless watching
        begins again.
        """
        state, hour = self._state, rounded_down(now)
        key = state.ledger.readings, state.consumption.watched_since, hour
        summary = self._current
        if (
            summary is None
            or self._key != key
            or (summary.next_expiry is not None and summary.next_expiry <= now)
        ):
            state.rate = current_rate(
                state.consumption, state.ledger, self._past_rate, hour
            )
            summary = self._current = self.at(now)
            self._key = key
        return summary

    def at(self, moment: datetime) -> Summary:
        """Return the summary of a moment, at the rate computed last."""
        state = self._state
        return summarize(
            state.ledger.active,
            state.consumption.total,
            state.rate,
            state.ledger.newcomers.newest,
            moment,
            self._time_zone,
        )
