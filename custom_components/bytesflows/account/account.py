"""One account: its state, and the schedule of its requests."""

import asyncio
from collections.abc import Callable
from copy import replace
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from ..api import BytesFlowsClient, Overview
from .clock import Clock
from .forecast import Summary, first_expiry, is_expiring_soon, is_low
from .pace import Pace
from .publisher import AccountData
from .reading import Reading
from .records import LastSync, Records
from .scales import Scales
from .state import AccountState
from .summaries import Summaries
from .today import use_of_day
from .zone_watch import Arrivals, Verdict

LARGE_READING: Final = 500
"""Rows from which on a reading takes a millisecond or more to apply, and to sum up.

Others have a turn before each of both.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of an entry."""

    low_traffic_threshold: float
    """Percent of the total."""
    expiring_soon: timedelta
    home_time_zone: Callable[[], tzinfo] = lambda: UTC
    """Returns that of Home Assistant, to which the days belong."""


class Account:
    """Poll an account and keep its state. Its only source of time is its clock."""

    def __init__(
        self,
        client: BytesFlowsClient,
        clock: Clock,
        options: Options,
        state: AccountState,
    ) -> None:
        """Start with the state that was stored, or with a new one."""
        self.client = client
        self.clock = clock
        self.state = state
        self.overview: Overview | None = None
        """The overview of the last good poll in this run."""
        self.last_poll: datetime | None = None
        """When that poll was made."""
        self.records = Records(client, state.ledger)
        self.scales = Scales(state, clock)
        self.pace = Pace()
        self.zone_verdict = Verdict()
        """Verdict of the last poll on the time zone."""
        self.options = options
        self._overview_unreadable: frozenset[str] = frozenset()
        self._summaries = Summaries(state, client.time_zone)

    @property
    def unreadable(self) -> dict[str, int]:
        """How often each field, by its name in the document, could not be read."""
        found = self.state.ledger.unreadable
        found.update(self._overview_unreadable)
        return dict(found)

    def remembered(self) -> AccountData | None:
        """Return the data shown before a restart, as far as they are known."""
        state = self.state
        if state.shown_overview is None or state.last_sync is None:
            return None
        return AccountData(
            state.shown_overview,
            self._summaries.at(state.last_sync),
            state.shown_is_low,
            state.shown_is_expiring_soon,
            is_current=False,
            today=use_of_day(state, state.last_sync, self.options.home_time_zone()),
        )

    def note_shown(self, shown: AccountData) -> None:
        """Remember the shown data, so that a change during a restart is noticed."""
        state = self.state
        state.shown_overview, state.shown_is_low = shown.overview, shown.is_low
        state.shown_is_expiring_soon = shown.is_expiring_soon

    async def poll(self) -> AccountData:
        """Ask for the overview, and for the records if they can have changed.

        Raises `BytesFlowsError`. An outage of the records alone does not raise.
        """
        self.zone_verdict = Verdict()
        overview = await self.client.get_overview()
        now = self._observe(self._take_server_time())
        self._overview_unreadable = overview.unreadable
        if overview.currency is None:
            overview = _with_currency(overview, self.state.shown_overview)
        is_extra = self.pace.is_last_hour
        self.pace.observe(overview, now)
        if self.records.are_due(overview, now, is_extra=is_extra):
            if (reading := await self.records.read(overview, now)) is not None:
                is_large = len(reading.listing.records) > LARGE_READING
                if is_large:
                    await asyncio.sleep(0)
                # By the second response a wrong clock is known to be wrong.
                self._apply(reading, overview, self._time_after_sync())
                if is_large:
                    await asyncio.sleep(0)
            now = self.clock.now()
        self.overview, self.last_poll = overview, now
        self.state.unreadable_values.observe(
            now,
            is_there=bool(overview.unreadable) or self.state.ledger.has_unreadable,
        )
        return self._data(overview, now)

    def _observe(self, server_time: datetime | None) -> datetime:
        """Return the time after a response; a jump voids creation times ahead of it."""
        now = self.clock.observe(server_time)
        if self.clock.has_jumped:
            self.state.zone_watch.ahead.clear()
        return now

    def _take_server_time(self) -> datetime | None:
        """Return the time of the last response, once."""
        server_time, self.client.server_time = self.client.server_time, None
        return server_time

    def _time_after_sync(self) -> datetime:
        """Return the time after a reading, given the time of its last response.

        Without one, a jump of the system's clock waits for the next poll.
        """
        server_time = self._take_server_time()
        if server_time is None:
            return self.clock.now()
        return self._observe(server_time)

    def _apply(self, reading: Reading, overview: Overview, now: datetime) -> None:
        """Take over a reading."""
        state = self.state
        before = self._last_seen_without(overview)
        is_baseline = state.ledger.needs_baseline
        outcome = state.ledger.apply(reading, now)
        state.changes += outcome.changes
        if is_baseline:
            state.is_unsettled = self.clock.is_in_doubt
            if not state.is_unsettled:
                state.marks.pass_packages(state.ledger.active, now)
        if state.last_sync is None or not self.clock.is_in_doubt:
            state.consumption.take(
                outcome.used,
                state.last_sync,
                now,
                is_baseline=is_baseline,
                zone=self.options.home_time_zone(),
            )
            state.last_sync = now
        elif not is_baseline:
            state.consumption.count(outcome.used)
        state.marks.keep(state.ledger.watchlist.to_keep(now), now)
        usable = (record for record in state.ledger.active if record.is_usable(now))
        self.records.note_sync(
            LastSync(now, overview, first_expiry(usable), reading.adds_up)
        )
        new = [change.record for change in outcome.changes if change.is_arrival]
        if self.clock.has_server_time and not self.clock.is_in_doubt:
            self.zone_verdict = state.zone_watch.judge(
                self.client.time_zone,
                state.ledger.active,
                Arrivals(tuple(new), before),
                now,
            )

    def _settle(self, now: datetime) -> None:
        """Begin to count the time after a first reading by a clock in doubt."""
        state = self.state
        state.is_unsettled = False
        state.marks.pass_packages(state.ledger.active, now)
        state.consumption.restart(now)
        state.last_sync = now

    def _last_seen_without(self, overview: Overview) -> datetime | None:
        """Return the last poll of this run that cannot have missed an arrival.

        If the overview changed only now, that is the last one, even if it did not read
        the records.
        """
        last = self.records.last_sync
        if last is None:
            return None
        if self.overview == last.overview != overview:
            return self.last_poll
        return last.time

    def _data(self, overview: Overview, now: datetime) -> AccountData:
        """Return the state of the account after a good poll."""
        state = self.state
        verdict = is_low(
            overview,
            self.options.low_traffic_threshold,
            was_low=state.marks.low.is_low,
            had_packages=state.ledger.had_packages,
        )
        self.scales.observe(now, is_low=verdict)
        if state.is_unsettled and not self.clock.is_in_doubt:
            self._settle(now)
        summary = None if self.records.are_stale(now) else self._summaries.current(now)
        return AccountData(
            overview,
            summary,
            verdict,
            self._expires_soon(summary, now),
            is_current=self.records.error is None,
            today=None
            if summary is None
            else use_of_day(state, now, self.options.home_time_zone()),
        )

    def _expires_soon(self, summary: Summary | None, now: datetime) -> bool | None:
        """Return whether a package expires soon; while in doubt, as shown before."""
        if summary is None:
            return None
        shown = self.state.shown_is_expiring_soon
        if self.clock.is_in_doubt and shown is not None:
            return shown
        return is_expiring_soon(summary, now, self.options.expiring_soon)


def _with_currency(overview: Overview, shown: Overview | None) -> Overview:
    """Return an overview with the currency that was shown last, if there is one."""
    return overview if shown is None else replace(overview, currency=shown.currency)
