"""The packages of an account; test_package.py has the life of each of them."""

from copy import replace
from datetime import datetime

import pytest

from custom_components.bytesflows.account import Ledger
from custom_components.bytesflows.account.reading import Reading
from custom_components.bytesflows.account.times import CLOCK_TOLERANCE
from custom_components.bytesflows.api import Record, Source
from dev.simulated_api import GIB
from tests.helpers.clock import NOW

from .records import (
    DAY,
    HOUR,
    MINUTES,
    complete,
    kinds,
    listing,
    partial,
    record,
    started,
)


def restarted(ledger: Ledger) -> Ledger:
    """Return the ledger as it is after a restart, before the first reading."""
    new = Ledger()
    new.needs_baseline = ledger.needs_baseline
    new.newcomers.newest.update(ledger.newcomers.newest)
    new.newcomers.left_out.update(ledger.newcomers.left_out)
    for package in ledger.watchlist.to_keep(NOW).values():
        new.put(package, NOW)
    return new


def to_read(ledger: Ledger, now: datetime) -> set[str]:
    """Return the ids of the packages that a reading has to look at."""
    return {item.record.id for item in ledger.watchlist.to_read(now)}


UNREADABLE_USE = record("2", unreadable=frozenset({"trafficUsed"}))


def test_first_reading() -> None:
    """All that was ever used counts at once, and nothing of it is news."""
    ledger = Ledger()
    before = (ledger.had_packages, ledger.needs_complete_reading)
    outcome = ledger.apply(
        complete(record(traffic_used=5), record("2", traffic_used=GIB, status=0)), NOW
    )
    assert outcome.used == GIB + 5
    assert outcome.changes == ()
    after = (ledger.had_packages, ledger.needs_complete_reading)
    assert (before, after) == ((False, True), (True, False))


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (Source.ORDER, "purchased"),
        (Source.SIGN, "checked_in"),
        (Source.OTHER, "acquired"),
    ],
)
def test_arrival(source: Source, kind: str) -> None:
    """A package that is not known is news of its kind, once."""
    ledger = started(record())
    new = record("2", source=source, created=NOW, traffic_used=3)
    outcome = ledger.apply(complete(record(), new), NOW + MINUTES)
    assert kinds(outcome) == [("2", kind)]
    assert outcome.changes[0].is_arrival
    assert outcome.used == 3
    assert kinds(ledger.apply(complete(record(), new), NOW + 2 * MINUTES)) == []


def test_order_of_changes() -> None:
    """Arrivals come before ends, and older packages before newer ones."""
    ledger = started(record())
    ledger.apply(complete(record(status=0)), NOW + MINUTES)
    outcome = ledger.apply(
        complete(
            record("3", created=NOW + MINUTES, traffic_used=GIB),
            record("2", created=NOW),
            record(status=0),
        ),
        NOW + 2 * MINUTES,
    )
    assert kinds(outcome) == [
        ("2", "purchased"),
        ("3", "purchased"),
        ("1", "expired"),
        ("3", "depleted"),
    ]


def test_arrival_of_a_waiting_package() -> None:
    """A waiting package is news when it is listed, and not when it is activated."""
    ledger = started()
    steps = [record(status=2, created=NOW), record(created=NOW)]
    outcomes = [ledger.apply(complete(row), NOW + MINUTES) for row in steps]
    assert [kinds(outcome) for outcome in outcomes] == [[("1", "purchased")], []]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(record("9", status=0, created=NOW - DAY), [], id="inactive"),
        pytest.param(record("9", created=NOW - DAY), [("9", "purchased")], id="active"),
        pytest.param(record("9", status=0), [], id="as old as the newest"),
        pytest.param(record("9", status=0, created=None), [], id="without creation"),
    ],
)
def test_record_from_before_we_looked(
    row: Record, expected: list[tuple[str, str]]
) -> None:
    """Of an unknown record older than the newest one nothing counts that was used."""
    ledger = started(record())
    row = replace(row, traffic_used=GIB // 2)
    outcome = ledger.apply(complete(record(), row), NOW + MINUTES)
    assert kinds(outcome) == expected
    assert outcome.used == 0
    grown = replace(row, traffic_used=GIB // 2 + 7)
    assert ledger.apply(complete(record(), grown), NOW + 2 * MINUTES).used == 7


def test_newest_of_another_source() -> None:
    """Which record is the newest is a matter of its source."""
    ledger = started(record())
    row = record("9", source=Source.SIGN, created=NOW - 9 * DAY, traffic_used=5)
    outcome = ledger.apply(complete(record(), row), NOW + MINUTES)
    assert kinds(outcome) == [("9", "checked_in")]
    assert outcome.used == 5


def test_package_without_creation() -> None:
    """An active package without a time of creation is new."""
    ledger = started(record())
    outcome = ledger.apply(complete(record("9", created=None)), NOW + MINUTES)
    assert kinds(outcome) == [("9", "purchased")]


def test_creation_in_the_future() -> None:
    """A time of creation 300 days ahead does not become the newest."""
    ledger = started(record())
    odd = record("2", created=NOW + 300 * DAY)
    outcome = ledger.apply(complete(record(), odd), NOW + MINUTES)
    assert kinds(outcome) == [("2", "purchased")]
    assert ledger.newcomers.newest == {Source.ORDER: NOW - HOUR}
    ledger.apply(complete(record(), replace(odd, created=NOW)), NOW + 2 * MINUTES)
    assert ledger.newcomers.newest == {Source.ORDER: NOW}
    later = record("3", created=NOW + MINUTES)
    outcome = ledger.apply(complete(record(), later), NOW + 3 * MINUTES)
    assert kinds(outcome) == [("3", "purchased")]


def test_creation_ahead_of_our_clock() -> None:
    """Once a time of creation has come, its package is the newest, itself unchanged."""
    ledger = started(record())
    ahead = record("2", created=NOW + 300 * DAY)
    ledger.apply(complete(record(), ahead), NOW + MINUTES)
    ledger.apply(complete(record(), ahead), NOW + 300 * DAY)
    assert ledger.newcomers.newest == {Source.ORDER: NOW + 300 * DAY}


def test_creation_barely_ahead() -> None:
    """A time of creation is not in the future if clocks can be the cause."""
    ledger = started(record())
    ahead = record("2", created=NOW + CLOCK_TOLERANCE)
    ledger.apply(complete(record(), ahead), NOW)
    assert ledger.newcomers.newest == {Source.ORDER: NOW + CLOCK_TOLERANCE}


def test_row_ahead_of_our_clock_changes_nothing() -> None:
    """While its creation has not come, the same row again moves nothing."""
    rows = (record(), record("2", created=NOW + DAY, status=0, traffic_used=5))
    ledger = started(*rows)
    version, active = ledger.history_version, ledger.active
    for _ in range(2):
        ledger.apply(complete(*rows), NOW + MINUTES)
    assert ledger.history_version == version
    assert ledger.active is active


def test_first_reading_again() -> None:
    """A first reading in the same run finds everything, and nothing to confirm."""
    rows = (record(), record("2", status=0, traffic_used=GIB))
    ledger = started(*rows)
    ledger.apply(complete(rows[1]), NOW + MINUTES)
    assert list(ledger.watchlist.unconfirmed)
    ledger.needs_baseline = True
    ledger.apply(complete(*rows), NOW + 2 * MINUTES)
    assert set(ledger.packages) == {"1", "2"}
    assert not ledger.needs_complete_reading
    assert not list(ledger.watchlist.unconfirmed)


def test_first_reading_without_a_package() -> None:
    """One that waited for a confirmation is forgotten with all others."""
    ledger = started(record())
    ledger.apply(complete(record("2")), NOW + MINUTES)
    assert list(ledger.watchlist.unconfirmed)
    ledger.needs_baseline = True
    ledger.apply(complete(record("2")), NOW + 2 * MINUTES)
    assert set(ledger.packages) == {"2"}
    assert not list(ledger.watchlist.unconfirmed)


def test_unchanged_packages_are_not_collected_again() -> None:
    """Active packages and those to keep are put together once per change."""
    ledger = started(record(), record("2"))
    active, kept = ledger.active, ledger.watchlist.to_keep(NOW)
    assert ledger.active is active
    assert ledger.watchlist.to_keep(NOW + MINUTES) is kept
    ledger.apply(complete(record(), record("2", traffic_used=5)), NOW + MINUTES)
    assert [item.traffic_used for item in ledger.active] == [0, 5]
    assert ledger.watchlist.to_keep(NOW + MINUTES)["2"].record.traffic_used == 5


def test_unchanged_rows_are_no_news() -> None:
    """The same row again is not looked at, unless something about it is open."""
    rows = (record(), record("2", status=0, traffic_used=GIB))
    ledger = started(*rows)
    same = listing(*rows)
    assert ledger.packages.news(same) == []
    used = replace(rows[0], traffic_used=5)
    assert ledger.packages.news(listing(used, rows[1])) == [used]
    ledger.apply(complete(used), NOW + MINUTES)
    assert ledger.packages.news(listing(used, rows[1])) == [rows[1]]


@pytest.mark.parametrize("readings", [1, 2, 3])
def test_package_that_is_not_listed(readings: int) -> None:
    """A package is inactive at once, and has ended when a second reading agrees."""
    ledger = started(record(), record("2"))
    found = []
    for number in range(readings):
        found += kinds(
            ledger.apply(complete(record("2")), NOW + (number + 1) * MINUTES)
        )
        assert [item.id for item in ledger.active] == ["2"]
        assert ledger.needs_complete_reading is (number == 0)
    assert found == ([("1", "expired")] if readings > 1 else [])
    back = ledger.apply(complete(record(), record("2")), NOW + HOUR)
    assert kinds(back) == []
    assert {item.id for item in ledger.active} == {"1", "2"}


def test_empty_list_once() -> None:
    """An empty list of an account with packages is no news if it was read once."""
    rows = [record(str(number), traffic_used=5) for number in range(9)]
    ledger = started(*rows)
    outcomes = [
        ledger.apply(complete(), NOW + MINUTES),
        ledger.apply(complete(*rows), NOW + 2 * MINUTES),
    ]
    assert [(outcome.changes, outcome.used) for outcome in outcomes] == [((), 0)] * 2
    assert len(list(ledger.active)) == 9


def test_waiting_package_that_is_not_listed() -> None:
    """A waiting package that is no longer listed has not ended."""
    ledger = started(record(status=2))
    for _ in range(3):
        assert kinds(ledger.apply(complete(), NOW + MINUTES)) == []
        assert not ledger.needs_complete_reading


def test_partial_reading() -> None:
    """Packages on other pages are as they were."""
    ledger = started(record(), record("2"))
    for _ in range(3):
        outcome = ledger.apply(partial(record("2"), total=2), NOW + MINUTES)
        assert outcome.changes == ()
    assert {item.id for item in ledger.active} == {"1", "2"}


def test_rows_that_are_missing() -> None:
    """Where the reading has gaps, a package that is absent can be in one of them."""
    ledger = started(record(), record("2"), record("3"))
    for _ in range(3):
        reading = complete(record("2"), record("4", created=NOW), total=4)
        ledger.apply(reading, NOW + MINUTES)
        assert ledger.missing == 2
        assert {item.id for item in ledger.active} == {"1", "2", "3", "4"}


def test_rows_that_change_places_with_missing_ones() -> None:
    """A row that comes to light where another one hides ends no package."""
    ledger = started()
    ledger.apply(complete(record("1"), record("2"), total=3), NOW)
    for _ in range(3):
        old = record("3", created=NOW - DAY)
        ledger.apply(complete(record("1"), old, total=3), NOW + MINUTES)
    assert {item.id for item in ledger.active} == {"1", "2", "3"}


def test_package_that_goes_where_the_total_is_wrong() -> None:
    """A package that is absent has gone where the total falls by as much."""
    ledger = started()
    ledger.apply(complete(record("1"), record("2"), total=4), NOW)
    outcomes = [
        ledger.apply(complete(record("1"), total=3), NOW + number * MINUTES)
        for number in (1, 2)
    ]
    assert [kinds(outcome) for outcome in outcomes] == [[], [("2", "expired")]]


def test_row_without_id() -> None:
    """A row without a readable id is a gap, and no package that was forgotten."""
    ledger = started(record(), record("2"))
    for _ in range(3):
        outcome = ledger.apply(complete(record(), unidentified=1), NOW + MINUTES)
        assert outcome.changes == ()
        assert ledger.unreadable == {"id": 1}
    assert {item.id for item in ledger.active} == {"1", "2"}
    ledger.apply(complete(record(), record("2")), NOW + HOUR)
    assert ledger.unreadable == {}


def test_restart_without_total() -> None:
    """After a restart a gap hides packages, since no total is known."""
    ledger = restarted(started(record(), record("2")))
    ledger.apply(complete(record(), total=2), NOW)
    assert {item.id for item in ledger.active} == {"1", "2"}


def test_new_row_without_readable_use() -> None:
    """A new row without a readable use is left out and counted until it has one."""
    ledger = started(record())
    odd = replace(UNREADABLE_USE, created=NOW)
    for number in (1, 2):
        new = ledger.count_new([record(), odd])
        assert new == (number == 1)
        outcome = ledger.apply(complete(record(), odd), NOW + number * MINUTES)
        assert outcome.changes == ()
        assert ledger.has_unreadable
        assert ledger.unreadable == {"trafficUsed": 1}
        assert ledger.newcomers.newest == {Source.ORDER: NOW - HOUR}
    good = record("2", created=NOW, traffic_used=7)
    outcome = ledger.apply(complete(record(), good), NOW + HOUR)
    assert kinds(outcome) == [("2", "purchased")]
    assert outcome.used == 7
    assert ledger.unreadable == {}


def test_first_reading_without_readable_use() -> None:
    """A row that was left out at the first reading is no news once it can be read."""
    ledger = started(record(), replace(UNREADABLE_USE, created=NOW))
    good = record("2", created=NOW, traffic_used=7)
    outcome = ledger.apply(complete(record(), good), NOW + MINUTES)
    assert (outcome.changes, outcome.used) == ((), 0)
    assert len(list(ledger.active)) == 2


def test_left_out_row_in_a_new_baseline() -> None:
    """A new row that is left out is no news after a first reading in which it was."""
    ledger = started(record())
    odd = replace(UNREADABLE_USE, created=NOW)
    ledger.apply(complete(record(), odd), NOW + MINUTES)
    ledger.needs_baseline = True
    ledger.apply(complete(record(), odd), NOW + 2 * MINUTES)
    good = record("2", created=NOW, traffic_used=7)
    outcome = ledger.apply(complete(record(), good), NOW + 3 * MINUTES)
    assert (outcome.changes, outcome.used) == ((), 0)


def test_left_out_row_that_goes() -> None:
    """A row that is left out and goes leaves nothing behind."""
    ledger = started(record(), UNREADABLE_USE)
    ledger.apply(complete(record()), NOW + MINUTES)
    assert ledger.unreadable == {}


def test_unreadable_values() -> None:
    """Values that could not be read are counted while their package is listed."""
    odd = record(unreadable=frozenset({"expireTime", "status"}))
    ledger = started(odd, replace(odd, id="2", unreadable=frozenset({"status"})))
    assert ledger.unreadable == {"expireTime": 1, "status": 2}
    ledger.apply(complete(record()), NOW + MINUTES)
    assert ledger.unreadable == {}


def test_baseline() -> None:
    """A reading that is a first one again reports nothing and forgets the past."""
    ledger = started(record(), record("2", traffic_used=5), record("3"))
    ledger.apply(complete(record(), record("3"), total=3), NOW + MINUTES)
    ledger.needs_baseline = True
    assert ledger.needs_complete_reading
    ended = record("3", traffic_used=GIB, created=NOW)
    outcome = ledger.apply(complete(ended, record("4", created=NOW)), NOW + HOUR)
    assert outcome.changes == ()
    assert set(ledger.packages) == {"3", "4"}
    assert not ledger.needs_baseline
    again = ledger.apply(complete(ended, record("4", created=NOW)), NOW + DAY)
    assert (again.changes, again.used) == ((), 0)


def test_baseline_with_missing_rows() -> None:
    """Packages of before a first reading do not stay, even where rows are missing."""
    ledger = started(record(), record("2"))
    ledger.needs_baseline = True
    ledger.apply(complete(record("9"), total=5), NOW + MINUTES)
    assert {item.id for item in ledger.packages.records} == {"9"}


def test_arrivals_while_away() -> None:
    """Each arrival, end, and use during a restart is reported once."""
    ledger = restarted(started(record(), record("2"), record("3", traffic_used=7)))
    rows = [
        record(traffic_used=GIB),
        record("3", traffic_used=9),
        record("4", source=Source.SIGN, created=NOW + HOUR),
        record("5", created=NOW + HOUR, status=0, traffic_used=5),
    ]
    outcomes = [ledger.apply(complete(*rows), NOW + days * DAY) for days in (1, 2)]
    assert set(kinds(outcomes[0])) == {
        ("1", "depleted"),
        ("4", "checked_in"),
        ("5", "purchased"),
    }
    assert set(kinds(outcomes[1])) == {("2", "expired"), ("5", "expired")}
    assert outcomes[0].used + outcomes[1].used == GIB - 0 + 2 + 5


def test_extended_while_away() -> None:
    """A package that ended 9 days ago and is extended while away counts once."""
    old = record(
        traffic_used=GIB, status=0, created=NOW - 40 * DAY, expires=NOW - 9 * DAY
    )
    ledger = restarted(started(old, record("2")))
    assert set(ledger.packages) == {"2"}
    extended = replace(old, traffic=2 * GIB, status=1, expires=NOW + DAY)
    outcome = ledger.apply(complete(extended, record("2")), NOW)
    assert outcome.used == 0
    assert kinds(outcome) == [("1", "purchased")]


def test_extended_while_away_soon() -> None:
    """A package that ended lately and is extended while away is renewed."""
    old = record(
        traffic_used=GIB, status=0, created=NOW - 40 * DAY, expires=NOW - 7 * DAY
    )
    ledger = restarted(started(old, record("2")))
    extended = replace(old, traffic=2 * GIB, status=1, expires=NOW + DAY)
    outcome = ledger.apply(complete(extended, record("2")), NOW)
    assert outcome.used == 0
    assert kinds(outcome) == [("1", "renewed")]


def test_packages_to_keep() -> None:
    """Kept are packages that can change, and those that ended lately."""
    history = [
        record(
            str(number),
            status=0,
            traffic_used=1,
            created=NOW - 99 * DAY,
            expires=NOW - 9 * DAY,
        )
        for number in range(1000)
    ]
    endless = [
        record(f"endless {number}", traffic_used=GIB, created=None, expires=None)
        for number in range(1000)
    ]
    lately = record("lately", status=0, traffic_used=1, expires=NOW - DAY)
    ledger = started(
        *history,
        lately,
        record("active"),
        record("waiting", status=2),
        record("waited", status=2, expires=NOW - DAY),
        *(replace(row, status=0) for row in endless),
    )
    assert set(ledger.watchlist.to_keep(NOW)) == {"lately", "active", "waiting"}
    assert set(ledger.watchlist.to_keep(NOW + 8 * DAY)) == {"active", "waiting"}
    assert set(ledger.watchlist.to_keep(NOW + 30 * DAY)) == {"active"}


def test_package_that_vanished_is_kept() -> None:
    """A package whose end waits for a second reading is kept."""
    ledger = started(record(), record("2"))
    ledger.apply(complete(record("2")), NOW + MINUTES)
    assert set(ledger.watchlist.to_keep(NOW)) == {"1", "2"}
    again = restarted(ledger)
    assert again.watchlist.unconfirmed
    assert kinds(again.apply(complete(record("2")), NOW + HOUR)) == [("1", "expired")]


def test_watched_packages() -> None:
    """Listed packages that are active, wait, or need a second reading can change."""
    rows = [
        record("1", status=0, traffic_used=1),
        record("2"),
        record("3", status=2),
        record("4", status=2, expires=NOW + DAY),
    ]
    ledger = started(*rows, record("5"), record("6"))
    ledger.apply(complete(*rows, record("5", status=0)), NOW + MINUTES)
    assert to_read(ledger, NOW) == {"2", "3", "4", "5"}
    ledger.apply(complete(*rows, record("5", status=0)), NOW + 2 * MINUTES)
    assert to_read(ledger, NOW) == {"2", "3", "4"}
    assert to_read(ledger, NOW + DAY) == {"2", "3"}


def test_row_as_before() -> None:
    """A row that reads as before changes nothing, unless something is to confirm."""
    ledger = started(row := record())
    before = ledger.packages.get("1")
    ledger.apply(complete(row), NOW + MINUTES)
    assert ledger.packages.get("1") is before
    ended = record(status=0)
    ledger.apply(complete(ended), NOW + MINUTES)
    assert kinds(ledger.apply(complete(ended), NOW + HOUR)) == [("1", "expired")]


def test_reading_that_does_not_add_up() -> None:
    """Rows of a reading that does not add up count; the total does not."""
    ledger = started(record())
    odd = Reading(
        listing(record(traffic_used=5), total=9), is_complete=False, adds_up=False
    )
    assert ledger.apply(odd, NOW + MINUTES).used == 5
    assert ledger.total == 1
