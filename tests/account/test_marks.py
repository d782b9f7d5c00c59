"""Marks: each passes once, whatever happens in between."""

from collections.abc import Callable
from copy import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.bytesflows.account import (
    LowMark,
    LowScale,
    Marks,
    PackageMark,
    Passed,
)
from custom_components.bytesflows.api import Record
from dev.simulated_api import GIB
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTE, MINUTES, record

NONE = timedelta(0)


class Watch:
    """Watch the marks of one package."""

    def __init__(self, *lead_times: timedelta) -> None:
        """Begin before the first reading."""
        self.marks = Marks()
        self.lead_times = lead_times
        self.fired: list[timedelta] = []
        self.now = NOW

    def baseline(self, row: Record) -> Watch:
        """Pass everything as it is."""
        self.marks.pass_packages([row], self.now)
        return self

    def see(self, row: Record | None, wait: timedelta = MINUTES) -> Watch:
        """Pass the marks that are due after some time."""
        self.now += wait
        records = [] if row is None else [row]
        due = self.marks.due(records, self.lead_times, self.now)
        assert all(mark.record is row for mark in due)
        self.fired += [mark.lead_time for mark in due]
        self.marks.pass_packages(records, self.now)
        return self


def expiring(left: timedelta, **fields: Any) -> Record:  # noqa: ANN401
    """Return a package that expires after some time from the beginning."""
    return record(expires=NOW + left, **fields)


def test_time_passes() -> None:
    """A mark fires once when the time left passes it, and those below it later."""
    watch = Watch(DAY, 2 * DAY).baseline(row := expiring(3 * DAY))
    fired = [len(watch.see(row, HOUR).fired) for _ in range(75)]
    assert fired == [0] * 23 + [1] * 24 + [2] * 28
    assert watch.fired == [2 * DAY, DAY]


def test_first_reading() -> None:
    """At the first reading everything is passed as it is."""
    watch = Watch(DAY, HOUR).baseline(row := expiring(5 * HOUR))
    assert watch.see(row).fired == []
    assert watch.see(row, 4 * HOUR).fired == [HOUR]


def test_arrival_within_the_window() -> None:
    """A package that arrives within its lead times fires them, the longest first."""
    assert Watch(HOUR, DAY, 2 * DAY).see(expiring(5 * HOUR)).fired == [2 * DAY, DAY]


WITHIN = expiring(5 * HOUR)
BEYOND = expiring(20 * DAY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(replace(WITHIN, status=2), WITHIN, id="activated"),
        pytest.param(replace(WITHIN, traffic_used=GIB), WITHIN, id="topped up"),
        pytest.param(BEYOND, WITHIN, id="shortened"),
        pytest.param(replace(WITHIN, expires=None), WITHIN, id="given an expiry"),
        pytest.param(expiring(25 * HOUR), expiring(17 * HOUR), id="another time zone"),
    ],
)
def test_package_that_enters_its_window(before: Record, after: Record) -> None:
    """A mark fires, too, where a package enters its window otherwise than by time."""
    watch = Watch(DAY).baseline(before).see(before)
    assert watch.fired == []
    assert watch.see(after).see(after).fired == [DAY]


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda row: replace(row, expires=None), id="missing"),
        pytest.param(
            lambda row: replace(row, unreadable=frozenset({"expireTime"})),
            id="unreadable",
        ),
        pytest.param(lambda row: replace(row, status=0), id="inactive"),
        pytest.param(lambda row: replace(row, traffic_used=GIB), id="used up"),
        pytest.param(lambda _: None, id="not listed"),
        pytest.param(
            lambda row: replace(row, expires=row.expires + 45 * MINUTE),
            id="45 minutes later",
        ),
        pytest.param(
            lambda row: replace(row, expires=row.expires - 45 * MINUTE),
            id="45 minutes earlier",
        ),
    ],
)
def test_once_whatever_reads_otherwise(
    move: Callable[[Record], Record | None],
) -> None:
    """A mark that fired does not fire again where a row reads otherwise for a time."""
    watch = Watch(DAY, 22 * HOUR).baseline(row := expiring(25 * HOUR))
    watch.see(row, 2 * HOUR)
    assert watch.fired == [DAY]
    watch.see(move(row)).see(row).see(move(row), HOUR).see(row)
    assert set(watch.fired) <= {DAY, 22 * HOUR}
    assert len(watch.see(row, 5 * HOUR).fired) == 2


@pytest.mark.parametrize(
    ("moved", "times"),
    [
        pytest.param(45 * MINUTE, 1, id="nudged"),
        pytest.param(HOUR, 1, id="nudged by an hour"),
        pytest.param(20 * HOUR, 2, id="extended by 20 hours"),
        pytest.param(30 * DAY, 2, id="extended by a month"),
    ],
)
def test_extension(moved: timedelta, times: int) -> None:
    """An extension by more than an hour arms the lead times below it again."""
    watch = Watch(DAY).baseline(row := expiring(2 * DAY)).see(row, DAY + 12 * HOUR)
    longer = expiring(2 * DAY + moved)
    for _ in range(35 * 24):
        watch.see(longer, HOUR)
    assert watch.fired == [DAY] * times


def test_expiry_that_moves_every_day() -> None:
    """An expiry that moves by almost a day every day is extended every day."""
    watch = Watch(12 * HOUR).baseline(expiring(DAY))
    for day in range(9):
        left = DAY + day * (DAY - MINUTE)
        for _ in range(24):
            watch.see(expiring(left), HOUR)
    assert watch.fired == [12 * HOUR] * 9


@pytest.mark.parametrize("back", [15 * MINUTE, HOUR, 2 * HOUR, 8 * HOUR, 20 * DAY])
def test_clock_that_goes_back(back: timedelta) -> None:
    """A clock that goes back fires no mark again: only an expiry that moves does."""
    watch = Watch(DAY).baseline(row := expiring(2 * DAY)).see(row, DAY)
    watch.see(row, -back).see(row, back)
    assert watch.fired == [DAY]


@pytest.mark.parametrize(("wait", "fires"), [(9 * DAY, True), (11 * DAY, False)])
def test_away_for_a_week(wait: timedelta, fires: bool) -> None:
    """A mark that fell due while nobody looked fires then, never after the expiry."""
    watch = Watch(3 * DAY).baseline(row := expiring(10 * DAY)).see(row, wait)
    assert watch.fired == [3 * DAY] * fires


def test_automation_that_comes_later() -> None:
    """A lead time that comes after its moment has passed gets nothing."""
    watch = Watch().baseline(row := expiring(2 * DAY)).see(row, DAY + HOUR)
    watch.lead_times = (DAY,)
    assert watch.see(row).see(row).fired == []


def test_order() -> None:
    """The next expiry comes first, and its longest lead time."""
    rows = [record("1", expires=NOW + 2 * HOUR), record("2", expires=NOW + HOUR)]
    due = Marks().due(rows, [HOUR, DAY], NOW)
    assert [(mark.record.id, mark.lead_time) for mark in due] == [
        ("2", DAY),
        ("2", HOUR),
        ("1", DAY),
    ]


def test_next_due() -> None:
    """The next mark of a package is the next lead time that was not passed."""
    marks = Marks()
    rows = [expiring(9 * DAY), record("2", expires=None)]
    assert marks.next_due(rows, [], NOW) is None
    assert marks.next_due(rows, [DAY, 2 * DAY], NOW) == NOW + 7 * DAY
    marks.pass_packages(rows, NOW + 7 * DAY)
    assert marks.next_due(rows, [DAY, 2 * DAY], NOW + 7 * DAY) == NOW + 8 * DAY
    assert marks.next_due(rows, [DAY], NOW + 9 * DAY) is None
    for lead_time in (20 * DAY, timedelta(days=999_999_999)):
        assert Marks().next_due(rows, [lead_time], NOW) == NOW


@pytest.mark.parametrize("moved", [40 * DAY, 3 * HOUR, -3 * HOUR, 25_000 * DAY])
def test_expiry_that_comes_back(moved: timedelta) -> None:
    """An expiry that was another one for a while has been passed as far as before."""
    marks = Marks()
    fired = []
    for hours in range(0, 120, 2):
        now = NOW + hours * HOUR
        is_odd = hours in {52, 60, 62, 80}
        row = expiring(5 * DAY + (moved if is_odd else NONE))
        fired += [mark.lead_time for mark in marks.due([row], [DAY, 3 * DAY], now)]
        due = marks.next_due([row], [DAY, 3 * DAY], now)
        assert is_odd or (due is None) == (hours > 96)
        marks.pass_packages([row], now)
    assert fired == [3 * DAY, DAY]


def test_packages_that_are_no_longer_known() -> None:
    """The scales of unknown packages are dropped once these have expired."""
    passed = Passed(DAY, NOW + DAY)
    marks = Marks(packages={"1": passed, "2": passed})
    marks.keep({"2": None}, NOW)
    assert marks.packages == {"1": passed, "2": passed}
    marks.keep({"2": None}, NOW + DAY)
    assert marks.packages == {"2": passed}


def test_undo() -> None:
    """Passed marks are taken back, but not a change of the alarm since then."""
    passed = Passed(DAY, NOW + DAY)
    marks = Marks(LowScale(True, NOW, HOUR), {"1": passed})
    before = marks.copy()
    marks.pass_packages([expiring(HOUR)], NOW)
    marks.low = marks.low.passed_until(NOW + DAY)
    after = marks.copy()
    marks.undo(before, after)
    assert marks == Marks(LowScale(True, NOW, HOUR), {"1": passed})
    marks.low = marks.low.observed(NOW + DAY, is_low=False)
    marks.undo(before, after)
    assert marks.low == LowScale(False, NOW + DAY, before=NOW)


def test_undo_of_packages() -> None:
    """Only scales that are where the move left them go back."""
    passed = {id_: Passed(DAY, NOW + DAY) for id_ in ("moved", "extended", "gone")}
    marks = Marks(packages=dict(passed))
    before = marks.copy()
    rows = [expiring(HOUR, id_=id_) for id_ in (*passed, "new")]
    marks.pass_packages(rows, NOW)
    after = marks.copy()
    marks.keep({"moved": None, "extended": None, "new": None}, NOW + DAY)
    marks.pass_packages(
        [expiring(3 * DAY, id_="extended"), expiring(HOUR, id_="baseline")], NOW
    )
    marks.undo(before, after)
    assert marks.packages == {
        "moved": passed["moved"],
        "extended": Passed(3 * DAY, NOW + 3 * DAY, before=Passed(HOUR, NOW + HOUR)),
        "baseline": Passed(HOUR, NOW + HOUR),
    }


class LowWatch:
    """Watch the marks of low traffic, by minutes."""

    def __init__(self, *durations: int) -> None:
        """Begin before the first poll."""
        self.scale = LowScale()
        self.durations = [minutes * MINUTE for minutes in durations]
        self.fired: list[tuple[bool, int]] = []

    def poll(self, minute: int, *, is_low: bool | None) -> LowWatch:
        """Observe a verdict, and pass the marks that are due."""
        now = NOW + minute * MINUTE
        self.scale = self.scale.observed(now, is_low=is_low)
        due = self.scale.due(self.durations, now)
        assert all(mark.since == self.scale.since for mark in due)
        self.fired += [(mark.is_low, mark.duration // MINUTE) for mark in due]
        self.scale = self.scale.passed_until(now)
        return self


def test_low_at_the_first_reading() -> None:
    """A scale begins with a change that was seen, and not with the first reading."""
    watch = LowWatch(0, 15)
    for minute in range(0, 60, 5):
        watch.poll(minute, is_low=True)
    assert watch.fired == []
    assert watch.scale.next_due(watch.durations, NOW) is None
    assert watch.poll(60, is_low=False).fired == [(False, 0)]


def test_low_for_a_time() -> None:
    """Each duration passes once while traffic stays low, and again the next time."""
    watch = LowWatch(0, 15).poll(0, is_low=False)
    for minute in range(5, 100, 5):
        watch.poll(minute, is_low=True)
    assert watch.fired == [(True, 0), (True, 15)]
    watch.poll(100, is_low=False).poll(105, is_low=True).poll(130, is_low=True)
    assert watch.fired[2:] == [(False, 0), (True, 0), (True, 15)]


def test_low_for_too_short() -> None:
    """A duration does not pass where traffic is no longer low before."""
    watch = LowWatch(15).poll(0, is_low=False).poll(5, is_low=True)
    watch.poll(15, is_low=False).poll(20, is_low=True).poll(34, is_low=True)
    assert watch.fired == [(False, 15)] * 0
    assert watch.poll(35, is_low=True).fired == [(True, 15)]


def test_low_between_two_polls() -> None:
    """Traffic that is not low only between two polls has not changed."""
    watch = LowWatch(0).poll(0, is_low=False).poll(5, is_low=True)
    assert watch.poll(10, is_low=True).fired == [(True, 0)]


def test_low_over_an_outage() -> None:
    """An outage does not reset the scale; its marks pass in the next good poll."""
    watch = LowWatch(0, 15).poll(0, is_low=False).poll(5, is_low=True)
    assert watch.poll(600, is_low=True).fired == [(True, 0), (True, 15)]


def test_low_while_it_is_unknown() -> None:
    """While nothing is known, nothing changes."""
    watch = LowWatch(0, 15).poll(0, is_low=None).poll(1, is_low=False)
    assert watch.poll(2, is_low=None).fired == []
    watch.poll(5, is_low=True).poll(10, is_low=None).poll(20, is_low=True)
    assert watch.fired == [(True, 0), (True, 15)]


def test_low_with_an_automation_that_comes_later() -> None:
    """A duration that comes after its moment has passed gets nothing."""
    watch = LowWatch(0).poll(0, is_low=False).poll(5, is_low=True).poll(30, is_low=True)
    watch.durations.append(15 * MINUTE)
    assert watch.poll(35, is_low=True).fired == [(True, 0)]


def test_low_by_a_clock_that_goes_back() -> None:
    """A clock that goes back passes nothing again, and holds nothing up."""
    watch = LowWatch(0, 15).poll(0, is_low=False).poll(5, is_low=True)
    watch.poll(20, is_low=True).poll(6, is_low=True).poll(25, is_low=True)
    assert watch.fired == [(True, 0), (True, 15)]
    watch = LowWatch(0, 15).poll(0, is_low=False).poll(99_999, is_low=True)
    for minute in (10, 15, 24, 25, 30):
        watch.poll(minute, is_low=True)
    assert watch.fired == [(True, 0), (True, 15)]
    assert watch.scale.since == NOW + 10 * MINUTE


def test_low_by_a_clock_that_is_not_observed() -> None:
    """Before the next good poll, a change that lies ahead passes nothing."""
    scale = LowScale(True, NOW, None)
    assert scale.due([NONE], NOW - HOUR) == []
    assert scale.passed_until(NOW - HOUR) is scale


def test_next_low_mark() -> None:
    """The next mark of low traffic is the shortest duration that lies ahead."""
    scale = LowScale(True, NOW, None)
    durations = [NONE, 15 * MINUTE, HOUR]
    found = [
        scale.next_due(durations, NOW + passed)
        for passed in (-MINUTE, NONE, 14 * MINUTE, 15 * MINUTE, HOUR)
    ]
    quarter = NOW + 15 * MINUTE
    assert found == [NOW, quarter, quarter, NOW + HOUR, None]
    # One that lies beyond the end of time.
    assert scale.next_due([*durations, timedelta.max], NOW + HOUR) is None
    assert scale.next_due([timedelta.max, HOUR], NOW) == NOW + HOUR


def test_marks_are_values() -> None:
    """Two marks of the same moment are equal."""
    assert LowMark(True, HOUR, NOW) == LowMark(True, HOUR, NOW)
    assert PackageMark(WITHIN, HOUR) == PackageMark(WITHIN, HOUR)
