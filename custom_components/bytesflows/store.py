"""What is remembered of an account when Home Assistant is not running."""

from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .api import Codec
from .const import DOMAIN, LOGGER
from .ledger import LATE, SOON, Ledger

STORAGE_VERSION: Final = 1


class LedgerStore:
    """The small file in which an account's ledger outlives a restart."""

    def __init__(self, hass: HomeAssistant, entry_id: str, codec: Codec) -> None:
        """Set up without reading."""
        self._codec = codec
        self._store: Store[dict[str, Any]] = Store(
            hass,
            STORAGE_VERSION,
            f"{DOMAIN}.{entry_id}",
            private=True,
            atomic_writes=True,
        )
        self._is_waiting = False

    async def async_load(self) -> Ledger:
        """Return the ledger as it was stored, or a new one."""
        try:
            state = await self._store.async_load()
            return Ledger() if state is None else Ledger.restore(state, self._codec)
        except (
            HomeAssistantError,
            AttributeError,
            LookupError,
            NotImplementedError,
            TypeError,
            ValueError,
        ) as err:
            LOGGER.warning(
                "The memory of past packages in %s is damaged or from a newer version, "
                "and begins anew: %s",
                self._store.key,
                type(err).__name__,
            )
            return Ledger()

    async def async_save_due(self, ledger: Ledger) -> None:
        """Write at once what must not be lost, and the rest late.

        Of an account whose packages were never read there is nothing to remember.
        """
        if ledger.last_reading is None:
            return
        if ledger.save_within == SOON:
            await self._async_save(ledger)
        elif ledger.save_within == LATE and not self._is_waiting:
            self._is_waiting = True
            self._store.async_delay_save(
                lambda: self._state(ledger), LATE.total_seconds()
            )

    async def async_save_rest(self, ledger: Ledger) -> None:
        """Write at the end what is not written yet, and the times that go on."""
        if ledger.last_reading is not None and (
            ledger.is_complete or ledger.save_within is not None
        ):
            await self._async_save(ledger)

    async def _async_save(self, ledger: Ledger) -> None:
        """Write all of it now, or at the end where Home Assistant is stopping."""
        await self._store.async_save(self._state(ledger))

    async def async_remove(self) -> None:
        """Remove the file."""
        await self._store.async_remove()

    def _state(self, ledger: Ledger) -> dict[str, Any]:
        """Return what to write, all of it."""
        self._is_waiting = False
        ledger.save_within = None
        return ledger.state(self._codec, dt_util.utcnow())
