"""Setting up, unloading and reloading an account."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.coordinator import BytesFlowsCoordinator
from dev.simulated_api import OVERVIEW, RECORDS, Fault, Package, SimulatedApi
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .helpers.common import COOKIE, make_entry, pass_time, set_up, state
from .helpers.home import Home
from .helpers.translations import text


async def test_set_up_and_unload(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """Setting up calls each endpoint once; unloading ends it."""
    assert await set_up(hass, entry)
    states = [entry.state]
    assert api.count(OVERVIEW) == api.count(RECORDS) == 1

    assert await hass.config_entries.async_unload(entry.entry_id)
    states.append(entry.state)
    assert states == [ConfigEntryState.LOADED, ConfigEntryState.NOT_LOADED]
    assert state(hass, "total_traffic").state == "unavailable"


async def test_reload(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """A reload keeps the entities and shows what is new."""
    assert await set_up(hass, entry)
    api.accounts[0].figures = (2**30, 2**29)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state(hass, "total_traffic").state == "1.0"


async def test_remove(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """Removing an account leaves nothing of it."""
    assert await set_up(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert hass.states.async_entity_ids() == []
    registry = dr.async_get(hass)
    assert dr.async_entries_for_config_entry(registry, entry.entry_id) == []


async def test_removal_during_a_poll(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    entry: MockConfigEntry,
) -> None:
    """A poll that ends after the removal leaves nothing behind."""
    assert await set_up(hass, entry)
    assert f"bytesflows.{entry.entry_id}" in hass_storage
    api.accounts[0].packages.append(Package(id="3", traffic=2**30))
    api.break_(Fault(delay=0.3))
    arrived = asyncio.Event()
    api.before = lambda _: arrived.set()
    coordinator: BytesFlowsCoordinator = entry.runtime_data
    poll = hass.async_create_task(coordinator.async_request_refresh())
    await arrived.wait()
    await hass.config_entries.async_remove(entry.entry_id)
    await poll
    await hass.async_block_till_done()
    assert f"bytesflows.{entry.entry_id}" not in hass_storage


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
@pytest.mark.parametrize(
    ("fault", "is_temporary"),
    [
        (Fault.refuse(401), False),
        (Fault.code(403), False),
        (Fault.html(403), True),
        (Fault.refuse(500), True),
        (Fault.html(200), True),
        (Fault(drop=True), True),
    ],
)
async def test_failures(
    home: Home, fault: Fault, is_temporary: bool, path: str
) -> None:
    """A failure is tried again; a token is asked for after its second rejection."""
    home.api.break_(fault, path)
    is_overview = path == OVERVIEW
    is_fatal = is_overview or not is_temporary
    assert await set_up(home.hass, home.entry) is not is_fatal
    expected = ConfigEntryState.SETUP_RETRY if is_fatal else ConfigEntryState.LOADED
    states = [home.entry.state]
    flows = home.hass.config_entries.flow.async_progress
    assert flows() == []

    await home.pass_time(timedelta(minutes=2))
    states.append(home.entry.state)
    assert states == [expected] * 2
    sources = [flow["context"]["source"] for flow in flows()]
    assert sources == ([] if is_temporary else ["reauth"])

    home.api.heal()
    await home.pass_time(timedelta(hours=1))
    assert home.state("total_traffic").state == "176.0"
    assert home.state("active_packages").state == "1"
    assert flows() == []


async def test_rate_limit_at_the_start(home: Home) -> None:
    """Home Assistant's own retries do not reach a server that asked for a pause."""
    home.api.break_(Fault.refuse(429, Retry_After="600"), OVERVIEW)
    assert not await set_up(home.hass, home.entry)
    asked = len(home.api.requests)
    home.api.heal()

    for seconds in (30, 120, 300):
        home.freezer.tick(seconds)
        assert not await home.reload()
        assert len(home.api.requests) == asked
    home.freezer.tick(151)
    assert await home.reload()
    assert len(home.api.requests) == asked + 2


async def test_rate_limit_ends_with_another_address(home: Home) -> None:
    """What one server asks for does not hold for another one."""
    home.api.break_(Fault.refuse(429, Retry_After="86400"), OVERVIEW)
    assert not await set_up(home.hass, home.entry)
    other = SimulatedApi(*home.api.accounts)
    await other.start()
    home.hass.config_entries.async_update_entry(
        home.entry, data={**home.entry.data, "url": other.url}
    )
    assert await home.reload()
    await home.unload()
    await other.stop()


@pytest.mark.parametrize(
    ("verify_ssl", "expected", "requests"),
    [(True, ConfigEntryState.SETUP_RETRY, 0), (False, ConfigEntryState.LOADED, 2)],
)
async def test_self_signed_certificate(
    hass: HomeAssistant,
    tls_api: SimulatedApi,
    verify_ssl: bool,
    expected: ConfigEntryState,
    requests: int,
) -> None:
    """A server that nobody vouches for gets the token only where that is allowed."""
    entry = make_entry(tls_api, verify_ssl=verify_ssl)
    await set_up(hass, entry)
    assert entry.state is expected
    assert len(tls_api.requests) == requests


async def test_options_that_are_missing(
    hass: HomeAssistant, api: SimulatedApi, now: FrozenDateTimeFactory
) -> None:
    """An entry without options has the defaults."""
    assert await set_up(hass, make_entry(api, options={}))
    assert state(hass, "next_expiry").state == "2026-03-21T12:00:00+00:00"


async def test_unknown_time_zone(hass: HomeAssistant, api: SimulatedApi) -> None:
    """A time zone that is no longer known is reported, not guessed."""
    entry = make_entry(api, options={"time_zone": "Mars/Olympus"})
    assert not await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    message = text("exceptions", "unknown_time_zone", "message")
    assert entry.reason == message.format(time_zone="Mars/Olympus")
    assert api.requests == []


async def test_device(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
) -> None:
    """The account is a service, named like the entry."""
    assert await set_up(hass, entry)
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert device.name == "BytesFlows"
    assert device.manufacturer == "BytesFlows"
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    assert device.identifiers == {(DOMAIN, entry.entry_id)}
    assert device.configuration_url == "https://bytesflows.com"


async def test_cookies_are_not_kept(
    hass: HomeAssistant, named_api: SimulatedApi, now: FrozenDateTimeFactory
) -> None:
    """The API takes cookies for a login, so accounts must not share any."""
    named_api.break_(Fault(headers=COOKIE))
    entry = make_entry(named_api)
    assert await set_up(hass, entry)
    await pass_time(hass, now)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert [request.cookies for request in named_api.requests] == [{}] * 5


async def test_two_accounts(home: Home) -> None:
    """Accounts do not touch each other."""
    second = SimulatedApi(type(home.account)(figures=(2**31, 2**30)))
    await second.start()
    await home.set_up()
    assert await set_up(home.hass, make_entry(second, entry_id="01JSECOND"))
    assert home.state("total_traffic").state == "176.0"
    assert home.state("total_traffic_2").state == "2.0"

    second.break_(Fault.refuse(500))
    await home.poll()
    assert home.state("total_traffic").state == "176.0"
    assert home.state("total_traffic_2").state == "unavailable"

    second.heal()
    await home.poll()
    assert home.state("total_traffic_2").state == "2.0"
    await home.hass.config_entries.async_unload("01JSECOND")
    await second.stop()
