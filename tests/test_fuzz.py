"""Answers and memories that nobody thought of: what leaves api/, and what they do."""

from datetime import UTC, timedelta
import json
from traceback import format_exception
from typing import Any, Final

from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.bytesflows.api import (
    BytesFlowsClient,
    BytesFlowsError,
    Codec,
    Overview,
    Record,
    RecordsPage,
)
from custom_components.bytesflows.ledger import Ledger
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
            answer.total_traffic in SIZES
            and answer.available_traffic in SIZES
            and (answer.balance is None or answer.balance.is_finite())
        )
    return answer.total in SIZES and all(map(_is_record, answer.records))


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
                ledger = Ledger()
                ledger.take_all(await client.get_records(), NOW)
                codec = Codec(EXAMPLE_ZONE)
                stored = json.loads(json.dumps(ledger.state(codec, NOW)))
                restored = Ledger.restore(stored, codec)
                assert list(restored.active) == list(ledger.active)
        except BytesFlowsError as err:
            error = err
    assert error is None or not has_token("".join(format_exception(error)))
    assert error is None or error.retry_after is None or error.retry_after >= 0


async def _memory(api: SimulatedApi) -> dict[str, Any]:
    """Return what is stored of the account after some use."""
    ledger = Ledger()
    async with ClientSession() as session:
        client = BytesFlowsClient(
            session, EXAMPLE_TOKEN, time_zone=EXAMPLE_ZONE, url=api.url
        )
        ledger.take_all(await client.get_records(), NOW - timedelta(days=1))
        api.accounts[0].packages[1].used += MIB
        api.accounts[0].packages.append(Package(id="5", traffic=GIB, created=NOW))
        ledger.take_all(await client.get_records(), NOW)
        ledger.note_shown(await client.get_overview(), is_low=True)
    return ledger.state(Codec(EXAMPLE_ZONE), NOW)


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
