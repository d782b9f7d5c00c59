"""The repair of a wrong time zone, through Home Assistant's own interface."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp.test_utils import TestClient
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from dev.simulated_api import GIB, Account, Package
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.home import Home
from .helpers.translations import placeholders, text

ISSUE = "time_zone_01JEXAMPLE"
FIX = "/api/repairs/issues/fix"

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account whose times are written in UTC, not in UTC+8."""
    return Account(zone=ZoneInfo("UTC"), packages=[package("1")])


def package(id_: str, created: datetime = NOW - timedelta(days=1)) -> Package:
    """Return a package."""
    return Package(
        id=id_, traffic=GIB, created=created, expires=NOW + timedelta(days=20)
    )


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return the issue, if there is one."""
    return ir.async_get(hass).async_get_issue("bytesflows", ISSUE)


async def buy(home: Home, id_: str) -> None:
    """Buy a package between two polls."""
    now = datetime.now(UTC)
    home.account.packages.append(package(id_, now + timedelta(minutes=2)))
    await home.poll()


async def post(
    client: TestClient[Any, Any], path: str, body: dict[str, Any]
) -> dict[str, Any]:
    """Send something to Home Assistant, and return its answer."""
    response = await client.post(path, json=body)
    assert response.status == HTTPStatus.OK
    answer: dict[str, Any] = await response.json()
    return answer


async def start_fix(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> tuple[TestClient[Any, Any], dict[str, Any]]:
    """Open the repair."""
    assert await async_setup_component(hass, "repairs", {})
    await hass.async_block_till_done()
    client = await hass_client()
    return client, await post(client, FIX, {"handler": "bytesflows", "issue_id": ISSUE})


def check_texts(step: dict[str, Any]) -> None:
    """Assert that all that a step shows has a text."""
    path = ("issues", "time_zone", "fix_flow", "step", step["step_id"])
    text(*path, "title")
    given = set(step["description_placeholders"])
    assert placeholders(text(*path, "description")) == given
    for field in step["data_schema"]:
        text(*path, "data", field["name"])
        text(*path, "data_description", field["name"])


async def test_fix(home: Home, hass_client: ClientSessionGenerator) -> None:
    """A purchase gives the zone away; the repair shows what it changes, and does it."""
    await home.hass.config.async_set_time_zone("Europe/Berlin")
    await home.set_up()
    assert home.state("next_expiry").state == "2026-03-21T04:00:00+00:00"
    assert issue(home.hass) is None
    await buy(home, "2")
    found = issue(home.hass)
    assert found is not None
    assert found.is_fixable
    assert found.translation_placeholders is not None
    assert placeholders(text("issues", "time_zone", "title")) == {"name"}
    assert found.translation_placeholders["name"] == "BytesFlows"

    client, step = await start_fix(home.hass, hass_client)
    check_texts(step)
    (field,) = step["data_schema"]
    assert field["default"] == "UTC"
    assert "Africa/Abidjan" in field["selector"]["select"]["options"]
    assert "Asia/Shanghai" not in field["selector"]["select"]["options"]

    path = f"{FIX}/{step['flow_id']}"
    step = await post(client, path, {"time_zone": "UTC"})
    check_texts(step)
    assert step["description_placeholders"] == {
        "old": "Asia/Shanghai",
        "new": "UTC",
        "expiries": "- 2026-03-21 05:00 → 2026-03-21 13:00",
    }
    assert home.entry.options["time_zone"] == "Asia/Shanghai"
    assert (await post(client, path, {}))["type"] == "create_entry"
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert home.entry.options["time_zone"] == "UTC"
    assert home.entry.options["low_traffic_threshold"] == 10
    assert home.state("next_expiry").state == "2026-03-21T12:00:00+00:00"
    assert issue(home.hass) is None
    await buy(home, "3")
    assert issue(home.hass) is None


async def test_ignored(home: Home) -> None:
    """Who ignores it is left in peace until there is something new."""

    def is_ignored() -> bool:
        found = issue(home.hass)
        assert found is not None
        return found.dismissed_version is not None

    await home.set_up()
    await buy(home, "2")
    ir.async_ignore_issue(home.hass, "bytesflows", ISSUE, ignore=True)
    await home.poll(15)
    await home.reload()
    await home.hass.async_block_till_done(wait_background_tasks=True)
    seen = [is_ignored()]
    await buy(home, "3")
    seen.append(is_ignored())
    assert seen == [True, False]


async def test_corrected_by_hand(home: Home) -> None:
    """The issue stays with another wrong zone, and goes with the right one."""
    await home.set_up()
    await buy(home, "2")
    seen = []
    for zone in ("America/New_York", "UTC"):
        options = {**home.entry.options, "time_zone": zone}
        home.hass.config_entries.async_update_entry(home.entry, options=options)
        await home.reload()
        await home.hass.async_block_till_done()
        seen.append(issue(home.hass) is not None)
    assert seen == [True, False]


async def test_removed(home: Home, hass_client: ClientSessionGenerator) -> None:
    """With the account its issue goes, and a repair that is open ends."""
    await home.set_up()
    await buy(home, "2")
    client, first = await start_fix(home.hass, hass_client)
    _, second = await start_fix(home.hass, hass_client)
    await post(client, f"{FIX}/{second['flow_id']}", {"time_zone": "UTC"})
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    assert issue(home.hass) is None
    for flow, body in ((first, {"time_zone": "UTC"}), (second, {})):
        answer = await post(client, f"{FIX}/{flow['flow_id']}", body)
        assert answer["type"] == "abort"
        assert text("issues", "time_zone", "fix_flow", "abort", answer["reason"])


async def test_without_the_account_loaded(
    home: Home, hass_client: ClientSessionGenerator
) -> None:
    """A repair of an account that is not loaded shows the times that it knows."""
    await home.set_up()
    await buy(home, "2")
    await home.unload()
    await home.hass.config.async_set_time_zone("UTC")
    client, step = await start_fix(home.hass, hass_client)
    step = await post(client, f"{FIX}/{step['flow_id']}", {"time_zone": "UTC"})
    expiries = step["description_placeholders"]["expiries"]
    assert expiries == "- 2026-03-01 04:02 → 2026-03-01 12:02"


async def test_right_zone(home: Home) -> None:
    """Nothing is reported of a zone that is right."""
    account = home.account
    account.zone = ZoneInfo("Asia/Shanghai")
    account.packages[0].expires = NOW + timedelta(hours=3)
    await home.set_up()
    for number in range(60):
        account.expire(datetime.now(UTC))
        await buy(home, f"new {number}")
        await home.pass_time(timedelta(minutes=7 * number))
    assert issue(home.hass) is None


async def test_package_that_does_not_expire_when_it_should(home: Home) -> None:
    """A package that is active for hours after its expiry is evidence, too."""
    package = home.account.packages[0]
    package.expires = NOW + timedelta(hours=8, minutes=30)
    await home.set_up()
    seen = []
    for _ in range(15 * 12):
        home.account.expire(datetime.now(UTC))
        await home.poll()
        seen.append(issue(home.hass) is not None)
    assert 17 <= seen.index(True) <= 32
    assert all(seen[seen.index(True) :])
