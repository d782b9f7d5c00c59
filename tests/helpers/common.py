"""Helpers that the tests share."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from dev.simulated_api import EXAMPLE_TOKEN, SimulatedApi
from homeassistant.components.persistent_notification import (
    Notification,
    UpdateType,
    async_register_callback,
)
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.setup import async_setup_component

# A property of a test that is printed when all have run: tests/conftest.py.
FIGURES = "figures"

# For every path of the server; without its own it would be for one endpoint alone.
COOKIE = {"Set-Cookie": "session=of-the-first-account; Path=/"}

OPTIONS = {
    "time_zone": "Asia/Shanghai",
    "low_traffic_threshold": 10,
    "expiring_soon_days": 3,
}


def make_entry(
    api: SimulatedApi,
    *,
    token: str = EXAMPLE_TOKEN,
    entry_id: str = "01JEXAMPLE",
    options: dict[str, object] | None = None,
    verify_ssl: bool = True,
) -> MockConfigEntry:
    """Return a config entry for an account of the simulated API."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="BytesFlows",
        entry_id=entry_id,
        data={"api_token": token, "url": api.url, "verify_ssl": verify_ssl},
        options=OPTIONS if options is None else options,
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> bool:
    """Add an entry and set it up."""
    entry.add_to_hass(hass)
    result = await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return result


async def pass_time(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    delta: timedelta = UPDATE_INTERVAL,
) -> None:
    """Let time pass, and what is due then happen."""
    freezer.tick(delta + timedelta(seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def notifications(hass: HomeAssistant) -> list[tuple[str | None, str]]:
    """Return the titles and messages that people will have seen in Home Assistant."""
    assert await async_setup_component(hass, "persistent_notification", {})
    seen: list[tuple[str | None, str]] = []

    @callback
    def notified(_: UpdateType, changed: dict[str, Notification]) -> None:
        seen.extend((item["title"], item["message"]) for item in changed.values())

    async_register_callback(hass, notified)
    return seen


def state(hass: HomeAssistant, key: str) -> State:
    """Return the state of a sensor by the id that a first setup gives it."""
    found = hass.states.get(f"sensor.bytesflows_{key}")
    assert found is not None
    return found
