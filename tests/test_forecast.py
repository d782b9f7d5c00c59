"""What the packages mean, now and for the days to come."""

from datetime import datetime, timedelta

import pytest

from custom_components.bytesflows.api import Record, Source
from custom_components.bytesflows.forecast import (
    Forecast,
    Outlook,
    daily_allowance,
    depletion,
)
from custom_components.bytesflows.ledger import DAY, HOUR, Ledger

from .helpers.clock import NOW

SOON = NOW + DAY
LATER = NOW + 9 * DAY


def package(
    id_: str, left: int, expires: datetime | None = None, *, used: int = 0
) -> Record:
    """Return an active package."""
    return Record(
        id=id_, traffic=left + used, traffic_used=used, expires=expires, status=1
    )


def outlook(*records: Record) -> Outlook:
    """Return the outlook of a ledger that was just begun."""
    ledger = Ledger()
    ledger.take_all(records, NOW)
    return Outlook(ledger)


def test_nothing() -> None:
    """Without packages there is nothing to lose, and nothing to tell."""
    packages = outlook().packages(NOW)
    assert (packages.usable, packages.next_expiry, packages.expiring_traffic) == (
        0,
        None,
        0,
    )
    assert packages.last_purchase is None
    assert packages.forecast.daily_allowance is None


def test_packages_that_expire_together() -> None:
    """What is lost at the next expiry is what is left of all that expire then."""
    packages = outlook(
        package("1", 7, SOON, used=3),
        package("2", 20, SOON),
        package("3", 40, LATER),
        package("4", 80),
    ).packages(NOW)
    assert packages.usable == 4
    assert packages.next_expiry == SOON
    assert packages.expiring_traffic == 27


def test_packages_that_cannot_be_used() -> None:
    """Inactive, expired and used-up packages have no expiry to warn of."""
    packages = outlook(
        Record(id="1", traffic=10, traffic_used=0, expires=SOON, status=0),
        package("2", 10, NOW),
        package("3", 0, SOON, used=10),
        package("4", 40, LATER),
    ).packages(NOW)
    assert packages.usable == 1
    assert packages.next_expiry == LATER
    assert packages.expiring_traffic == 40


def test_sources() -> None:
    """What is left and what came last is told by source, whatever became of it."""
    packages = outlook(
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
    ).packages(NOW)
    assert packages.purchased_traffic_available == 10
    assert packages.check_in_traffic_available == 8 + 7 + 6
    assert packages.last_purchase == NOW - 3 * DAY
    assert packages.last_check_in == NOW - 2 * DAY


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
    ],
)
def test_depletion(
    packages: list[Record], a_day: float, expected: timedelta | None
) -> None:
    """Traffic is drawn from what expires first, and what expires is lost."""
    found = depletion(packages, a_day / DAY.total_seconds(), NOW)
    assert found == (None if expected is None else NOW + expected)


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param([], None, id="nothing left"),
        pytest.param([package("1", 100)], None, id="never expires"),
        pytest.param([package("1", 9, LATER), package("2", 9)], None, id="one never"),
        pytest.param([package("1", 90, LATER), package("2", 9, SOON)], 11, id="days"),
        pytest.param([package("1", 90, NOW + HOUR)], 90, id="last day"),
    ],
)
def test_daily_allowance(packages: list[Record], expected: int | None) -> None:
    """All that is left is shared out over the days until the last expiry."""
    assert daily_allowance(packages, NOW) == expected


def test_calm() -> None:
    """While nothing happens the forecast changes once a day, and hourly at the end."""
    ledger = Ledger()
    ledger.take_all([package("1", 86_400, NOW + 30 * DAY)], NOW)
    outlook = Outlook(ledger)
    assert outlook.packages(NOW).forecast.average_daily_consumption is None
    ledger.take_all([package("1", 76_400, NOW + 30 * DAY, used=10_000)], NOW + HOUR)

    seen: list[tuple[int, Forecast]] = []
    for hour in range(1, 30 * 24):
        forecast = outlook.packages(NOW + hour * HOUR).forecast
        if not seen or forecast != seen[-1][1]:
            seen.append((hour, forecast))
    hours = [hour for hour, _ in seen]
    assert hours[:4] == [1, 24, 48, 72]
    assert hours[-48:] == list(range(hours[-1] - 47, hours[-1] + 1))
    assert len(hours) < 30 + 3 * 24 + 2
    assert seen[1][1].average_daily_consumption == 10_000
    assert seen[0][1].daily_allowance == round(76_400 / (30 - 1 / 24))


def test_news_at_once() -> None:
    """What happens changes the forecast at once."""
    ledger = Ledger()
    ledger.take_all([package("1", 300, NOW + 30 * DAY)], NOW)
    outlook = Outlook(ledger)
    assert outlook.packages(NOW).forecast.daily_allowance == 10
    ledger.take_all([package("1", 150, NOW + 30 * DAY, used=150)], NOW)
    assert outlook.packages(NOW).forecast.daily_allowance == 5
