"""Polling of one BytesFlows account."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import (
    CALLBACK_TYPE,
    CoreState,
    HassJob,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .account import Account, AccountData, Publisher
from .api import (
    BytesFlowsAuthenticationError,
    BytesFlowsError,
    Record,
    Source,
)
from .connection import Requests
from .const import DOMAIN, LOGGER
from .dispatch import Dispatcher, account_signal
from .errors import TIMER_SLACK, update_error
from .issues import (
    async_note_error,
    async_note_records,
    async_update_issues,
    has_nothing_to_report,
)
from .registrations import async_get_registrations
from .rejections import Rejection, async_get_rejections
from .schedule import MIN_UPDATE_INTERVAL, UPDATE_INTERVAL, next_interval
from .storage import AccountStorage

AUTOMATION_START_DELAY: Final = 5
"""Seconds after the start of Home Assistant until all automations listen."""

type BytesFlowsConfigEntry = ConfigEntry[BytesFlowsCoordinator]


class BytesFlowsCoordinator(DataUpdateCoordinator[AccountData]):
    """Poll an account, and update its entities."""

    config_entry: BytesFlowsConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        config_entry: BytesFlowsConfigEntry,
        account: Account,
        storage: AccountStorage,
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
        self.account = account
        self._storage = storage
        self._rejections = async_get_rejections(hass)
        self._publisher = Publisher(account.remembered())
        self._dispatcher = Dispatcher(
            hass, config_entry, account, storage, lambda: self.last_update_success
        )
        self._alarm_listeners: list[Callable[[], None]] = []
        self._requests = Requests()
        self._polled: AccountData | None = None
        self._has_nothing_to_report = False
        """Whether the last poll was a good one after which there was no issue."""

    @callback
    def async_start(self) -> None:
        """Start to dispatch once automations listen, after the platforms are set up."""
        entry, hass = self.config_entry, self.hass
        for job in (self._requests.async_cancel, self._dispatcher.async_stop):
            entry.async_on_unload(hass.async_add_shutdown_job(HassJob(job)))
        entry.async_on_unload(
            async_get_registrations(hass).async_listen(
                self._dispatcher.async_before_registration
            )
        )
        if hass.state is CoreState.running:
            self._async_automations_ready()
        else:
            entry.async_on_unload(async_at_started(hass, self._async_started))

    async def async_stop_polling(self) -> None:
        """End requests and dispatching, and save everything."""
        await self._requests.async_end()
        await self._dispatcher.async_close()
        await self._storage.async_flush(self.account)

    @callback
    def async_resume_polling(self) -> None:
        """Resume polling after the account could not be unloaded."""
        self._requests.is_ended = False
        self._dispatcher.async_open()

    @callback
    def async_add_alarm_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Listen for updates after all other entities have followed them."""
        self._alarm_listeners.append(listener)
        return lambda: self._alarm_listeners.remove(listener)

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Update the alarms last: automations on them read the other entities."""
        super().async_update_listeners()
        for listener in list(self._alarm_listeners):
            listener()

    @override
    async def async_request_refresh(self) -> None:
        """Read the records, too, because a user requested it."""
        self.account.records.request()
        await super().async_request_refresh()

    async def async_fetch_packages(self, source: Source | None) -> tuple[Record, ...]:
        """Return the packages as the server lists them now, of one source or all.

        Values that cannot be read are the last readable ones; a new package without a
        readable use is left out. Raises `UpdateFailed`.
        """
        try:
            listing = await self._requests.async_run(
                self.account.client.get_records(source)
            )
        except BytesFlowsError as err:
            if isinstance(err, BytesFlowsAuthenticationError):
                # The poll decides whether the rejection is confirmed.
                await self.async_request_refresh()
            raise update_error(err, self.account.clock.now()) from err
        if listing is None:
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key="request_canceled"
            )
        return self.account.state.ledger.packages.completed(listing)

    @override
    async def _async_update_data(self) -> AccountData:
        """Poll the account, unless its token was rejected not long ago."""
        self._polled = None
        had_nothing, self._has_nothing_to_report = self._has_nothing_to_report, False
        self.update_interval = UPDATE_INTERVAL
        if self._requests.is_ended:
            return self._data_while_unloading()
        if rejection := self._rejections.current(self.config_entry):
            return self._data_while_rejected(rejection)
        had_records = self.account.records.error is None
        try:
            self._polled = await self._requests.async_run(self.account.poll())
        except BytesFlowsAuthenticationError as err:
            return self._data_while_rejected(
                self._rejections.note(self.config_entry, err)
            )
        except BytesFlowsError as err:
            async_note_error(self.hass, self.config_entry, self.account, err)
            raise update_error(err, self.account.clock.now()) from err
        if self._polled is None or self._requests.is_ended:
            self._polled = None
            return self._data_while_unloading()
        async_note_records(
            self.hass, self.config_entry, self.account, had_records=had_records
        )
        self._rejections.async_accept(self.hass, self.config_entry)
        self._has_nothing_to_report = has_nothing_to_report(self.account)
        if not (had_nothing and self._has_nothing_to_report):
            async_update_issues(self.hass, self.config_entry, self.account)
        self.update_interval = next_interval(
            self.account, self._dispatcher.next_low_mark
        )
        return self._polled

    def _data_while_unloading(self) -> AccountData:
        """Return the previous data, without starting or ending an outage."""
        if not self.last_update_success:
            raise UpdateFailed
        return self.data

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Let entities show new data as a change, and dispatch due changes."""
        if self._requests.is_ended:
            return
        if self._polled is not None:
            self._async_show(self._publisher.publish(self._polled))
            async_dispatcher_send(
                self.hass, account_signal(self.config_entry.entry_id), ()
            )
        elif not self.last_update_success:
            self._publisher.note_outage()
        # Not at once: the entities follow first.
        self._dispatcher.async_request()

    @callback
    def _async_show(self, steps: list[AccountData]) -> None:
        """Let entities show some data in turn; the last is shown later."""
        for number, data in enumerate(steps, 1):
            self.data = data
            if number < len(steps):
                self.async_update_listeners()
        shown = self._publisher.published
        if TYPE_CHECKING:
            assert shown is not None
        self.account.note_shown(shown)

    @callback
    def _async_started(self, _: HomeAssistant) -> None:
        """Wait for the automations, which may need a moment to listen."""
        self.config_entry.async_on_unload(
            async_call_later(
                self.hass, AUTOMATION_START_DELAY, self._async_automations_ready
            )
        )

    @callback
    def _async_automations_ready(self, _: datetime | None = None) -> None:
        """Show data that was held back, and dispatch: automations listen now."""
        if steps := self._publisher.open():
            self._async_show(steps)
            self.async_update_listeners()
        self._dispatcher.async_open()
        async_get_registrations(self.hass).async_check_targets()

    def _data_while_rejected(self, rejection: Rejection) -> AccountData:
        """Return the previous data, or raise once the rejection is confirmed."""
        self.update_interval = max(MIN_UPDATE_INTERVAL, rejection.wait + TIMER_SLACK)
        if rejection.is_confirmed:
            self.config_entry.async_start_reauth(self.hass)
        elif self.data is not None and self.last_update_success:
            return self.data
        raise update_error(
            BytesFlowsAuthenticationError(rejection.error), self.account.clock.now()
        )
