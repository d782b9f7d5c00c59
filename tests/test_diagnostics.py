"""What a bug report shows."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from dev.simulated_api import (
    EXAMPLE_TOKEN,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    SimulatedApi,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .helpers.common import set_up
from .helpers.home import Home

SECRETS = (EXAMPLE_TOKEN, "123456", "ORD-7890", "TASK-1", "1000000", "12.5")


async def download(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry
) -> Any:  # noqa: ANN401
    """Download the diagnostics as people get them, which have more than ours."""
    assert await async_setup_component(hass, "diagnostics", {})
    (user,) = [user for user in await hass.auth.async_get_users() if user.is_admin]
    (refresh_token,) = user.refresh_tokens.values()
    # The one of the fixture is too old after some hours.
    client = await hass_client(hass.auth.async_create_access_token(refresh_token))
    response = await client.get(f"/api/diagnostics/config_entry/{entry.entry_id}")
    assert response.status == HTTPStatus.OK
    file = await response.text()
    assert not [secret for secret in SECRETS if secret in file]
    return json.loads(file)


async def test_diagnostics(
    home: Home, hass_client: ClientSessionGenerator, snapshot: SnapshotAssertion
) -> None:
    """Counts, ages and shapes are there; ids, balance and token are not."""
    await home.set_up()
    file = await download(home.hass, hass_client, home.entry)
    dump = json.dumps(file["data"])
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
    file = await download(hass, hass_client, entry)
    records = file["data"]["account"]["records"]
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
    home.api.break_(Fault.data(records="123456"), RECORDS)
    home.api.break_(Fault(body=b'{"code": 200, "data": "ORD-7890"}'), OVERVIEW)
    await home.poll()
    file = await download(home.hass, hass_client, home.entry)
    account = file["data"]["account"]
    assert account["records"] is None
    assert account["last_poll_succeeded"] is False
    assert account["last_error"].startswith("BytesFlowsParseError(")
    assert "data" in account["last_error"]


async def test_diagnostics_of_odd_values(
    home: Home, hass_client: ClientSessionGenerator
) -> None:
    """Fields that cannot be read are named and counted, and so are missing rows."""
    home.api.total_offset = 5
    home.account.packages.append(Package(id="7", traffic=1))
    home.api.break_(Fault.data(balance="$123456", totalTraffic="ORD-7890"), OVERVIEW)
    home.api.break_(Fault.odd_row(0, createTime="TASK-1", trafficUsed=[]), RECORDS)
    await home.set_up()
    file = await download(home.hass, hass_client, home.entry)
    account = file["data"]["account"]
    assert account["unreadable"] == {"balance": 1, "totalTraffic": 1, "trafficUsed": 1}
    assert account["data"]["overview"]["unreadable"] == ["balance", "totalTraffic"]
    assert account["records"]["missing"] == 5


@pytest.mark.parametrize("kind", ["invalid_response", "unreadable_values", "time_zone"])
async def test_diagnostics_with_issues(
    home: Home, hass_client: ClientSessionGenerator, kind: str
) -> None:
    """The issues that Home Assistant adds to the file have no ids either."""
    home.api.clock = lambda: datetime.now(UTC)
    await home.set_up()
    await home.poll()
    if kind == "invalid_response":
        home.api.break_(
            Fault(body=b'{"code": 200, "data": {"123456": 1}, "ORD-7890": 2}'), RECORDS
        )
    elif kind == "unreadable_values":
        home.api.break_(Fault.data(balance="$123456"), OVERVIEW)
    else:
        later = datetime.now(UTC) + timedelta(hours=5)
        home.account.packages.append(
            Package(id="1000000", order_id="TASK-1", traffic=1, created=later)
        )
    if kind == "time_zone":
        await home.poll(26)
    else:
        for _ in range(3):
            await home.pass_time(timedelta(hours=13))
    file = await download(home.hass, hass_client, home.entry)
    ours = [item for item in file["issues"] if item["domain"] == "bytesflows"]
    assert [item["issue_id"] for item in ours] == [f"{kind}_{home.entry.entry_id}"]


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
    file = await download(hass, hass_client, entry)
    assert file["data"]["account"] is None
