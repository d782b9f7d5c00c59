"""A Home Assistant with an account, which most tests begin with."""

from dataclasses import dataclass
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry

from dev.simulated_api import Account, SimulatedApi
from homeassistant.core import HomeAssistant, State

from .common import pass_time, set_up, state


@dataclass(frozen=True, slots=True)
class Home:
    """A Home Assistant, the server of its account, the entry and the clock."""

    hass: HomeAssistant
    api: SimulatedApi
    entry: MockConfigEntry
    freezer: FrozenDateTimeFactory

    @property
    def account(self) -> Account:
        """Return the account on the server."""
        return self.api.accounts[0]

    async def set_up(self) -> None:
        """Set the account up, which has to succeed."""
        assert await set_up(self.hass, self.entry)

    async def unload(self) -> bool:
        """Unload the account, and return whether that succeeded."""
        return await self.hass.config_entries.async_unload(self.entry.entry_id)

    async def reload(self) -> bool:
        """Reload the account, and return whether that succeeded."""
        return await self.hass.config_entries.async_reload(self.entry.entry_id)

    async def poll(self, times: int = 1) -> None:
        """Let time pass until the next poll is done, once or several times."""
        for _ in range(times):
            await pass_time(self.hass, self.freezer)

    async def pass_time(self, delta: timedelta) -> None:
        """Let time pass, and whatever is due then happen."""
        await pass_time(self.hass, self.freezer, delta)

    def state(self, key: str) -> State:
        """Return the state of a sensor by its key."""
        return state(self.hass, key)
