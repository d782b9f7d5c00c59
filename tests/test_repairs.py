"""The repair of a wrong time zone, through Home Assistant's own interface."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from dev.simulated_api import GIB, RECORDS, Account, Fault, Package, SimulatedApi
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import make_entry
from .helpers.home import Home
from .helpers.lifecycle import Lives
from .helpers.translations import placeholders, text

ISSUE = "time_zone_01JEXAMPLE"
FIX = "/api/repairs/issues/fix"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")

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


def evidence(hass: HomeAssistant) -> list[dict[str, float]]:
    """Return the evidence in the data of the issue."""
    found = issue(hass)
    assert found is not None
    assert found.data is not None
    assert found.data.keys() == {"evidence"}
    items: list[dict[str, float]] = json.loads(str(found.data["evidence"]))
    return items


async def buy(
    home: Home, age: timedelta = timedelta(minutes=3), *, idle_polls: int = 1
) -> None:
    """Buy a package that is listed at the next poll, at some age."""
    await home.poll(idle_polls)
    now = datetime.now(UTC) + UPDATE_INTERVAL
    clock = home.api.clock
    if clock is not None:
        now += clock() - datetime.now(UTC)
    number = len(home.account.packages) + 1
    home.account.packages.append(package(f"{number}", now - age))
    await home.poll()


async def buy_daily(home: Home, days: int = 2) -> None:
    """Buy a package each day."""
    for day in range(days):
        if day:
            await home.pass_time(DAY)
        await buy(home)


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
    # Of the present: the fixture's has expired by now.
    (user,) = [user for user in await hass.auth.async_get_users() if user.is_admin]
    (refresh_token,) = user.refresh_tokens.values()
    client = await hass_client(hass.auth.async_create_access_token(refresh_token))
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
    """Two arrivals prove the zone wrong; the repair shows the effect of another."""
    await home.hass.config.async_set_time_zone("Europe/Berlin")
    await home.set_up()
    assert home.state("next_expiry").state == "2026-03-21T04:00:00+00:00"
    await buy(home, idle_polls=5)
    assert issue(home.hass) is None
    await home.pass_time(DAY)
    await buy(home, idle_polls=5)
    found = issue(home.hass)
    assert found is not None
    assert found.is_fixable
    assert found.is_persistent
    assert found.translation_placeholders is not None
    assert placeholders(text("issues", "time_zone", "title")) == {"name"}
    assert found.translation_placeholders["name"] == "BytesFlows"
    (item,) = evidence(home.hass)
    assert (item["least"], item["most"]) == (0, 0)

    client, step = await start_fix(home.hass, hass_client)
    check_texts(step)
    (field,) = step["data_schema"]
    assert field["default"] == "UTC"
    options = field["selector"]["select"]["options"]
    labels = {option["value"]: option["label"] for option in options}
    assert labels["Africa/Abidjan"] == "Africa/Abidjan (UTC+00:00)"
    assert "Asia/Shanghai" not in labels
    assert "Europe/Berlin" not in labels

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
    await buy_daily(home, 3)
    assert issue(home.hass) is None


async def test_future(home: Home, hass_client: ClientSessionGenerator) -> None:
    """A creation in the future, still there an hour later, is enough."""
    home.account.zone = ZoneInfo("Asia/Tokyo")
    home.account.packages[0].created = NOW - MINUTE
    await home.set_up()
    await home.poll(6)
    await home.reload()
    await home.poll(5)
    assert issue(home.hass) is None
    await home.poll(12)
    (item,) = evidence(home.hass)
    assert (item["least"], item["most"]) == (9 * 3600, 14 * 3600)
    _, step = await start_fix(home.hass, hass_client)
    (field,) = step["data_schema"]
    labels = [option["label"] for option in field["selector"]["select"]["options"]]
    assert "Asia/Tokyo (UTC+09:00)" in labels
    assert "Australia/Adelaide (UTC+10:30)" in labels
    assert not any("UTC-" in label for label in labels)


async def test_creation_in_the_future_once(home: Home) -> None:
    """A creation that one reading had in the future is no evidence."""
    home.account.zone = SHANGHAI
    created = home.account.packages[0].created
    for ahead in (3 * HOUR, 300 * DAY):
        home.account.packages[0].created = NOW + ahead
        if home.entry.state.value == "not_loaded":
            await home.set_up()
        else:
            await home.poll(12)
        home.account.packages[0].created = created
        await home.poll(26)
    assert issue(home.hass) is None


def ignore(home: Home) -> None:
    """Ignore the issue."""
    ir.async_ignore_issue(home.hass, "bytesflows", ISSUE, ignore=True)


def is_ignored(home: Home) -> bool:
    """Return whether the issue is ignored."""
    found = issue(home.hass)
    assert found is not None
    return found.dismissed_version is not None


async def test_ignored(home: Home) -> None:
    """An ignored issue stays quiet until the evidence is for another offset."""
    await home.set_up()
    await buy_daily(home)
    ignore(home)
    await buy_daily(home, 3)
    await home.reload()
    await buy(home)
    assert is_ignored(home)
    home.account.zone = ZoneInfo("America/New_York")
    await buy_daily(home)
    assert not is_ignored(home)
    assert [item["least"] for item in evidence(home.hass)] == [0, -5 * 3600]
    ignore(home)
    home.account.zone = ZoneInfo("UTC")
    await buy_daily(home, 3)
    assert is_ignored(home)


async def test_ignored_while_the_evidence_improves(home: Home) -> None:
    """Packages that narrow the offset down are no reason to return."""
    home.account.zone = ZoneInfo("Asia/Tokyo")
    home.account.packages[0].created = NOW - 20 * MINUTE
    await home.set_up()
    await home.poll(12)
    ignore(home)
    for _ in range(3):
        await buy(home)
        await home.poll(13)
    await home.pass_time(DAY)
    await buy(home)
    assert is_ignored(home)
    assert [(item["least"], item["most"]) for item in evidence(home.hass)] == [
        (9 * 3600, 9 * 3600)
    ]


async def test_withdrawn(home: Home) -> None:
    """Two later arrivals that fit, a day apart, withdraw the issue."""
    await home.set_up()
    await buy_daily(home)
    home.account.zone = SHANGHAI
    await home.pass_time(DAY)
    await buy(home)
    await buy(home)
    await home.reload()
    assert issue(home.hass) is not None
    await home.pass_time(DAY)
    await buy(home)
    assert issue(home.hass) is None


async def test_corrected_by_hand(home: Home) -> None:
    """The issue stays with another wrong zone, and goes with the right one."""
    await home.set_up()
    await buy_daily(home)
    seen = []
    for zone in ("America/New_York", "UTC"):
        options = {**home.entry.options, "time_zone": zone}
        home.hass.config_entries.async_update_entry(home.entry, options=options)
        await home.reload()
        await home.hass.async_block_till_done()
        found = issue(home.hass)
        seen.append(found and (found.translation_placeholders or {})["time_zone"])
    assert seen == ["America/New_York", None]


async def test_removed(home: Home, hass_client: ClientSessionGenerator) -> None:
    """With the account its issue goes, and a repair that is open ends."""
    await home.set_up()
    await buy_daily(home)
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
    """The repair of an account that is not loaded shows the stored expiries."""
    await home.set_up()
    await buy_daily(home)
    await home.unload()
    await home.hass.config.async_set_time_zone("UTC")
    client, step = await start_fix(home.hass, hass_client)
    step = await post(client, f"{FIX}/{step['flow_id']}", {"time_zone": "UTC"})
    expiries = step["description_placeholders"]["expiries"]
    assert expiries == "- 2026-03-21 04:00 → 2026-03-21 12:00"


async def test_without_expiries(
    home: Home, hass_client: ClientSessionGenerator
) -> None:
    """The repair of an account without expiries shows the effect on the present."""
    await home.set_up()
    await buy_daily(home)
    for item in home.account.packages:
        item.expires = None
    await home.poll(13)
    await home.hass.config.async_set_time_zone("UTC")
    client, step = await start_fix(home.hass, hass_client)
    step = await post(
        client, f"{FIX}/{step['flow_id']}", {"time_zone": "Africa/Abidjan"}
    )
    now = datetime.now(UTC)
    assert step["description_placeholders"]["expiries"] == (
        f"- {now:%Y-%m-%d %H:%M} → {now + 8 * HOUR:%Y-%m-%d %H:%M}"
    )


async def test_right_zone(home: Home) -> None:
    """Nothing is reported of a zone that is right."""
    account = home.account
    account.zone = SHANGHAI
    account.packages[0].expires = NOW + timedelta(hours=3)
    await home.set_up()
    for number in range(20):
        account.expire(datetime.now(UTC))
        await buy(home)
        await home.pass_time(timedelta(minutes=21 * number))
    assert issue(home.hass) is None


async def test_found_by_the_hourly_reading(home: Home) -> None:
    """A package that did not change the overview came at any time of an hour."""
    home.account.figures = (10 * GIB, 5 * GIB)
    await home.set_up()
    for _ in range(3):
        now = datetime.now(UTC)
        number = len(home.account.packages) + 1
        home.account.packages.append(package(f"{number}", now + 58 * MINUTE))
        await home.poll(12)
        await home.pass_time(DAY)
    assert home.state("active_packages").state == "4"
    assert issue(home.hass) is None


async def test_outage_of_the_records(home: Home) -> None:
    """A package that came in an outage of the records came at any time of it."""
    account = home.account
    account.zone = SHANGHAI
    await home.set_up()
    for _ in range(3):
        home.api.break_(Fault.refuse(500), RECORDS)
        account.packages.append(
            package(f"{len(account.packages) + 1}", datetime.now(UTC))
        )
        for _ in range(40):
            account.use(1000)
            await home.poll()
        home.api.heal()
        account.use(1000)
        await home.poll()
        await home.pass_time(DAY)
    assert home.state("active_packages").state == "4"
    assert issue(home.hass) is None


@pytest.mark.parametrize("minutes", [10, 355])
@pytest.mark.parametrize("is_corrected", [False, True])
@pytest.mark.parametrize("no_date", [False, True])
async def test_clock_behind_at_start(
    home: Home, minutes: int, *, is_corrected: bool, no_date: bool
) -> None:
    """A machine that starts in the past, and is corrected or not, is no evidence."""
    api, account = home.api, home.account
    account.zone = SHANGHAI
    behind = minutes * MINUTE
    api.clock = lambda: datetime.now(UTC) + behind
    api.no_date = no_date
    account.packages[0].created = api.clock() - MINUTE
    await home.set_up()
    await home.poll(3)
    if is_corrected:
        home.freezer.tick(behind)
        api.clock = None
    for _ in range(3):
        await buy(home)
        await home.pass_time(61 * MINUTE)
        await home.reload()
        await home.pass_time(DAY)
    assert issue(home.hass) is None


async def test_without_server_time(home: Home) -> None:
    """Without a `Date`, the machine can be wrong as well as the zone."""
    home.api.no_date = True
    await home.set_up()
    await buy_daily(home, 4)
    assert issue(home.hass) is None
    home.api.no_date = False
    await buy_daily(home, 2)
    assert issue(home.hass) is not None


async def test_machine_behind_in_a_wrong_zone(home: Home) -> None:
    """The time of the account counts, which is the server's."""
    home.api.clock = lambda: datetime.now(UTC) + 3 * HOUR
    await home.set_up()
    await buy_daily(home)
    (item,) = evidence(home.hass)
    assert (item["least"], item["most"]) == (0, 0)


async def test_order_that_is_listed_late(home: Home) -> None:
    """An order that is listed 45 minutes after its creation is no evidence."""
    home.account.zone = SHANGHAI
    await home.set_up()
    for _ in range(5):
        await buy(home, 45 * MINUTE)
        await home.pass_time(DAY)
    assert issue(home.hass) is None


async def test_states_that_a_nightly_job_flips(home: Home) -> None:
    """A package that is active for hours after its expiry is no evidence."""
    home.account.zone = SHANGHAI
    home.account.packages[0].expires = NOW + 9 * HOUR
    await home.set_up()
    for number in range(3):
        await buy(home)
        home.account.packages[-1].expires = NOW + number * DAY + 9 * HOUR
        await home.poll(30)
        await home.pass_time(12 * HOUR)
        home.account.expire(datetime.now(UTC))
        await home.pass_time(12 * HOUR)
    assert issue(home.hass) is None


def names_and_ids(hass: HomeAssistant) -> str:
    """Return all that Home Assistant puts into diagnostics of the issue."""
    found = issue(hass)
    assert found is not None
    return json.dumps(found.to_json(), default=str)


async def test_no_ids_in_diagnostics(home: Home) -> None:
    """The data of the issue hold no ids of packages."""
    home.account.zone = ZoneInfo("Asia/Tokyo")
    home.account.packages[0].created = NOW - MINUTE
    home.account.packages[0].id = "secret-id"
    home.account.packages[0].order_id = "secret-order"
    await home.set_up()
    await home.poll(12)
    assert "secret" not in names_and_ids(home.hass)


@pytest.fixture
def lives(tmp_path: Path, api: SimulatedApi, now: FrozenDateTimeFactory) -> Lives:
    """Return a Home Assistant with the account on real files."""
    return Lives(tmp_path / "config", make_entry(api), freezer=now)


@pytest.mark.parametrize("is_orderly", [True, False])
async def test_restart(lives: Lives, account: Account, *, is_orderly: bool) -> None:
    """Arrivals before a restart count, and the issue outlives it, ignored or not."""

    async def buy_one() -> None:
        await lives.pass_time(UPDATE_INTERVAL + timedelta(seconds=1))
        created = datetime.now(UTC) + 3 * MINUTE
        account.packages.append(package(f"{len(account.packages) + 1}", created))
        await lives.pass_time(UPDATE_INTERVAL + timedelta(seconds=1))

    async def end() -> None:
        await (lives.stop() if is_orderly else lives.power_cut())

    await lives.start()
    await buy_one()
    assert issue(lives.hass) is None
    await end()

    await lives.start()
    await lives.pass_time(DAY)
    await buy_one()
    ir.async_ignore_issue(lives.hass, "bytesflows", ISSUE, ignore=True)
    known = evidence(lives.hass)
    await lives.pass_time(2 * MINUTE)
    await end()

    hass = await lives.start()
    await buy_one()
    found = issue(hass)
    assert found is not None
    assert found.dismissed_version is not None
    assert evidence(hass) == known
    await lives.end()
