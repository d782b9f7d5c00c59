"""Responses and memories that nobody thought of: what leaves api/, and what they do."""

from copy import replace
from datetime import UTC, datetime, timedelta
import json
from traceback import format_exception
from typing import Any, Final

from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.bytesflows import account as core, binary_sensor, sensor
from custom_components.bytesflows.api import (
    BytesFlowsClient,
    BytesFlowsError,
    Codec,
    Overview,
    Record,
    RecordsPage,
)
from custom_components.bytesflows.api.models import (
    _OVERVIEW_FIELDS,
    _RECORD_NAMES,
)
from custom_components.bytesflows.stored_state import decode_state, encode_state
from dev.simulated_api import (
    EXAMPLE_TOKEN,
    EXAMPLE_ZONE,
    GIB,
    MIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    SimulatedApi,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .helpers.clock import NOW
from .helpers.common import make_entry, set_up, state
from .helpers.mutation import JSON, mutated
from .helpers.tokens import has_token

pytestmark = pytest.mark.slow

SIZES: Final = range(2**63)
AMOUNTS: Final = range(-(2**63) + 1, 2**63)
FUZZ: Final = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def _account() -> Account:
    """Return an account with one package of each kind."""
    return Account(
        balance=12.5,
        packages=[
            Package(id="4", source="gift", traffic=GIB, status=1),
            Package(
                id="3",
                source="sign",
                traffic=GIB,
                used=MIB,
                created=NOW - timedelta(days=1),
                expires=NOW + timedelta(days=29),
            ),
            Package(
                id="2",
                order_id="ORD-2",
                traffic=2 * GIB,
                used=2 * GIB,
                created=NOW - timedelta(days=2),
                status=0,
            ),
            Package(
                id="1",
                order_id="ORD-1",
                traffic=GIB,
                created=NOW - timedelta(days=40),
                expires=NOW - timedelta(days=10),
                status=0,
            ),
        ],
    )


def _answers() -> dict[str, dict[str, Any]]:
    """Return the right answer of each endpoint."""
    account = _account()
    rows = [package.row(EXAMPLE_ZONE) for package in account.packages]
    return {
        OVERVIEW: {"code": 200, "msg": "success", "data": account.overview()},
        RECORDS: {
            "code": 200,
            "msg": "success",
            "data": {"records": rows, "total": len(rows)},
        },
    }


def _bodies(path: str) -> st.SearchStrategy[bytes]:
    """Return bodies that are nearly right, other JSON, and no JSON at all."""
    right = _answers()[path]
    bodies = mutated(right).map(lambda value: json.dumps(value).encode())
    spoiled = st.tuples(bodies, st.integers(0, 900), st.binary(max_size=4)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
    )
    cut = st.tuples(bodies, st.integers(0, 900)).map(lambda parts: parts[0][: parts[1]])
    other = JSON.map(lambda value: json.dumps(value).encode())
    return bodies | bodies | bodies | spoiled | cut | other | st.binary(max_size=99)


def _is_record(record: Record) -> bool:
    """Return whether a record is one that the rest can rely on."""
    times = [time for time in (record.created, record.expires) if time is not None]
    return (
        bool(record.id)
        and record.traffic in SIZES
        and record.traffic_used in SIZES
        and all(time.tzinfo is UTC and 1970 <= time.year <= 9998 for time in times)
    )


def _is_fine(answer: Overview | RecordsPage) -> bool:
    """Return whether an answer that was accepted is one that the rest can rely on."""
    if isinstance(answer, Overview):
        return (
            (answer.total_traffic is None or answer.total_traffic in SIZES)
            and (
                answer.available_traffic is None or answer.available_traffic in AMOUNTS
            )
            and (answer.balance is None or answer.balance.is_finite())
            and len(answer.currency or "") <= 16
        )
    return (answer.total is None or answer.total in SIZES) and all(
        map(_is_record, answer.records)
    )


def _make_account(client: BytesFlowsClient, now: datetime) -> core.Account:
    """Return an account at a moment."""
    return core.Account(
        client,
        core.Clock(lambda: now, now.timestamp),
        core.Options(low_traffic_threshold=10, expiring_soon=timedelta(days=3)),
        core.AccountState(),
    )


def _stored(state: core.AccountState) -> dict[str, Any]:
    """Return a state as a file has it."""
    stored: dict[str, Any] = json.loads(
        json.dumps(encode_state(state, Codec(EXAMPLE_ZONE), NOW))
    )
    return stored


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
@settings(FUZZ, max_examples=400)
@given(data=st.data())
async def test_answers(api: SimulatedApi, path: str, data: st.DataObject) -> None:
    """What is accepted can be relied on, and all else is an error of ours."""
    api.break_(
        Fault(
            body=data.draw(_bodies(path)),
            status=data.draw(
                st.sampled_from([200] * 9 + [299, 302, 401, 403, 429, 500])
            ),
            headers=data.draw(
                st.dictionaries(
                    st.sampled_from(["Retry-After", "Content-Type", "Location"]),
                    st.text(st.characters(min_codepoint=32, max_codepoint=126)),
                    max_size=2,
                )
            ),
        ),
        path,
    )
    error: BytesFlowsError | None = None
    async with ClientSession() as session:
        client = BytesFlowsClient(
            session, EXAMPLE_TOKEN, time_zone=EXAMPLE_ZONE, url=api.url
        )
        try:
            if path == OVERVIEW:
                assert _is_fine(await client.get_overview())
            else:
                assert _is_fine(await client.get_records_page())
            account = _make_account(client, NOW)
            await account.poll()
            if (error := account.records.error) is None:
                state = account.state
                restored = decode_state(_stored(state), Codec(EXAMPLE_ZONE), NOW)
                assert list(restored.ledger.active) == [
                    replace(record, unreadable=frozenset())
                    for record in state.ledger.active
                ]
                assert restored.consumption == state.consumption
        except BytesFlowsError as err:
            error = err
    assert error is None or not has_token("".join(format_exception(error)))
    assert error is None or error.retry_after is None or error.retry_after >= 0


async def _memory(api: SimulatedApi) -> dict[str, Any]:
    """Return what is stored of the account after some use."""
    async with ClientSession() as session:
        client = BytesFlowsClient(
            session, EXAMPLE_TOKEN, time_zone=EXAMPLE_ZONE, url=api.url
        )
        account = _make_account(client, NOW)
        await account.poll()
        api.accounts[0].packages[1].used += MIB
        api.accounts[0].packages.append(Package(id="5", traffic=GIB, created=NOW))
        account.records.request()
        data = await account.poll()
    state = account.state
    state.shown_overview, state.shown_is_low = data.overview, data.is_low
    return _stored(state)


@pytest.mark.usefixtures("now")
@settings(FUZZ, max_examples=150)
@given(data=st.data())
async def test_memory(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    caplog: pytest.LogCaptureFixture,
    data: st.DataObject,
) -> None:
    """From a bad memory comes a fresh start, and never anything worse."""
    api.accounts = [_account()]
    entry = make_entry(api)
    hass_storage[f"bytesflows.{entry.entry_id}"] = {
        "version": 1,
        "minor_version": 1,
        "key": f"bytesflows.{entry.entry_id}",
        "data": data.draw(mutated(await _memory(api))),
    }
    caplog.clear()
    assert await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert state(hass, "active_packages").state == "3"
    for shown in hass.states.async_all("sensor"):
        if "unit_of_measurement" in shown.attributes and shown.state != "unknown":
            assert 0 <= float(shown.state) < 2**63
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.last_update_success
    await hass.config_entries.async_remove(entry.entry_id)
    assert [record for record in caplog.records if record.exc_info] == []


# What shows a value of the overview; the alarm keeps what it showed.
DEPENDENTS: Final = {
    "totalTraffic": {"total_traffic", "used_traffic", "available_percentage"},
    "dynamicTraffic": {"available_traffic", "used_traffic", "available_percentage"},
    "balance": {"balance"},
    "currency": {"balance"},
}
OVERVIEW_KEYS: Final = set().union(*DEPENDENTS.values()) | {"traffic_low"}


@pytest.mark.usefixtures("now", "entity_registry_enabled_by_default")
@settings(FUZZ, max_examples=80)
@given(data=st.data())
async def test_one_odd_value(
    hass: HomeAssistant, api: SimulatedApi, data: st.DataObject
) -> None:
    """An entity that does not depend on an odd value shows what it showed."""
    api.accounts = [_account()]
    entry = make_entry(api)
    assert await set_up(hass, entry)
    before = _shown(hass)
    path = data.draw(st.sampled_from([OVERVIEW, RECORDS]))
    fault, may_change = data.draw(_odd_values(path))
    api.break_(fault, path)
    entry.runtime_data.account.records.request()
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    after = _shown(hass)
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= may_change, (changed, may_change)
    await hass.config_entries.async_remove(entry.entry_id)
    api.heal()


def _shown(hass: HomeAssistant) -> dict[str, object]:
    """Return state and attributes of each entity, by its key."""
    return {
        item.entity_id.partition(".bytesflows_")[2]: (item.state, item.attributes)
        for item in hass.states.async_all()
        if ".bytesflows_" in item.entity_id
    }


@st.composite
def _odd_values(draw: st.DrawFn, path: str) -> tuple[Fault, set[str]]:
    """Draw a fault of one value, with the entities that may change."""
    value = draw(JSON)
    if path == OVERVIEW:
        name = draw(st.sampled_from([field.name for field in _OVERVIEW_FIELDS]))
        fault = Fault.data(**{name: value})
        is_readable = name not in Codec(UTC).decode_overview({name: value}).unreadable
        alarms = {"traffic_low"} if is_readable else set[str]()
        return fault, DEPENDENTS[name] | alarms
    if draw(st.booleans()):
        # Whatever it is, the rows are known.
        return Fault.data(total=value), set()
    name = draw(st.sampled_from(_RECORD_NAMES))
    index = draw(st.integers(0, 3))
    row = {**_answers()[RECORDS]["data"]["records"][index], name: value}
    page = Codec(EXAMPLE_ZONE).decode_page({"records": [row], "total": 1})
    unreadable = page.records[0].unreadable if page.records else {"id"}
    fault = Fault.odd_row(index, **{name: value})
    return fault, set() if unreadable else ALL_KEYS - OVERVIEW_KEYS


ALL_KEYS: Final = {
    description.key
    for descriptions in (
        (sensor.BALANCE_SENSOR,),
        sensor.OVERVIEW_SENSORS,
        sensor.PACKAGES_SENSORS,
        binary_sensor.ALARMS,
    )
    for description in descriptions
} | {"package_expiries", "package"}
