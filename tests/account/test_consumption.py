"""The lifetime total, its samples, and the average of the last 7 days."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from custom_components.bytesflows.account import Consumption
from custom_components.bytesflows.account.times import start_of_day
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTES

DAY_SECONDS = 86_400


def started(used: int = 0, now: datetime = NOW) -> Consumption:
    """Return a consumption that is watched from a moment on."""
    consumption = Consumption()
    consumption.start(used, now)
    return consumption


def per_day(consumption: Consumption, now: datetime) -> float | None:
    """Return the bytes per day."""
    rate = consumption.rate(now)
    return None if rate is None else rate * DAY_SECONDS


def test_rate() -> None:
    """The rate is that of the last 7 days, and unknown for the first day."""
    consumption = started()
    assert consumption.rate(NOW + DAY - MINUTES) is None
    consumption.add(DAY_SECONDS, NOW + HOUR)
    assert consumption.rate(NOW + DAY) == 1.0
    assert consumption.rate(NOW + 4 * DAY) == 0.25
    consumption.add(DAY_SECONDS, NOW + 5 * DAY)
    assert consumption.rate(NOW + 6 * DAY) == pytest.approx(2 / 6)
    assert consumption.rate(NOW + 9 * DAY) == pytest.approx(1 / 7)
    assert consumption.rate(NOW + 13 * DAY) == 0
    assert Consumption().rate(NOW) is None


def test_past_use_is_no_rate() -> None:
    """The use of before counts in the total, and not in the rate."""
    consumption = started(10**9)
    assert consumption.total == 10**9
    assert consumption.rate(NOW + DAY) == 0


def test_average_after_a_pause() -> None:
    """12 GiB in the first 24 hours and then nothing are 6.13 per day after 47 hours."""
    consumption = started()
    for hour in range(1, 25):
        consumption.add(500, NOW + hour * HOUR)
    assert per_day(consumption, NOW + DAY) == pytest.approx(12_000)
    assert per_day(consumption, NOW + 47 * HOUR) == pytest.approx(12_000 * 24 / 47)
    assert per_day(consumption, NOW + 7 * DAY) == pytest.approx(12_000 / 7)


def test_day() -> None:
    """The use of a day is compared with that of the 7 days before, if watched."""
    consumption = started(10**9)
    for hour in range(1, 8 * 24 + 6):
        consumption.add(500, NOW + hour * HOUR)
    day = NOW + 8 * DAY
    assert consumption.used_since(day) == 3_000
    assert consumption.average_before(day) == 12_000
    assert consumption.average_before(NOW + 7 * DAY - HOUR) is None
    consumption.take(10**9, day, day + 2 * DAY, is_baseline=False)
    assert consumption.used_since(day) == 0
    assert consumption.average_before(day + 2 * DAY) is None
    assert Consumption().average_before(day) is None


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu"])
def test_day_begins_at_midnight(zone: str) -> None:
    """What was used before midnight does not belong to the next day, in any zone."""
    consumption = started()
    midnight = start_of_day(NOW + 2 * DAY, ZoneInfo(zone))
    consumption.add(7, midnight - MINUTES, ZoneInfo(zone))
    assert consumption.used_since(midnight) == 0
    consumption.add(5, midnight + MINUTES, ZoneInfo(zone))
    assert consumption.used_since(midnight) == 5


def test_use_at_a_time_in_doubt() -> None:
    """It belongs to the day on which the clock is sure again, and to no later one."""
    consumption = started()
    consumption.count(7)
    consumption.add(0, NOW + HOUR)
    assert consumption.used_since(NOW) == 7
    assert consumption.used_since(NOW + DAY) == 0


def test_use_by_a_clock_ahead() -> None:
    """What a clock ahead of time dated in the future belongs to the present."""
    consumption = started()
    consumption.add(7, NOW + 9 * DAY)
    consumption.add(0, NOW + HOUR)
    assert consumption.used_since(NOW) == 7
    assert consumption.used_since(NOW + DAY) == 0


def test_samples_are_few() -> None:
    """Samples are hourly and no more than needed, however often is polled."""
    consumption = started()
    for polls in range(1, 12 * 24 * 20):
        consumption.add(1, NOW + polls * MINUTES)
    assert 8 * 24 <= len(consumption.samples) <= 8 * 24 + 2
    now = NOW + 20 * DAY
    assert per_day(consumption, now) == pytest.approx(12 * 24, rel=0.01)


def test_nothing_used() -> None:
    """Nothing new is no sample, and no fall of the total."""
    consumption = started(5)
    consumption.add(0, NOW + DAY)
    consumption.add(-3, NOW + DAY)
    assert consumption == started(5)


def test_more_than_can_be_stored() -> None:
    """A total that no server can mean stays one that the storage takes."""
    most = 2**63 - 1
    consumption = started(most)
    consumption.add(most, NOW + HOUR)
    assert consumption.total == most


@pytest.mark.parametrize("readings", [1, 3])
def test_clock_a_year_ahead(readings: int) -> None:
    """Readings by a clock a year ahead spoil no average, and nothing is lost."""
    consumption = started()
    for hour in range(1, 10 * 24):
        now = NOW + hour * HOUR
        consumption.add(100, now + 365 * DAY if 200 < hour <= 200 + readings else now)
    assert consumption.total == 100 * (10 * 24 - 1)
    assert per_day(consumption, NOW + 10 * DAY) == pytest.approx(2400, rel=0.02)


def test_set_up_ten_years_ahead() -> None:
    """A start in the future is dropped: the average is known a day later."""
    consumption = started(7, NOW + 3650 * DAY)
    consumption.add(0, NOW)
    assert consumption.rate(NOW + 23 * HOUR) is None
    consumption.add(2400, NOW + HOUR)
    assert consumption.total == 2407
    assert per_day(consumption, NOW + DAY) == pytest.approx(2400)


def test_clock_that_is_set_back() -> None:
    """A clock that was wrong costs no consumption."""
    consumption = started()
    consumption.add(5, NOW + DAY)
    consumption.add(4, NOW - DAY)
    assert consumption.total == 9
    assert consumption.rate(NOW - DAY) is None
    assert consumption.rate(NOW + 2 * DAY) == pytest.approx(4 / (3 * DAY_SECONDS))
