"""The forecast as the entities show it, over gaps and restarts."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from dev.simulated_api import GIB, Account, Package, SimulatedApi

from .helpers.clock import NOW
from .helpers.common import state
from .helpers.home import Home
from .helpers.lifecycle import Lives

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIGURES = (
    "average_daily_consumption",
    "estimated_depletion",
    "expected_to_expire_unused",
)

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account that used 2 GiB per day for 20 days."""
    return Account(
        packages=[
            Package(
                id="1",
                traffic=30 * GIB,
                used=30 * GIB,
                created=NOW - 20 * DAY,
                status=0,
            ),
            Package(
                id="2",
                traffic=50 * GIB,
                used=10 * GIB,
                created=NOW - 5 * DAY,
                expires=NOW + 10 * DAY,
            ),
        ]
    )


def figures(home: Home) -> list[str]:
    """Return what the entities show."""
    return [home.state(key).state for key in FIGURES]


async def test_first_poll(home: Home) -> None:
    """The figures are there from the first poll."""
    await home.set_up()
    assert figures(home) == ["2.0", "2026-03-11T12:00:00+00:00", "20.0"]


async def test_a_gap_of_over_a_day(home: Home) -> None:
    """After a gap, 7 days have to be watched again before they count."""
    await home.set_up()
    for _ in range(7 * 24):
        await home.pass_time(HOUR)
    assert figures(home) == ["0.0", "unknown", "40.0"]
    await home.pass_time(23 * HOUR)
    assert figures(home) == ["0.0", "unknown", "40.0"]
    await home.pass_time(25 * HOUR)
    average = float(home.state("average_daily_consumption").state)
    assert average == pytest.approx(40 / 29, rel=0.01)
    for _ in range(7 * 24 + 1):
        await home.pass_time(HOUR)
    assert home.state("average_daily_consumption").state == "0.0"


@pytest.fixture
async def lives(
    now: FrozenDateTimeFactory, tmp_path: Path, entry: MockConfigEntry
) -> AsyncGenerator[Lives]:
    """Return a Home Assistant that has not started yet."""
    lives = Lives(tmp_path / "config", entry, freezer=now)
    yield lives
    await lives.end()


async def test_restart(lives: Lives, api: SimulatedApi, account: Account) -> None:
    """A start shows the rate of before, whose old packages are in no file."""
    account.packages[0].expires = NOW - 10 * DAY
    api.accounts[0] = account
    key = "average_daily_consumption"
    async with lives.life():
        assert state(lives.hass, key).state == "2.0"
    account.packages[1].used = 50 * GIB
    await lives.boot()
    assert state(lives.hass, key).state == "2.0"
    await lives.run()
    await lives.pass_time(timedelta(seconds=10))
    assert state(lives.hass, key).state == "4.0"
