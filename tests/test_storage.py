"""The stored state of an account: when it is written, and what it survives."""

from collections.abc import Iterator
import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
import json
from typing import Any, Final
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.bytesflows.account import (
    Account as KnownAccount,
    AccountState,
    Change,
    ChangeKind,
    Clock,
    Consumption,
    FirstSeen,
    Life,
    LowScale,
    Marks,
    Options,
    Package as KnownPackage,
    Passed,
    Trouble,
    ZoneWatch,
)
from custom_components.bytesflows.api import (
    BytesFlowsClient,
    Codec,
    Overview,
    Record,
    Source,
)
from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.storage import AccountStorage
from dev.simulated_api import (
    EXAMPLE_ZONE,
    GIB,
    MIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store
from homeassistant.setup import async_setup_component
from homeassistant.util.file import WriteError

from .helpers.clock import NOW
from .helpers.home import Home
from .helpers.tokens import has_token

KEY: Final = "bytesflows.01JEXAMPLE"
EXPIRING: Final = {
    "automation": {
        "triggers": {
            "trigger": "bytesflows.package_expiring",
            "target": {"entity_id": "sensor.bytesflows_available_traffic"},
            "options": {"before": {"days": 3}},
        },
        "actions": {"event": "heard"},
    }
}

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with a package that expires in 20 days."""
    return Account(packages=[_package("1", used=GIB)])


def _package(
    id_: str, *, used: int = 0, created: datetime = NOW - timedelta(days=1)
) -> Package:
    """Return a package of 10 GiB that expires in 20 days."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        traffic=10 * GIB,
        used=used,
        created=created,
        expires=NOW + timedelta(days=20),
    )


def _consumption(home: Home) -> float:
    """Return the GiB that the sensor shows."""
    return float(_shown(home))


def _shown(home: Home) -> str:
    """Return the state of the lifetime consumption, whatever its entity is called."""
    unique_id = f"{home.entry.entry_id}_lifetime_consumption"
    registry = er.async_get(home.hass)
    entity_id = registry.async_get_entity_id("sensor", DOMAIN, unique_id)
    assert entity_id is not None
    state = home.hass.states.get(entity_id)
    assert state is not None
    return state.state


# When it is written.


async def test_times_alone_are_not_written(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """Nothing of an idle account is written in a day and its complete reading."""
    await home.set_up()
    written = hass_storage[KEY]
    await home.poll(300)
    assert hass_storage[KEY] is written


async def test_use_is_written_within_15_minutes(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """Use is written 15 minutes after the poll that found it, with later use."""
    await home.set_up()
    written = hass_storage[KEY]
    for _ in range(3):
        home.account.use(MIB)
        await home.poll()
        assert hass_storage[KEY] is written
    await home.poll()
    assert hass_storage[KEY]["data"]["consumption"]["total"] == GIB + 3 * MIB
    assert hass_storage[KEY] is not written


async def test_overview_is_written_within_15_minutes(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """A balance that moved is written within 15 minutes, and once."""
    await home.set_up()
    home.account.balance = 7.5
    await home.poll(4)
    written = hass_storage[KEY]
    assert written["data"]["shown_overview"]["balance"] == "7.5"
    await home.poll(8)
    assert hass_storage[KEY] is written


async def test_change_is_written_now(home: Home, hass_storage: dict[str, Any]) -> None:
    """A new package is written in the poll that finds it, as dispatched."""
    await home.set_up()
    home.account.packages.append(_package("2"))
    await home.poll()
    stored = hass_storage[KEY]["data"]
    assert [item["record"]["id"] for item in stored["packages"]] == ["1", "2"]
    assert stored["changes"] == []


async def test_alarm_is_written_now(home: Home, hass_storage: dict[str, Any]) -> None:
    """Both directions of low traffic are written in the poll that finds them."""
    await home.set_up()
    home.account.use(17 * GIB // 2)
    await home.poll()
    stored = hass_storage[KEY]["data"]
    assert stored["shown_is_low"] is stored["marks"]["is_low"] is True
    assert stored["marks"]["since"] == datetime.now(UTC).timestamp()
    home.account.packages[0].used = GIB
    await home.poll()
    stored = hass_storage[KEY]["data"]
    assert stored["shown_is_low"] is stored["marks"]["is_low"] is False


async def test_mark_is_written_now(home: Home, hass_storage: dict[str, Any]) -> None:
    """A mark is written when it fires, and idle time after it is not."""
    await home.set_up()
    assert await async_setup_component(home.hass, "automation", EXPIRING)
    await home.poll()
    written = hass_storage[KEY]
    await home.pass_time(timedelta(days=17) - timedelta(minutes=10))
    await home.poll(3)
    stored = hass_storage[KEY]["data"]
    assert hass_storage[KEY] is not written
    assert stored["marks"]["packages"]["1"][0] <= timedelta(days=3).total_seconds()
    written = hass_storage[KEY]
    await home.poll(12)
    assert hass_storage[KEY] is written


async def test_lead_time_in_its_window_is_written_now(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """A trigger that arrives late passes for good what it missed."""
    await home.set_up()
    await home.pass_time(timedelta(days=18))
    written = hass_storage[KEY]
    assert await async_setup_component(home.hass, "automation", EXPIRING)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    stored = hass_storage[KEY]["data"]
    assert hass_storage[KEY] is not written
    assert stored["marks"]["packages"]["1"][0] <= timedelta(days=2).total_seconds()


async def test_fall_is_written_now(home: Home, hass_storage: dict[str, Any]) -> None:
    """A use that went down is written at once: a crash must not count it twice."""
    await home.set_up()
    home.account.packages[0].used = GIB // 4
    await home.poll()
    stored = hass_storage[KEY]["data"]
    assert stored["packages"][0]["record"]["trafficUsed"] == GIB // 4
    assert stored["consumption"]["total"] == GIB


async def test_row_that_is_left_out_is_written(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """A row that is left out is written, even if nothing else is new."""

    def change(answer: dict[str, Any]) -> None:
        for row in answer["data"]["records"]:
            if row["id"] != "1":
                row["trafficUsed"] = "?"

    await home.set_up()
    home.api.break_(Fault(change=change), RECORDS)
    for id_ in ("3", "4"):
        odd = _package(id_, created=NOW)
        odd.status = 0
        home.account.packages.append(odd)
        await home.poll(20)
    assert hass_storage[KEY]["data"]["left_out"] == {"3": "new", "4": "new"}


async def test_nothing_is_written_before_the_first_reading(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """An account whose packages were never read has nothing worth a file."""
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.set_up()
    await home.poll(4)
    await home.unload()
    assert KEY not in hass_storage


async def test_written_on_unload(home: Home, hass_storage: dict[str, Any]) -> None:
    """An unload writes everything, times included; a removal leaves nothing."""
    await home.set_up()
    home.account.use(MIB)
    await home.poll()
    await home.unload()
    stored = hass_storage[KEY]["data"]
    assert stored["consumption"]["total"] == GIB + MIB
    assert stored["last_sync"] == datetime.now(UTC).timestamp()
    await home.pass_time(timedelta(hours=1))
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    assert KEY not in hass_storage


@pytest.mark.parametrize("error", [WriteError("full"), OSError("gone"), ValueError()])
async def test_failed_late_write_is_tried_again(
    home: Home,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """Use that could not be written is written a minute after the disk works."""
    await home.set_up()
    home.account.use(MIB)
    await home.poll()
    with patch.object(Store, "_async_write_data", side_effect=error):
        await home.poll(5)
    assert hass_storage[KEY]["data"]["consumption"]["total"] == GIB
    assert "Traceback" not in caplog.text
    await home.pass_time(timedelta(minutes=1))
    assert hass_storage[KEY]["data"]["consumption"]["total"] == GIB + MIB


# What it is good for.


async def test_consumption_that_the_server_forgets(home: Home) -> None:
    """Consumption never falls: over a forgotten package, a correction, a reload."""
    account = home.account
    await home.set_up()
    assert _consumption(home) == 1.0
    account.packages.append(_package("2", used=GIB, created=NOW))
    await home.poll()
    assert _consumption(home) == 2.0
    del account.packages[0]
    await home.poll()
    assert _consumption(home) == 2.0
    account.packages[0].used = GIB * 3 // 4
    await home.poll()
    assert await home.reload()
    assert _consumption(home) == 2.0
    account.packages[0].used = 3 * GIB
    await home.poll()
    assert _consumption(home) == 4.0


async def test_lost_file(home: Home, hass_storage: dict[str, Any]) -> None:
    """Without its file the count starts over from the listed packages."""
    await home.set_up()
    home.account.packages = [_package("2", used=3 * GIB, created=NOW)]
    await home.poll()
    assert _consumption(home) == 4.0
    await home.unload()
    del hass_storage[KEY]
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert _consumption(home) == 3.0


async def test_packages_are_unknown_until_they_are_read(home: Home) -> None:
    """A new account whose records fail shows its overview, and nothing of packages."""
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.set_up()
    assert _shown(home) == "unavailable"
    assert home.state("available_traffic").state == "9.0"
    home.api.heal()
    await home.poll(2)
    assert _consumption(home) == 1.0


@pytest.mark.parametrize("time", [-62135596800.0, 253402300799.0])
async def test_impossible_times(
    home: Home, hass_storage: dict[str, Any], time: float
) -> None:
    """The first or last time that there is cannot be calculated with: it is damage."""
    await home.set_up()
    await home.unload()
    hass_storage[KEY]["data"]["last_sync"] = time
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)
    assert _consumption(home) == 1.0


async def test_other_time_zone(home: Home, hass_storage: dict[str, Any]) -> None:
    """Stored times are those of the API, so a corrected zone corrects them, too."""
    await home.set_up()
    home.api.break_(Fault.refuse(500), OVERVIEW)
    await home.unload()
    now = datetime.now(UTC)
    states = [
        await AccountStorage(home.hass, "01JEXAMPLE", Codec(zone)).async_load(now)
        for zone in (EXAMPLE_ZONE, UTC)
    ]
    wrong, right = (next(state.ledger.packages.records).expires for state in states)
    assert wrong is not None
    assert right is not None
    assert right - wrong == timedelta(hours=8)
    assert states[0].last_sync == states[1].last_sync == now


# Damaged files.

DAMAGED: Final[list[Any]] = [
    {"version": 1, "data": {}},
    {"version": 1, "data": []},
    {"version": 1, "data": "much"},
    {"version": 1, "data": {"consumption": "much"}},
    {"version": 0, "data": {}},
    {"version": 2, "data": {"consumption": {"total": 5}}},
]


@pytest.mark.parametrize("stored", DAMAGED)
async def test_damaged_or_newer(
    home: Home,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    stored: dict[str, Any],
) -> None:
    """A file that cannot be used costs one warning and a new count."""
    hass_storage[KEY] = {"key": KEY, "minor_version": 1, **stored}
    await home.set_up()
    assert _consumption(home) == 1.0
    assert home.state("available_traffic").state == "9.0"
    [warning] = _warnings(caplog)
    assert "damaged or from a newer version" in warning
    assert hass_storage[KEY]["version"] == 1


async def test_total_that_went_down(
    hass: HomeAssistant, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A count that contradicts itself is none."""
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY}
    right = await _encoded(hass, hass_storage, _full_state())
    right["consumption"]["total"] = 3
    assert (await _load(hass)).consumption.watched_since is None
    assert len(_warnings(caplog)) == 1


JUNK: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    2**63,
    1e300,
    "",
    "x",
    "2026-13-01",
    [],
    {},
    [[]],
)


@pytest.mark.timeout(120)
async def test_any_damage(
    home: Home, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever one value of the file becomes, it is a state or one warning."""
    good = _full_state()
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY}
    right = await _encoded(home.hass, hass_storage, good)
    refused = 0
    for path in _paths(right):
        for junk in JUNK:
            caplog.clear()
            hass_storage[KEY]["data"] = _with(right, path, junk)
            state = await _load(home.hass)
            warnings = _warnings(caplog)
            assert len(warnings) <= 1, (path, junk)
            refused += len(warnings)
            # It can be shown and written again.
            _known(state).remembered()
            await _encoded(home.hass, hass_storage, state)
    assert refused > 400


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """Yield where each value of a JSON document is."""
    if path:
        yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _paths(item, (*path, key))


def _with(document: Any, path: tuple[Any, ...], value: object) -> Any:  # noqa: ANN401
    """Return a document with another value in one place."""
    document = place = copy.deepcopy(document)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what we warned of."""
    return [
        item.getMessage()
        for item in caplog.records
        if item.name.startswith("custom_components.bytesflows")
        and item.levelname in {"WARNING", "ERROR"}
    ]


# The round trip.


async def _load(hass: HomeAssistant) -> AccountState:
    """Return the stored state."""
    storage = AccountStorage(hass, "01JEXAMPLE", Codec(EXAMPLE_ZONE))
    return await storage.async_load(NOW)


async def _encoded(
    hass: HomeAssistant, hass_storage: dict[str, Any], state: AccountState
) -> Any:  # noqa: ANN401
    """Write a state and return the data of the file."""
    storage = AccountStorage(hass, "01JEXAMPLE", Codec(EXAMPLE_ZONE))
    assert await storage.async_flush(_known(state))
    return hass_storage[KEY]["data"]


def _known(state: AccountState) -> KnownAccount:
    """Return an account with a state."""
    session: Any = None
    return KnownAccount(
        BytesFlowsClient(session, "token", time_zone=EXAMPLE_ZONE),
        Clock(lambda: NOW, lambda: 0.0),
        Options(low_traffic_threshold=10, expiring_soon=timedelta(days=3)),
        state,
    )


def _full_state() -> AccountState:
    """Return a state in which nothing is empty."""
    record = Record(
        id="1",
        traffic=10 * GIB,
        traffic_used=GIB,
        order_id="ORD-1",
        source=Source.ORDER,
        created=NOW - timedelta(days=2),
        expires=NOW + timedelta(days=20),
        status=1,
    )
    state = AccountState(
        consumption=Consumption(5, NOW, [(NOW - timedelta(days=1), 4), (NOW, 5)]),
        marks=Marks(
            LowScale(True, NOW, timedelta(5), NOW - timedelta(9)),
            {
                "1": Passed(
                    timedelta(days=20),
                    NOW + timedelta(days=20),
                    Passed(timedelta(days=2), NOW + timedelta(days=9)),
                )
            },
        ),
        changes=(Change(ChangeKind.PURCHASED, record),),
        last_sync=NOW,
        is_unsettled=True,
        rate=1.5,
        shown_overview=Overview(
            total_traffic=GIB,
            available_traffic=MIB,
            balance=Decimal("12.5"),
            currency="USD",
        ),
        shown_is_low=True,
        invalid_responses=Trouble(NOW, NOW),
        unreadable_values=Trouble(NOW, NOW),
        shown_is_expiring_soon=True,
        zone_watch=ZoneWatch({timedelta(hours=3): NOW}, {NOW: NOW}),
    )
    state.ledger.needs_baseline = False
    state.ledger.newcomers.newest[Source.ORDER] = NOW
    state.ledger.newcomers.left_out["2"] = FirstSeen.OLD
    state.ledger.put(
        KnownPackage(
            record,
            counted=GIB,
            was_in_use=True,
            life=Life.RESUMED,
            ended=NOW,
            end=record,
            end_seen=NOW,
            restart_seen=NOW,
            has_restarted=True,
            is_restart_told=True,
        ),
        NOW,
    )
    return state


SIZES: Final = st.integers(0, 2**63 - 1)
# Hypothesis draws texts of the sources, too, such as the token that no log may have.
TEXTS: Final = (
    st.text(st.characters(codec="utf-8"), max_size=20)
    .map(str.strip)
    .filter(lambda text: not has_token(text))
)
MOMENTS: Final = st.datetimes(
    datetime(1980, 1, 2),  # noqa: DTZ001
    datetime(2098, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
DURATIONS: Final = st.integers(0, 10**9).map(lambda number: timedelta(seconds=number))
PASSED: Final = st.builds(Passed, DURATIONS, MOMENTS, st.none())


@st.composite
def _records(draw: st.DrawFn) -> Record:
    """Return a record as the API can list it."""
    traffic = draw(SIZES)
    return Record(
        id=draw(TEXTS.filter(bool)),
        traffic=traffic,
        traffic_used=draw(SIZES if traffic == 0 else st.integers(0, traffic)),
        order_id=draw(st.none() | TEXTS.filter(bool)),
        source=draw(st.sampled_from(Source)),
        created=draw(st.none() | MOMENTS),
        expires=draw(st.none() | MOMENTS),
        status=draw(st.none() | st.integers(-5, 5)),
    )


@st.composite
def _packages(draw: st.DrawFn) -> KnownPackage:
    """Return a package at any stage of its life, recent enough to be stored."""
    record = draw(_records())
    return KnownPackage(
        record,
        counted=draw(SIZES),
        is_listed=draw(st.booleans()),
        was_in_use=draw(st.booleans()),
        life=draw(st.sampled_from(Life)),
        ended=NOW,
        end=draw(st.none() | _records()),
        end_seen=draw(st.none() | MOMENTS),
        restart_seen=draw(st.none() | MOMENTS),
        has_restarted=draw(st.booleans()),
        is_restart_told=draw(st.booleans()),
    )


@st.composite
def _states(draw: st.DrawFn) -> AccountState:
    """Return a state of an account whose packages were read."""
    totals = sorted(draw(st.lists(SIZES, min_size=2, max_size=5)))
    overviews = st.builds(
        Overview,
        total_traffic=SIZES,
        available_traffic=st.integers(-(2**63) + 1, 2**63 - 1),
        balance=st.none() | st.decimals(-(10**9), 10**9, places=2),
        currency=st.none() | st.sampled_from(["USD", "¥"]),
        unreadable=st.just(frozenset()),
    )
    troubles = st.builds(Trouble, st.none() | MOMENTS, st.none() | MOMENTS)
    state = AccountState(
        consumption=Consumption(
            totals[-1],
            draw(MOMENTS),
            [(draw(MOMENTS), total) for total in totals[:-1]],
        ),
        marks=Marks(
            draw(
                st.builds(
                    LowScale,
                    st.none() | st.booleans(),
                    st.none() | MOMENTS,
                    st.none() | DURATIONS,
                )
            ),
            draw(
                st.dictionaries(
                    TEXTS,
                    st.builds(Passed, DURATIONS, MOMENTS, st.none() | PASSED),
                    max_size=3,
                )
            ),
        ),
        changes=tuple(
            draw(
                st.lists(
                    st.builds(Change, st.sampled_from(ChangeKind), _records()),
                    max_size=3,
                )
            )
        ),
        last_sync=draw(MOMENTS),
        shown_overview=draw(st.none() | overviews),
        shown_is_low=draw(st.none() | st.booleans()),
        shown_is_expiring_soon=draw(st.none() | st.booleans()),
        invalid_responses=draw(troubles),
        unreadable_values=draw(troubles),
        zone_watch=draw(
            st.builds(
                ZoneWatch,
                st.dictionaries(DURATIONS, MOMENTS, max_size=2),
                st.dictionaries(MOMENTS, MOMENTS, max_size=2),
            )
        ),
    )
    state.ledger.needs_baseline = draw(st.booleans())
    state.ledger.newcomers.newest.update(
        draw(st.dictionaries(st.sampled_from(Source), MOMENTS))
    )
    state.ledger.newcomers.left_out.update(
        draw(st.dictionaries(TEXTS, st.sampled_from(FirstSeen), max_size=2))
    )
    for package in draw(st.lists(_packages(), max_size=3)):
        state.ledger.put(package, NOW)
    return state


def _content(state: AccountState) -> dict[str, Any]:
    """Return all parts of a state as values that can be compared."""
    return {
        "consumption": state.consumption,
        "marks": state.marks,
        "changes": state.changes,
        "last_sync": state.last_sync,
        "shown": (
            state.shown_overview,
            state.shown_is_low,
            state.shown_is_expiring_soon,
        ),
        "trouble": (state.invalid_responses, state.unreadable_values),
        "needs_baseline": state.ledger.needs_baseline,
        "newest": state.ledger.newcomers.newest,
        "left_out": state.ledger.newcomers.left_out,
        "packages": {
            id_: state.ledger.packages.get(id_) for id_ in state.ledger.packages
        },
    }


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(state=_states())
async def test_round_trip(
    hass: HomeAssistant, hass_storage: dict[str, Any], state: AccountState
) -> None:
    """What is read is what was written, whatever it was."""
    encoded = await _encoded(hass, hass_storage, state)
    assert json.loads(json.dumps(encoded)) == encoded
    restored = await _load(hass)
    assert _content(restored) == _content(state)
    assert await _encoded(hass, hass_storage, restored) == encoded
