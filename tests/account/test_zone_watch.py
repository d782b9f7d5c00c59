"""Evidence for another time zone than the configured one."""

from collections.abc import Callable, Iterable
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.bytesflows.account.time_zone import Evidence, shifted
from custom_components.bytesflows.account.times import DAY, HOUR, MINUTE
from custom_components.bytesflows.account.zone_watch import (
    MOST_OFFSET,
    Arrivals,
    Verdict,
    ZoneWatch,
)
from custom_components.bytesflows.api import Record
from tests.helpers.clock import NOW

POLL = 5 * MINUTE
NONE = Verdict()
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
NEW_YORK = ZoneInfo("America/New_York")
SYDNEY = ZoneInfo("Australia/Sydney")
UTC_ZONE = ZoneInfo("UTC")


@dataclass
class Watcher:
    """A watch, its configured zone, and the zone in which the API writes."""

    zone: ZoneInfo = SHANGHAI
    api_zone: ZoneInfo = SHANGHAI
    watch: ZoneWatch = field(default_factory=ZoneWatch)

    def record(self, created: datetime | None) -> Record:
        """Return a package with its creation as it is read in the configured zone."""
        if created is not None:
            created = shifted(created, self.api_zone, self.zone)
        return Record(id="1", created=created, status=1)

    def arrive(
        self,
        now: datetime,
        *ages: timedelta,
        before: datetime | None = None,
        zones: Iterable[ZoneInfo] = (),
        active: Iterable[datetime] = (),
    ) -> Verdict:
        """Let packages arrive that were created some time before a reading."""
        records = [self.record(now - age) for age in ages or [2 * MINUTE]]
        for zone in zones:
            created = shifted(now - 2 * MINUTE, zone, self.zone)
            records.append(replace(records[0], created=created))
        arrivals = Arrivals(tuple(records), before or now - POLL)
        known = [self.record(created) for created in active]
        return self.watch.judge(self.zone, known, arrivals, now)

    def see(self, now: datetime, *created: datetime | None) -> Verdict:
        """Read active packages that are known."""
        records = [self.record(moment) for moment in created]
        return self.watch.judge(self.zone, records, Arrivals((), now - POLL), now)


def exactly(moment: datetime, hours: float) -> Verdict:
    """Return the verdict that the offset is another one."""
    return Verdict((Evidence(moment, hours * HOUR, hours * HOUR),))


@pytest.mark.parametrize(
    ("configured", "actual", "hours"),
    [
        (SHANGHAI, UTC_ZONE, 0),
        (SHANGHAI, KOLKATA, None),
        (SHANGHAI, NEW_YORK, -5),
        (SHANGHAI, BERLIN, 1),
        (SHANGHAI, SYDNEY, 11),
        (SHANGHAI, ZoneInfo("Asia/Tokyo"), 9),
        (UTC_ZONE, SHANGHAI, 8),
        (UTC_ZONE, BERLIN, 1),
        (BERLIN, UTC_ZONE, None),
        (KOLKATA, ZoneInfo("Asia/Yangon"), 6.5),
        (ZoneInfo("Pacific/Honolulu"), ZoneInfo("Pacific/Auckland"), 13),
        (ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Midway"), -11),
        (SHANGHAI, SHANGHAI, None),
    ],
)
def test_two_arrivals_a_day_apart(
    configured: ZoneInfo, actual: ZoneInfo, hours: float | None
) -> None:
    """Two arrivals imply the same offset, unless the server can just be late."""
    watcher = Watcher(configured, actual)
    assert watcher.arrive(NOW) == NONE
    later = NOW + DAY
    expected = Verdict(is_confirmed=True) if hours is None else exactly(later, hours)
    assert watcher.arrive(later, 4 * MINUTE) == expected


def test_never_one_message() -> None:
    """Many arrivals within a day are no evidence, a second one a day later is."""
    watcher = Watcher(api_zone=UTC_ZONE)
    for hours in range(24):
        assert watcher.arrive(NOW + hours * HOUR, MINUTE, 3 * MINUTE) == NONE
    assert watcher.arrive(NOW + DAY - MINUTE) == NONE
    assert watcher.arrive(NOW + DAY) == exactly(NOW + DAY, 0)


@pytest.mark.parametrize("gap", [MINUTE, POLL, 2 * POLL + 2 * MINUTE / 60])
def test_arrival_at_any_time_between_two_polls(gap: timedelta) -> None:
    """Arrivals imply the same offset wherever between the polls they came."""
    watcher = Watcher(api_zone=UTC_ZONE)
    assert watcher.arrive(NOW, gap, before=NOW - gap) == NONE
    later = NOW + DAY
    assert watcher.arrive(later, 0 * gap, before=later - gap) == exactly(later, 0)


@pytest.mark.parametrize("age", [4 * MINUTE, 45 * MINUTE, 170 * MINUTE])
def test_listed_late(age: timedelta) -> None:
    """A server that lists a package late is not in another time zone."""
    watcher = Watcher()
    for day in range(5):
        assert watcher.arrive(NOW + day * DAY, age).evidence == ()


def test_same_offset() -> None:
    """Two arrivals that imply different offsets prove nothing, three can."""
    watcher = Watcher(api_zone=UTC_ZONE)
    assert watcher.arrive(NOW) == NONE
    assert watcher.arrive(NOW + 25 * HOUR, 2 * HOUR) == NONE
    assert watcher.arrive(NOW + 2 * DAY) == exactly(NOW + 2 * DAY, 0)


def test_none_since_that_fits() -> None:
    """An arrival that fits makes the ones before it worthless."""
    watcher = Watcher()
    assert watcher.arrive(NOW, 5 * HOUR) == NONE
    assert watcher.arrive(NOW + HOUR) == NONE
    assert watcher.arrive(NOW + DAY, 5 * HOUR) == NONE
    assert watcher.arrive(NOW + 2 * DAY, 5 * HOUR) == exactly(NOW + 2 * DAY, 3)


def test_one_of_several_fits() -> None:
    """A reading in which one arrival fits is not against the time zone."""
    watcher = Watcher()
    for day in range(3):
        verdict = watcher.arrive(NOW + day * DAY, zones=[UTC_ZONE])
        assert verdict == Verdict(is_confirmed=day > 0)


def test_confirmed_by_two_arrivals_a_day_apart() -> None:
    """Only two arrivals that fit, both after the evidence, confirm the zone."""
    watcher = Watcher()
    assert watcher.arrive(NOW - 3 * DAY) == NONE
    assert watcher.arrive(NOW - 2 * DAY, 5 * HOUR) == NONE
    assert watcher.arrive(NOW - DAY, 5 * HOUR) == exactly(NOW - DAY, 3)
    assert watcher.arrive(NOW) == NONE
    assert watcher.arrive(NOW + DAY - MINUTE) == NONE
    assert watcher.arrive(NOW + DAY) == Verdict(is_confirmed=True)


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        (BERLIN, datetime(2026, 3, 28, 12, tzinfo=UTC)),
        (BERLIN, datetime(2026, 10, 24, 12, tzinfo=UTC)),
    ],
)
def test_daylight_saving_time_confirms(zone: ZoneInfo, moment: datetime) -> None:
    """A zone that changes its offset still fits."""
    watcher = Watcher(zone, zone)
    assert watcher.arrive(moment) == NONE
    assert watcher.arrive(moment + DAY) == Verdict(is_confirmed=True)
    assert watcher.arrive(moment + 200 * DAY) == Verdict(is_confirmed=True)


@pytest.mark.parametrize(
    "gap",
    [12 * MINUTE, HOUR, DAY, -MINUTE, -6 * HOUR],
    ids=["three polls", "hour", "day", "a minute back", "six hours back"],
)
def test_polls_that_are_not_close_together(gap: timedelta) -> None:
    """An arrival in an outage, or while the clock was corrected, implies nothing."""
    watcher = Watcher(api_zone=UTC_ZONE)
    for day in range(3):
        now = NOW + day * DAY
        assert watcher.arrive(now, before=now - gap) == NONE
    assert watcher.watch == ZoneWatch()


def test_first_reading_of_a_run() -> None:
    """Packages may have come at any time before the first reading."""
    watcher = Watcher(api_zone=UTC_ZONE)
    arrivals = Arrivals((watcher.record(NOW),), None)
    assert watcher.watch.judge(SHANGHAI, (), arrivals, NOW) == NONE
    assert watcher.watch == ZoneWatch()


@pytest.mark.parametrize(
    "created",
    [
        lambda day: datetime(2026, 3, 1 + day, tzinfo=SHANGHAI),
        lambda _: None,
        lambda day: NOW + day * DAY - 21 * HOUR,
        lambda day: NOW + day * DAY + 7 * HOUR,
        lambda day: NOW + day * DAY - 300 * DAY,
        lambda day: NOW + day * DAY + 300 * DAY,
    ],
    ids=["date", "none", "21 hours old", "7 hours ahead", "a year old", "a year ahead"],
)
def test_creation_that_implies_nothing(
    created: Callable[[int], datetime | None],
) -> None:
    """A date without a time and an offset that no zone has prove nothing."""
    watcher = Watcher()
    for day in range(3):
        now = NOW + day * DAY
        arrivals = Arrivals((watcher.record(created(day)),), now - POLL)
        assert watcher.watch.judge(SHANGHAI, (), arrivals, now) == NONE
    assert watcher.watch == ZoneWatch()


def at_least(since: datetime, hours: float) -> Verdict:
    """Return the verdict that the offset is greater."""
    return Verdict((Evidence(since, hours * HOUR, MOST_OFFSET),))


@pytest.mark.parametrize(
    ("age", "hours"),
    [(-MINUTE, 9), (MINUTE, 9), (20 * MINUTE, 8.75), (30 * MINUTE, 8.5)],
)
def test_future(age: timedelta, hours: float) -> None:
    """A creation in the future, still there an hour later, limits the offset."""
    watcher = Watcher(api_zone=ZoneInfo("Asia/Tokyo"))
    created = NOW - age
    for minutes in (0, 5, 30, 57):
        assert watcher.see(NOW + minutes * MINUTE, created) == NONE
    for minutes in (60, 120, 10_000):
        assert watcher.see(NOW + minutes * MINUTE, created) == at_least(NOW, hours)
    assert watcher.see(NOW + 10_001 * MINUTE) == NONE


def test_best_of_several_in_the_future() -> None:
    """The newest of several packages limits the offset most."""
    watcher = Watcher(UTC_ZONE, SHANGHAI)
    created = [NOW - age * HOUR for age in (7, 1, 3, 300)]
    assert watcher.see(NOW, *created, None) == NONE
    assert watcher.see(NOW + HOUR, *created, None) == at_least(NOW, 7)


def test_creation_that_is_corrected() -> None:
    """Creations in the future that do not stay for an hour prove nothing."""
    watcher = Watcher()
    for half_hours in range(20):
        now = NOW + half_hours * HOUR / 2
        assert watcher.see(now, now + 3 * HOUR, now - 3 * HOUR) == NONE
    assert watcher.see(NOW + DAY) == NONE
    assert watcher.watch == ZoneWatch()


@pytest.mark.parametrize("ahead", [19 * MINUTE, 8 * HOUR, 300 * DAY])
def test_future_that_is_not_the_time_zone(ahead: timedelta) -> None:
    """A clock a bit ahead, and what no zone explains, prove nothing."""
    watcher = Watcher()
    created = NOW + ahead
    assert watcher.see(NOW, created) == NONE
    assert watcher.see(NOW + 2 * HOUR, created) == NONE


def test_future_and_then_an_arrival_that_fits() -> None:
    """An arrival that fits makes a creation in the future worthless."""
    watcher = Watcher()
    created = NOW + 3 * HOUR
    assert watcher.see(NOW, created) == NONE
    assert watcher.see(NOW + HOUR, created) == at_least(NOW, 11)
    fitting = NOW + 170 * MINUTE
    assert watcher.arrive(fitting, active=[created]) == NONE
    assert watcher.see(NOW + 8 * HOUR, created) == NONE
    verdict = watcher.arrive(fitting + DAY, active=[created])
    assert verdict == Verdict(is_confirmed=True)


def test_clock_that_was_ahead() -> None:
    """Moments in the future count as now, so that they delay nothing for long."""
    watcher = Watcher(api_zone=UTC_ZONE)
    assert watcher.arrive(NOW + 300 * DAY) == NONE
    assert watcher.arrive(NOW) == NONE
    assert watcher.arrive(NOW + DAY) == exactly(NOW + DAY, 0)

    watcher = Watcher()
    assert watcher.arrive(NOW + 300 * DAY) == NONE
    assert watcher.arrive(NOW) == NONE
    assert watcher.arrive(NOW + DAY) == Verdict(is_confirmed=True)

    watcher = Watcher(UTC_ZONE, SHANGHAI)
    assert watcher.see(NOW + 6 * HOUR, NOW) == NONE
    assert watcher.see(NOW, NOW) == NONE
    assert watcher.see(NOW + HOUR, NOW) == at_least(NOW, 8)


def test_another_zone_configured() -> None:
    """Observations do not depend on the configured zone, so they remain valid."""
    watcher = Watcher(api_zone=UTC_ZONE)
    assert watcher.arrive(NOW) == NONE
    assert watcher.arrive(NOW + DAY) == exactly(NOW + DAY, 0)
    watcher.zone = NEW_YORK
    assert watcher.arrive(NOW + DAY + HOUR) == exactly(NOW + DAY + HOUR, 0)
    watcher.zone = UTC_ZONE
    assert watcher.arrive(NOW + DAY + 2 * HOUR) == Verdict(is_confirmed=True)

    watcher = Watcher(UTC_ZONE, SHANGHAI)
    assert watcher.see(NOW, NOW) == NONE
    watcher.zone = BERLIN
    assert watcher.see(NOW + HOUR, NOW) == at_least(NOW, 8)
    watcher.zone = SHANGHAI
    assert watcher.see(NOW + 2 * HOUR, NOW) == NONE
