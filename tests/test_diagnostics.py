"""What a bug report shows."""

import json

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from dev.simulated_api import EXAMPLE_TOKEN, RECORDS, Account, Fault, SimulatedApi
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .helpers.common import set_up
from .helpers.home import Home

SECRETS = (EXAMPLE_TOKEN, "123456", "ORD-7890", "TASK-1", "1000000", "12.5")


async def download(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry
) -> tuple[object, str]:
    """Download the diagnostics as the interface does."""
    assert await async_setup_component(hass, "diagnostics", {})
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    dump = json.dumps(found)
    assert not [secret for secret in SECRETS if secret in dump]
    return found, dump


async def test_diagnostics(
    home: Home, hass_client: ClientSessionGenerator, snapshot: SnapshotAssertion
) -> None:
    """Counts, ages and shapes are there; ids, balance and token are not."""
    await home.set_up()
    _, dump = await download(home.hass, hass_client, home.entry)
    assert json.loads(dump.replace(home.api.url, "<address>")) == snapshot


async def test_diagnostics_of_a_long_history(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    api: SimulatedApi,
    entry: MockConfigEntry,
) -> None:
    """Only active records are listed, the others are counted."""
    api.accounts[:] = [Account.with_packages(500)]
    assert await set_up(hass, entry)
    _, dump = await download(hass, hass_client, entry)
    records = json.loads(dump)["account"]["records"]
    assert records["count"] == 500
    assert len(records["active"]) == 30
    assert records["count_by_source_and_status"] == {
        "order, status 0": 67,
        "order, status 1": 5,
        "sign, status 0": 403,
        "sign, status 1": 25,
    }


async def test_diagnostics_in_an_outage(
    home: Home, hass_client: ClientSessionGenerator
) -> None:
    """The last error is named."""
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.set_up()
    home.api.break_(Fault.data(totalTraffic=None))
    await home.poll()
    _, dump = await download(home.hass, hass_client, home.entry)
    account = json.loads(dump)["account"]
    assert account["records"] is None
    assert account["last_poll_succeeded"] is False
    assert account["last_error"].startswith("BytesFlowsParseError(")
    assert "totalTraffic" in account["last_error"]


@pytest.mark.parametrize("fault", [Fault.refuse(401), Fault.refuse(500)])
async def test_diagnostics_without_set_up(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    api: SimulatedApi,
    entry: MockConfigEntry,
    fault: Fault,
) -> None:
    """An account that could not be set up has diagnostics, too."""
    api.break_(fault)
    assert not await set_up(hass, entry)
    _, dump = await download(hass, hass_client, entry)
    assert json.loads(dump)["account"] is None
