"""Polling of one BytesFlows account."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import time
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_URL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.signal_type import SignalType

from .alarms import is_expiring_soon, is_low
from .api import (
    BytesFlowsAuthenticationError,
    BytesFlowsClient,
    BytesFlowsConnectionError,
    BytesFlowsError,
    BytesFlowsRateLimitError,
    BytesFlowsResponseError,
    BytesFlowsTimeoutError,
    Overview,
    Record,
    Source,
)
from .const import (
    CONF_API_TOKEN,
    CONF_EXPIRING_SOON_DAYS,
    CONF_LOW_TRAFFIC_THRESHOLD,
    DEFAULT_EXPIRING_SOON_DAYS,
    DEFAULT_LOW_TRAFFIC_THRESHOLD,
    DOMAIN,
    LOGGER,
)
from .forecast import Outlook, Packages
from .ledger import Change, Ledger
from .repairs import (
    async_forget_not_understood,
    async_report_not_understood,
    async_report_time_zone,
)
from .store import LedgerStore
from .sync import read_records, resolve_doubt
from .time_zone import ZoneWatch

UPDATE_INTERVAL: Final = timedelta(minutes=5)
SPREAD: Final = (5**0.5 - 1) / 2
"""The part of the interval by which the polls of each account follow those of the one
before it. With this one they lie apart, however many accounts there are."""
RECORDS_INTERVAL: Final = timedelta(minutes=58)
"""When the records are read again although nothing points to a change: at the twelfth
poll, which Home Assistant may start a moment before the hour is over."""
RECORDS_GRACE: Final = timedelta(hours=1)
"""How long the last records stand in while they cannot be read."""
PATIENCE: Final = timedelta(days=1)
"""How long answers may be impossible to understand before that is reported."""
MIN_RETRY_AFTER: Final = 60.0
MAX_RETRY_AFTER: Final = 86_400.0
EVENT_DISTANCE: Final = 0.002
"""Seconds between two events."""
SCHEDULING_SLACK: Final = timedelta(seconds=1)
"""By how much Home Assistant may wake us too early: it counts from whole seconds."""

# When each token may be used again at its address. It outlives the coordinator, because
# Home Assistant soon tries again to set up what a refusal kept from being set up.
_NEXT_REQUEST: HassKey[dict[tuple[str, str], datetime]] = HassKey(
    f"{DOMAIN}_next_request"
)

type BytesFlowsConfigEntry = ConfigEntry[BytesFlowsCoordinator]


@dataclass(frozen=True, slots=True)
class BytesFlowsData:
    """What is known of an account. Equal when nothing that is shown differs."""

    overview: Overview
    packages: Packages | None
    """None while the records were never read, or not for too long."""
    is_low: bool
    """Whether little is left."""
    is_expiring_soon: bool | None
    """Whether a package expires soon; None while the packages are not known."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Time that went by, told once: no moment is left out, and none is told twice."""

    entry_id: str
    since: datetime
    """Exclusive."""
    until: datetime
    """Inclusive."""
    records: tuple[Record, ...]
    """The packages that are active."""
    arrived: frozenset[str]
    """The ids of those that came meanwhile."""


SIGNAL_PROGRESS: SignalType[Progress] = SignalType(f"{DOMAIN}_progress")


@dataclass(frozen=True, slots=True)
class RecordsReading:
    """A reading of the records, and what it belongs to."""

    overview: Overview
    time: datetime
    next_expiry: datetime | None


def error_key(error: BytesFlowsError) -> str:
    """Return the translation key of an error, for forms and exceptions alike."""
    match error:
        case BytesFlowsAuthenticationError():
            return "invalid_auth"
        case BytesFlowsRateLimitError():
            return "rate_limited"
        case BytesFlowsTimeoutError():
            return "timeout_connect"
        case BytesFlowsConnectionError() | BytesFlowsResponseError(is_temporary=True):
            return "cannot_connect"
        case _:
            return "invalid_response"


class BytesFlowsCoordinator(DataUpdateCoordinator[BytesFlowsData]):
    """Poll the overview often, and the records when they can have changed."""

    config_entry: BytesFlowsConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        config_entry: BytesFlowsConfigEntry,
        client: BytesFlowsClient,
        store: LedgerStore,
        ledger: Ledger,
    ) -> None:
        """Initialize the coordinator."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=config_entry,
            name=config_entry.title,
            update_interval=UPDATE_INTERVAL,
            always_update=False,
        )
        self.client = client
        self.ledger = ledger
        self.last_poll: datetime | None = None
        self.reading: RecordsReading | None = None
        self.poll_signal = f"{DOMAIN}_{config_entry.entry_id}_poll"
        self.alarm_signal = f"{DOMAIN}_{config_entry.entry_id}_alarm"
        self.change_signal: SignalType[Change] = SignalType(
            f"{DOMAIN}_{config_entry.entry_id}_change"
        )
        others = hass.config_entries.async_entries(DOMAIN)
        self._first_interval = UPDATE_INTERVAL * (
            1 - others.index(config_entry) * SPREAD % 1
        )
        self._account = (config_entry.data[CONF_URL], config_entry.data[CONF_API_TOKEN])
        self._store = store
        self._outlook = Outlook(ledger)
        self._zone_watch = ZoneWatch(client.time_zone)
        options = config_entry.options
        self._window = timedelta(
            days=options.get(CONF_EXPIRING_SOON_DAYS, DEFAULT_EXPIRING_SOON_DAYS)
        )
        self._threshold: float = options.get(
            CONF_LOW_TRAFFIC_THRESHOLD, DEFAULT_LOW_TRAFFIC_THRESHOLD
        )
        self._shown = self._remembered()
        self._news: BytesFlowsData | None = None
        self._was_away = False
        self._may_tell = False
        self._is_shut_down = False
        self._telling: asyncio.Task[None] | None = None
        self._records_requested = False
        self._records_failing_since: datetime | None = None
        self._next_records_request: datetime | None = None

    @override
    async def async_request_refresh(self) -> None:
        """Read the records, too, because somebody asked for it."""
        self._records_requested = True
        await super().async_request_refresh()

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Update the alarms after all else, as automations look at the rest then."""
        super().async_update_listeners()
        async_dispatcher_send(self.hass, self.alarm_signal)

    @override
    async def async_shutdown(self) -> None:
        """Stop polling, and write what is waiting to be written."""
        self._is_shut_down = True
        await super().async_shutdown()
        await self.async_save()

    async def async_save(self, _: Event | None = None) -> None:
        """Write what is known, so that the next start goes on from here."""
        await self._store.async_save_rest(self.ledger)

    async def async_begin_to_tell(self, _: datetime | None = None) -> None:
        """Show and tell what happened, now that automations notice."""
        self._may_tell = True
        if self._news is not None:
            self.data, self._news = self._news, None
            self.async_update_listeners()
        if self.last_update_success:
            self._note_shown()
        await self._async_tell()

    async def async_fetch_records(self, source: Source | None) -> tuple[Record, ...]:
        """Return the records as the server lists them now, of one source or all.

        Raises `UpdateFailed` or `ConfigEntryAuthFailed`, which asks for a new token.
        """
        now = dt_util.utcnow()
        self._await_permission(now)
        try:
            return await self.client.get_records(source)
        except BytesFlowsError as err:
            if isinstance(err, BytesFlowsAuthenticationError):
                self.config_entry.async_start_reauth(self.hass)
            raise self._update_error(err, now) from err

    @callback
    def async_raise_consumed(self, consumed: int) -> None:
        """Take a total that was shown before as a lower bound for this one."""
        self.ledger.raise_consumed(consumed)
        total = self.ledger.consumed
        self.data = _with_consumed(self.data, total)
        self._shown = self._shown and _with_consumed(self._shown, total)
        self._news = self._news and _with_consumed(self._news, total)

    @override
    async def _async_update_data(self) -> BytesFlowsData:
        """Fetch what can have changed."""
        now = dt_util.utcnow()
        interval = self._first_interval if self.last_poll is None else UPDATE_INTERVAL
        self.update_interval = interval
        self._await_permission(now)
        try:
            overview = await self._async_read(now)
        except BytesFlowsError as err:
            self._report(err, now)
            raise self._update_error(err, now) from err
        if self._records_failing_since is None:
            self.ledger.note_understood()
            async_forget_not_understood(self.hass, self.config_entry.entry_id)
        self.last_poll = now
        packages = self._packages(now)
        if packages is not None and packages.next_expiry is not None:
            until_expiry = packages.next_expiry - now + SCHEDULING_SLACK
            self.update_interval = min(interval, until_expiry)
        return BytesFlowsData(
            overview,
            packages,
            is_low=is_low(overview, self._threshold, was_low=self.ledger.is_low),
            is_expiring_soon=(
                None
                if packages is None
                else is_expiring_soon(packages, now, self._window)
            ),
        )

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Show what is new as a change, and tell what happened."""
        # A poll that was under way when the account was unloaded ends here, too.
        if self._is_shut_down:
            return
        if self.last_update_success:
            self._show()
            async_dispatcher_send(self.hass, self.poll_signal)
        else:
            self._was_away = True
        # Not at once: entities that come back from an outage do so first.
        self._telling = self.config_entry.async_create_task(
            self.hass, self._async_tell(), eager_start=False
        )

    @callback
    def _show(self) -> None:
        """Let what happened in an outage, or in a restart, be seen as a change.

        Automations act on changes from one value to another, never from unavailable.
        So entities come back with what they showed before, and change then. While Home
        Assistant starts, they keep it until automations are there.
        """
        news = self.data
        if self._shown is not None and not self._may_tell:
            self._news = news
            # After a power cut the stored total may be less than what was recorded.
            self.data = _before(self._shown, news)
            if news.packages is not None:
                self.data = _with_consumed(self.data, news.packages.consumed)
        elif self._shown is not None and self._was_away:
            self.data = _before(self._shown, news)
            self.async_update_listeners()
            self.data = news
        if self._may_tell or self._shown is None:
            self._note_shown()

    @callback
    def _note_shown(self) -> None:
        """Remember what is shown now, and the packages also while they are away."""
        self._was_away = self.data.packages is None
        if self._was_away and self._shown is not None:
            self._shown = _with_packages_of(self._shown, self.data)
        else:
            self._shown = self.data
        self.ledger.note_shown(self.data.overview, is_low=self.data.is_low)

    def _remembered(self) -> BytesFlowsData | None:
        """Return what was shown before the account was loaded, as far as is known."""
        ledger = self.ledger
        if ledger.overview is None or ledger.last_reading is None:
            return None
        packages = Outlook(ledger).packages(ledger.last_reading)
        return BytesFlowsData(
            ledger.overview,
            packages,
            is_low=ledger.is_low is True,
            is_expiring_soon=is_expiring_soon(
                packages, ledger.last_reading, self._window
            ),
        )

    async def _async_tell(self) -> None:
        """Tell what happened to packages, and which time went by, once.

        It is stored as told before it is, so that a crash repeats nothing, and kept in
        the storage until then, so that a crash loses nothing. Records can be read while
        the overview cannot: what they tell waits until the entities are there again.
        """
        may_tell = self._may_tell and self.last_update_success
        changes = self.ledger.take_changes() if may_tell else ()
        await self._store.async_save_due(self.ledger)
        for change in changes:
            async_dispatcher_send(self.hass, self.change_signal, change)
            # Home Assistant 2026.7 tells events apart by the millisecond only.
            await self.hass.async_add_executor_job(time.sleep, EVENT_DISTANCE)
        if self._may_tell and self.ledger.is_complete and not self.ledger.changes:
            self._tell_progress(changes)

    @callback
    def _tell_progress(self, changes: Iterable[Change]) -> None:
        """Tell which time went by since this was told before."""
        since, now = self.ledger.told_until, dt_util.utcnow()
        self.ledger.told_until = now
        if since is not None:
            arrived = {change.record.id for change in changes if change.is_arrival}
            progress = Progress(
                self.config_entry.entry_id,
                since,
                now,
                tuple(self.ledger.active),
                frozenset(arrived),
            )
            async_dispatcher_send(self.hass, SIGNAL_PROGRESS, progress)

    async def _async_read(self, now: datetime) -> Overview:
        """Read the overview, and the records when they are due."""
        was_complete: bool | BaseException
        if self._records_due(now):
            overview, was_complete = await asyncio.gather(
                self.client.get_overview(),
                read_records(self.client, self.ledger, now),
                return_exceptions=True,
            )
            if isinstance(overview, BaseException):
                self._pause_records(was_complete, now)
                raise overview
        else:
            overview = await self.client.get_overview()
            if not self._records_due(now, overview):
                return overview
            (was_complete,) = await asyncio.gather(
                read_records(self.client, self.ledger, now), return_exceptions=True
            )
        try:
            if isinstance(was_complete, BaseException):
                raise was_complete
            overview = await resolve_doubt(
                self.client, self.ledger, overview, now, was_complete=was_complete
            )
        except BytesFlowsAuthenticationError:
            raise
        except BytesFlowsError as err:
            self._note_failed_reading(err, now)
        else:
            self._note_reading(overview, now)
        return overview

    def _records_due(self, now: datetime, overview: Overview | None = None) -> bool:
        """Return whether the records can have changed, as far as is known already."""
        if _pause(self._next_records_request, now):
            return False
        reading = self.reading
        return (
            reading is None
            or self._records_requested
            or abs(now - reading.time) >= RECORDS_INTERVAL
            or (reading.next_expiry is not None and reading.next_expiry <= now)
            or (overview is not None and overview != reading.overview)
        )

    def _note_reading(self, overview: Overview, now: datetime) -> None:
        """Note what the records belong to now."""
        if self._records_failing_since is not None:
            self._records_failing_since = None
            LOGGER.info("Fetching %s records recovered", self.name)
        self._records_requested = False
        self._next_records_request = None
        evidence = self._zone_watch.look(self.ledger, now)
        async_report_time_zone(self.hass, self.config_entry, evidence)
        next_expiry = self._outlook.packages(now).next_expiry
        self.reading = RecordsReading(overview, now, next_expiry)

    def _note_failed_reading(self, error: BytesFlowsError, now: datetime) -> None:
        """Note that the records could not be read.

        Their outage alone does not take down what comes from the overview. Home
        Assistant does not see it, so its beginning and its end are logged here.
        """
        if self._records_failing_since is None:
            self._records_failing_since = now
            stay = "" if self.reading is None else "; the last values stay an hour"
            LOGGER.warning("Error fetching %s records%s: %s", self.name, stay, error)
        self._report(error, now)
        self._pause_records(error, now)

    def _report(self, error: BytesFlowsError, now: datetime) -> None:
        """Report an answer that is not understood, once that has lasted."""
        if error_key(error) == "invalid_response" and (
            self.ledger.note_not_understood(now) >= PATIENCE
        ):
            async_report_not_understood(self.hass, self.config_entry, error)

    def _pause_records(self, result: object, now: datetime) -> None:
        """Leave the records alone for as long as the server asked for, if it did."""
        if isinstance(result, BytesFlowsError) and (wait := _wait(result)) is not None:
            self._next_records_request = now + timedelta(seconds=wait)

    def _packages(self, now: datetime) -> Packages | None:
        """Return what the records mean now, unless they are out of date."""
        if self.reading is None or (
            self._records_failing_since is not None
            and (
                now - self._records_failing_since >= RECORDS_GRACE
                or now - self.reading.time >= RECORDS_INTERVAL + RECORDS_GRACE
            )
        ):
            return None
        return self._outlook.packages(now)

    def _await_permission(self, now: datetime) -> None:
        """Raise while the server wants to be left alone."""
        if wait := _pause(self._next_request.get(self._account), now):
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="rate_limited",
                translation_placeholders={"detail": f"next request in {wait:.0f} s"},
                retry_after=wait + SCHEDULING_SLACK.total_seconds(),
            )
        self._next_request.pop(self._account, None)

    def _update_error(
        self, error: BytesFlowsError, now: datetime
    ) -> UpdateFailed | ConfigEntryAuthFailed:
        """Return what Home Assistant wants to be told of an error."""
        key = error_key(error)
        placeholders = {"detail": str(error)}
        if isinstance(error, BytesFlowsAuthenticationError):
            return ConfigEntryAuthFailed(
                translation_domain=DOMAIN,
                translation_key=key,
                translation_placeholders=placeholders,
            )
        if (wait := _wait(error)) is not None:
            self._next_request[self._account] = now + timedelta(seconds=wait)
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders=placeholders,
            retry_after=(
                None if wait is None else wait + SCHEDULING_SLACK.total_seconds()
            ),
        )

    @property
    def _next_request(self) -> dict[tuple[str, str], datetime]:
        """Return when each account may be asked again."""
        return self.hass.data.setdefault(_NEXT_REQUEST, {})


def _before(shown: BytesFlowsData, news: BytesFlowsData) -> BytesFlowsData:
    """Return what was shown before, but for what is not known now."""
    if news.packages is None:
        return replace(shown, packages=None, is_expiring_soon=None)
    return shown


def _with_packages_of(shown: BytesFlowsData, data: BytesFlowsData) -> BytesFlowsData:
    """Return new figures with the packages that were shown."""
    return replace(
        data, packages=shown.packages, is_expiring_soon=shown.is_expiring_soon
    )


def _with_consumed(data: BytesFlowsData, consumed: int) -> BytesFlowsData:
    """Return data with another total of what was used."""
    if data.packages is None:
        return data
    return replace(data, packages=replace(data.packages, consumed=consumed))


def _pause(until: datetime | None, now: datetime) -> float:
    """Return the seconds left of a pause; none where the clock was set back."""
    left = 0.0 if until is None else (until - now).total_seconds()
    return left if 0 < left <= MAX_RETRY_AFTER else 0.0


def _wait(error: BytesFlowsError) -> float | None:
    """Return the seconds to wait, where the server named some, within reason."""
    if error.retry_after is None:
        return None
    return min(max(error.retry_after, MIN_RETRY_AFTER), MAX_RETRY_AFTER)
