"""What a poll costs in requests, however long the history is: scripts/requests."""

from datetime import timedelta
import math

import pytest

from dev import ROOT
from dev.simulated_api import GIB, MIB, Account, Package

from .helpers.clock import NOW
from .helpers.home import Home
from .helpers.pages import print_table

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
HISTORIES = [10, 1_000, 10_000]
HEADINGS = ("packages", "first", "idle", "in use", "hourly", "purchase", "daily")

pytestmark = [
    pytest.mark.usefixtures("now"),
    # The rows of the table are collected in one process.
    pytest.mark.xdist_group("requests"),
]

TABLE: list[tuple[int, ...]] = []


@pytest.mark.parametrize("records", HISTORIES)
async def test_requests_per_poll(home: Home, records: int) -> None:
    """Only the first reading, and the one of each day, cost more for more records."""
    account = home.api.accounts[0] = Account.with_packages(records, now=NOW)
    for package in account.active:
        package.expires = NOW + timedelta(days=10)

    def cost() -> int:
        count = len(home.api.requests)
        home.api.requests.clear()
        return count

    await home.set_up()
    first = cost()
    await home.poll()
    idle = cost()
    account.use(MIB)
    await home.poll()
    in_use = cost()
    await home.pass_time(timedelta(minutes=59))
    hourly = cost()
    account.packages.append(Package(id="new", traffic=GIB, created=NOW))
    await home.poll()
    purchase = cost()
    await home.pass_time(timedelta(hours=24))
    daily = cost()

    TABLE.append((records, first, idle, in_use, hourly, purchase, daily))
    assert (idle, in_use, hourly, purchase) == (1, 2, 2, 2)
    assert first == math.ceil(records / 100) + 1
    assert daily == math.ceil((records + 1) / 100) + 1
    assert home.state("active_packages").state == str(min(records, 30) + 1)


@pytest.mark.parametrize(
    ("newest_first", "page_cap", "most"), [(False, None, 4), (True, 20, 3)]
)
async def test_requests_of_other_servers(
    home: Home, newest_first: bool, page_cap: int | None, most: int
) -> None:
    """Neither the order of the rows nor the size of a page makes polls dear."""
    account = home.api.accounts[0] = Account.with_packages(1_000, now=NOW)
    home.api.newest_first = newest_first
    home.api.page_cap = page_cap
    await home.set_up()
    for number in range(3):
        home.api.requests.clear()
        account.use(MIB)
        account.packages.append(
            Package(id=f"new {number}", traffic=GIB, created=NOW + timedelta(hours=1))
        )
        await home.poll()
        assert len(home.api.requests) <= most


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Print the counts, which the documentation has, too."""
    assert [row[0] for row in TABLE] == HISTORIES
    rows = [tuple(f"{number:,}" for number in row) for row in TABLE]
    print_table(capsys, "Requests per poll, 30 active packages", [HEADINGS, *rows])
    for row in rows:
        assert f"| {' | '.join(row[:4])} |" in PAGE
