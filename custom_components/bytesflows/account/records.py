"""When the records of an account are due, and their outage."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ..api import (
    BytesFlowsAuthenticationError,
    BytesFlowsClient,
    BytesFlowsError,
    Overview,
)
from .ledger import Ledger
from .reading import Reading
from .rhythm import CompleteReadings, Everything
from .sync import Growth, sync
from .times import HOUR

RECORDS_INTERVAL: Final = timedelta(minutes=58)
"""When the records are read again although nothing points to a change: at the twelfth
poll, which may start a moment before the hour has passed."""
RECORDS_PAUSE: Final = timedelta(minutes=4, seconds=30)
"""How long the records are not read again while there are extra polls: to the poll 5
minutes later, which may be a bit early."""
RECORDS_STALE_AFTER: Final = HOUR
"""How long the last records stand in while they cannot be read."""


class LastSync(NamedTuple):
    """The last reading of the records in this run."""

    time: datetime
    overview: Overview
    """The overview that it belongs to."""
    next_expiry: datetime | None
    adds_up: bool


class Records:
    """Read the records when they can have changed, and note when that fails."""

    def __init__(self, client: BytesFlowsClient, ledger: Ledger) -> None:
        """Start without a reading."""
        self.last_sync: LastSync | None = None
        self.error: BytesFlowsError | None = None
        """Why the records could not be read, while that is so."""
        self._client = client
        self._ledger = ledger
        self._failing_since: datetime | None = None
        self._is_requested = False
        self._tried: datetime | None = None
        """When they were read last, or were to be read."""
        self._complete = CompleteReadings()

    def request(self) -> None:
        """Have the next poll read the records, too."""
        self._is_requested = True
        self._tried = None

    def are_due(
        self, overview: Overview, now: datetime, *, is_extra: bool = False
    ) -> bool:
        """Return whether the records can have changed.

        In an extra poll, which is made in the last hour, they wait for the next regular
        one: what is about to run out is in the overview.
        """
        if is_extra and self._can_wait(now):
            return False
        last = self.last_sync
        return (
            last is None
            or self._is_requested
            or not last.adds_up
            or overview != last.overview
            or abs(now - last.time) >= RECORDS_INTERVAL
            or (last.next_expiry is not None and last.next_expiry <= now)
            or bool(self._ledger.watchlist.unconfirmed)
        )

    def _can_wait(self, now: datetime) -> bool:
        """Return whether no regular reading is due and no expiry has passed."""
        tried, last = self._tried, self.last_sync
        if tried is None or not timedelta(0) <= now - tried < RECORDS_PAUSE:
            return False
        return (
            last is None
            or last.next_expiry is None
            or not tried < last.next_expiry <= now
        )

    def are_stale(self, now: datetime) -> bool:
        """Return whether the last reading can no longer stand in for a new one."""
        last, failing = self.last_sync, self._failing_since
        return last is None or (
            failing is not None
            and (
                now - failing >= RECORDS_STALE_AFTER
                or now - last.time >= RECORDS_INTERVAL + RECORDS_STALE_AFTER
            )
        )

    async def read(self, overview: Overview, now: datetime) -> Reading | None:
        """Return a reading, or None if that failed or has to wait.

        Raises `BytesFlowsAuthenticationError`.
        """
        self._tried = now
        everything = self._complete.permission(
            now, is_wanted=self._ledger.needs_complete_reading
        )
        if everything is Everything.TOO_EARLY and (
            self._complete.last is None or self._ledger.needs_baseline
        ):
            return None
        growth, last = None, self.last_sync
        if last is not None and last.adds_up and not self._is_requested:
            growth = Growth.between(last.overview, overview)
        try:
            return await sync(
                self._client,
                self._ledger,
                overview,
                growth,
                everything,
                self._complete,
                now,
            )
        except BytesFlowsAuthenticationError:
            raise
        except BytesFlowsError as err:
            self.error = err
            self._failing_since = self._failing_since or now
            return None

    def note_sync(self, last_sync: LastSync) -> None:
        """Note that the ledger was brought up to date."""
        self.last_sync = last_sync
        self.error = self._failing_since = None
        self._is_requested = False
