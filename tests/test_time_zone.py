"""What tells that times are read in the wrong zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.bytesflows.api import Record, Source
from custom_components.bytesflows.ledger import DAY, HOUR, Ledger
from custom_components.bytesflows.time_zone import (
    Evidence,
    ZoneWatch,
    fitting,
    shifted,
)

from .helpers.clock import NOW

MINUTE = timedelta(minutes=1)
HALF_PAST = NOW + 30 * MINUTE
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = {
    "America/New_York": ZoneInfo("America/New_York"),
    "Asia/Kolkata": ZoneInfo("Asia/Kolkata"),
    "Asia/Shanghai": SHANGHAI,
    "Europe/Berlin": BERLIN,
    "UTC": ZoneInfo("UTC"),
}


def record(id_: str = "1", **fields: Any) -> Record:  # noqa: ANN401
    """Return an active package."""
    return Record(id=id_, traffic=10, traffic_used=0, **{"status": 1, **fields})


def arrival(created: datetime, gap: timedelta = 5 * MINUTE) -> tuple[Evidence, ...]:
    """Return the evidence of a package that came between two readings."""
    ledger = Ledger()
    ledger.take_all([], HALF_PAST - gap)
    ledger.take_all([record(created=created)], HALF_PAST)
    return ZoneWatch(SHANGHAI).look(ledger, HALF_PAST)


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (ZoneInfo("UTC"), "UTC"),
        (ZoneInfo("Asia/Kolkata"), "Asia/Kolkata"),
        (BERLIN, "Europe/Berlin"),
        (ZoneInfo("America/New_York"), "America/New_York"),
    ],
)
def test_arrival(zone: ZoneInfo, name: str) -> None:
    """A package that came between two readings gives the offset away."""
    true = HALF_PAST - 2 * MINUTE
    (evidence,) = arrival(shifted(true, zone, SHANGHAI))
    assert evidence.key == "arrival 1"
    assert fitting(ZONES, [evidence]) == (name,)


@pytest.mark.parametrize(
    ("created", "count"),
    [
        (HALF_PAST - 5 * MINUTE, 0),
        (HALF_PAST - 39 * MINUTE, 0),
        (HALF_PAST - 41 * MINUTE, 1),
        (HALF_PAST - 6 * HOUR, 1),
        (HALF_PAST - 3 * DAY, 0),
        (HALF_PAST + 3 * DAY, 0),
    ],
)
def test_tolerance(created: datetime, count: int) -> None:
    """Half an hour of delay proves nothing, nor does what no zone explains."""
    assert len(arrival(created)) == count


def test_long_gap() -> None:
    """After a night without readings, a package may have come at any time of it."""
    assert arrival(HALF_PAST - 8 * HOUR, gap=9 * HOUR) == ()
    assert arrival(HALF_PAST - 20 * HOUR, gap=9 * HOUR) != ()


def test_date_without_time() -> None:
    """A creation at midnight to the second is a date."""
    midnight = datetime(2026, 3, 1, tzinfo=SHANGHAI).astimezone(UTC)
    assert arrival(midnight) == ()
    assert len(arrival(midnight + timedelta(seconds=1))) == 1


def test_without_creation_time() -> None:
    """A package that does not say when it was created proves nothing."""
    ledger = Ledger()
    ledger.take_all([], HALF_PAST - MINUTE)
    ledger.take_all([record()], HALF_PAST)
    assert ZoneWatch(SHANGHAI).look(ledger, HALF_PAST) == ()


def test_future() -> None:
    """Nothing is created in the future, which the first reading can tell already."""
    found: tuple[Evidence, ...] = ()
    for ahead, count in ((4 * MINUTE, 0), (6 * MINUTE, 1), (2 * HOUR, 1)):
        ledger = Ledger()
        ledger.take_all(
            [record(created=HALF_PAST + ahead, source=Source.SIGN)], HALF_PAST
        )
        found = ZoneWatch(BERLIN).look(ledger, HALF_PAST)
        assert len(found) == count
    assert fitting(ZONES, found) == ("Asia/Kolkata", "Asia/Shanghai")


def test_overdue() -> None:
    """What is active for an hour after its expiry expires later than was thought."""
    ledger = Ledger()
    watch = ZoneWatch(SHANGHAI)
    found: list[int] = []
    expires = HALF_PAST - 10 * MINUTE
    for minutes in (0, 30, 59, 60):
        now = HALF_PAST + minutes * MINUTE
        ledger.take_all([record(expires=expires)], now)
        found.append(len(watch.look(ledger, now)))
    assert found == [0, 0, 0, 1]
    assert fitting(ZONES, watch.look(ledger, HALF_PAST + HOUR)) == (
        "America/New_York",
        "Asia/Kolkata",
        "Europe/Berlin",
        "UTC",
    )


def test_overdue_for_a_while() -> None:
    """A server that is late with an expiry, but not by an hour, proves nothing."""
    ledger = Ledger()
    watch = ZoneWatch(SHANGHAI)
    expires = HALF_PAST - 10 * MINUTE
    for minutes, status in ((0, 1), (50, 0), (70, 1)):
        now = HALF_PAST + minutes * MINUTE
        ledger.take_all([record(expires=expires, status=status)], now)
        assert watch.look(ledger, now) == ()


def evidence(least: int, most: int, key: str = "x") -> Evidence:
    """Return evidence for offsets in hours."""
    return Evidence(key=key, moment=HALF_PAST, least=least * HOUR, most=most * HOUR)


def test_fitting() -> None:
    """Zones fit all evidence, or else the newest, or else all are offered."""
    assert fitting(ZONES, [evidence(0, 9), evidence(-9, 1)]) == ("Europe/Berlin", "UTC")
    assert fitting(ZONES, [evidence(8, 9), evidence(-9, 0)]) == (
        "America/New_York",
        "UTC",
    )
    assert fitting(ZONES, [evidence(11, 12)]) == tuple(ZONES)


def test_summer_time() -> None:
    """The offset counts that a zone has at the moment."""
    summer = Evidence(
        key="x", moment=datetime(2026, 7, 1, tzinfo=UTC), least=2 * HOUR, most=2 * HOUR
    )
    assert summer.fits(BERLIN)
    assert not evidence(2, 2).fits(BERLIN)


def test_json() -> None:
    """Evidence can be kept."""
    item = evidence(-3, 5)
    assert Evidence.from_json(item.as_json()) == item


def test_shifted() -> None:
    """What was written stays, what was meant moves."""
    moment = datetime(2026, 7, 1, 20, tzinfo=SHANGHAI)
    assert shifted(moment, SHANGHAI, BERLIN) == datetime(2026, 7, 1, 20, tzinfo=BERLIN)
