"""Time zones that fit evidence."""

from datetime import UTC, datetime
import json
from zoneinfo import ZoneInfo

import pytest

from custom_components.bytesflows.account.time_zone import (
    Evidence,
    fitting_zones,
    offset_at,
    shifted,
    written,
)
from custom_components.bytesflows.account.times import HOUR
from tests.helpers.clock import NOW

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = {
    "America/New_York": ZoneInfo("America/New_York"),
    "Asia/Kolkata": ZoneInfo("Asia/Kolkata"),
    "Asia/Shanghai": SHANGHAI,
    "Europe/Berlin": BERLIN,
    "UTC": ZoneInfo("UTC"),
}
SUMMER = datetime(2026, 7, 1, 20, tzinfo=UTC)


def evidence(least: float, most: float, moment: datetime = NOW) -> Evidence:
    """Return evidence for offsets in hours."""
    return Evidence(moment, least * HOUR, most * HOUR)


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ([evidence(0, 9), evidence(-9, 1)], {"Europe/Berlin", "UTC"}),
        ([evidence(8, 9), evidence(-9, 0)], {"America/New_York", "UTC"}),
        ([evidence(5.5, 5.5)], {"Asia/Kolkata"}),
        ([evidence(5.25, 5.25)], {"Asia/Kolkata", "Asia/Shanghai"}),
        ([evidence(11, 12)], set(ZONES)),
        ([], set(ZONES)),
    ],
    ids=["all", "newest", "exact", "listed late", "none", "no evidence"],
)
def test_fitting_zones(found: list[Evidence], names: set[str]) -> None:
    """Zones fit all evidence, or the newest, or late packages, or all are offered."""
    assert set(fitting_zones(ZONES, found)) == names


def test_daylight_saving_time() -> None:
    """The offset at the moment of the evidence counts."""
    assert evidence(2, 2, SUMMER).fits(BERLIN)
    assert not evidence(2, 2).fits(BERLIN)
    both = [evidence(1, 1), evidence(2, 2, SUMMER)]
    assert fitting_zones(ZONES, both) == ("Europe/Berlin",)


@pytest.mark.parametrize(
    ("one", "other", "overlap", "is_implied"),
    [
        ((8, 8), (8, 8), True, True),
        ((8, 8), (3, 14), True, True),
        ((3, 14), (8, 8), True, False),
        ((3, 14), (4, 14), True, False),
        ((8, 8), (9, 14), False, False),
        ((8, 8), (-5, -5), False, False),
    ],
)
def test_comparison(
    one: tuple[int, int], other: tuple[int, int], *, overlap: bool, is_implied: bool
) -> None:
    """Evidence is for another offset, or adds something, or neither."""
    first, second = evidence(*one), evidence(*other)
    assert first.overlaps(second) is overlap
    assert second.overlaps(first) is overlap
    assert first.implies(second) is is_implied


def test_json() -> None:
    """Evidence can be stored, and holds three numbers and nothing else."""
    item = evidence(-3.5, 5)
    stored = json.loads(json.dumps(item.as_dict()))
    assert Evidence.from_dict(stored) == item
    assert {type(value) for value in stored.values()} == {float}
    assert len(stored) == 3


def test_shifted() -> None:
    """The written time stays, and its moment moves."""
    moment = datetime(2026, 7, 1, 20, tzinfo=SHANGHAI)
    assert written(moment, SHANGHAI) == SUMMER
    assert shifted(moment, SHANGHAI, BERLIN) == datetime(2026, 7, 1, 20, tzinfo=BERLIN)
    assert shifted(moment, SHANGHAI, BERLIN) - moment == 6 * HOUR
    assert offset_at(moment, BERLIN) == 2 * HOUR
