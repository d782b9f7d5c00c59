"""What the ledger remembers, counts and tells; tests/test_sync.py has the rules."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, timedelta
import json
from typing import Any

import pytest

from custom_components.bytesflows.api import Codec, Record, RecordsPage, Source
from custom_components.bytesflows.ledger import (
    DAY,
    HOUR,
    LATE,
    SOON,
    ChangeKind,
    Ledger,
)
from dev.simulated_api import EXAMPLE_ZONE, GIB

from .helpers.clock import NOW
from .helpers.model import pairs

MINUTES = timedelta(minutes=5)
CODEC = Codec(EXAMPLE_ZONE)


def record(id_: str = "1", **fields: Any) -> Record:  # noqa: ANN401
    """Return a package of 1 GiB that was bought an hour ago."""
    given: dict[str, Any] = {
        "traffic": GIB,
        "traffic_used": 0,
        "source": Source.ORDER,
        "created": NOW - HOUR,
        "expires": NOW + 30 * DAY,
        "status": 1,
        **fields,
    }
    return Record(id=id_, **given)


def started(*records: Record) -> Ledger:
    """Return a ledger after its first reading, stored."""
    ledger = Ledger()
    ledger.take_all(records, NOW)
    ledger.save_within = None
    return ledger


def restarted(ledger: Ledger) -> Ledger:
    """Return the ledger as it is after a restart, before the first reading."""
    return Ledger.restore(json.loads(json.dumps(ledger.state(CODEC, NOW))), CODEC)


def test_first_reading() -> None:
    """All that was ever used counts at once, and nothing of it is news."""
    ledger = Ledger()
    completeness = [ledger.is_complete]
    ledger.take_all(
        [record(traffic_used=5), record("2", traffic_used=GIB, status=0)], NOW
    )
    completeness.append(ledger.is_complete)
    assert completeness == [False, True]
    assert ledger.consumed == GIB + 5
    assert ledger.take_changes() == ()
    assert ledger.save_within == SOON


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (Source.ORDER, ChangeKind.PURCHASED),
        (Source.SIGN, ChangeKind.CHECKED_IN),
        (Source.OTHER, ChangeKind.ACQUIRED),
    ],
)
def test_arrival(source: Source, kind: ChangeKind) -> None:
    """A package that nobody has seen is news of its kind, once."""
    ledger = started(record())
    new = record("2", source=source, created=NOW, traffic_used=3)
    for minutes in (1, 2):
        ledger.take_all([record(), new], NOW + minutes * MINUTES)
    assert ledger.save_within == SOON
    assert pairs(ledger.take_changes()) == [("2", kind)]
    assert ledger.consumed == 3


def test_order_of_changes() -> None:
    """What came is told before what is over, and the older before the newer."""
    ledger = started(record())
    ledger.take_all(
        [
            record("3", created=NOW + MINUTES, traffic_used=GIB),
            record("2", created=NOW),
            record(status=0),
        ],
        NOW + 2 * MINUTES,
    )
    assert pairs(ledger.take_changes()) == [
        ("2", ChangeKind.PURCHASED),
        ("3", ChangeKind.PURCHASED),
        ("1", ChangeKind.EXPIRED),
        ("3", ChangeKind.DEPLETED),
    ]


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (record(status=0), ChangeKind.EXPIRED),
        (record(status=None), ChangeKind.EXPIRED),
        (record(status=7), ChangeKind.EXPIRED),
        (record(traffic_used=GIB), ChangeKind.DEPLETED),
        (record(traffic_used=2 * GIB, status=0), ChangeKind.DEPLETED),
        (None, ChangeKind.EXPIRED),
    ],
)
def test_end(seen: Record | None, kind: ChangeKind) -> None:
    """A package is over once: used up, or else expired, which the server says."""
    ledger = started(record())
    for minutes in (1, 2):
        ledger.take_all([seen] if seen else [], NOW + minutes * MINUTES)
    ledger.take_all([replace(record(), status=0)], NOW + 3 * MINUTES)
    assert pairs(ledger.take_changes()) == [("1", kind)]


def test_own_clock_does_not_end_a_package() -> None:
    """As long as the server calls a package active it has not expired."""
    ledger = started(record(expires=NOW))
    ledger.take_all([record(expires=NOW)], NOW + DAY)
    assert ledger.changes == ()


def test_status_of_later_versions() -> None:
    """A package with a status that nobody knows is not over before it began."""
    ledger = started()
    ledger.take_all([record(status=2)], NOW + MINUTES)
    ledger.take_all([record(status=1)], NOW + 2 * MINUTES)
    ledger.take_all([record(status=0)], NOW + 3 * MINUTES)
    assert pairs(ledger.take_changes()) == [
        ("1", ChangeKind.PURCHASED),
        ("1", ChangeKind.EXPIRED),
    ]


@pytest.mark.parametrize(
    "row",
    [
        record("9", status=0, created=NOW - 2 * HOUR, traffic_used=GIB),
        record("9", status=0, created=None, traffic_used=GIB),
    ],
)
def test_history_that_comes_back(row: Record) -> None:
    """Old records that a server shows again are no news and no consumption."""
    ledger = started(record())
    ledger.take_all([record(), row], NOW + MINUTES)
    assert ledger.changes == ()
    assert ledger.consumed == 0


def test_use_that_is_booked_late() -> None:
    """Use counts also on a package that is over, now and after a restart."""
    ledger = started(record())
    ledger.take_all([record(status=0, traffic_used=10)], NOW + MINUTES)
    ledger.take_all([record(status=0, traffic_used=15)], NOW + 2 * MINUTES)
    ledger = restarted(ledger)
    ledger.take_all([record(status=0, traffic_used=20)], NOW + 3 * MINUTES)
    assert ledger.consumed == 20


def test_correction() -> None:
    """What was seen as used keeps counting; only what exceeds it is new."""
    ledger = started(record(traffic_used=100))
    ledger.take_all([record(traffic_used=60)], NOW + MINUTES)
    assert ledger.consumed == 100
    assert ledger.save_within == SOON
    ledger.take_all([record(traffic_used=110)], NOW + 2 * MINUTES)
    assert ledger.consumed == 110


def test_more_than_can_be_stored() -> None:
    """A total that no server can mean stays one that the storage takes."""
    most = 2**63 - 1
    ledger = started(
        record(traffic=most, traffic_used=most),
        record("2", traffic=most, traffic_used=most),
    )
    assert ledger.consumed == most
    ledger.raise_consumed(10**30)
    assert restarted(ledger).consumed == most


def test_urgency() -> None:
    """Use alone is stored late, and nothing new is not stored."""
    ledger = started(record())
    ledger.take_all([record()], NOW + MINUTES)
    assert ledger.save_within is None
    for used in (1, 2):
        ledger.take_all([record(traffic_used=used)], NOW + used * MINUTES)
        assert ledger.save_within == LATE


def test_arrivals_while_away() -> None:
    """What came, went and was used during a restart is told once."""
    ledger = restarted(started(record(), record("2"), record("3", traffic_used=7)))
    assert not ledger.is_complete
    ledger.take_all(
        [
            record(traffic_used=GIB),
            record("3", traffic_used=9),
            record("4", source=Source.SIGN, created=NOW + HOUR),
            record("5", created=NOW + HOUR, status=0, traffic_used=5),
        ],
        NOW + DAY,
    )
    assert set(pairs(ledger.take_changes())) == {
        ("1", ChangeKind.DEPLETED),
        ("2", ChangeKind.EXPIRED),
        ("4", ChangeKind.CHECKED_IN),
        ("5", ChangeKind.PURCHASED),
        ("5", ChangeKind.EXPIRED),
    }
    assert ledger.consumed == GIB + 9 + 5


def test_changes_survive_until_they_are_told() -> None:
    """A crash before changes are told loses none; after it they are not repeated."""
    ledger = started(record())
    ledger.take_all([record(), record("2")], NOW + MINUTES)
    assert pairs(restarted(ledger).changes) == [("2", ChangeKind.PURCHASED)]
    assert pairs(ledger.take_changes()) == [("2", ChangeKind.PURCHASED)]
    assert ledger.save_within == SOON
    assert restarted(ledger).changes == ()


def test_another_zone() -> None:
    """What was stored is right when the zone of the API is corrected."""
    ledger = started(record())
    state = json.loads(json.dumps(ledger.state(CODEC, NOW)))
    (moved,) = Ledger.restore(state, Codec(UTC)).active
    assert moved.expires == NOW + 30 * DAY + timedelta(hours=8)
    assert Ledger.restore(state, Codec(UTC)).newest == {
        Source.ORDER: NOW + timedelta(hours=7)
    }


def test_size_of_the_state() -> None:
    """The state has the active packages, and those that were over lately."""
    history = [
        record(str(number), status=0, created=NOW - 99 * DAY, expires=NOW - 9 * DAY)
        for number in range(1000)
    ]
    lately = record("lately", status=0, expires=NOW - DAY)
    endless = [
        record(f"endless {number}", status=0, created=None, expires=None)
        for number in range(1000)
    ]
    ledger = started(*history, lately, record("active"), *endless)
    rows = ledger.state(CODEC, NOW)["packages"]
    assert {row["row"]["id"] for row in rows} == {"lately", "active"}


def test_samples_are_few() -> None:
    """Samples are hourly and no older than needed, whatever is polled."""
    ledger = started(record())
    for polls in range(1, 12 * 24 * 20):
        ledger.take_all([record(traffic_used=polls)], NOW + polls * MINUTES)
    samples = ledger.state(CODEC, NOW)["samples"]
    assert 8 * 24 <= len(samples) <= 8 * 24 + 2


def test_pace() -> None:
    """The pace is that of the last 7 days, and not known for the first day."""
    ledger = started(record())
    assert ledger.pace(NOW + DAY - MINUTES) is None
    ledger.take_all([record(traffic_used=86_400)], NOW + HOUR)
    assert ledger.pace(NOW + DAY) == 1.0
    assert ledger.pace(NOW + 4 * DAY) == 0.25
    ledger.take_all([record(traffic_used=2 * 86_400)], NOW + 5 * DAY)
    assert ledger.pace(NOW + 6 * DAY) == pytest.approx(2 / 6)
    assert ledger.pace(NOW + 9 * DAY) == pytest.approx(1 / 7)
    assert ledger.pace(NOW + 13 * DAY) == 0
    assert restarted(ledger).pace(NOW + 9 * DAY) == pytest.approx(1 / 7)


def test_clock_that_is_set_back() -> None:
    """A clock that was wrong costs no consumption."""
    ledger = started(record())
    ledger.take_all([record(traffic_used=5)], NOW + DAY)
    ledger.take_all([record(traffic_used=9)], NOW - DAY)
    assert ledger.consumed == 9
    assert ledger.pace(NOW - DAY) is None
    assert ledger.pace(NOW + 2 * DAY) == pytest.approx(9 / (2 * 86_400))


def test_not_understood() -> None:
    """The time counts over a restart, and from anew where the clock is set back."""
    ledger = started(record())
    ages = [ledger.note_not_understood(NOW + hours * HOUR) for hours in (0, 20)]
    assert ledger.save_within == LATE
    ledger = restarted(ledger)
    ages += [ledger.note_not_understood(NOW + hours * HOUR) for hours in (30, -5, 0)]
    ledger.note_understood()
    ages.append(ledger.note_not_understood(NOW + 40 * HOUR))
    assert ages == [hours * HOUR for hours in (0, 20, 30, 0, 5, 0)]


def test_lower_bound() -> None:
    """A total that was shown before is kept up, and is no use of today."""
    ledger = started(record(traffic_used=40))
    ledger.raise_consumed(100)
    ledger.raise_consumed(90)
    assert ledger.consumed == 100
    assert ledger.save_within == SOON
    assert ledger.pace(NOW + DAY) == 0
    ledger.take_all([record(traffic_used=50)], NOW + DAY)
    assert ledger.consumed == 110


def test_total_that_fits() -> None:
    """The total has to change with the packages, or everything is read."""
    ledger = started(record())
    ledger.settle(3 * GIB)
    assert ledger.explains(3 * GIB)
    assert not ledger.explains(4 * GIB)
    ledger.take_all([record(), record("2")], NOW + MINUTES)
    ledger.settle(4 * GIB, was_doubted=True)
    assert ledger.explains(4 * GIB)


def test_total_that_never_fits() -> None:
    """A total that follows other rules is not asked every time."""
    ledger = started(record())
    ledger.settle(GIB)
    for more in range(1, 4):
        assert not ledger.explains(GIB + more)
        ledger.settle(GIB + more, was_doubted=True)
    assert ledger.explains(7)
    ledger.settle(7)
    assert not ledger.explains(8)


def page(*records: Record, total: int) -> RecordsPage:
    """Return a page."""
    return RecordsPage(records=records, total=total)


def test_enough() -> None:
    """Page 1 is enough when the active packages and the number of records are right."""
    old = [record(str(number), status=0) for number in range(2, 9)]
    ledger = started(record(), *old)
    assert ledger.survey(page(record(), total=8)).is_enough
    assert ledger.survey(page(record("9"), record(), total=9)).is_enough
    assert not ledger.survey(page(record("9"), record(), total=10)).is_enough
    assert not ledger.survey(page(old[0], total=8)).is_enough


def test_pages_where_the_rest_should_be() -> None:
    """Active packages are looked for where they were, and new ones at the end."""
    old = [record(str(number), status=0) for number in range(10)]
    ledger = started(*old, record("active"))
    assert ledger.survey(page(*old[:3], total=11)).pages == {4}
    assert ledger.survey(page(*old[:2], total=13)).pages == {6, 7}
    assert ledger.survey(page(total=11)).pages == set()

    survey = ledger.survey(page(*old[:3], total=11))
    survey.add(4, page(record("active"), total=11))
    assert survey.is_enough
    assert survey.places["active"] == 9
    survey.add(3, page(total=12))
    assert not survey.is_enough


STATE = started(record(), record("2", status=0)).state(CODEC, NOW)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("consumed",), -1),
        (("consumed",), "5"),
        (("consumed",), True),
        (("consumed",), 2**63),
        (("samples", 0, 1), 7),
        (("newest",), None),
        (("newest", "order"), 5),
        (("newest", "stolen"), "yesterday"),
        (("samples",), []),
        (("samples",), [[1]]),
        (("samples", 0, 0), 1e300),
        (("samples", 0, 0), 10**20),
        (("observed_since",), None),
        (("observed_since",), "now"),
        (("changes",), [["lost", {}]]),
        (("changes",), 3),
        (("packages",), {"row": 1}),
        (("packages", 0, "row"), []),
        (("packages", 0, "row", "traffic"), None),
        (("packages", 0, "row", "id"), ""),
        (("packages", 0, "used"), 1.5),
        (("packages", 0, "ended"), -5),
    ],
)
def test_damaged_state(path: tuple[str | int, ...], value: object) -> None:
    """Whatever is wrong with a state, it is none."""
    state = deepcopy(STATE)
    place: Any = state
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValueError, match="not the state of a ledger"):
        Ledger.restore(state, CODEC)


@pytest.mark.parametrize("key", sorted(STATE))
def test_incomplete_state(key: str) -> None:
    """A state without one of its parts is none."""
    state = {name: value for name, value in STATE.items() if name != key}
    with pytest.raises(ValueError, match="not the state of a ledger"):
        Ledger.restore(state, CODEC)


def test_dates_without_meaning_in_a_state() -> None:
    """Empty places in a state are left out."""
    state = deepcopy(STATE)
    state["newest"] = {"order": "0000-00-00 00:00:00"}
    state["samples"] = [[None, 5], *state["samples"]]
    ledger = Ledger.restore(state, CODEC)
    assert ledger.newest == {}
    assert ledger.state(CODEC, NOW)["samples"] == STATE["samples"]
