"""What an account's memory in the storage is good for, and what it survives."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    mock_restore_cache_with_extra_data,
)

from dev.simulated_api import GIB, MIB, RECORDS, Account, Fault, Package
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant, State

from .helpers.clock import NOW
from .helpers.common import set_up, state
from .helpers.home import Home

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
                created=NOW - timedelta(days=1),
                expires=NOW + timedelta(days=20),
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
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """Use is written after 15 minutes, a package at once, and nothing else ever."""
    account = home.account
    await home.set_up()
    written = hass_storage[KEY]
    await home.poll(13)
    assert hass_storage[KEY] is written

    for _ in range(3):
        account.use(MIB)
        await home.poll()
        assert hass_storage[KEY] is written
    await home.poll()
    assert hass_storage[KEY] is not written
    assert hass_storage[KEY]["data"]["consumed"] == GIB + 3 * MIB

    written = hass_storage[KEY]
    account.packages.append(Package(id="2", traffic=GIB, created=NOW))
    await home.poll()
    assert hass_storage[KEY] is not written
    assert len(hass_storage[KEY]["data"]["packages"]) == 2


async def test_written_on_shutdown(home: Home, hass_storage: dict[str, Any]) -> None:
    """What was used since the last write is not lost when Home Assistant ends."""
    await home.set_up()
    home.account.use(MIB)
    await home.poll()
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await home.hass.async_block_till_done()
    assert hass_storage[KEY]["data"]["consumed"] == GIB + MIB


async def test_written_on_unload(home: Home, hass_storage: dict[str, Any]) -> None:
    """An unload loses nothing of the use so far, and a removal leaves nothing."""
    await home.set_up()
    home.account.use(MIB)
    await home.poll()
    await home.unload()
    assert hass_storage[KEY]["data"]["consumed"] == GIB + MIB
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    assert KEY not in hass_storage


async def test_consumption_that_the_server_forgets(home: Home) -> None:
    """Consumption never falls: over a forgotten package, a correction, a reload."""
    account = home.account
    await home.set_up()
    assert consumed(home.hass) == 1.0
    account.packages.append(Package(id="2", traffic=4 * GIB, used=GIB, created=NOW))
    await home.poll()
    assert consumed(home.hass) == 2.0
    del account.packages[0]
    await home.poll()
    assert consumed(home.hass) == 2.0
    account.packages[0].used = GIB // 2
    await home.poll()
    await reload(home.hass, home.entry)
    assert consumed(home.hass) == 2.0
    account.packages[0].used = 3 * GIB
    await home.poll()
    assert consumed(home.hass) == 4.0


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
    home: Home,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    stored: dict[str, Any],
) -> None:
    """A file that cannot be used costs a warning and nothing else."""
    hass_storage[KEY] = {"key": KEY, "minor_version": 1, **stored}
    await home.set_up()
    assert consumed(home.hass) == 1.0
    assert home.state("available_traffic").state == "9.0"
    warnings = [
        item.getMessage()
        for item in caplog.records
        if item.name.startswith("custom_components.bytesflows")
        and item.levelname in {"WARNING", "ERROR"}
    ]
    assert len(warnings) == 1
    assert "is damaged or from a newer version" in warnings[0]
    assert hass_storage[KEY]["version"] == 1


async def test_lost_file(home: Home, hass_storage: dict[str, Any]) -> None:
    """Without the file, the last state is the lower bound, and use adds to it."""
    mock_restore_cache_with_extra_data(
        home.hass,
        [
            (
                State("sensor.bytesflows_consumed_traffic", "7.0"),
                {"native_value": 7 * GIB, "native_unit_of_measurement": "B"},
            )
        ],
    )
    await home.set_up()
    assert consumed(home.hass) == 7.0
    await home.pass_time(timedelta(minutes=16))
    assert hass_storage[KEY]["data"]["consumed"] == 7 * GIB
    home.account.use(GIB)
    await home.poll()
    assert consumed(home.hass) == 8.0


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


async def test_records_out_of_order_at_the_start(home: Home) -> None:
    """Nothing is shown before everything was read once, whatever was restored."""
    mock_restore_cache_with_extra_data(
        home.hass,
        [
            (
                State("sensor.bytesflows_consumed_traffic", "7.0"),
                {"native_value": 7 * GIB, "native_unit_of_measurement": "B"},
            )
        ],
    )
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.set_up()
    assert home.state("consumed_traffic").state == "unavailable"
    home.api.heal()
    await home.poll()
    assert consumed(home.hass) >= 7.0
