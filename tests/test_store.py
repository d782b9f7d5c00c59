"""What an account's memory in the storage is good for, and what it survives."""

from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    mock_restore_cache_with_extra_data,
)

from dev.simulated_api import GIB, MIB, RECORDS, Account, Fault, Package, SimulatedApi
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant, State

from .helpers.common import pass_time, set_up, state

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "bytesflows.01JEXAMPLE"

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with a package."""
    return Account(
        packages=[
            Package(
                id="1",
                traffic=10 * GIB,
                used=GIB,
                created=MOMENT - timedelta(days=1),
                expires=MOMENT + timedelta(days=20),
            )
        ]
    )


def consumed(hass: HomeAssistant) -> float:
    """Return the GiB that the sensor shows."""
    return float(state(hass, "consumed_traffic").state)


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Do what a restart does to an account."""
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_written_at_once_and_late(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Use is written after 15 minutes, a package at once, and nothing else ever."""
    account = api.accounts[0]
    assert await set_up(hass, entry)
    written = hass_storage[KEY]
    for _ in range(13):
        await pass_time(hass, freezer)
    assert hass_storage[KEY] is written

    for _ in range(3):
        account.use(MIB)
        await pass_time(hass, freezer)
        assert hass_storage[KEY] is written
    await pass_time(hass, freezer)
    assert hass_storage[KEY] is not written
    assert hass_storage[KEY]["data"]["consumed"] == GIB + 3 * MIB

    written = hass_storage[KEY]
    account.packages.append(Package(id="2", traffic=GIB, created=MOMENT))
    await pass_time(hass, freezer)
    assert hass_storage[KEY] is not written
    assert len(hass_storage[KEY]["data"]["packages"]) == 2


async def test_written_on_shutdown(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was used since the last write is not lost when Home Assistant ends."""
    assert await set_up(hass, entry)
    api.accounts[0].use(MIB)
    await pass_time(hass, freezer)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert hass_storage[KEY]["data"]["consumed"] == GIB + MIB


async def test_written_on_unload(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An unload loses nothing of the use so far, and a removal leaves nothing."""
    assert await set_up(hass, entry)
    api.accounts[0].use(MIB)
    await pass_time(hass, freezer)
    await hass.config_entries.async_unload(entry.entry_id)
    assert hass_storage[KEY]["data"]["consumed"] == GIB + MIB
    await hass.config_entries.async_remove(entry.entry_id)
    assert KEY not in hass_storage


async def test_consumption_that_the_server_forgets(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Consumption never falls: over a forgotten package, a correction, a reload."""
    account = api.accounts[0]
    assert await set_up(hass, entry)
    assert consumed(hass) == 1.0
    account.packages.append(Package(id="2", traffic=4 * GIB, used=GIB, created=MOMENT))
    await pass_time(hass, freezer)
    assert consumed(hass) == 2.0
    del account.packages[0]
    await pass_time(hass, freezer)
    assert consumed(hass) == 2.0
    account.packages[0].used = GIB // 2
    await pass_time(hass, freezer)
    await reload(hass, entry)
    assert consumed(hass) == 2.0
    account.packages[0].used = 3 * GIB
    await pass_time(hass, freezer)
    assert consumed(hass) == 4.0


DAMAGED: list[Any] = [
    {"version": 1, "data": {}},
    {"version": 1, "data": []},
    {"version": 1, "data": {"consumed": "much"}},
    {"version": 0, "data": {}},
    {"version": 2, "data": {"consumed": 5}},
    {"version": "new", "data": {}},
]


@pytest.mark.parametrize("stored", DAMAGED)
async def test_damaged_or_newer(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    stored: dict[str, Any],
) -> None:
    """A file that cannot be used costs a warning and nothing else."""
    hass_storage[KEY] = {"key": KEY, "minor_version": 1, **stored}
    assert await set_up(hass, entry)
    assert consumed(hass) == 1.0
    assert state(hass, "available_traffic").state == "9.0"
    warnings = [
        item.getMessage()
        for item in caplog.records
        if item.name.startswith("custom_components.bytesflows")
        and item.levelname in {"WARNING", "ERROR"}
    ]
    assert len(warnings) == 1
    assert "is damaged or from a newer version" in warnings[0]
    assert hass_storage[KEY]["version"] == 1


async def test_lost_file(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
) -> None:
    """Without the file, the last state is the lower bound, and use adds to it."""
    mock_restore_cache_with_extra_data(
        hass,
        [
            (
                State("sensor.bytesflows_consumed_traffic", "7.0"),
                {"native_value": 7 * GIB, "native_unit_of_measurement": "B"},
            )
        ],
    )
    assert await set_up(hass, entry)
    assert consumed(hass) == 7.0
    await pass_time(hass, freezer, timedelta(minutes=16))
    assert hass_storage[KEY]["data"]["consumed"] == 7 * GIB
    api.accounts[0].use(GIB)
    await pass_time(hass, freezer)
    assert consumed(hass) == 8.0


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "many", None])
async def test_last_state_that_is_none(
    hass: HomeAssistant, entry: MockConfigEntry, value: object
) -> None:
    """A last state that means nothing is no bound."""
    mock_restore_cache_with_extra_data(
        hass,
        [
            (
                State("sensor.bytesflows_consumed_traffic", "7.0"),
                {"native_value": value, "native_unit_of_measurement": "B"},
            )
        ],
    )
    assert await set_up(hass, entry)
    assert consumed(hass) == 1.0


async def test_records_out_of_order_at_the_start(
    hass: HomeAssistant,
    api: SimulatedApi,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
) -> None:
    """Nothing is shown before everything was read once, whatever was restored."""
    mock_restore_cache_with_extra_data(
        hass,
        [
            (
                State("sensor.bytesflows_consumed_traffic", "7.0"),
                {"native_value": 7 * GIB, "native_unit_of_measurement": "B"},
            )
        ],
    )
    api.break_(Fault.refuse(500), RECORDS)
    assert await set_up(hass, entry)
    assert state(hass, "consumed_traffic").state == "unavailable"
    api.heal()
    await pass_time(hass, freezer)
    assert consumed(hass) >= 7.0
