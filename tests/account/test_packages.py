"""Packages that ended long ago, of which only the records are kept."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.bytesflows.account import Ledger, Package, newcomers
from custom_components.bytesflows.account.newcomers import is_past
from custom_components.bytesflows.account.rate import PastRate
from custom_components.bytesflows.account.watchlist import Watchlist
from custom_components.bytesflows.api import Record, Source
from dev.simulated_api import GIB
from tests.helpers.clock import NOW

from .records import DAY, HOUR, complete, every, partial, record, started

OLD: dict[str, Any] = {
    "created": NOW - 40 * DAY,
    "expires": NOW - 10 * DAY,
    "traffic_used": GIB,
    "status": 0,
}
TIMES = st.sampled_from(
    [None, *(NOW + days * DAY for days in (-100, -40, -10, -9, -8, -7, -1, 1))]
)
RECORDS = st.builds(
    record,
    st.sampled_from(["1", "2", "3"]),
    source=st.sampled_from([Source.ORDER, Source.SIGN]),
    traffic=st.sampled_from([0, GIB]),
    traffic_used=st.sampled_from([0, 5, GIB]),
    created=TIMES,
    expires=TIMES,
    status=st.sampled_from([0, 0, 1, None]),
    unreadable=st.sampled_from(
        [*[frozenset[str]()] * 3, *map(frozenset, [{"trafficUsed"}, {"expireTime"}])]
    ),
)
ROWS = st.lists(RECORDS, max_size=3, unique_by=lambda item: item.id)
READINGS = st.lists(
    st.tuples(ROWS, st.booleans(), st.sampled_from([False, False, True])),
    min_size=1,
    max_size=5,
)


def outcomes(
    readings: list[tuple[list[Record], bool, bool]],
) -> Iterator[tuple[object, ...]]:
    """Yield what comes of some readings, and what is known after each."""
    ledger, now = Ledger(), NOW
    for rows, is_complete, is_baseline in readings:
        reading = complete(*rows) if is_complete else partial(*rows, total=3)
        ledger.needs_baseline |= is_baseline
        yield (
            ledger.count_new(ledger.packages.news(reading.listing)),
            ledger.apply(reading, now),
            {item.record.id: item for item in every(ledger)},
            dict(ledger.watchlist.to_keep(now)),
            (
                ledger.unreadable,
                ledger.newcomers.newest,
                ledger.has_times,
                len(ledger.packages),
            ),
            PastRate().at(ledger, now),
        )
        now += HOUR


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(READINGS)
def test_no_difference(readings: list[tuple[list[Record], bool, bool]]) -> None:
    """Whatever is read, it comes to the same as if all packages were kept."""
    found = list(outcomes(readings))
    with patch.object(newcomers, "is_past", return_value=False):
        assert found == list(outcomes(readings))


@pytest.mark.parametrize(
    "change",
    [
        {"status": 1},
        {"traffic_used": 0},
        {"unreadable": frozenset({"status"})},
        {"created": NOW - 7 * DAY},
        {"expires": NOW - 7 * DAY},
        {"expires": NOW + DAY},
    ],
)
def test_past(change: dict[str, Any]) -> None:
    """A package that ended over 8 days ago is past, by all that its record says."""
    latest = NOW - 8 * DAY
    assert is_past(record(**OLD), latest)
    assert is_past(record(**{**OLD, "created": None, "expires": None}), latest)
    assert not is_past(record(**{**OLD, **change}), latest)


@given(RECORDS, st.sampled_from([NOW, NOW + DAY, NOW + 100 * DAY]))
def test_nothing_to_watch(item: Record, now: datetime) -> None:
    """There is nothing to watch of a past package, and its end stays as it was."""
    if is_past(item, NOW - 8 * DAY):
        package, watchlist = Package.from_history(item, NOW), Watchlist()
        assert package == Package.from_history(item, now)
        watchlist.put(package, NOW)
        assert not watchlist.to_keep(NOW)


def test_only_the_record_is_kept() -> None:
    """A past package is made when something happens to it, and is kept from then on."""
    row, active = record(**OLD), record("2")
    ledger = started(row, active)
    assert ledger.packages.is_past(row)
    assert not ledger.packages.is_past(active)
    ledger.apply(complete(record(**OLD), active), NOW + HOUR)
    assert ledger.packages.is_past(row)
    ledger.apply(complete(active), NOW + 2 * HOUR)
    assert not ledger.packages.is_past(row)
    package = ledger.packages.get("1")
    assert package is not None
    assert not package.is_listed
