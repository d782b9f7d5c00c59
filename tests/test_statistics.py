"""Long-term statistics of what was consumed, with Home Assistant's real recorder."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)

from dev.simulated_api import GIB, MIB, Account, Fault, Package
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import make_entry, set_up
from .helpers.home import Home

STEP = timedelta(minutes=20)
STEPS = 72
ENTITY = "sensor.bytesflows_lifetime_consumption"

pytestmark = pytest.mark.slow

type Mishap = Callable[[Home, Storage, int], Awaitable[None]]
type Storage = dict[str, Any]


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
                created=NOW - timedelta(days=9),
                expires=NOW + timedelta(hours=10, minutes=5),
            ),
            Package(
                id="2",
                traffic=10 * GIB,
                created=NOW - timedelta(days=1),
                expires=NOW + timedelta(days=20),
            ),
        ]
    )


async def plain(home: Home, storage: Storage, step: int) -> None:
    """Let all go well."""


async def forget(home: Home, storage: Storage, step: int) -> None:
    """Let the server forget what is over."""
    if step == 40:
        account = home.account
        account.packages = account.active


async def lower(home: Home, storage: Storage, step: int) -> None:
    """Let the server lower a use for a while."""
    package = home.account.packages[2]
    if step == 35:
        package.used -= 5 * MIB
    elif step == 36:
        package.used += 5 * MIB


async def fail(home: Home, storage: Storage, step: int) -> None:
    """Let the API be out of order for two hours."""
    if step == 20:
        home.api.break_(Fault.refuse(500))
    elif step == 26:
        home.api.heal()


async def restart(home: Home, storage: Storage, step: int) -> None:
    """Start again."""
    if step in {25, 33}:
        assert await home.reload()
        await home.hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("mishap", [plain, forget, lower, fail, restart])
async def test_a_day(
    recorder_mock: object, home: Home, hass_storage: Storage, mishap: Mishap
) -> None:
    """Whatever happens, each hour has what was used in it, and nothing else."""
    assert await async_setup_component(home.hass, "sensor", {})
    await home.set_up()
    expected = await live_a_day(home, hass_storage, mishap)
    await async_wait_recording_done(home.hass)
    for period in range(STEPS * 4):
        do_adhoc_statistics(home.hass, start=NOW + period * timedelta(minutes=5))
    await async_wait_recording_done(home.hass)

    rows = (
        await get_instance(home.hass).async_add_executor_job(
            lambda: statistics_during_period(
                home.hass, NOW, None, {ENTITY}, "hour", None, {"change", "sum"}
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
    home: Home, storage: Storage, mishap: Mishap
) -> dict[datetime, int]:
    """Let a day pass; return what was used, by the hour in which it could be seen."""
    account = home.account
    expected: dict[datetime, int] = {}
    unseen = 0
    for step in range(STEPS - 1):
        await mishap(home, storage, step)
        now = NOW + (step + 1) * STEP
        account.expire(now)
        if step == 12:
            account.packages.append(Package(id="3", traffic=GIB, used=MIB, created=now))
            unseen += MIB
        if step % 3 != 2:
            amount = (step % 7) * 10 * MIB
            account.use(amount)
            unseen += amount
        await home.pass_time(STEP - timedelta(seconds=1))
        if unseen and home.state("lifetime_consumption").state != "unavailable":
            hour = now.replace(minute=0)
            expected[hour] = expected.get(hour, 0) + unseen
            unseen = 0
    return expected


async def test_account_after_another(
    recorder_mock: object, home: Home, hass_storage: Storage
) -> None:
    """A new account has its own consumption and not that of a removed one."""
    assert await async_setup_component(home.hass, "sensor", {})
    home.account.packages[0].traffic = home.account.packages[0].used = 495 * GIB
    await home.set_up()
    await async_wait_recording_done(home.hass)
    assert home.state("lifetime_consumption").state == "500.0"
    assert await home.hass.config_entries.async_remove(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert "bytesflows.01JEXAMPLE" not in hass_storage

    home.api.accounts[:] = [
        Account(
            token="another",
            packages=[Package(id="9", traffic=10 * GIB, used=3 * GIB)],
        )
    ]
    entry = make_entry(home.api, token="another", entry_id="01JANOTHER")
    assert await set_up(home.hass, entry)
    for _ in range(2):
        assert home.state("lifetime_consumption").state == "3.0"
        await home.poll(13)
        assert home.state("lifetime_consumption").state == "3.0"
        # Without its file, the count starts over from the listed packages.
        assert await home.hass.config_entries.async_unload(entry.entry_id)
        del hass_storage["bytesflows.01JANOTHER"]
        assert await home.hass.config_entries.async_setup(entry.entry_id)
        await home.hass.async_block_till_done()
