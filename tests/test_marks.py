"""Marks: each fires once, whatever happens in between."""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
)

from custom_components.bytesflows import PLATFORMS
from custom_components.bytesflows.account import LowMark
from custom_components.bytesflows.coordinator import AUTOMATION_START_DELAY
from custom_components.bytesflows.dispatch import (
    RETRY_SECONDS,
    SAVE_PATIENCE,
    STOP_SECONDS,
)
from custom_components.bytesflows.mark_actions import mark_key
from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from dev.simulated_api import (
    GIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    Request,
)
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event
from homeassistant.setup import async_setup_component
from homeassistant.util.dt import utcnow
from homeassistant.util.file import WriteError

from .helpers.automations import (
    automation,
    became_low,
    expiring,
    listen,
    no_longer_low,
    reload_automations,
    said,
    say,
    turn,
)
from .helpers.clock import NOW
from .helpers.common import OPTIONS, make_entry
from .helpers.disk import Disk, watched_disk
from .helpers.home import Home
from .helpers.lifecycle import until

EVENT_ENTITY = "event.bytesflows_package"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ORDER_ID = "{{ trigger.order_id }}"
ACCOUNT = "{{ trigger.account }}"


@pytest.fixture
def account() -> Account:
    """Return an account with a package of 100 GiB that is half used."""
    return Account(packages=[package("1", traffic=100 * GIB, used=50 * GIB)])


def package(id_: str, **fields: Any) -> Package:  # noqa: ANN401
    """Return a package of 1 GiB that expires in 20 days."""
    given = {
        "traffic": GIB,
        "order_id": f"ORD-{id_}",
        "created": NOW - DAY,
        "expires": NOW + 20 * DAY,
        **fields,
    }
    return Package(id=id_, **given)


def leave(home: Home, gib: float) -> None:
    """Leave so much of the account's traffic."""
    home.account.packages[0].used = round(100 * GIB - gib * GIB)


async def read_records(home: Home) -> None:
    """Have the next poll read the records, and wait for it."""
    home.account.packages[0].used += 1
    await home.poll()


async def add(home: Home, **fields: Any) -> Package:  # noqa: ANN401
    """Set up the account with a second package, and return that."""
    item = package("2", **fields)
    home.account.packages.append(item)
    await home.set_up()
    return item


def fired(events: list[Event[Any]]) -> list[str]:
    """Return the types of the new events, without those that are shown again."""
    states = [
        (event.data["old_state"], event.data["new_state"])
        for event in events
        if event.data["entity_id"] == EVENT_ENTITY
    ]
    return [
        new.attributes["event_type"]
        for old, new in states
        if old is not None and new is not None
        if "unavailable" not in {old.state, new.state}
    ]


@pytest.fixture
def disk(home: Home) -> Generator[Disk]:
    """Yield the disk, which can be slow or full."""
    with watched_disk() as disk:
        yield disk


# A package comes into its window otherwise than by time.


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        pytest.param(
            {"status": 2, "expires": NOW + DAY / 2}, {"status": 1}, id="activated"
        ),
        pytest.param(
            {"used": GIB, "expires": NOW + DAY / 2},
            {"traffic": 2 * GIB},
            id="topped up",
        ),
        pytest.param(
            {"expires": NOW + 20 * DAY}, {"expires": NOW + 23 * HOUR}, id="shortened"
        ),
        pytest.param(
            {"expires": None}, {"expires": NOW + 23 * HOUR}, id="given an expiry"
        ),
        pytest.param(
            {"used": GIB, "expires": NOW + DAY / 2}, {"used": 0}, id="renewed in place"
        ),
        pytest.param(
            {"status": 0, "expires": NOW - HOUR, "used": GIB // 2},
            {"status": 1, "expires": NOW + 23 * HOUR},
            id="extended after its end",
        ),
    ],
)
async def test_comes_into_the_window(
    home: Home, fields: dict[str, Any], change: dict[str, Any]
) -> None:
    """It fires in the poll that sees it, once."""
    item = await add(home, **fields)
    heard = await listen(home.hass, automation(expiring(days=1), says=ORDER_ID))
    await home.poll(2)
    assert heard == []
    for name, value in change.items():
        setattr(item, name, value)
    await read_records(home)
    assert said(heard) == ["ORD-2"]
    await read_records(home)
    await home.poll(2)
    assert len(heard) == 1


async def test_shortened_from_20_to_2_days(home: Home) -> None:
    """All lead times that this skips fire, the longest first; the others by time."""
    item = await add(home)
    heard = await listen(
        home.hass,
        *(
            automation(expiring(days=days), alias=f"Days {days}", says=str(days))
            for days in (1, 3, 10)
        ),
    )
    item.expires = NOW + 2 * DAY
    await read_records(home)
    assert said(heard) == ["10", "3"]
    await home.pass_time(DAY)
    assert said(heard) == ["10", "3", "1"]


async def test_other_time_zone(home: Home) -> None:
    """A package whose expiry is read 5 hours earlier fires at once."""
    await add(home, expires=NOW + 30 * HOUR)
    heard = await listen(home.hass, automation(expiring(hours=28), says=ORDER_ID))
    home.hass.config_entries.async_update_entry(
        home.entry, options={**OPTIONS, "time_zone": "Pacific/Tongatapu"}
    )
    await home.reload()
    await home.poll()
    assert said(heard) == ["ORD-2"]
    await home.poll(2)
    assert len(heard) == 1


async def test_used_up_before_its_time(home: Home) -> None:
    """A package without traffic left has nothing to lose."""
    item = await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    item.used = GIB
    await home.poll()
    await home.pass_time(2 * HOUR)
    assert heard == []


async def test_never_after_the_expiry(home: Home) -> None:
    """A mark that was missed by more than the lead time is no news."""
    await add(home, expires=NOW + 3 * HOUR)
    heard = await listen(home.hass, automation(expiring(hours=1)))
    await home.unload()
    home.freezer.tick(4 * HOUR)
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.poll(2)
    assert heard == []


# Once, whatever the clock, the disk and the server do.


async def test_the_clock_goes_back(home: Home) -> None:
    """A quarter of an hour that comes twice fires once."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    await home.pass_time(HOUR)
    assert len(heard) == 1
    for back in (15, 40):
        home.freezer.tick(timedelta(minutes=-back))
        await home.poll()
        await home.reload()
        await home.pass_time(HOUR)
        assert len(heard) == 1


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize("ahead", [2 * HOUR, 19 * DAY, -5 * HOUR])
async def test_the_clock_jumps_for_a_poll(
    home: Home, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, is_ours: bool
) -> None:
    """A single wrong time, ours or the server's, fires nothing.

    The mark fires at its moment.
    """
    await add(home, expires=NOW + 26 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    with monkeypatch.context() as patched:
        if is_ours:
            clock = home.entry.runtime_data.account.clock
            patched.setattr(clock, "_system", lambda: utcnow() + ahead)
        else:
            patched.setattr(home.api, "clock", lambda: utcnow() + ahead)
        await home.poll()
    await home.poll(22)
    assert heard == []
    await home.poll()
    assert len(heard) == 1


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
@pytest.mark.parametrize("error", [5 * MINUTE, -30 * MINUTE])
async def test_a_server_with_a_machine_that_is_wrong(
    home: Home, path: str, error: timedelta
) -> None:
    """Marks do not wait for a machine whose clock is wrong in each poll."""

    def before(request: Request) -> None:
        found = error if request.path == path else timedelta(0)
        home.api.clock = lambda: utcnow() + found

    home.api.before = before
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(
        home.hass,
        automation(became_low(), says="low"),
        automation(expiring(days=1), alias="Expiring", says=ORDER_ID),
    )
    for number in range(14):
        leave(home, 40 - 3 * number)
        await home.poll()
    assert sorted(said(heard)) == ["ORD-2", "low"]


@pytest.mark.parametrize("year", [1, 1970, 9999])
@pytest.mark.parametrize("lasts", [1, 3])
async def test_a_date_that_cannot_be_right(home: Home, year: int, lasts: int) -> None:
    """It costs nothing, for a while or once."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1), says=ORDER_ID))
    home.api.clock = lambda: utcnow().replace(year=year, month=12, day=31)
    for number in range(lasts):
        leave(home, 40 - number)
        await home.poll()
        assert home.state("available_traffic").state == str(41.0 - number)
    home.api.clock = None
    await home.pass_time(HOUR)
    assert said(heard) == ["ORD-2"]


async def test_durations_beyond_the_end_of_time(home: Home) -> None:
    """An automation that can never run keeps nothing else from running."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(
        home.hass,
        automation(became_low(days=999_999_999), alias="Never", says="never"),
        automation(became_low(), says="low"),
        automation(expiring(days=999_999_999), alias="Each", says=ORDER_ID),
    )
    leave(home, 5)
    home.account.packages.append(package("3", created=NOW + MINUTE))
    await home.poll(2)
    assert sorted(said(heard)) == ["ORD-3", "low"]
    assert home.state("available_traffic").state == "7.0"


async def test_dispatches_overlap_on_a_slow_disk(home: Home, disk: Disk) -> None:
    """Polls and further marks wait for the write under way."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1), says=ORDER_ID))
    disk.hold()
    home.freezer.tick(HOUR + SECOND)
    await home.entry.runtime_data.async_refresh()
    await until(lambda: disk.waiting)
    for _ in range(2):
        home.freezer.tick(UPDATE_INTERVAL)
        await home.entry.runtime_data.async_refresh()
    assert heard == []
    disk.free()
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert said(heard) == ["ORD-2"]
    await home.poll(2)
    assert len(heard) == 1


async def test_set_up_on_a_slow_disk(home: Home, disk: Disk) -> None:
    """A mark that fell due while the account was unloaded fires once."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    await home.unload()
    home.freezer.tick(2 * HOUR)
    disk.hold()
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await until(lambda: disk.waiting)
    await home.entry.runtime_data.async_refresh()
    assert heard == []
    disk.free()
    await home.hass.async_block_till_done(wait_background_tasks=True)
    await home.poll()
    assert len(heard) == 1


async def test_a_check_in_that_lasts_as_long_as_the_lead_time(
    home: Home, disk: Disk
) -> None:
    """Its arrival and its mark come with the same poll, each once."""
    await home.set_up()
    heard = await listen(home.hass, automation(expiring(days=1), says=ORDER_ID))
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    created = NOW + 4 * MINUTE
    home.account.packages.append(
        package("2", source="sign", created=created, expires=created + DAY)
    )
    disk.hold()
    home.freezer.tick(UPDATE_INTERVAL + SECOND)
    await home.entry.runtime_data.async_refresh()
    await until(lambda: disk.waiting)
    await home.entry.runtime_data.async_refresh()
    disk.free()
    await home.hass.async_block_till_done(wait_background_tasks=True)
    await home.poll(2)
    assert said(heard) == ["ORD-2"]
    assert fired(events) == ["checked_in"]


async def test_added_on_a_slow_disk(home: Home, disk: Disk) -> None:
    """A trigger that is added while a mark is written does not get that one."""
    await add(home, expires=NOW + 25 * HOUR)
    first = automation(expiring(days=1), alias="First", says="first")
    second = automation(expiring(days=1), alias="Second", says="second")
    heard = await listen(home.hass, first)
    disk.hold()
    home.freezer.tick(HOUR + SECOND)
    await home.entry.runtime_data.async_refresh()
    await until(lambda: disk.waiting)
    reload = home.hass.async_create_task(reload_automations(home.hass, first, second))
    await until(lambda: home.hass.states.get("automation.second"))
    disk.free()
    await reload
    await home.hass.async_block_till_done(wait_background_tasks=True)
    await home.poll()
    assert said(heard) == ["first"]


@pytest.mark.parametrize(
    ("moved", "again"),
    [
        pytest.param(timedelta(minutes=45), 0, id="45 minutes"),
        pytest.param(timedelta(minutes=-45), 0, id="45 minutes earlier"),
        pytest.param(timedelta(hours=20), 1, id="20 hours"),
        pytest.param(timedelta(hours=23, minutes=59), 1, id="23:59 hours"),
    ],
)
async def test_the_expiry_moves(home: Home, moved: timedelta, again: int) -> None:
    """A nudge does not fire again, a real extension does when its time comes."""
    item = await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    await home.pass_time(HOUR)
    assert len(heard) == 1
    assert item.expires is not None
    item.expires += moved
    await read_records(home)
    await home.poll()
    assert len(heard) == 1
    await home.pass_time(abs(moved))
    assert len(heard) == 1 + again


@pytest.mark.parametrize("days", [7, 9])
@pytest.mark.parametrize("is_used_up", [False, True])
async def test_a_package_that_is_away_for_days(
    home: Home, days: int, is_used_up: bool
) -> None:
    """A package that can be used again has passed the marks that it passed before."""
    item = await add(home, expires=NOW + 40 * DAY)
    heard = await listen(home.hass, automation(expiring(days=30), says=ORDER_ID))
    for _ in range(11):
        await home.pass_time(DAY)
    assert said(heard) == ["ORD-2"]
    item.used, item.status = item.traffic if is_used_up else 0, 0
    await home.poll(3)
    for _ in range(days):
        await home.pass_time(DAY)
    item.traffic, item.status = 2 * item.traffic, 1
    await home.poll(3)
    assert said(heard) == ["ORD-2"]


async def test_the_expiry_moves_every_day(home: Home) -> None:
    """A package that is extended by 23:59 hours a day fires once a day."""
    item = await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    assert item.expires is not None
    for day in range(1, 5):
        await home.pass_time(HOUR + 10 * MINUTE)
        assert len(heard) == day
        item.expires += timedelta(hours=23, minutes=59)
        await read_records(home)
        await home.pass_time(timedelta(hours=22, minutes=44))
        assert len(heard) == day


async def test_the_expiry_is_nudged_again_and_again(home: Home) -> None:
    """Nudges do not add up to an extension, and do not fire again."""
    item = await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    assert item.expires is not None
    await home.pass_time(HOUR)
    for _ in range(6):
        item.expires += 20 * MINUTE
        await home.pass_time(15 * MINUTE)
        await read_records(home)
    assert len(heard) == 1


@pytest.mark.parametrize("expire_time", [None, "", "soon", "0", "-"])
async def test_the_expiry_is_missing_in_a_reading(
    home: Home, expire_time: str | None
) -> None:
    """A reading without it moves nothing."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(
        home.hass,
        automation(expiring(days=1), says=ORDER_ID),
        automation(expiring(hours=20), alias="Later", says="later"),
    )
    await home.pass_time(HOUR)
    assert said(heard) == ["ORD-2"]
    for moment in (HOUR, 4 * HOUR):
        home.api.break_(Fault.odd_row(0, expireTime=expire_time), RECORDS)
        home.api.break_(Fault.odd_row(1, expireTime=expire_time), RECORDS)
        leave(home, 49)
        await home.pass_time(moment)
        home.api.heal()
        leave(home, 50)
        await home.poll()
    assert said(heard) == ["ORD-2", "later"]


# Neighbors: automations.


async def test_two_lead_times(home: Home) -> None:
    """Each automation fires at its own time."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(
        home.hass,
        automation(expiring(days=1), alias="Day", says="day"),
        automation(expiring(hours=2), alias="Hours", says="hours"),
    )
    await home.pass_time(HOUR)
    assert said(heard) == ["day"]
    await home.pass_time(22 * HOUR - 10 * MINUTE)
    assert said(heard) == ["day"]
    await home.pass_time(10 * MINUTE)
    assert said(heard) == ["day", "hours"]


@pytest.mark.parametrize("path", ["", OVERVIEW])
async def test_automation_that_was_off(home: Home, path: str) -> None:
    """It gets no mark that passed in a week without it, and all later ones."""
    await add(home, expires=NOW + 2 * DAY)
    home.account.packages.append(package("3", expires=NOW + 8.5 * DAY))
    heard = await listen(
        home.hass, automation(expiring(days=1), became_low(), says=ORDER_ID)
    )
    await turn(home.hass, "off")
    leave(home, 5)
    await home.poll()
    if path:
        home.api.break_(Fault.refuse(500), path)
    for _ in range(28):
        await home.pass_time(6 * HOUR)
    await turn(home.hass, "on")
    await home.poll(2)
    assert heard == []
    await home.pass_time(DAY)
    assert said(heard) == ["ORD-3"]


async def test_automation_that_is_made_inside_the_window(home: Home) -> None:
    """It gets no mark that has passed, even after a reload of the account."""
    await add(home, expires=NOW + DAY / 2)
    heard = await listen(home.hass, automation(expiring(days=1)))
    await home.poll()
    await home.reload()
    await home.poll(2)
    assert heard == []


async def test_automation_that_is_made_after_the_moment(home: Home) -> None:
    """A mark that passed since the last poll is passed, too."""
    await add(home, expires=NOW + 25 * HOUR)
    await home.pass_time(HOUR - MINUTE)
    home.freezer.tick(2 * MINUTE)
    heard = await listen(home.hass, automation(expiring(days=1)))
    await home.poll(2)
    assert heard == []


@pytest.mark.parametrize("seconds", [1, 30, 58])
async def test_automations_are_reloaded_in_the_very_second(
    home: Home, seconds: float
) -> None:
    """A mark that passes before they are back waits for them."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1), says=ORDER_ID))
    home.freezer.tick(HOUR - SECOND / 2)
    await turn(home.hass, "off")
    await home.pass_time(timedelta(seconds=seconds))
    assert heard == []
    await turn(home.hass, "on")
    await home.hass.async_block_till_done()
    assert said(heard) == ["ORD-2"]
    await home.poll(2)
    assert len(heard) == 1


async def test_automation_is_edited(home: Home) -> None:
    """A reload with other actions keeps the mark, and fires the new ones."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1), says="old"))
    home.freezer.tick(HOUR - MINUTE)
    await reload_automations(home.hass, automation(expiring(days=1), says="new"))
    await home.pass_time(MINUTE)
    await home.poll()
    assert said(heard) == ["new"]


async def test_automation_is_removed(home: Home) -> None:
    """It is forgotten after a minute, with the marks that it has missed."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1)))
    await turn(home.hass, "off")
    await home.pass_time(HOUR)
    await home.pass_time(MINUTE)
    await turn(home.hass, "on")
    await home.poll(2)
    assert heard == []


# Neighbors: the account.


async def test_low_at_the_first_reading(home: Home) -> None:
    """It is no change."""
    leave(home, 5)
    await home.set_up()
    heard = await listen(
        home.hass, automation(became_low(), became_low(minutes=15), no_longer_low())
    )
    await home.poll(6)
    await home.reload()
    await home.poll()
    assert heard == []
    leave(home, 50)
    await home.poll()
    leave(home, 5)
    await home.poll()
    assert len(heard) == 2


async def test_low_not_low_and_low_again_between_polls(home: Home) -> None:
    """Nobody saw it."""
    await home.set_up()
    heard = await listen(home.hass, automation(became_low(), no_longer_low()))
    leave(home, 5)
    await home.poll()
    assert len(heard) == 1
    leave(home, 50)
    await home.pass_time(MINUTE / 2)
    leave(home, 4)
    await home.poll()
    assert len(heard) == 1


async def test_the_option_is_raised_above_the_value(home: Home) -> None:
    """A verdict that an option changes is a change."""
    leave(home, 15)
    await home.set_up()
    heard = await listen(
        home.hass,
        automation(became_low(), no_longer_low(), says="{{ trigger.platform[11:] }}"),
    )
    for threshold in (20, 10):
        home.hass.config_entries.async_update_entry(
            home.entry, options={**OPTIONS, "low_traffic_threshold": threshold}
        )
        await home.reload()
        await home.poll(2)
    assert said(heard) == ["traffic_became_low", "traffic_no_longer_low"]


async def test_account_is_unloaded_for_a_week(home: Home) -> None:
    """Whatever passed meanwhile fires once it is back."""
    await add(home, expires=NOW + 7.5 * DAY)
    home.account.packages.append(package("3", expires=NOW + 2 * DAY))
    await home.poll()
    heard = await listen(
        home.hass,
        automation(expiring(days=1), says=ORDER_ID),
        automation(became_low(), alias="Low", says="low"),
    )
    await home.unload()
    leave(home, 5)
    home.account.packages[2].status = 0
    for _ in range(7):
        await home.pass_time(DAY)
    assert heard == []
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    await home.poll(3)
    assert said(heard) == ["low", "ORD-2"]


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
async def test_outage_at_the_moment(home: Home, path: str) -> None:
    """Marks of packages pass by time, from the last known rows."""
    await add(home, expires=NOW + 30 * HOUR)
    heard = await listen(
        home.hass,
        automation(expiring(days=1), says="day"),
        automation(expiring(hours=1), alias="Hour", says="hour"),
    )
    home.api.break_(Fault.refuse(500), path)
    await home.pass_time(2 * HOUR)
    assert heard == []
    await home.pass_time(4 * HOUR)
    assert said(heard) == ["day"]
    await home.reload()
    await home.poll()
    home.api.heal()
    await home.poll(2)
    assert said(heard) == ["day"]
    home.api.break_(Fault.refuse(500), path)
    await home.pass_time(23 * HOUR)
    assert said(heard) == ["day", "hour"]
    await home.pass_time(2 * HOUR)
    assert len(heard) == 2


# `for` holds.


async def poll_fails(home: Home) -> None:
    """Let one poll fail."""
    home.api.break_(Fault.refuse(500))
    await home.poll()
    home.api.heal()


async def reloads(home: Home) -> None:
    """Reload the account."""
    await home.reload()
    await home.hass.async_block_till_done(wait_background_tasks=True)


async def option_changes(home: Home) -> None:
    """Change an option that does not change the verdict."""
    home.hass.config_entries.async_update_entry(
        home.entry, options={**OPTIONS, "low_traffic_threshold": 12}
    )
    await reloads(home)


async def reloads_into_an_outage(home: Home) -> None:
    """Reload the account while BytesFlows is unavailable."""
    home.api.break_(Fault.refuse(500))
    await home.reload()
    home.api.heal()
    await home.pass_time(MINUTE)


async def records_fail(home: Home) -> None:
    """Let the records fail from now on."""
    home.api.break_(Fault.refuse(500), RECORDS)


@pytest.mark.parametrize(
    "incident",
    [poll_fails, reloads, option_changes, reloads_into_an_outage, records_fail],
)
async def test_for_holds(
    home: Home, incident: Callable[[Home], Awaitable[None]]
) -> None:
    """15 minutes that are disturbed pass all the same, once."""
    await home.set_up()
    heard = await listen(home.hass, automation(became_low(minutes=15)))
    leave(home, 5)
    await home.poll(2)
    await incident(home)
    assert heard == []
    await home.poll(2)
    assert len(heard) == 1
    await home.poll(4)
    assert len(heard) == 1


async def test_for_ends_in_an_outage(home: Home) -> None:
    """It fires in the first good poll after it, if traffic is still low then."""
    await home.set_up()
    heard = await listen(
        home.hass,
        automation(became_low(minutes=15), says="low"),
        automation(no_longer_low(minutes=15), alias="High", says="high"),
    )
    leave(home, 5)
    await home.poll()
    home.api.break_(Fault.refuse(500))
    await home.pass_time(HOUR)
    assert heard == []
    home.api.heal()
    await home.poll()
    assert said(heard) == ["low"]
    leave(home, 50)
    await home.poll()
    home.api.break_(Fault.refuse(500))
    await home.pass_time(HOUR)
    leave(home, 5)
    home.api.heal()
    await home.poll(2)
    assert said(heard) == ["low"]


async def test_two_accounts_in_one_outage(home: Home) -> None:
    """Each fires for its own change, and the third does not."""
    home.api.accounts += [
        Account(token=token, packages=[package("9", traffic=100 * GIB)])
        for token in ("second", "third")
    ]
    await home.set_up()
    for token in ("second", "third"):
        other = make_entry(home.api, token=token, entry_id=token)
        other.add_to_hass(home.hass)
        home.hass.config_entries.async_update_entry(other, title=token)
        assert await home.hass.config_entries.async_setup(token)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    names = ("bytesflows", "second", "third")
    everyone = {"entity_id": [f"binary_sensor.{name}_traffic_low" for name in names]}
    heard = await listen(
        home.hass,
        automation(
            became_low(everyone), became_low(everyone, minutes=10), says=ACCOUNT
        ),
    )
    home.api.break_(Fault.refuse(500))
    await home.poll()
    for account in home.api.accounts[:2]:
        account.packages[0].used = 95 * GIB
    await home.poll()
    home.api.heal()
    await home.poll()
    assert sorted(said(heard)) == ["BytesFlows", "second"]
    await home.poll(4)
    assert sorted(said(heard)) == ["BytesFlows", "BytesFlows", "second", "second"]


async def test_marks_of_another_account(home: Home, disk: Disk) -> None:
    """An account neither polls nor writes for the marks of another one."""
    home.api.accounts.append(Account(token="second", packages=[package("9")]))
    leave(home, 9.2)
    await add(home, expires=NOW + 25 * HOUR)
    other = make_entry(home.api, token="second", entry_id="second")
    other.add_to_hass(home.hass)
    home.hass.config_entries.async_update_entry(other, title="second")
    assert await home.hass.config_entries.async_setup("second")
    await home.hass.async_block_till_done(wait_background_tasks=True)
    target = {"entity_id": "binary_sensor.second_traffic_low"}
    heard = await listen(
        home.hass, automation(expiring(target, days=1), became_low(target, minutes=3))
    )
    leave(home, 9)
    await home.poll()
    assert home.hass.states.is_state("binary_sensor.bytesflows_traffic_low", "on")
    assert home.entry.runtime_data.update_interval == UPDATE_INTERVAL
    await home.pass_time(HOUR / 3)
    writes = disk.writes
    await home.pass_time(HOUR)
    await home.poll()
    assert disk.writes == writes
    assert heard == []


# Nothing is lost or doubled by a reload, a failing disk, or an automation.


async def test_reload_while_the_store_is_written(home: Home, disk: Disk) -> None:
    """An event and marks that wait for a write come before the entities go."""
    item = await add(home, expires=NOW + 20 * DAY)
    heard = await listen(
        home.hass,
        automation(became_low(), says="low"),
        automation(expiring(days=1), alias="Expiring", says=ORDER_ID),
    )
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    disk.hold()
    leave(home, 5)
    item.expires = NOW + 5 * HOUR
    home.account.packages.append(package("3", created=NOW + MINUTE))
    home.freezer.tick(UPDATE_INTERVAL + SECOND)
    await home.entry.runtime_data.async_refresh()
    await until(lambda: disk.waiting)
    reload = home.hass.async_create_task(home.reload())
    for _ in range(20):
        await until(lambda: True)
    assert not reload.done()
    assert said(heard) == []
    disk.free()
    assert await reload
    await home.hass.async_block_till_done(wait_background_tasks=True)
    await home.poll(2)
    assert sorted(said(heard)) == ["ORD-2", "low"]
    assert fired(events) == ["purchased"]


async def test_a_poll_ends_while_the_account_unloads(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its changes and marks fire after the reload, once."""
    await home.set_up()
    heard = await listen(home.hass, automation(became_low(), says="low"))
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    unload = home.hass.config_entries.async_unload_platforms

    async def poll_then_unload(*args: Any) -> bool:  # noqa: ANN401
        home.account.packages.append(package("3", created=NOW + MINUTE))
        leave(home, 5)
        home.freezer.tick(UPDATE_INTERVAL)
        await home.entry.runtime_data.async_refresh()
        is_unloaded = await unload(*args)
        await home.entry.runtime_data.async_refresh()
        return is_unloaded

    monkeypatch.setattr(
        home.hass.config_entries, "async_unload_platforms", poll_then_unload
    )
    await home.reload()
    await home.hass.async_block_till_done(wait_background_tasks=True)
    await home.poll(2)
    assert said(heard) == ["low"]
    assert fired(events) == ["purchased"]


async def test_the_reload_interrupts_a_poll(home: Home) -> None:
    """A poll under way ends, and the next one finds the same."""
    await home.set_up()
    heard = await listen(home.hass, automation(became_low(), says="low"))
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    home.account.packages.append(package("3", created=NOW + MINUTE))
    leave(home, 5)
    home.api.break_(Fault(hang=True), RECORDS)
    home.freezer.tick(UPDATE_INTERVAL)
    refresh = home.hass.async_create_task(home.entry.runtime_data.async_refresh())
    await until(lambda: home.api.count(RECORDS) == 2)
    unload = home.hass.async_create_task(home.unload())
    await until(unload.done)
    await refresh
    home.api.heal()
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    await home.poll(2)
    assert said(heard) == ["low"]
    assert fired(events) == ["purchased"]


async def test_the_account_cannot_be_unloaded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then all goes on."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(
        home.hass,
        automation(became_low(), expiring(days=1), says="{{ trigger.account }}"),
    )
    with monkeypatch.context() as patched:

        async def refuse(*args: object) -> bool:
            return False

        patched.setattr(home.hass.config_entries, "async_unload_platforms", refuse)
        assert not await home.unload()
    leave(home, 5)
    await home.pass_time(HOUR)
    assert len(heard) == 2
    # Home Assistant unloads it no more, so it has to end here.
    await home.entry.runtime_data.async_stop_polling()
    await home.entry.runtime_data.async_shutdown()
    await home.hass.config_entries.async_unload_platforms(home.entry, PLATFORMS)


@pytest.mark.parametrize("error", [OSError("full"), WriteError("full")])
async def test_a_write_fails(
    home: Home,
    disk: Disk,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """Nothing is dispatched before a write succeeded; it is tried every minute."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(
        home.hass,
        automation(became_low(), says="low"),
        automation(expiring(days=1), alias="Expiring", says=ORDER_ID),
    )
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    disk.error = error
    leave(home, 5)
    home.account.packages.append(package("3", created=NOW + MINUTE))
    await home.pass_time(HOUR)
    assert heard == []
    for _ in range(3):
        await home.pass_time(timedelta(seconds=RETRY_SECONDS))
    assert heard == []
    assert fired(events) == []
    disk.error = None
    await home.pass_time(timedelta(seconds=RETRY_SECONDS))
    assert sorted(said(heard)) == ["ORD-2", "low"]
    assert fired(events) == ["purchased"]
    await home.poll(3)
    assert len(heard) == 2
    assert "cannot be saved" not in caplog.text


async def test_added_while_the_disk_is_full(home: Home, disk: Disk) -> None:
    """A trigger that is added between two failed writes does not get old marks."""
    item = await add(home, expires=NOW + 25 * HOUR)
    first = automation(expiring(days=1), became_low(), alias="First", says="first")
    second = automation(expiring(days=1), became_low(), alias="Second", says="second")
    heard = await listen(home.hass, first)
    disk.error = OSError("full")
    leave(home, 5)
    await home.pass_time(HOUR)
    await reload_automations(home.hass, first, second)
    await home.pass_time(timedelta(seconds=RETRY_SECONDS))
    assert heard == []
    disk.error = None
    await home.pass_time(timedelta(seconds=RETRY_SECONDS))
    assert said(heard) == ["first", "first"]
    leave(home, 50)
    await home.poll()
    leave(home, 5)
    await home.poll()
    assert said(heard)[2:] == ["first", "second"]
    for left in (3 * DAY, 22 * HOUR):
        item.expires = NOW + left
        await read_records(home)
    assert said(heard)[4:] == ["first", "second"]


@pytest.mark.parametrize("error", [OSError("full"), WriteError("full")])
async def test_writes_fail_for_10_minutes(
    home: Home, disk: Disk, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Then everything is dispatched all the same, with one warning."""
    item = await add(home)
    heard = await listen(
        home.hass,
        automation(became_low(), no_longer_low(), says="{{ trigger.platform[11:] }}"),
        automation(expiring(days=1), alias="Expiring", says=ORDER_ID),
    )
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    disk.error = error
    leave(home, 5)
    item.expires = NOW + 5 * HOUR
    home.account.packages.append(package("3", created=NOW + MINUTE))
    await home.poll()
    for _ in range(SAVE_PATIENCE // RETRY_SECONDS - 2):
        await home.pass_time(timedelta(seconds=RETRY_SECONDS))
        assert heard == []
    await home.pass_time(2 * timedelta(seconds=RETRY_SECONDS))
    assert sorted(said(heard)) == ["ORD-2", "traffic_became_low"]
    assert fired(events) == ["purchased"]
    leave(home, 50)
    await home.poll()
    assert said(heard)[2:] == ["traffic_no_longer_low"]
    assert caplog.text.count("cannot be saved") == 1
    disk.error = None
    await home.poll(3)
    assert len(heard) == 3
    assert disk.writes
    disk.error = error
    leave(home, 5)
    await home.poll()
    assert len(heard) == 3
    disk.error = None
    await home.pass_time(timedelta(seconds=RETRY_SECONDS))
    assert len(heard) == 4
    assert caplog.text.count("cannot be saved") == 1


async def test_a_write_fails_while_home_assistant_starts(
    home: Home, disk: Disk
) -> None:
    """Marks wait for the start, and then for the disk."""
    await add(home, expires=NOW + 25 * HOUR)
    await home.unload()
    home.freezer.tick(2 * HOUR)
    leave(home, 5)
    disk.error = OSError("full")
    home.hass.set_state(CoreState.starting)
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)
    heard = await listen(home.hass, automation(expiring(days=1), became_low()))
    await home.poll()
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await home.hass.async_block_till_done()
    await home.pass_time(timedelta(seconds=AUTOMATION_START_DELAY))
    assert heard == []
    disk.error = None
    await home.poll()
    assert len(heard) == 2


async def test_home_assistant_stops_on_a_slow_disk(home: Home, disk: Disk) -> None:
    """Whatever was not dispatched is put back, and dispatched after the start."""
    await add(home, expires=NOW + 25 * HOUR)
    heard = await listen(home.hass, automation(expiring(days=1), became_low()))
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    leave(home, 5)
    home.account.packages.append(package("3", created=NOW + MINUTE))
    disk.hold()
    home.freezer.tick(HOUR + SECOND)
    await home.entry.runtime_data.async_refresh()
    await until(lambda: disk.waiting)
    dispatcher = home.entry.runtime_data._dispatcher
    stop = home.hass.async_create_task(dispatcher.async_stop())
    home.freezer.tick(STOP_SECONDS + 1)
    await until(lambda: dispatcher._is_stopped)
    disk.free()
    await stop
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert heard == []
    assert fired(events) == []
    await home.reload()
    await home.poll(2)
    assert len(heard) == 2
    assert fired(events) == ["purchased"]


async def test_home_assistant_stops_while_an_automation_runs(home: Home) -> None:
    """The stop waits for it, and nothing is dispatched from then on."""
    await add(home, expires=NOW + 25 * HOUR)
    waits = {"wait_for_trigger": {"trigger": "event", "event_type": "go"}}
    heard = await listen(
        home.hass,
        automation(became_low(), actions=[waits, say("low")]),
        automation(expiring(days=1), alias="Expiring"),
    )
    leave(home, 5)
    home.freezer.tick(UPDATE_INTERVAL + SECOND)
    await home.entry.runtime_data.async_refresh()
    dispatcher = home.entry.runtime_data._dispatcher
    await until(lambda: dispatcher._runs)
    stop = home.hass.async_create_task(dispatcher.async_stop())
    for _ in range(20):
        await until(lambda: True)
    assert not stop.done()
    home.hass.bus.async_fire("go")
    await stop
    assert said(heard) == ["low"]
    await home.pass_time(HOUR)
    assert said(heard) == ["low"]


async def test_an_automation_raises(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not keep others from starting."""
    await home.set_up()
    failing = {"variables": {"impossible": "{{ 1 / 0 }}"}}
    heard = await listen(
        home.hass,
        automation({**became_low(), **failing}, alias="First"),
        automation(became_low(), alias="Second", says="second"),
        automation({**became_low(), **failing}, alias="Third"),
    )
    leave(home, 5)
    await home.poll()
    assert said(heard) == ["second"]
    assert (
        caplog.text.count(
            "An automation could not be started by BytesFlows: Traffic became low: "
            "TemplateError"
        )
        == 2
    )


@pytest.mark.parametrize("reloads", [1, 2])
async def test_an_automation_reloads_the_entry(home: Home, reloads: int) -> None:
    """It waits for nothing that waits for it."""
    await add(home, expires=NOW + 25 * HOUR)
    reload = {
        "action": "homeassistant.reload_config_entry",
        "data": {"entry_id": home.entry.entry_id},
    }
    assert await async_setup_component(home.hass, "homeassistant", {})
    heard = await listen(
        home.hass,
        automation(
            expiring(days=1),
            became_low(),
            alias="Reloads",
            actions=[
                *[reload] * reloads,
                say("1"),
            ],
        ),
        automation(expiring(days=1), became_low(), alias="Other", says=ACCOUNT),
        automation(
            {"trigger": "state", "entity_id": EVENT_ENTITY},
            alias="Reloads, too",
            actions=[reload, say("2")],
            mode="single",
        ),
    )
    leave(home, 5)
    home.account.packages.append(package("3", created=NOW + MINUTE))
    await home.pass_time(HOUR)
    await home.poll(2)
    assert said(heard).count("BytesFlows") == 2
    assert said(heard).count("1") == 2
    assert "2" in said(heard)
    await home.poll(3)
    assert said(heard).count("BytesFlows") == 2


def test_keys_of_marks() -> None:
    """The same mark of another time that traffic became low is another one."""
    first = LowMark(True, MINUTE, NOW)
    assert mark_key(first) == mark_key(replace(first))
    assert mark_key(first) != mark_key(replace(first, since=NOW + HOUR))
