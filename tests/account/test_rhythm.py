"""When everything is read: once a day, and less and less often in vain."""

from datetime import timedelta

import pytest

from custom_components.bytesflows.account.rhythm import CompleteReadings, Everything
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTE, MINUTES


def attempts(
    rhythm: CompleteReadings, polls: int, *, start: int = 1, fails: bool = False
) -> list[int]:
    """Poll every 5 minutes where nothing adds up; return the minutes of attempts."""
    found = []
    for number in range(start, start + polls):
        now = NOW + number * MINUTES
        if rhythm.permission(now, is_wanted=False) is not Everything.TOO_EARLY:
            rhythm.begin(now)
            if not fails:
                rhythm.finish(now)
            found.append(number * 5)
    return found


def started() -> CompleteReadings:
    """Return the rhythm after the first reading."""
    rhythm = CompleteReadings()
    assert rhythm.permission(NOW, is_wanted=False) is Everything.DUE
    rhythm.begin(NOW)
    rhythm.finish(NOW)
    return rhythm


def test_daily_reading() -> None:
    """Everything is read once a day."""
    rhythm = started()
    for hours in range(1, 23):
        now = NOW + hours * HOUR
        assert rhythm.permission(now, is_wanted=False) is Everything.ALLOWED
    assert rhythm.permission(NOW + DAY - MINUTE, is_wanted=False) is Everything.DUE
    assert rhythm.last == NOW


def test_wanted_reading() -> None:
    """A reading that has to confirm something is due at once."""
    assert started().permission(NOW + MINUTE, is_wanted=True) is Everything.DUE


def test_contradicting_readings() -> None:
    """A contradicting reading comes again after 5, 10, 20, 40, then 60 minutes."""
    assert attempts(started(), 70) == [5, 10, 20, 40, 80, 140, 200, 260, 320]


def test_failing_readings() -> None:
    """A failing reading comes again after 5, 10, 20, 40, then 60 minutes."""
    assert attempts(CompleteReadings(), 60, start=0, fails=True) == [
        *(0, 5, 15, 35, 75, 135, 195, 255)
    ]


def test_contradicting_readings_for_days() -> None:
    """The daily reading does not reset the pauses."""
    found = attempts(started(), 3 * 24 * 12)
    for hour in range(2, 71):
        assert sum(hour * 60 <= item < (hour + 1) * 60 for item in found) <= 2


def test_calm() -> None:
    """After two hours without attempts the pauses start over."""
    rhythm = started()
    attempts(rhythm, 20)
    assert attempts(rhythm, 20, start=60) == [300, 305, 315, 335, 375]


@pytest.mark.parametrize("wait", [-DAY, -MINUTE])
def test_clock_that_goes_back(wait: timedelta) -> None:
    """A clock that goes back keeps no reading from being made."""
    rhythm = started()
    rhythm.begin(NOW)
    assert rhythm.permission(NOW + MINUTE, is_wanted=True) is Everything.TOO_EARLY
    assert rhythm.permission(NOW + wait, is_wanted=True) is Everything.DUE
