"""Long-term statistics of what was consumed, with Home Assistant's real recorder."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)

from dev.simulated_api import GIB, MIB, Account, Fault, Package, SimulatedApi
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component

from .helpers.common import pass_time, set_up, state

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=20)
STEPS = 72
ENTITY = "sensor.bytesflows_consumed_traffic"

type Day = tuple[HomeAssistant, MockConfigEntry, SimulatedApi, dict[str, Any]]
type Mishap = Callable[[Day, int], Awaitable[None]]


@pytest.fixture
def account() -> Account:
    """Return an account with a used package that expires today, and an old one."""
    return Account(
        packages=[
            Package(id="0", traffic=GIB, used=GIB, status=0),
            Package(
                id="1",
                traffic=10 * GIB,
                used=5 * GIB,
                created=MOMENT - timedelta(days=9),
                expires=MOMENT + timedelta(hours=10, minutes=5),
            ),
            Package(
                id="2",
                traffic=10 * GIB,
                created=MOMENT - timedelta(days=1),
                expires=MOMENT + timedelta(days=20),
            ),
        ]
    )


async def plain(day: Day, step: int) -> None:
    """Let all go well."""


async def forget(day: Day, step: int) -> None:
    """Let the server forget what is over."""
    if step == 40:
        account = day[2].accounts[0]
        account.packages = account.active


async def lower(day: Day, step: int) -> None:
    """Let the server lower a use for a while."""
    package = day[2].accounts[0].packages[2]
    if step == 35:
        package.used -= 5 * MIB
    elif step == 36:
        package.used += 5 * MIB


async def fail(day: Day, step: int) -> None:
    """Let the API be out of order for two hours."""
    if step == 20:
        day[2].break_(Fault.refuse(500))
    elif step == 26:
        day[2].heal()


async def restart(day: Day, step: int) -> None:
    """Start again."""
    if step in {25, 33}:
        assert await day[0].config_entries.async_reload(day[1].entry_id)
        await day[0].async_block_till_done(wait_background_tasks=True)


async def lose_storage(day: Day, step: int) -> None:
    """Lose the storage, after the server has forgotten some of what was used."""
    await forget(day, step)
    if step == 45:
        hass, entry, _, storage = day
        await hass.config_entries.async_unload(entry.entry_id)
        del storage["bytesflows.01JEXAMPLE"]
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("mishap", [plain, forget, lower, fail, restart, lose_storage])
async def test_a_day(
    recorder_mock: object,
    now: FrozenDateTimeFactory,
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    entry: MockConfigEntry,
    mishap: Mishap,
) -> None:
    """Whatever happens, each hour has what was used in it, and nothing else."""
    assert await async_setup_component(hass, "sensor", {})
    assert await set_up(hass, entry)
    expected = await live_a_day((hass, entry, api, hass_storage), now, mishap)
    await async_wait_recording_done(hass)
    for period in range(STEPS * 4):
        do_adhoc_statistics(hass, start=MOMENT + period * timedelta(minutes=5))
    await async_wait_recording_done(hass)

    rows = (
        await get_instance(hass).async_add_executor_job(
            lambda: statistics_during_period(
                hass, MOMENT, None, {ENTITY}, "hour", None, {"change", "sum"}
            )
        )
    )[ENTITY]
    found = {
        datetime.fromtimestamp(row["start"], UTC): round((row["change"] or 0) * GIB)
        for row in rows
    }
    assert len(found) >= 23  # An hour in which all is unavailable has none.
    assert {hour: used for hour, used in found.items() if used} == expected
    assert round((rows[-1]["sum"] or 0) * GIB) == sum(expected.values())


async def live_a_day(
    day: Day, freezer: FrozenDateTimeFactory, mishap: Mishap
) -> dict[datetime, int]:
    """Let a day pass; return what was used, by the hour in which it could be seen."""
    hass, _, api, _ = day
    account = api.accounts[0]
    expected: dict[datetime, int] = {}
    unseen = 0
    for step in range(STEPS - 1):
        await mishap(day, step)
        now = MOMENT + (step + 1) * STEP
        account.expire(now)
        if step == 12:
            account.packages.append(Package(id="3", traffic=GIB, used=MIB, created=now))
            unseen += MIB
        if step % 3 != 2:
            amount = (step % 7) * 10 * MIB
            account.use(amount)
            unseen += amount
        await pass_time(hass, freezer, STEP - timedelta(seconds=1))
        if unseen and state(hass, "consumed_traffic").state != "unavailable":
            hour = now.replace(minute=0)
            expected[hour] = expected.get(hour, 0) + unseen
            unseen = 0
    return expected
