"""The summary of the packages, and the forecast for the days to come."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.bytesflows.account import Consumption, Ledger, Summary
from custom_components.bytesflows.account.consumption import rounded_down
from custom_components.bytesflows.account.forecast import (
    forecast_at,
    is_expiring_soon,
    is_low,
    summarize,
)
from custom_components.bytesflows.account.rate import PastRate, current_rate
from custom_components.bytesflows.api import Overview, Record, Source
from dev.simulated_api import GIB
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTE, complete, record, started

SHANGHAI = ZoneInfo("Asia/Shanghai")
SOON = NOW + DAY
LATER = NOW + 9 * DAY


def package(
    id_: str, left: int, expires: datetime | None = None, *, used: int = 0
) -> Record:
    """Return an active package."""
    return Record(
        id=id_, traffic=left + used, traffic_used=used, expires=expires, status=1
    )


def summary(*records: Record, now: datetime = NOW) -> Summary:
    """Return the summary of an account that was just set up."""
    ledger = Ledger()
    consumption = Consumption()
    consumption.start(ledger.apply(complete(*records), NOW).used, NOW)
    return foretold(ledger, consumption, now)


def foretold(ledger: Ledger, consumption: Consumption, now: datetime) -> Summary:
    """Return the summary of an account at a moment."""
    rate = current_rate(consumption, ledger, PastRate(), rounded_down(now))
    return summarize(
        ledger.active, consumption.total, rate, ledger.newcomers.newest, now, SHANGHAI
    )


def test_nothing() -> None:
    """Without packages there is nothing to lose."""
    assert summary() == Summary(
        usable_count=0,
        is_unlimited=False,
        next_expiry=None,
        expiring_traffic=0,
        purchased_traffic_available=0,
        check_in_traffic_available=0,
        last_purchase=None,
        last_check_in=None,
        lifetime_consumption=0,
        average_daily_consumption=None,
        estimated_depletion=None,
        expected_unused_traffic=None,
        daily_allowance=None,
        last_expiry=None,
        utc_offset=8.0,
        midnight_offset=8.0,
    )


def test_packages_that_expire_together() -> None:
    """The traffic of all packages that expire next expires together."""
    found = summary(
        package("1", 7, SOON, used=3),
        package("2", 20, SOON),
        package("3", 40, LATER),
        package("4", 80),
    )
    assert found.usable_count == 4
    assert found.next_expiry == SOON
    assert found.expiring_traffic == 27
    assert found.lifetime_consumption == 3


def test_packages_that_cannot_be_used() -> None:
    """Inactive, expired, and used-up packages have no expiry to warn of."""
    found = summary(
        Record(id="1", traffic=10, traffic_used=0, expires=SOON, status=0),
        package("2", 10, NOW),
        package("3", 0, SOON, used=10),
        package("4", 40, LATER),
    )
    assert found.usable_count == 1
    assert found.next_expiry == LATER
    assert found.expiring_traffic == 40


def test_unlimited_package() -> None:
    """A package of size 0 is usable until it expires, and adds nothing to sums."""
    found = summary(package("1", 0, SOON), package("2", 40, LATER))
    assert found.usable_count == 2
    assert found.next_expiry == SOON
    assert found.expiring_traffic == 0
    assert summary(package("1", 0, SOON), now=SOON).usable_count == 0


def test_sources() -> None:
    """The available traffic and the newest package have a source."""
    found = summary(
        *(
            Record(
                id=str(number),
                traffic=10,
                traffic_used=number,
                source=source,
                created=None if days is None else NOW - days * DAY,
                status=status,
            )
            for number, (source, days, status) in enumerate(
                [
                    (Source.ORDER, 5, 1),
                    (Source.ORDER, 3, 0),
                    (Source.SIGN, 2, 1),
                    (Source.SIGN, 4, 1),
                    (Source.SIGN, None, 1),
                    (Source.OTHER, 1, 1),
                ]
            )
        )
    )
    assert found.purchased_traffic_available == 10
    assert found.check_in_traffic_available == 8 + 7 + 6
    assert found.last_purchase == NOW - 3 * DAY
    assert found.last_check_in == NOW - 2 * DAY


@pytest.mark.parametrize(
    ("packages", "a_day", "expected"),
    [
        pytest.param([], 10, None, id="nothing left"),
        pytest.param([package("1", 100)], 0, None, id="nothing used"),
        pytest.param([package("1", 100)], 10, 10 * DAY, id="one package"),
        pytest.param(
            [package("1", 100, NOW + 5 * DAY), package("2", 30)],
            10,
            8 * DAY,
            id="half of the first expires unused",
        ),
        pytest.param(
            [package("2", 30), package("1", 20, NOW + 5 * DAY)],
            10,
            5 * DAY,
            id="the first is used up in time",
        ),
        pytest.param(
            [package("1", 50, SOON), package("2", 50, SOON)], 1, DAY, id="all expires"
        ),
        pytest.param([package("1", 100)], 1.2, 83 * DAY + 8 * HOUR, id="to the hour"),
        pytest.param([package("1", 18_249)], 10, 1824 * DAY + 22 * HOUR, id="long"),
        pytest.param([package("1", 18_251)], 10, None, id="over 5 years"),
        pytest.param([package("1", 10**18)], 1e-9, None, id="almost never"),
        pytest.param([package("1", 10**18, SOON)], 1e-9, DAY, id="expires before"),
        pytest.param([package("1", 0)], 10, None, id="unlimited"),
        pytest.param([package("1", 0, SOON)], 10, DAY, id="unlimited for a day"),
        pytest.param(
            [package("1", 0, SOON), package("2", 20)],
            10,
            3 * DAY,
            id="after an unlimited day",
        ),
    ],
)
def test_depletion(
    packages: list[Record], a_day: float, expected: timedelta | None
) -> None:
    """Traffic is drawn from the next package to expire, and lost when it expires."""
    found = forecast_at(packages, a_day / DAY.total_seconds(), NOW)
    assert found.depletion == (None if expected is None else NOW + expected)


@pytest.mark.parametrize(
    ("packages", "a_day", "expected"),
    [
        pytest.param([], 10, 0, id="nothing left"),
        pytest.param([package("1", 100)], 0, 0, id="never expires"),
        pytest.param(
            [package("1", 100, LATER), package("2", 5)], 0, 100, id="nothing used"
        ),
        pytest.param([package("1", 100, NOW + 5 * DAY)], 10, 50, id="half of one"),
        pytest.param([package("1", 50, NOW + 5 * DAY)], 10, 0, id="just in time"),
        pytest.param(
            [package("1", 80, LATER), package("2", 30, NOW + 2 * DAY)],
            10,
            10 + 10,
            id="some of both",
        ),
        pytest.param(
            [package("1", 50, SOON), package("2", 50, SOON)], 10, 90, id="together"
        ),
        pytest.param(
            [package("1", 0, SOON), package("2", 90, LATER)], 10, 10, id="unlimited"
        ),
        pytest.param([package("1", 10**18, SOON)], 1e-9, 10**18, id="almost never"),
        pytest.param(
            [package("1", 60, NOW + 5 * DAY), package("2", 10**18)],
            10,
            10,
            id="beyond the forecast",
        ),
    ],
)
def test_unused(packages: list[Record], a_day: float, expected: int) -> None:
    """What the rate leaves of a package at its expiry is lost."""
    found = forecast_at(packages, a_day / DAY.total_seconds(), NOW)
    assert found.unused == expected


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param([], None, id="nothing left"),
        pytest.param([package("1", 100)], None, id="never expires"),
        pytest.param([package("1", 9, LATER), package("2", 9)], None, id="one never"),
        pytest.param([package("1", 90, LATER), package("2", 9, SOON)], 11, id="days"),
        pytest.param([package("1", 90, LATER - HOUR)], 10, id="days are rounded up"),
        pytest.param([package("1", 90, NOW + 36 * HOUR)], 60, id="last 3 days by hour"),
        pytest.param([package("1", 90, NOW + HOUR)], 90, id="at least one day"),
        pytest.param([package("1", 0, SOON)], 0, id="unlimited"),
    ],
)
def test_daily_allowance(packages: list[Record], expected: int | None) -> None:
    """The remaining traffic is shared out over the days until the last expiry."""
    assert summary(*packages).daily_allowance == expected


def test_calm() -> None:
    """While nothing is used the forecast changes once a day, and hourly at the end."""
    consumption = Consumption()
    consumption.start(0, NOW)
    consumption.add(10_000, NOW + HOUR)
    ledger = started(package("1", 76_400, NOW + 30 * DAY, used=10_000))
    seen: list[tuple[int, Summary]] = []
    for minutes in range(60, 30 * 24 * 60, 20):
        found = foretold(ledger, consumption, NOW + minutes * MINUTE)
        if not seen or found.daily_allowance != seen[-1][1].daily_allowance:
            seen.append((minutes // 60, found))
    hours = [hour for hour, _ in seen]
    assert hours[:4] == [1, 24, 48, 72]
    assert hours[-48:] == list(range(hours[-1] - 47, hours[-1] + 1))
    assert len(hours) < 30 + 3 * 24 + 2
    assert seen[1][1].average_daily_consumption == 10_000


def test_idle_account() -> None:
    """An account in which nothing was used for 7 days writes at most the allowance."""
    consumption = Consumption()
    consumption.start(0, NOW)
    consumption.add(10_000, NOW + HOUR)
    ledger = started(package("1", 76_400, NOW + 30 * DAY, used=10_000))
    found = {
        foretold(ledger, consumption, NOW + 9 * DAY + minutes * MINUTE)
        for minutes in range(0, 24 * 60, 5)
    }
    assert len(found) <= 2
    assert {item.average_daily_consumption for item in found} == {0}
    assert {item.estimated_depletion for item in found} == {None}


def overview(available: int | None, total: int | None = 1000) -> Overview:
    """Return an overview."""
    return Overview(total_traffic=total, available_traffic=available)


@pytest.mark.parametrize(
    ("figures", "was_low", "expected"),
    [
        pytest.param(overview(100), None, False, id="at the threshold"),
        pytest.param(overview(99), None, True, id="below"),
        pytest.param(overview(99), False, True, id="falls below"),
        pytest.param(overview(119), True, True, id="not 2 points above"),
        pytest.param(overview(120), True, False, id="2 points above"),
        pytest.param(overview(-5), False, True, id="overdrawn"),
        pytest.param(overview(2000), True, False, id="more than all"),
        pytest.param(overview(None), True, True, id="unreadable, low"),
        pytest.param(overview(None), False, False, id="unreadable, not low"),
        pytest.param(overview(5, None), False, False, id="unreadable total"),
        pytest.param(overview(None), None, None, id="never known"),
    ],
)
def test_low(figures: Overview, was_low: bool | None, expected: bool | None) -> None:
    """Traffic is low below the threshold, until 2 points above it."""
    assert is_low(figures, 10, was_low=was_low, had_packages=True) is expected


@pytest.mark.parametrize("had_packages", [True, False])
@pytest.mark.parametrize("was_low", [True, False, None])
def test_low_without_total(had_packages: bool, was_low: bool | None) -> None:
    """A total of 0 is low if there ever was a package."""
    found = is_low(overview(0, 0), 10, was_low=was_low, had_packages=had_packages)
    assert found is had_packages


def test_low_at_the_highest_threshold() -> None:
    """All available traffic is never low."""
    assert is_low(overview(999), 99, was_low=True, had_packages=True) is True
    assert is_low(overview(1000), 99, was_low=True, had_packages=True) is False


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([], False),
        ([package("1", 5)], False),
        ([package("1", 5, NOW + 3 * DAY)], True),
        ([package("1", 5, NOW + 3 * DAY + MINUTE)], False),
    ],
)
def test_expiring_soon(packages: list[Record], expected: bool) -> None:
    """A usable package expires soon if it does so within the window."""
    assert is_expiring_soon(summary(*packages), NOW, 3 * DAY) is expected


def test_worked_example() -> None:
    """The example in docs/forecast.md is right."""
    found = summary(
        record(
            "1",
            traffic=100 * GIB,
            traffic_used=90 * GIB,
            created=NOW - 90 * DAY,
            expires=NOW - 30 * DAY,
            status=0,
        ),
        record(
            "2",
            traffic=50 * GIB,
            traffic_used=30 * GIB,
            created=NOW - 20 * DAY,
            expires=NOW + 10 * DAY,
        ),
        record("3", traffic=30 * GIB, created=NOW - 5 * DAY, expires=NOW + 60 * DAY),
    )
    assert found.average_daily_consumption == 1.25 * GIB
    assert found.expected_unused_traffic == 7.5 * GIB
    assert found.estimated_depletion == NOW + 34 * DAY
    assert found.daily_allowance == round(50 * GIB / 60)


@pytest.mark.parametrize(
    ("packages", "depletion", "unused", "allowance", "next_expiry"),
    [
        pytest.param([], None, 0, None, None, id="nothing left"),
        pytest.param([package("1", 0, SOON)], SOON, 0, 0, SOON, id="expires"),
        pytest.param([package("1", 0)], None, 0, None, None, id="never expires"),
    ],
)
def test_empty_and_unlimited(
    packages: list[Record],
    depletion: datetime | None,
    unused: int,
    allowance: int | None,
    next_expiry: datetime | None,
) -> None:
    """The table in docs/forecast.md is right."""
    found = summarize(packages, 0, 1.0, {}, NOW, SHANGHAI)
    assert found.estimated_depletion == depletion
    assert found.expected_unused_traffic == unused
    assert found.daily_allowance == allowance
    assert found.next_expiry == next_expiry
    assert found.expiring_traffic == 0
