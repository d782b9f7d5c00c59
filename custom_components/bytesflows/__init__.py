"""The BytesFlows integration: traffic packages of a BytesFlows account."""

from datetime import UTC, timedelta
import time

from homeassistant.const import CONF_TIME_ZONE, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from .account import Account, Clock, Options
from .api import Codec
from .connection import async_create_client, async_create_session
from .const import (
    CONF_EXPIRING_SOON_DAYS,
    CONF_LOW_TRAFFIC_THRESHOLD,
    DEFAULT_EXPIRING_SOON_DAYS,
    DEFAULT_LOW_TRAFFIC_THRESHOLD,
    DEFAULT_TIME_ZONE,
    DOMAIN,
)
from .coordinator import BytesFlowsConfigEntry, BytesFlowsCoordinator
from .dashboard import async_setup_dashboard
from .errors import setup_error
from .issues import (
    INVALID_RESPONSE,
    UNREADABLE_VALUES,
    async_delete_issue,
    async_delete_issues,
    async_recheck_time_zone_issue,
)
from .registrations import async_get_registrations
from .rejections import async_get_rejections
from .services import async_setup_services
from .storage import AccountStorage
from .websocket_api import async_setup_websocket_api

PLATFORMS: list[Platform] = [
    Platform.BINARY_SENSOR,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.SENSOR,
]

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up everything that accounts share."""
    async_setup_services(hass)
    async_setup_websocket_api(hass)
    await async_setup_dashboard(hass)
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
    session = async_create_session(hass, entry.data)
    storage = AccountStorage(hass, entry.entry_id, Codec(time_zone))
    # A setup that fails must not write later what the next one has overtaken.
    entry.async_on_unload(storage.async_cancel)
    account = Account(
        async_create_client(hass, session, entry.data, time_zone),
        Clock(dt_util.utcnow, time.monotonic),
        Options(
            low_traffic_threshold=entry.options.get(
                CONF_LOW_TRAFFIC_THRESHOLD, DEFAULT_LOW_TRAFFIC_THRESHOLD
            ),
            expiring_soon=timedelta(
                days=entry.options.get(
                    CONF_EXPIRING_SOON_DAYS, DEFAULT_EXPIRING_SOON_DAYS
                )
            ),
            home_time_zone=dt_util.get_default_time_zone,
        ),
        await storage.async_load(dt_util.utcnow()),
    )
    coordinator = BytesFlowsCoordinator(hass, entry, account, storage)
    async_recheck_time_zone_issue(hass, entry, time_zone)
    try:
        await coordinator.async_config_entry_first_refresh()
    except ConfigEntryNotReady as err:
        raise setup_error(err) from err
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    coordinator.async_start()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: BytesFlowsConfigEntry) -> bool:
    """Unload an account: first end the polling, then the entities."""
    coordinator = entry.runtime_data
    await coordinator.async_stop_polling()
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        coordinator.async_resume_polling()
        return False
    for kind in (INVALID_RESPONSE, UNREADABLE_VALUES):
        async_delete_issue(hass, kind, entry.entry_id)
    async_get_rejections(hass).retry_now(entry.entry_id)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: BytesFlowsConfigEntry) -> None:
    """Remove an account."""
    async_delete_issues(hass, entry.entry_id)
    async_get_rejections(hass).forget(entry.entry_id)
    async_get_registrations(hass).async_check_targets()
    await AccountStorage(hass, entry.entry_id, Codec(UTC)).async_remove()
