"""Polling of one BytesFlows account."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_URL
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

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
)
from .const import CONF_API_TOKEN, DOMAIN, LOGGER
from .ledger import Packages, summarize

UPDATE_INTERVAL: Final = timedelta(minutes=5)
RECORDS_INTERVAL: Final = timedelta(minutes=58)
"""When the records are read again although nothing points to a change: at the twelfth
poll, which Home Assistant may start a moment before the hour is over."""
RECORDS_GRACE: Final = timedelta(hours=1)
"""How long the last records stand in while they cannot be read."""
MIN_RETRY_AFTER: Final = 60.0
MAX_RETRY_AFTER: Final = 86_400.0
SCHEDULING_SLACK: Final = 1.0
"""Seconds by which Home Assistant may wake us too early: it counts from whole ones."""

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


@dataclass(frozen=True, slots=True)
class RecordsReading:
    """The records as they were read, and what they belong to."""

    records: tuple[Record, ...]
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
        self._account = (config_entry.data[CONF_URL], config_entry.data[CONF_API_TOKEN])
        self.last_poll: datetime | None = None
        self.poll_signal = f"{DOMAIN}_{config_entry.entry_id}_poll"
        self.reading: RecordsReading | None = None
        self._records_requested = False
        self._records_failing_since: datetime | None = None
        self._next_records_request: datetime | None = None
        self._cancel_expiry_refresh: CALLBACK_TYPE | None = None
        self._is_shut_down = False

    @property
    def package_ids(self) -> frozenset[str]:
        """Return the ids of the packages, by which accounts are told apart."""
        records = () if self.reading is None else self.reading.records
        return frozenset(record.id for record in records)

    @override
    async def async_request_refresh(self) -> None:
        """Read everything, because somebody asked for it."""
        self._records_requested = True
        await super().async_request_refresh()

    @override
    async def async_shutdown(self) -> None:
        """Stop polling, and forget the planned refresh."""
        self._is_shut_down = True
        self._unplan_refresh()
        await super().async_shutdown()

    @override
    async def _async_update_data(self) -> BytesFlowsData:
        """Fetch what can have changed."""
        now = dt_util.utcnow()
        self._await_permission(now)
        try:
            overview = await self._async_read(now)
        except BytesFlowsError as err:
            raise self._update_error(err, now) from err
        self.last_poll = now
        return BytesFlowsData(overview, self._packages(now))

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Tell who wants to know of every good poll, and plan the next expiry."""
        self._unplan_refresh()
        # A refresh that was under way when the account was unloaded ends here, too.
        if self.last_update_success and not self._is_shut_down:
            async_dispatcher_send(self.hass, self.poll_signal)
            self._plan_refresh()

    async def _async_read(self, now: datetime) -> Overview:
        """Read the overview, and the records when they are due."""
        records: tuple[Record, ...] | BaseException
        if self._records_due(now):
            overview, records = await asyncio.gather(
                self.client.get_overview(),
                self.client.get_records(),
                return_exceptions=True,
            )
            if isinstance(overview, BaseException):
                self._pause_records(records, now)
                raise overview
        else:
            overview = await self.client.get_overview()
            if not self._records_due(now, overview):
                return overview
            (records,) = await asyncio.gather(
                self.client.get_records(), return_exceptions=True
            )
        self._take_records(records, overview, now)
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

    def _take_records(
        self,
        records: tuple[Record, ...] | BaseException,
        overview: Overview,
        now: datetime,
    ) -> None:
        """Keep the records, or note that they could not be read.

        Their outage alone does not take down what comes from the overview. Home
        Assistant does not see it, so its beginning and its end are logged here.
        """
        if isinstance(records, BytesFlowsError) and not isinstance(
            records, BytesFlowsAuthenticationError
        ):
            if self._records_failing_since is None:
                self._records_failing_since = now
                LOGGER.warning(
                    "Error fetching %s records; the last values stay an hour: %s",
                    self.name,
                    records,
                )
            self._pause_records(records, now)
            return
        if isinstance(records, BaseException):
            raise records
        if self._records_failing_since is not None:
            self._records_failing_since = None
            LOGGER.info("Fetching %s records recovered", self.name)
        self._records_requested = False
        self._next_records_request = None
        self.reading = RecordsReading(
            records, overview, now, summarize(records, now).next_expiry
        )

    def _pause_records(
        self, records: tuple[Record, ...] | BaseException, now: datetime
    ) -> None:
        """Leave the records alone for as long as the server asked for."""
        if (
            isinstance(records, BytesFlowsError)
            and (wait := _wait(records)) is not None
        ):
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
        return summarize(self.reading.records, now)

    def _await_permission(self, now: datetime) -> None:
        """Raise while the server wants to be left alone."""
        if wait := _pause(self._next_request.get(self._account), now):
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="rate_limited",
                translation_placeholders={"detail": f"next request in {wait:.0f} s"},
                retry_after=wait + SCHEDULING_SLACK,
            )

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
            retry_after=None if wait is None else wait + SCHEDULING_SLACK,
        )

    @property
    def _next_request(self) -> dict[tuple[str, str], datetime]:
        """Return when each account may be asked again."""
        return self.hass.data.setdefault(_NEXT_REQUEST, {})

    def _plan_refresh(self) -> None:
        """Plan a refresh for the moment of the next expiry."""
        packages = self.data.packages
        if (
            packages is None
            or packages.next_expiry is None
            or self.config_entry.pref_disable_polling
        ):
            return

        async def refresh(_: datetime) -> None:
            self._cancel_expiry_refresh = None
            await self.async_request_refresh()

        self._cancel_expiry_refresh = async_track_point_in_utc_time(
            self.hass, refresh, packages.next_expiry
        )

    def _unplan_refresh(self) -> None:
        """Forget the planned refresh."""
        if self._cancel_expiry_refresh is not None:
            self._cancel_expiry_refresh()
            self._cancel_expiry_refresh = None


def _pause(until: datetime | None, now: datetime) -> float:
    """Return the seconds left of a pause; none where the clock was set back."""
    left = 0.0 if until is None else (until - now).total_seconds()
    return left if 0 < left <= MAX_RETRY_AFTER else 0.0


def _wait(error: BytesFlowsError) -> float | None:
    """Return the seconds to wait, where the server named some, within reason."""
    if error.retry_after is None:
        return None
    return min(max(error.retry_after, MIN_RETRY_AFTER), MAX_RETRY_AFTER)
