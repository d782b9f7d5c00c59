"""How long something has been wrong."""

from datetime import timedelta

import pytest

from custom_components.bytesflows.account import Trouble
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTE


def noted(*hours: int) -> Trouble:
    """Return a trouble that was seen at some hours."""
    trouble = Trouble()
    for hour in hours:
        trouble.note(NOW + hour * HOUR)
    return trouble


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        pytest.param((), False, id="none"),
        pytest.param((0, 23), False, id="less than a day"),
        pytest.param((0, 24), True, id="a day"),
        pytest.param((0, 30, -5, 0), False, id="clock set back"),
    ],
)
def test_lasting(hours: tuple[int, ...], expected: bool) -> None:
    """Trouble is reported after a day, counted again if the clock goes back."""
    now = NOW + (hours[-1] if hours else 0) * HOUR
    assert noted(*hours).is_lasting(now) is expected


def test_cleared() -> None:
    """Trouble that has passed starts over."""
    trouble = noted(0, 30)
    trouble.clear()
    assert trouble == Trouble()
    assert not trouble.is_lasting(NOW + 40 * HOUR)


@pytest.mark.parametrize(
    ("wait", "expected"),
    [(timedelta(0), False), (DAY - MINUTE, False), (DAY, True), (-MINUTE, True)],
)
def test_faded(wait: timedelta, expected: bool) -> None:
    """Trouble has faded a day after it was last seen, or where that lies ahead."""
    assert noted(-30, 0).has_faded(NOW + wait) is expected
    assert not Trouble().has_faded(NOW + wait)
