"""The BytesFlows integration: traffic packages of a BytesFlows account."""

from datetime import UTC
from functools import partial
from typing import Final

from aiohttp import DummyCookieJar

from homeassistant.const import (
    CONF_TIME_ZONE,
    CONF_URL,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_STOP,
    Platform,
)
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from .api import BytesFlowsClient, Codec
from .const import CONF_API_TOKEN, DEFAULT_TIME_ZONE, DOMAIN
from .coordinator import BytesFlowsConfigEntry, BytesFlowsCoordinator
from .repairs import (
    async_forget_not_understood,
    async_forget_time_zone,
    async_review_time_zone,
)
from .services import async_setup_services
from .store import LedgerStore

PLATFORMS: list[Platform] = [
    Platform.BINARY_SENSOR,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.SENSOR,
]
AUTOMATIONS_START: Final = 5
"""Seconds after which all automations listen, once Home Assistant has started."""


CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all accounts share."""
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: BytesFlowsConfigEntry) -> bool:
    """Set up an account."""
    name = entry.options.get(CONF_TIME_ZONE, DEFAULT_TIME_ZONE)
    time_zone = await dt_util.async_get_time_zone(name)
    if time_zone is None:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="unknown_time_zone",
            translation_placeholders={"time_zone": name},
        )
    # The API takes cookies for a login: each account has a session that keeps none.
    session = async_create_clientsession(
        hass, entry.data[CONF_VERIFY_SSL], cookie_jar=DummyCookieJar()
    )
    store = LedgerStore(hass, entry.entry_id, Codec(time_zone))
    coordinator = BytesFlowsCoordinator(
        hass,
        entry,
        BytesFlowsClient(
            session,
            entry.data[CONF_API_TOKEN],
            time_zone=time_zone,
            url=entry.data[CONF_URL],
        ),
        store,
        await store.async_load(),
    )
    async_review_time_zone(hass, entry.entry_id, time_zone)
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    if hass.state is CoreState.running:
        await coordinator.async_begin_to_tell()
    else:
        entry.async_on_unload(
            async_at_started(hass, partial(_begin_to_tell_soon, entry))
        )
    entry.async_on_unload(
        hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, coordinator.async_save)
    )
    return True


@callback
def _begin_to_tell_soon(entry: BytesFlowsConfigEntry, hass: HomeAssistant) -> None:
    """Wait for the automations, which may need a moment after the start to listen."""
    entry.async_on_unload(
        async_call_later(
            hass, AUTOMATIONS_START, entry.runtime_data.async_begin_to_tell
        )
    )


async def async_unload_entry(hass: HomeAssistant, entry: BytesFlowsConfigEntry) -> bool:
    """Unload an account."""
    async_forget_not_understood(hass, entry.entry_id)
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: BytesFlowsConfigEntry) -> None:
    """Forget an account."""
    async_forget_not_understood(hass, entry.entry_id)
    async_forget_time_zone(hass, entry.entry_id)
    await LedgerStore(hass, entry.entry_id, Codec(UTC)).async_remove()
