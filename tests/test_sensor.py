"""The sensors and their values."""

from datetime import timedelta
import logging
from typing import Final
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components import bytesflows
from dev.simulated_api import (
    GIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    SimulatedApi,
)
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity

from .helpers.clock import NOW
from .helpers.common import OPTIONS, make_entry, set_up, state
from .helpers.home import Home

WRITE: Final = Entity._async_write_ha_state

pytestmark = pytest.mark.usefixtures("now")


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
async def test_sensors_of_the_document(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The document's example gives these entities, and no warning."""
    monkeypatch.setattr(bytesflows, "PLATFORMS", [Platform.SENSOR])
    assert await set_up(hass, entry)
    await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)
    assert [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and "bytesflows" in record.getMessage()
    ] == [
        record.getMessage()
        for record in caplog.records
        if "not been tested by Home Assistant" in record.getMessage()
    ]


async def test_only_what_changed_is_written(home: Home) -> None:
    """An entity whose value is that of before does not compute its state."""
    await home.set_up()
    home.account.balance += 1
    await home.poll()
    with patch.object(
        Entity, "_async_write_ha_state", autospec=True, side_effect=WRITE
    ) as write:
        home.account.balance += 1
        await home.poll()
        written = [call.args[0].entity_id for call in write.mock_calls]
        assert written == ["sensor.bytesflows_balance"]
        home.account.currency = "EUR"
        await home.poll()
        assert home.state("balance").attributes["unit_of_measurement"] == "EUR"
        assert write.call_count == 2


async def test_off_at_first(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    """What few people need is off until they switch it on."""
    assert await set_up(hass, entry)
    assert {
        registered.unique_id
        for registered in er.async_entries_for_config_entry(
            entity_registry, entry.entry_id
        )
        if registered.disabled_by is not None
    } == {
        f"{entry.entry_id}_{key}"
        for key in (
            "check_in_traffic_available",
            "last_purchase",
            "last_update",
            "purchased_traffic_available",
        )
    }


async def test_five_values_of_the_document(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """The figures that the account page shows, to the byte."""
    assert await set_up(hass, entry)
    for key, size in (
        ("total_traffic", 188978561024),
        ("available_traffic", 188944515072),
        ("used_traffic", 34045952),
    ):
        assert round(float(state(hass, key).state) * GIB) == size
    assert state(hass, "balance").state == "0.0"
    assert state(hass, "balance").attributes["unit_of_measurement"] == "USD"
    assert state(hass, "next_expiry").state == "2026-03-21T12:00:00+00:00"


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        pytest.param(
            Account(),
            {
                "available_traffic": "0.0",
                "available_percentage": "unknown",
                "next_expiry": "unknown",
                "expiring_traffic": "0.0",
                "active_packages": "0",
                "last_check_in": "unknown",
            },
            id="new",
        ),
        pytest.param(
            Account(packages=[Package(id="1", traffic=GIB)]),
            {
                "available_traffic": "1.0",
                "available_percentage": "100.0",
                "next_expiry": "unknown",
                "expiring_traffic": "0.0",
                "active_packages": "1",
            },
            id="never expires",
        ),
        pytest.param(
            Account(packages=[Package(id="1", traffic=GIB, used=GIB)], balance=-2.5),
            {
                "available_traffic": "0.0",
                "available_percentage": "0.0",
                "active_packages": "0",
                "balance": "-2.5",
            },
            id="used up",
        ),
        pytest.param(
            Account(figures=(GIB, 2 * GIB), balance=7.25, currency="CNY"),
            {"used_traffic": "-1.0", "available_percentage": "200.0"},
            id="more than all",
        ),
    ],
)
async def test_accounts(
    hass: HomeAssistant, entry: MockConfigEntry, expected: dict[str, str]
) -> None:
    """Accounts in all states show what is known of them."""
    assert await set_up(hass, entry)
    assert {key: state(hass, key).state for key in expected} == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"dynamicTraffic": -GIB},
            {
                "available_traffic": "-1.0",
                "used_traffic": "177.0",
                "available_percentage": "0.0",
            },
        ),
        (
            {"dynamicTraffic": "much"},
            {
                "available_traffic": "unknown",
                "used_traffic": "unknown",
                "available_percentage": "unknown",
            },
        ),
        (
            {"totalTraffic": None},
            {
                "total_traffic": "unknown",
                "used_traffic": "unknown",
                "available_percentage": "unknown",
            },
        ),
        ({"balance": ""}, {"balance": "unknown"}),
        ({"balance": "1,234.56"}, {"balance": "unknown"}),
        ({"balance": "$12.50"}, {"balance": "unknown"}),
        ({"balance": "12.50"}, {"balance": "12.50"}),
        ({"currency": None}, {}),
        ({"currency": "x" * 5_000}, {}),
    ],
)
async def test_odd_value(
    home: Home,
    caplog: pytest.LogCaptureFixture,
    fields: dict[str, object],
    expected: dict[str, str],
) -> None:
    """An odd value makes its own sensors unknown, and all else is as it was."""
    await home.set_up()
    before = {
        item.entity_id.partition(".bytesflows_")[2]: (item.state, item.attributes)
        for item in home.hass.states.async_all("sensor")
    }
    caplog.clear()
    home.api.break_(Fault.data(**fields), OVERVIEW)
    await home.poll(2)
    for key, (value, attributes) in before.items():
        assert home.state(key).state == expected.get(key, value), key
        assert home.state(key).attributes == attributes, key
    assert [
        item.getMessage()
        for item in caplog.records
        if item.levelno >= logging.WARNING and item.name != "asyncio"
    ] == []


async def test_no_currency(home: Home) -> None:
    """Without a currency that could ever be read the balance has no unit."""
    home.api.break_(Fault.data(currency=7), OVERVIEW)
    await home.set_up()
    assert home.state("balance").state == "0.0"
    assert "unit_of_measurement" not in home.state("balance").attributes


async def test_unknown_balance(home: Home) -> None:
    """A balance that the server leaves out is unknown, and no zero is made up."""
    home.api.break_(Fault.data(balance=None, currency=None), OVERVIEW)
    await home.set_up()
    assert home.state("balance").state == "unknown"
    assert home.state("total_traffic").state == "176.0"

    home.api.heal()
    await home.poll()
    assert home.state("balance").state == "0.0"


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
async def test_last_update(home: Home) -> None:
    """The last good poll is known when nothing changed, and in an outage."""
    await home.set_up()
    assert home.state("last_update").state == "2026-03-01T12:00:00+00:00"
    await home.poll()
    assert home.state("last_update").state == "2026-03-01T12:05:01+00:00"

    home.api.break_(Fault.refuse(500))
    await home.pass_time(timedelta(minutes=30))
    assert home.state("total_traffic").state == "unavailable"
    assert home.state("last_update").state == "2026-03-01T12:05:01+00:00"

    home.api.heal()
    await home.poll()
    assert home.state("last_update").state == "2026-03-01T12:40:03+00:00"


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
async def test_keys(home: Home, entity_registry: er.EntityRegistry) -> None:
    """Templates find each entity by its key, which is not recorded."""
    await home.set_up()
    for item in er.async_entries_for_config_entry(entity_registry, home.entry.entry_id):
        found = home.hass.states.get(item.entity_id)
        assert found is not None
        assert found.attributes["key"] == item.translation_key
        assert found.state_info is not None
        assert "key" in found.state_info["unrecorded_attributes"]


async def test_last_expiry(home: Home) -> None:
    """The depletion says until when traffic could last, if a package ends that."""
    home.account.figures = None
    packages = home.account.packages = [
        Package(
            id=str(days),
            traffic=GIB,
            created=NOW - timedelta(days=1),
            expires=NOW + timedelta(days=days),
        )
        for days in (5, 20)
    ]
    await home.set_up()

    def last_expiry() -> object:
        return home.state("estimated_depletion").attributes["last_expiry"]

    assert last_expiry() == "2026-03-21T12:00:00+00:00"
    packages[1].used = GIB
    await home.poll()
    assert last_expiry() == "2026-03-06T12:00:00+00:00"
    packages[0].expires = None
    await home.pass_time(timedelta(hours=1))
    assert last_expiry() is None


async def test_utc_offset(home: Home, api: SimulatedApi) -> None:
    """The last check-in says in which time zone its day ends, even in summer."""
    entry = make_entry(api, options={**OPTIONS, "time_zone": "Europe/Berlin"})
    home.freezer.move_to("2026-03-29T00:50:00Z")
    assert await set_up(home.hass, entry)
    assert home.state("last_check_in").attributes["utc_offset"] == 1.0
    await home.pass_time(timedelta(minutes=15))
    assert home.state("last_check_in").attributes["utc_offset"] == 2.0


async def test_today(home: Home) -> None:
    """The average says how much was used today, in Home Assistant's time zone."""
    await home.hass.config.async_set_time_zone("Asia/Tokyo")
    home.account.figures = None
    bought = Package(
        id="1", traffic=100 * GIB, used=20 * GIB, created=NOW - timedelta(days=10)
    )
    home.account.packages = [bought]
    await home.set_up()

    def today() -> tuple[object, ...]:
        found = home.state("average_daily_consumption").attributes
        return tuple(found[key] for key in ("day", "used_today", "average_before"))

    assert today() == (None, 0, 2 * GIB)
    bought.used += GIB
    await home.poll()
    assert today() == ("2026-03-01", GIB, round(2.1 * GIB))
    home.freezer.move_to("2026-03-01T15:00:01Z")
    await home.poll()
    assert today()[:2] == (None, 0)
    bought.used += GIB
    await home.poll()
    assert today()[:2] == ("2026-03-02", GIB)
    await home.hass.config.async_set_time_zone("Europe/London")
    await home.poll()
    assert today()[:2] == ("2026-03-01", 2 * GIB)


@pytest.mark.parametrize("key", ["estimated_depletion", "last_check_in"])
async def test_is_current(home: Home, key: str) -> None:
    """Values of packages that could not be read are older than the others."""
    await home.set_up()

    def is_current() -> object:
        return home.state(key).attributes["is_current"]

    assert is_current()
    home.api.break_(Fault.refuse(500), RECORDS)
    home.account.balance = 1
    await home.poll()
    assert not is_current()
    home.api.heal()
    await home.poll()
    assert is_current()
