"""Dispatching of changes and marks: each of them once, after it was saved.

Due changes are taken out of the account. One task at a time saves them as dispatched,
and then hands them to the event entity and to the triggers. A power failure can lose
those that were handed out and not yet acted upon, but duplicates nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util.signal_type import SignalType

from .account import Account, Change
from .const import DOMAIN, LOGGER
from .mark_actions import async_fire_mark
from .outbox import Batch, Outbox
from .registrations import async_get_registrations
from .storage import AccountStorage

RETRY_SECONDS: Final = 60
"""When a write that failed is tried again while something waits for it."""
SAVE_PATIENCE: Final = 10 * 60
"""Seconds of failing writes after which changes are dispatched anyway."""
STOP_SECONDS: Final = 10
"""How long a stop of Home Assistant waits for automations that were started."""


def account_signal(entry_id: str) -> SignalType[tuple[Change, ...]]:
    """Return the signal of an account: sent after each good poll and for changes."""
    return SignalType(f"{DOMAIN}_{entry_id}")


@dataclass(slots=True)
class _Writes:
    """Whether writes succeed, and whether it is still worth waiting for one."""

    failing_since: float | None = None
    has_given_up: bool = False

    @property
    def are_failing(self) -> bool:
        """Whether the last write failed."""
        return self.failing_since is not None

    def note(self, title: str, *, is_saved: bool) -> None:
        """Note a write, and give up waiting for one after failures for 10 minutes.

        A repeated alarm is better than none.
        """
        if is_saved:
            self.failing_since, self.has_given_up = None, False
        elif self.failing_since is None:
            self.failing_since = monotonic()
        elif (
            monotonic() - self.failing_since >= SAVE_PATIENCE and not self.has_given_up
        ):
            self.has_given_up = True
            LOGGER.warning(
                "The state of %s cannot be saved; alarms may repeat after a restart",
                title,
            )


class Dispatcher:
    """Dispatch the changes and marks of one account."""

    def __init__(
        self,
        hass: HomeAssistant,
        config_entry: ConfigEntry[Any],
        account: Account,
        storage: AccountStorage,
        has_entities: Callable[[], bool],
    ) -> None:
        """Start without dispatching: automations may not listen yet.

        `has_entities` says whether the event entity is available.
        """
        self._hass = hass
        self._config_entry = config_entry
        self._account = account
        self._storage = storage
        self._registrations = async_get_registrations(hass)
        self._outbox = Outbox(
            config_entry.entry_id, account, self._registrations, has_entities
        )
        self._is_open = False
        self._is_stopped = False
        """Whether Home Assistant stops: due changes wait for the next start."""
        self._is_requested = False
        self._is_registration_new = False
        self._task: asyncio.Task[None] | None = None
        self._runs: set[asyncio.Task[Any]] = set()
        self._unsub_wake: CALLBACK_TYPE | None = None
        self._writes = _Writes()

    @callback
    def async_open(self) -> None:
        """Start to dispatch, now that automations listen."""
        if not self._is_stopped:
            self._is_open = True
            self.async_request()

    @callback
    def async_request(self) -> None:
        """Dispatch due changes, after those that are being dispatched."""
        self._is_requested = True
        if self._task is not None and not self._task.done():
            return
        if self._is_open:
            self._outbox.fill()
        if self._is_idle():
            self._outbox.empty()
            self._async_finish_run()
            return
        self._task = self._config_entry.async_create_task(
            self._hass, self._async_run(), eager_start=False
        )

    @callback
    def async_before_registration(self) -> None:
        """Pass due marks before a trigger is added, which must not get them."""
        if self._is_open:
            self._outbox.fill()
            self._is_registration_new = True
            self.async_request()

    async def async_close(self) -> None:
        """Stop dispatching, and wait for changes that are being dispatched."""
        self._is_open = False
        self._async_cancel_wake()
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def async_stop(self) -> None:
        """Stop with Home Assistant: wait for automations a while, and save."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self.async_close()
                while self._runs:
                    await asyncio.wait(self._runs)
        self._is_stopped = True
        await self._storage.async_flush(self._account)

    @property
    def next_low_mark(self) -> datetime | None:
        """When the next mark of low traffic is due, which wants a poll."""
        return self._account.scales.next_low_mark(
            self._registrations.places(self._config_entry.entry_id)
        )

    async def _async_run(self) -> None:
        """Dispatch until nothing more is requested, then wait for the next mark."""
        while self._is_requested:
            self._is_requested = False
            await self._async_dispatch()
        self._async_finish_run()

    def _is_idle(self) -> bool:
        """Return whether nothing is due and nothing needs to be written."""
        return self._outbox.is_empty and not (
            self._is_registration_new
            or self._writes.are_failing
            or self._storage.async_is_urgent(self._account)
        )

    @callback
    def _async_finish_run(self) -> None:
        """Wait for the next mark."""
        self._is_requested = False
        if self._is_open:
            self._registrations.async_check_targets()
        self._async_schedule_wake()

    async def _async_dispatch(self) -> None:
        """Save due changes as dispatched, then dispatch them."""
        if self._is_open:
            self._outbox.fill()
        # Changes that are taken out while this is being saved wait for the next time.
        batch = self._outbox.empty()
        is_urgent = self._is_registration_new or not batch.is_empty
        self._is_registration_new = False
        is_saved = await self._storage.async_save(self._account, is_urgent=is_urgent)
        self._writes.note(self._config_entry.title, is_saved=is_saved)
        if self._is_stopped:
            self._outbox.put_back(batch)
            await self._storage.async_flush(self._account)
        elif is_saved or self._writes.has_given_up:
            self._fire(batch)
        else:
            self._outbox.put_back(batch)

    @callback
    def _fire(self, batch: Batch) -> None:
        """Hand out changes and marks, and note the automations that they start.

        Those that wait for a state start with it, and it is unknown which these are.
        """
        LOGGER.debug(
            "Dispatching %d changes and %d marks of %s",
            len(batch.changes),
            len(batch.marks),
            self._config_entry.title,
        )
        self._outbox.forget_put_back()
        others = asyncio.all_tasks()
        if batch.changes:
            async_dispatcher_send(
                self._hass, account_signal(self._config_entry.entry_id), batch.changes
            )
        for mark, waiting in batch.marks:
            async_fire_mark(
                self._hass, self._config_entry, self._account, mark, waiting
            )
        for task in asyncio.all_tasks() - others:
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)

    @callback
    def _async_schedule_wake(self) -> None:
        """Wake for the next mark of a package, or to try a write again."""
        self._async_cancel_wake()
        if not self._is_open:
            return
        seconds: float | None = None
        if self._writes.are_failing:
            seconds = RETRY_SECONDS
        elif (
            due := self._account.scales.next_package_mark(
                self._registrations.places(self._config_entry.entry_id)
            )
        ) is not None:
            seconds = max(0.0, (due - self._account.clock.now()).total_seconds())
        if seconds is not None:
            self._unsub_wake = async_call_later(self._hass, seconds, self._async_wake)

    @callback
    def _async_wake(self, _: datetime) -> None:
        """Dispatch due changes."""
        self._unsub_wake = None
        self.async_request()

    @callback
    def _async_cancel_wake(self) -> None:
        """Do not wake."""
        if self._unsub_wake is not None:
            self._unsub_wake()
            self._unsub_wake = None
