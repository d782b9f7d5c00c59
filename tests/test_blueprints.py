"""Automations made of our blueprints, in a real Home Assistant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
)
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)
import yaml

from dev import ROOT
from dev.simulated_api import GIB, Account, Fault, Package
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import notifications
from .helpers.home import Home

BLUEPRINTS = ROOT / "blueprints" / "automation" / "bytesflows"
NAMES = sorted(path.stem for path in BLUEPRINTS.glob("*.yaml"))
DAY = timedelta(days=1)
MESSAGE = (
    "Purchase ORD-2 expires 2026-03-04 16:48. 1.50 GiB are lost with it, if they are "
    "not used before."
)

pytestmark = pytest.mark.usefixtures("no_errors", "now")


@pytest.fixture
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which a template of a blueprint does."""
    yield
    records = caplog.get_records("call")
    assert [
        item
        for item in records
        if item.levelname == "ERROR" and "automation" in item.name
    ] == []


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration folder that has the blueprints."""
    folder = Path(hass_tmp_config_dir) / "blueprints" / "automation" / "bytesflows"
    shutil.copytree(BLUEPRINTS, folder)
    return hass_tmp_config_dir


@pytest.fixture
def account() -> Account:
    """Return an account with a package of 100 GiB, of which 40 are left."""
    return Account(balance=20, packages=[package("1", days=20, traffic=100, used=60)])


def package(
    id_: str,
    *,
    days: float,
    traffic: float = 1,
    used: float = 0,
    source: str = "order",
    created: datetime = NOW - DAY,
) -> Package:
    """Return a package of some GiB that expires in some days."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        source=source,
        traffic=round(traffic * GIB),
        used=round(used * GIB),
        created=created,
        expires=NOW + timedelta(days=days),
    )


async def make(
    hass: HomeAssistant,
    blueprint: str,
    **inputs: Any,  # noqa: ANN401
) -> list[tuple[str | None, str]]:
    """Make an automation of a blueprint; return the notifications that will come."""
    seen = await notifications(hass)
    config = {
        "alias": "Made",
        "use_blueprint": {"path": f"bytesflows/{blueprint}.yaml", "input": inputs},
    }
    assert await async_setup_component(hass, "automation", {"automation": [config]})
    await hass.async_block_till_done()
    found = hass.states.get("automation.made")
    assert found is not None
    assert found.state == "on"
    return seen


def device_id(home: Home) -> str:
    """Return the id of the account's device."""
    (device,) = dr.async_entries_for_config_entry(
        dr.async_get(home.hass), home.entry.entry_id
    )
    return device.id


async def test_low_traffic(home: Home) -> None:
    """It tells once that traffic is low, and that it is over if that is wanted."""
    await home.set_up()
    seen = await make(home.hass, "low_traffic", tell_end=True)
    bought = home.account.packages[0]
    for used in (60, 95, 96, 96, 50, 50):
        bought.used = used * GIB
        await home.poll()
    assert seen == [
        ("BytesFlows: traffic is low", "5.00 GiB left."),
        ("BytesFlows: traffic is no longer low", "50.00 GiB left."),
    ]


async def test_low_traffic_alone(home: Home) -> None:
    """Without more than the defaults the end is not told."""
    await home.set_up()
    seen = await make(home.hass, "low_traffic")
    for used in (95, 50):
        home.account.packages[0].used = used * GIB
        await home.poll()
    assert [title for title, _ in seen] == ["BytesFlows: traffic is low"]


async def test_own_action(home: Home) -> None:
    """What the user chose instead of a message can use its words."""
    await home.set_up()
    told = async_capture_events(home.hass, "told")
    words = {"title": "{{ title }}", "message": "{{ message }}", "left": "{{ left }}"}
    seen = await make(
        home.hass, "low_traffic", notify=[{"event": "told", "event_data": words}]
    )
    home.account.packages[0].used = 95 * GIB
    await home.poll()
    assert seen == []
    assert [event.data for event in told] == [
        {
            "title": "BytesFlows: traffic is low",
            "message": "5.00 GiB left.",
            "left": "5.00 GiB",
        }
    ]


async def test_package_expiring(home: Home) -> None:
    """Each package is told at each time, and once if it arrives late."""
    home.account.packages.append(package("2", days=3.2, traffic=2, used=0.5))
    await home.set_up()
    seen = await make(home.hass, "package_expiring", account=device_id(home))
    await home.hass.config.async_set_time_zone("UTC")
    for _ in range(16):
        await home.pass_time(timedelta(hours=4))
    expected = (
        "BytesFlows: 1.50 GiB about to expire",
        MESSAGE,
    )
    assert seen == [expected, expected]
    seen.clear()
    reward = package("3", days=3.5, traffic=0.25, source="sign", created=NOW)
    home.account.packages.append(reward)
    await home.poll(3)
    assert [title for title, _ in seen] == ["BytesFlows: 256 MiB about to expire"]
    assert seen[0][1].startswith("Check-in reward ORD-3 expires 2026-03-05 00:00.")


async def test_package_expiring_chosen(home: Home) -> None:
    """Other times can be chosen, and what is small can be left out."""
    home.account.packages += [
        package("2", days=1.1, traffic=0.4),
        package("3", days=1.1, traffic=0.6),
    ]
    await home.set_up()
    seen = await make(
        home.hass,
        "package_expiring",
        account=device_id(home),
        lead_times=["12", "6"],
        minimum=0.5,
    )
    told = []
    for hour in range(28):
        await home.pass_time(timedelta(hours=1))
        told += [hour] * len(seen)
        seen.clear()
    assert told == [14, 20]


async def test_low_balance(home: Home) -> None:
    """It tells when the balance falls below the amount, also in an outage."""
    await home.set_up()
    seen = await make(home.hass, "low_balance")
    account = home.account
    for balance in (5, 4.5, 4, 10):
        account.balance = balance
        await home.poll()
    assert seen == [("BytesFlows: low balance", "The balance is 4.50 USD.")]
    home.api.break_(Fault.refuse(500))
    await home.poll()
    account.balance = 1
    home.api.heal()
    await home.poll()
    assert len(seen) == 2


@pytest.mark.slow
@pytest.mark.parametrize("restarts", [False, True])
async def test_unusual_use(recorder_mock: object, home: Home, restarts: bool) -> None:
    """It tells once a day, from recorded statistics, what is out of the ordinary."""
    await home.hass.config.async_set_time_zone("UTC")
    home.freezer.move_to(NOW + timedelta(minutes=30))
    assert await async_setup_component(home.hass, "sensor", {})
    await home.set_up()
    seen = await make(home.hass, "unusual_use")
    package = home.account.packages[0]

    async def use(gib: float) -> None:
        await home.pass_time(timedelta(hours=1) - timedelta(seconds=1))
        await async_wait_recording_done(home.hass)
        hour = home.freezer().replace(minute=0, tzinfo=UTC)
        do_adhoc_statistics(home.hass, start=hour - timedelta(minutes=5))
        await async_wait_recording_done(home.hass)
        package.used += round(gib * GIB)
        if restarts:
            await home.reload()
        else:
            await home.entry.runtime_data.async_refresh()
        await async_wait_recording_done(home.hass)
        await home.hass.async_block_till_done(wait_background_tasks=True)

    # Half a day that does not count, and two whole days of 2.4 GiB.
    for _ in range(11):
        await use(1.5)
    for _ in range(48):
        await use(0.1)
    assert seen == []
    for gib in (2, 5, 0.1, 0.2, 1, 1, 0, 0):
        await use(gib)
    assert seen == [
        (
            "BytesFlows: unusual use",
            "7.3 GiB used today. The average of a day is 2.4 GiB.",
        )
    ]


async def test_no_check_in(home: Home) -> None:
    """It reminds once a day of theirs, which ends at 16:00 UTC, and not after one."""
    await home.hass.config.async_set_time_zone("Europe/Berlin")
    packages = home.account.packages
    home.freezer.move_to(NOW - timedelta(hours=1))
    await home.set_up()
    seen = await make(home.hass, "no_check_in")
    told = []
    for step in range(72):
        if step == 20:
            created = NOW + timedelta(hours=step - 3)
            packages.append(
                package("2", days=9, traffic=0.5, source="sign", created=created)
            )
        await home.pass_time(timedelta(minutes=59, seconds=59))
        told += [step] * len(seen)
        if seen:
            assert seen == [
                (
                    "BytesFlows: no check-in yet today",
                    "The day of BytesFlows ends at 17:00.",
                )
            ]
        seen.clear()
    assert told == [0, 48]
    # Its timer would outlive the test.
    await home.hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.made"}, blocking=True
    )


@pytest.mark.parametrize("name", NAMES)
def test_form(name: str) -> None:
    """Every input explains itself, offers ours only, and has a value if it can."""
    text = (BLUEPRINTS / f"{name}.yaml").read_text(encoding="utf-8")
    yaml.SafeLoader.add_constructor("!input", lambda _, node: str(node.value))
    blueprint = yaml.safe_load(text)["blueprint"]
    assert blueprint["name"].startswith("BytesFlows: ")
    assert blueprint["homeassistant"].keys() == {"min_version"}
    for key, field in blueprint["input"].items():
        assert {"name", "description", "selector"} <= field.keys(), key
        (kind,) = field["selector"]
        selector = field["selector"][kind]
        if kind == "device":
            assert selector == {"filter": [{"integration": "bytesflows"}]}
            continue
        assert "default" in field, key
        if kind == "entity":
            (only,) = selector["filter"]
            assert only["integration"] == "bytesflows"
