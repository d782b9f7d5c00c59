"""What a poll costs in requests, however long the history is: scripts/requests."""

from datetime import UTC, datetime, timedelta
import math
import sys

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from dev import ROOT
from dev.simulated_api import GIB, MIB, Account, Package, SimulatedApi
from homeassistant.core import HomeAssistant

from .helpers.common import pass_time, set_up, state

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HISTORIES = [10, 1_000, 10_000]
HEADINGS = ("records", "first", "idle", "in use", "hourly", "purchase", "daily")

pytestmark = [
    pytest.mark.usefixtures("now"),
    # The rows of the table are collected in one process.
    pytest.mark.xdist_group("requests"),
]

TABLE: list[tuple[int, ...]] = []


@pytest.mark.parametrize("records", HISTORIES)
async def test_requests_per_poll(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    records: int,
) -> None:
    """Only the first reading, and the one of each day, cost more for more records."""
    account = api.accounts[0] = Account.with_packages(records, now=MOMENT)
    for package in account.active:
        package.expires = MOMENT + timedelta(days=10)

    def cost() -> int:
        count = len(api.requests)
        api.requests.clear()
        return count

    assert await set_up(hass, entry)
    first = cost()
    await pass_time(hass, freezer)
    idle = cost()
    account.use(MIB)
    await pass_time(hass, freezer)
    in_use = cost()
    await pass_time(hass, freezer, timedelta(minutes=59))
    hourly = cost()
    account.packages.append(Package(id="new", traffic=GIB, created=MOMENT))
    await pass_time(hass, freezer)
    purchase = cost()
    await pass_time(hass, freezer, timedelta(hours=24))
    daily = cost()

    TABLE.append((records, first, idle, in_use, hourly, purchase, daily))
    assert (idle, in_use, hourly, purchase) == (1, 2, 2, 2)
    assert first == math.ceil(records / 100) + 1
    assert daily == math.ceil((records + 1) / 100) + 1
    assert state(hass, "active_packages").state == str(min(records, 30) + 1)


@pytest.mark.parametrize(
    ("newest_first", "page_cap", "expected"), [(False, None, 4), (True, 20, 3)]
)
async def test_requests_of_other_servers(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    newest_first: bool,
    page_cap: int | None,
    expected: int,
) -> None:
    """Neither the order of the rows nor the size of a page makes polls dear."""
    account = api.accounts[0] = Account.with_packages(1_000, now=MOMENT)
    api.newest_first = newest_first
    api.page_cap = page_cap
    assert await set_up(hass, entry)
    for number in range(3):
        api.requests.clear()
        account.use(MIB)
        account.packages.append(
            Package(
                id=f"new {number}", traffic=GIB, created=MOMENT + timedelta(hours=1)
            )
        )
        await pass_time(hass, freezer)
        assert len(api.requests) == expected


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Print what was counted: `scripts/requests` shows it."""
    assert [row[0] for row in TABLE] == HISTORIES
    with capsys.disabled():
        sys.stdout.write("\nRequests per poll, 30 active packages\n")
        for cells in (HEADINGS, *(tuple(f"{n:,}" for n in row) for row in TABLE)):
            sys.stdout.write(" ".join(f"{cell:>9}" for cell in cells) + "\n")
    for row in TABLE:
        assert "| " + " | ".join(f"{n:,}" for n in row[:4]) + " |" in PAGE
