"""The last hour of traffic: polled every minute, at no more readings of the records."""

from datetime import timedelta

import pytest

from dev.simulated_api import GIB, OVERVIEW, RECORDS, Account, Fault, Package

from .helpers.automations import automation, became_low, listen
from .helpers.clock import NOW
from .helpers.home import Home

MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with 1,000 old packages and one of 100 GiB."""
    account = Account.with_packages(1_000, now=NOW)
    for item in account.active:
        item.status = 0
    account.packages.append(
        Package(id="new", traffic=100 * GIB, used=30 * GIB, created=NOW)
    )
    return account


async def use(home: Home, size: int) -> None:
    """Use traffic for a minute."""
    home.account.use(size)
    await home.pass_time(MINUTE)


def counts(home: Home) -> tuple[int, int]:
    """Return how many requests came in to each path since the last time."""
    found = home.api.count(OVERVIEW), home.api.count(RECORDS)
    home.api.requests.clear()
    return found


async def test_every_minute(home: Home) -> None:
    """At 1 GiB a minute, 70 GiB are watched closely once an hour or less is left."""
    await home.set_up()
    counts(home)
    for _ in range(5):
        await use(home, GIB)
    assert counts(home) == (1, 1)
    for _ in range(15):
        await use(home, GIB)
    polls, readings = counts(home)
    assert polls == 7
    assert readings == 3
    for _ in range(50):
        left = float(home.state("available_traffic").state)
        await use(home, GIB)
        assert float(home.state("available_traffic").state) == left - 1
    polls, readings = counts(home)
    assert polls == 50
    assert readings <= 13
    for _ in range(5):
        await use(home, GIB)
    assert home.state("available_traffic").state == "0.0"
    await home.pass_time(5 * MINUTE)
    counts(home)
    for _ in range(60):
        await home.pass_time(MINUTE)
    polls, readings = counts(home)
    assert polls <= 13
    assert readings <= 2


async def test_low_traffic_is_seen_at_once(home: Home) -> None:
    """An automation on low traffic starts within a minute, and once."""
    events = await listen(home.hass, automation(became_low()))
    await home.set_up()
    home.account.packages[-1].used = 85 * GIB
    await home.poll()
    await home.pass_time(5 * MINUTE)
    for _ in range(10):
        if home.account.packages[-1].used > 90 * GIB:
            break
        assert events == []
        await use(home, GIB)
    assert len(events) == 1
    for _ in range(5):
        await use(home, GIB)
    assert len(events) == 1


@pytest.mark.parametrize("fault", [None, Fault.refuse(500), Fault.data(total=10_000)])
async def test_budget(home: Home, fault: Fault | None) -> None:
    """However odd the records are, an hour has 110 requests at most."""
    await home.set_up()
    home.account.packages[-1].used = 40 * GIB
    await home.poll()
    home.account.packages[-1].used = 60 * GIB
    await home.poll()
    counts(home)
    if fault is not None:
        home.api.break_(fault, RECORDS)
    for _ in range(60):
        await use(home, 2 * GIB // 3)
    polls, readings = counts(home)
    assert polls >= 55
    assert readings <= 50


async def test_records_that_do_not_wait(home: Home) -> None:
    """An update that somebody asks for, and an expiry, are worth a reading."""
    [package] = home.account.active
    soon = Package(id="soon", traffic=GIB, created=NOW)
    soon.expires = NOW + 15 * MINUTE
    home.account.packages.append(soon)
    await home.set_up()
    await home.poll()
    package.used = 90 * GIB
    await home.poll()
    counts(home)
    package.used += GIB // 2
    await home.pass_time(MINUTE)
    assert counts(home) == (1, 0)
    await home.entry.runtime_data.async_request_refresh()
    await home.hass.async_block_till_done()
    assert counts(home) == (1, 1)
    for _ in range(2):
        package.used += GIB // 2
        await home.pass_time(MINUTE)
    assert counts(home) == (2, 0)
    soon.status = 0
    package.used += GIB // 2
    await home.pass_time(2 * MINUTE)
    assert counts(home) == (1, 1)
