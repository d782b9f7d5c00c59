"""When the state of an account that outlives a restart is written."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store

from .account import Account, AccountState, Package
from .api import Codec
from .const import DOMAIN, LOGGER
from .stored_state import decode_state, encode_state

STORAGE_VERSION: Final = 1
SAVE_DELAY: Final = 15 * 60
"""Seconds within which anything new is written."""


class _WatchedStore(Store[dict[str, Any]]):
    """A store that reports failed writes, which Home Assistant's store only logs."""

    has_failed = False
    """Whether the last write failed. Several can wait for each other: only a write may
    change it."""

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        """Write, and note a failure."""
        self.has_failed = True
        await super()._async_write_data(data)
        self.has_failed = False


class _Snapshot(NamedTuple):
    """The parts of the last written state whose changes matter."""

    urgent: tuple[object, ...]
    """Changes, alarms, and marks: a difference is written at once."""
    other: tuple[object, ...]
    packages: Mapping[str, Package]

    def is_fallen_behind(self, new: _Snapshot) -> bool:
        """Return whether a use went down, which a crash must not undo."""
        return self.packages is not new.packages and any(
            package.record.traffic_used < self.packages[id_].record.traffic_used
            for id_, package in new.packages.items()
            if id_ in self.packages and package is not self.packages[id_]
        )


class AccountStorage:
    """The small file in which the state of an account outlives a restart."""

    def __init__(self, hass: HomeAssistant, entry_id: str, codec: Codec) -> None:
        """Initialize without reading."""
        self._hass = hass
        self._codec = codec
        self._store = _WatchedStore(
            hass,
            STORAGE_VERSION,
            f"{DOMAIN}.{entry_id}",
            private=True,
            atomic_writes=True,
        )
        self._written: _Snapshot | None = None
        """None if nothing was written, or not all of it."""
        self._unsub_later: CALLBACK_TYPE | None = None

    async def async_load(self, now: datetime) -> AccountState:
        """Return the state that was stored, or a new one."""
        try:
            stored = await self._store.async_load()
            if stored is None:
                return AccountState()
            state = decode_state(stored, self._codec, now)
        except (HomeAssistantError, NotImplementedError, ValueError) as err:
            # NotImplementedError is Home Assistant's for a file of another version.
            LOGGER.warning(
                "The stored packages in %s are damaged or from a newer version; "
                "starting over: %s",
                self._store.key,
                type(err).__name__,
            )
            return AccountState()
        self._written = _snapshot(state, now)
        return state

    async def async_known_ids(self, now: datetime) -> frozenset[str]:
        """Return the ids of the packages that were stored."""
        return frozenset((await self.async_load(now)).ledger.packages)

    async def async_require_baseline(self, now: datetime) -> None:
        """Let the next reading be a first one, for an account that is not loaded."""
        state = await self.async_load(now)
        if state.last_sync is not None:
            state.require_baseline()
            await self._async_write(state, _snapshot(state, now), now)

    @callback
    def async_is_urgent(self, account: Account) -> bool:
        """Return whether a change must be written now; others are scheduled.

        If nothing differs from what was written but times that advance, nothing is
        written. Nothing is written before packages were first read.
        """
        if account.state.last_sync is None:
            return False
        new, old = _snapshot(account.state, account.clock.now()), self._written
        if old is None or new.urgent != old.urgent or old.is_fallen_behind(new):
            return True
        if new != old and self._unsub_later is None:
            self._unsub_later = async_call_later(
                self._hass, SAVE_DELAY, self._late_save(account)
            )
        return False

    async def async_save(self, account: Account, *, is_urgent: bool = False) -> bool:
        """Write if something is urgent, and return whether nothing urgent is left."""
        if is_urgent or self.async_is_urgent(account):
            return await self.async_flush(account)
        return True

    async def async_flush(self, account: Account) -> bool:
        """Write everything, including times that only advance."""
        state, now = account.state, account.clock.now()
        if state.last_sync is None:
            return True
        return await self._async_write(state, _snapshot(state, now), now)

    async def async_remove(self) -> None:
        """Remove the file."""
        await self._store.async_remove()

    @callback
    def async_cancel(self) -> None:
        """Cancel a write that is scheduled."""
        if self._unsub_later is not None:
            self._unsub_later()
            self._unsub_later = None

    def _late_save(
        self, account: Account
    ) -> Callable[[datetime], Coroutine[Any, Any, None]]:
        """Return the job of a late save."""

        async def save(_: datetime) -> None:
            self._unsub_later = None
            await self.async_flush(account)

        return save

    async def _async_write(
        self, state: AccountState, snapshot: _Snapshot, now: datetime
    ) -> bool:
        """Write all of it, and return whether that succeeded.

        While Home Assistant is stopping, it is written with the last of its writes.
        """
        self.async_cancel()
        try:
            await self._store.async_save(encode_state(state, self._codec, now))
        except Exception as err:  # noqa: BLE001
            LOGGER.warning("Error writing %s: %s", self._store.key, type(err).__name__)
            self._store.has_failed = True
        # After a failure, everything counts as changed, so the next save tries again.
        self._written = None if self._store.has_failed else snapshot
        return self._written is not None


def _snapshot(state: AccountState, now: datetime) -> _Snapshot:
    """Return the parts of a state whose changes matter."""
    low = state.marks.low
    return _Snapshot(
        urgent=(
            state.changes,
            state.shown_is_low,
            state.shown_is_expiring_soon,
            low.is_low,
            low.since,
            state.consumption.watched_since,
            state.ledger.needs_baseline,
            state.is_unsettled,
            state.invalid_responses.stage,
            state.unreadable_values.stage,
        ),
        other=(
            state.shown_overview,
            state.consumption.total,
            tuple(state.ledger.newcomers.newest.items()),
            tuple(state.ledger.newcomers.left_out),
        ),
        packages=state.ledger.watchlist.to_keep(now),
    )
