"""The rate: that of the packages until 7 days were watched."""

from copy import replace
from datetime import datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

from hypothesis import given, strategies as st
import pytest

from custom_components.bytesflows.account import Consumption, Ledger, Package
from custom_components.bytesflows.account.consumption import rounded_down
from custom_components.bytesflows.account.rate import (
    PAST,
    PastRate,
    current_rate,
    past_rate,
)
from custom_components.bytesflows.api import Record, Source
from dev.simulated_api import GIB
from tests.helpers.clock import NOW

from .records import (
    DAY,
    HOUR,
    MINUTE,
    MINUTES,
    complete,
    every,
    partial,
    record,
    started,
)

DAY_SECONDS: Final = 86_400


def past(used: int, age: float, **fields: Any) -> Package:  # noqa: ANN401
    """Return a package of before we looked, created some days ago."""
    given = {"traffic": 10_000, "created": NOW - age * DAY, **fields}
    return Package.from_history(record(traffic_used=used, **given), NOW)


def ended(used: int, age: float, days_ago: float) -> Package:
    """Return a package that we saw end some days ago."""
    package = past(used, age)
    package.ended = NOW - days_ago * DAY
    return package


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([past(100, 0.99)], None, id="younger than a day"),
        pytest.param([past(100, 1)], 100, id="a day old"),
        pytest.param([past(100, 10)], 10, id="since the oldest"),
        pytest.param([past(0, 10)], 0, id="unused"),
        pytest.param([past(100, 10), past(50, 0.1)], 15, id="two"),
        pytest.param([past(100, 10), past(0, 50)], 2, id="an unused one is oldest"),
        pytest.param([past(100, 10), past(7, 10, created=None)], 10, id="without time"),
        pytest.param([past(7, 10, created=None)], None, id="no times"),
        pytest.param([past(100, -5)], None, id="in the future"),
        pytest.param([past(600, 60)], 10, id="all in the window"),
        pytest.param([past(600, 120)], 5, id="half of its life"),
        pytest.param([ended(600, 90, 30)], 5, id="half of its ended life"),
        pytest.param(
            [past(600, 90, expires=NOW - 30 * DAY, status=0)], 5, id="half until expiry"
        ),
        pytest.param([ended(600, 90, 61)], 0, id="ended before"),
        pytest.param(
            [past(9_000, 90, traffic=9_000, expires=NOW + DAY)],
            100,
            id="used up, nobody knows when",
        ),
        pytest.param(
            [past(9_000, 90, traffic=9_000, expires=NOW + DAY), past(0, 50)],
            9_000 * 10 / 40 / 60,
            id="used up when another one came",
        ),
        pytest.param(
            [
                past(9_000, 90, traffic=9_000),
                past(9_000, 89.5, traffic=9_000),
                past(0, 50),
            ],
            9_000 * (10 / 40 + 10 / 39.5) / 60,
            id="purchased together",
        ),
        pytest.param(
            [past(9_000, 90), past(0, 50)], 9_000 * 60 / 90 / 60, id="still in use"
        ),
        pytest.param(
            [
                past(9_000, 90, traffic=9_000, expires=None),
                past(0, 50, source=Source.SIGN),
            ],
            9_000 * 60 / 90 / 60,
            id="a reward is no purchase",
        ),
        pytest.param([past(9_999, 61, expires=NOW - 60 * DAY)], 0, id="expired before"),
    ],
)
def test_past_rate(packages: list[Package], expected: float | None) -> None:
    """Use since the window began, over the window or the age of the oldest package."""
    found = past_rate(packages, NOW)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found * DAY_SECONDS == pytest.approx(expected)


def test_highest_use_counts() -> None:
    """A use that the server corrects downward was used all the same."""
    ledger = started(record(traffic_used=GIB, created=NOW - 10 * DAY))
    ledger.apply(
        complete(record(traffic_used=GIB - 1, created=NOW - 10 * DAY)), NOW + MINUTE
    )
    assert past_rate(every(ledger), NOW) == GIB / 10 / DAY_SECONDS


def test_forgotten_packages_count() -> None:
    """A package that the server no longer lists counts while we know it."""
    ledger = started(record("1", traffic_used=GIB, created=NOW - 10 * DAY))
    for minutes in (5, 10):
        ledger.apply(complete(), NOW + minutes * MINUTE)
    found = past_rate(every(ledger), NOW + 10 * DAY)
    assert found == GIB / 20 / DAY_SECONDS


AGES: Final = st.floats(-5, 400)
HISTORIES: Final = st.lists(
    st.builds(
        lambda used, age, lasts, status: past(
            used,
            age,
            expires=None if lasts is None else NOW + (lasts - age) * DAY,
            status=status,
        ),
        st.integers(0, 11_000),
        AGES,
        st.none() | st.floats(0, 400),
        st.sampled_from([0, 1]),
    ),
    max_size=8,
)


@given(HISTORIES)
def test_never_more_than_could_be_used(packages: list[Package]) -> None:
    """The rate never exceeds what could have been used since the oldest package."""
    found = past_rate(packages, NOW)
    if found is None:
        return
    ages = [NOW - item.record.created for item in packages if item.record.created]
    span = min(PAST, max(ages))
    used = sum(item.counted for item in packages)
    assert 0 <= found * span.total_seconds() <= used * (1 + 1e-9)


def watched(days: float, *, used: int = 0) -> Consumption:
    """Return a consumption that was watched for some days until now."""
    consumption = Consumption()
    consumption.start(0, NOW - days * DAY)
    consumption.add(used, NOW - HOUR)
    return consumption


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(0, 5, id="at set-up"),
        pytest.param(6.99, 5, id="before 7 days"),
        pytest.param(7, 10, id="after 7 days"),
        pytest.param(30, 10, id="long after"),
    ],
)
def test_current_rate(days: float, expected: float) -> None:
    """The packages give the rate until 7 days were watched."""
    ledger = started(record(traffic_used=100, created=NOW - 20 * DAY))
    found = current_rate(watched(days, used=70), ledger, PastRate(), NOW)
    assert found == pytest.approx(expected / DAY_SECONDS)


@pytest.mark.parametrize(
    ("days", "expected"), [(0.9, None), (1, 70), (3.5, 20), (7, 10)]
)
@pytest.mark.parametrize("records", [(), (record(created=None),)])
def test_no_times(
    records: tuple[Record, ...], days: float, expected: float | None
) -> None:
    """Where no package has times, a day has to be watched."""
    ledger = started(*records)
    found = current_rate(watched(days, used=70), ledger, PastRate(), NOW)
    assert found == (None if expected is None else pytest.approx(expected / 86_400))


def test_new_packages_only() -> None:
    """A first package that is younger than a day says nothing about days."""
    ledger = started(record(traffic_used=100, created=NOW - 23 * HOUR))
    assert current_rate(watched(3), ledger, PastRate(), NOW) is None


def test_forgotten_account() -> None:
    """Another first reading forgets the times before it."""
    ledger = started(record(created=NOW - 20 * DAY))
    assert ledger.has_times
    ledger.needs_baseline = True
    ledger.apply(complete(record("2", created=None)), NOW)
    assert not ledger.has_times


def test_a_long_history_is_read_once_an_hour() -> None:
    """A poll that finds traffic used does not go through the packages that ended."""
    rows = [
        record(str(i), created=NOW - 20 * DAY, traffic_used=GIB // 2, status=int(not i))
        for i in range(100)
    ]
    ledger, known = started(*rows), PastRate()
    with patch.object(ledger, "history", wraps=ledger.history) as read:
        for minutes in range(0, 60, 5):
            now = NOW + minutes * MINUTE
            used = replace(rows[0], traffic_used=GIB // 2 + minutes)
            ledger.apply(partial(used, total=100), now)
            found = current_rate(Consumption(), ledger, known, rounded_down(now))
            assert found == past_rate(every(ledger), rounded_down(now))
        assert read.call_count == 1
        current_rate(Consumption(), ledger, known, NOW + HOUR)
        assert read.call_count == 2
        current_rate(watched(8), ledger, known, NOW + 2 * HOUR)
        assert read.call_count == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"traffic_used": GIB}, id="used up"),
        pytest.param({"traffic_used": 9, "status": 0, "expires": NOW}, id="expired"),
        pytest.param({"id": "3"}, id="a new one"),
        pytest.param({"id": "2", "traffic_used": 9}, id="use that is booked late"),
        pytest.param(
            {"traffic_used": GIB, "source": Source.SIGN}, id="used up, another source"
        ),
        pytest.param({"created": NOW - 65 * DAY}, id="another creation time"),
    ],
)
def test_history_that_changes_within_the_hour(change: dict[str, Any]) -> None:
    """Whatever becomes of a package, the rate is that of all of them."""
    old = record("2", created=NOW - 50 * DAY, status=0, traffic_used=1, expires=None)
    row = record(created=NOW - 70 * DAY, traffic_used=7)
    ledger, known = started(row, old), PastRate()
    known.at(ledger, NOW)
    rows = {"1": row, "2": old}
    changed = replace(rows.get(change.get("id", "1"), row), **change)
    rows[changed.id] = changed
    ledger.apply(complete(*rows.values()), NOW + MINUTES)
    found = known.at(ledger, NOW)
    assert found == pytest.approx(past_rate(every(ledger), NOW))
    assert found != past_rate(every(started(row, old)), NOW)


def weekly_use(now: datetime) -> int:
    """Return the bytes that a scraper uses in the hour that ends at a moment."""
    is_at_work = (now - HOUR / 2).weekday() < 2
    return GIB * 25 // 4 // 24 if is_at_work else 0


@pytest.mark.parametrize("day", range(7))
def test_scraper_on_two_weekdays(day: int) -> None:
    """50 GiB in 28.5 days, then 6.25 GiB on Mondays and Tuesdays: 1.4 to 2.1 a day."""
    begin = NOW + day * DAY
    size, used = 100 * GIB, 50 * GIB
    ledger, consumption, known = Ledger(), Consumption(), PastRate()
    now = begin
    while now <= begin + timedelta(days=14):
        row = record(
            traffic=size, traffic_used=used, created=begin - 28.5 * DAY, expires=None
        )
        outcome = ledger.apply(complete(row), now)
        if now == begin:
            consumption.start(outcome.used, now)
        else:
            consumption.add(outcome.used, now)
        found = current_rate(consumption, ledger, known, rounded_down(now))
        assert found is not None
        assert 1.4 <= found * DAY_SECONDS / GIB <= 2.1, now
        now += HOUR
        used += weekly_use(now)
