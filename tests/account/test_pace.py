"""The use since the poll before, and the hurry it makes."""

from datetime import timedelta

from custom_components.bytesflows.account.pace import Pace
from custom_components.bytesflows.api import Overview
from tests.helpers.clock import NOW

from .records import MINUTE


def observed(*polls: tuple[float, int | None, int | None]) -> Pace:
    """Return the pace after polls: minutes, total, and available traffic."""
    pace = Pace()
    for minutes, total, available in polls:
        pace.observe(
            Overview(total_traffic=total, available_traffic=available),
            NOW + minutes * MINUTE,
        )
    return pace


def test_last_hour() -> None:
    """Traffic that lasts less than an hour is a reason to hurry, until it is gone."""
    assert not observed((0, 1000, 10)).is_last_hour
    assert not observed((0, 1000, 650), (5, 1000, 600)).is_last_hour
    assert observed((0, 1000, 649), (5, 1000, 599)).is_last_hour
    assert not observed((0, 1000, 50), (5, 1000, 0)).is_last_hour
    assert not observed((0, 1000, 50), (5, 1000, -10)).is_last_hour


def test_use_that_ends() -> None:
    """The hurry ends with the use, and when traffic is purchased."""
    assert not observed((0, 100, 60), (5, 100, 50), (6, 100, 50)).is_last_hour
    assert not observed((0, 100, 60), (5, 100, 50), (6, 100, 55)).is_last_hour
    assert not observed((0, 100, 60), (5, 100, 50), (6, 1100, 1050)).is_last_hour


def test_packages_that_come_and_go() -> None:
    """An expiry is no use, and hides that of the same minutes: the rate stays."""
    assert not observed((0, 1000, 600), (5, 500, 100)).is_last_hour
    assert observed((0, 100, 60), (5, 100, 50), (6, 50, 40)).is_last_hour


def test_unreadable_figures() -> None:
    """Without figures there is no hurry, and the next ones have no poll before."""
    before = (0, 100, 60), (5, 100, 50)
    assert not observed(*before, (6, None, 40)).is_last_hour
    assert not observed(*before, (6, 100, None)).is_last_hour
    assert observed(*before, (6, 100, None), (7, 100, 30)).rate == 10 / 300


def test_clock_that_goes_back() -> None:
    """A clock that goes back leaves the rate as it was."""
    pace = observed((0, 100, 60), (5, 100, 50), (-60, 100, 40))
    assert pace.rate == 10 / timedelta(minutes=5).total_seconds()


def test_polls_in_the_same_moment() -> None:
    """Two polls a moment apart say nothing about the use, however much it is."""
    moment = 0.001 / 60
    pace = observed((0, 2**62, 2**61), (moment, 2**62, 7))
    assert pace.rate == 0
    assert not pace.is_last_hour
    pace = observed((0, 1000, 600), (moment, 1000, 590), (5, 1000, 500))
    assert pace.rate == 100 / 300
