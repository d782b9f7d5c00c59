"""One package: its use, its lives, and the changes that are reported."""

from collections.abc import Iterable
from copy import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from custom_components.bytesflows.account import Life, Package, describe
from custom_components.bytesflows.api import Record, Source
from dev.simulated_api import GIB
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTE, MINUTES, record


class Reader:
    """Read rows of one package, one every five minutes."""

    def __init__(self, first: Record | None = None, *, is_new: bool = False) -> None:
        """Begin with a package, which was there before unless it is new."""
        first = first or record()
        self.now = NOW
        self.package = (
            Package(first) if is_new else Package.from_history(first, self.now)
        )
        self.used = first.traffic_used
        self.kinds: list[str] = []

    def read(self, *rows: Record | None, every: timedelta = MINUTES) -> Reader:
        """Take over some rows; None is a complete reading that does not list it."""
        for row in rows:
            self.now += every
            package = replace(self.package)
            step = (
                package.miss(self.now) if row is None else package.update(row, self.now)
            )
            self.package = step.package
            self.used += step.used
            self.kinds += [kind.value for kind in step.kinds]
        return self


def rows(values: Iterable[int], **fields: Any) -> list[Record]:  # noqa: ANN401
    """Return a package of 10 bytes with some uses, one after the other."""
    return [record(traffic=10, traffic_used=used, **fields) for used in values]


@pytest.mark.parametrize(
    ("uses", "consumed"),
    [
        pytest.param([3, 5, 9], 9, id="grows"),
        pytest.param([6, 6, 6], 6, id="stands still"),
        pytest.param([8, 6, 8, 9], 9, id="a correction"),
        pytest.param([8, 4, 4, 8, 9], 9, id="a correction by exactly half"),
        pytest.param([8, 0, 8, 9], 9, id="a fall to 0 alone"),
        pytest.param([8, 3, 5, 9], 9, id="a fall that the next reading corrects"),
        pytest.param([8, 0, 0], 8, id="starts again, nothing used"),
        pytest.param([8, 0, 0, 0, 5], 13, id="starts again"),
        pytest.param([8, 1, 3], 11, id="starts again, in use"),
        pytest.param([8, 0, 0, 6, 0, 0, 7], 21, id="starts again twice"),
        pytest.param([8, 0, 8, 0, 8, 0, 8], 8, id="odd readings in turn"),
    ],
)
def test_consumption(uses: list[int], consumed: int) -> None:
    """Consumption grows by use over the highest seen, until one starts again at 0."""
    first, *others = rows(uses)
    assert Reader(first).read(*others).used == consumed


def test_consumption_of_any_status() -> None:
    """Use counts whatever the status, also when it is booked late."""
    reader = Reader(rows([2])[0])
    reader.read(*rows([4, 4, 6, 7], status=0, expires=NOW - DAY))
    assert reader.used == 7


def test_start_again_is_confirmed_a_minute_later() -> None:
    """A second reading within a minute does not confirm that a use starts again."""
    reader = Reader(rows([8])[0]).read(*rows([1, 1, 2]), every=MINUTE / 3)
    assert reader.used == 8
    assert reader.package.needs_confirmation
    reader.read(*rows([2]))
    assert reader.used == 10
    assert reader.kinds == ["renewed"]


def test_start_again_seen_in_the_future() -> None:
    """A clock that went back does not keep a use from starting again."""
    reader = Reader(rows([8])[0]).read(*rows([1]))
    reader.now -= DAY
    reader.read(*rows([1]))
    assert (reader.used, reader.kinds) == (8, [])
    reader.read(*rows([1]))
    assert (reader.used, reader.kinds) == (9, ["renewed"])


def test_status_flips() -> None:
    """Each flip of a status counts nothing again: 6 used stay 6, never 12."""
    reader = Reader(rows([6])[0])
    for _ in range(5):
        reader.read(*rows([6, 6], status=0), *rows([6, 6]))
    assert reader.used == 6
    assert reader.kinds == ["expired"]


def test_small_correction() -> None:
    """10.00 GiB corrected to 9.99 stay 10.00, and are no new life."""
    size = 10 * GIB
    reader = Reader(record(traffic=size, traffic_used=9 * GIB))
    reader.read(record(traffic=size, traffic_used=size))
    for used in (size - GIB // 100, size, size - GIB // 100):
        reader.read(record(traffic=size, traffic_used=used))
    assert reader.used == size
    assert reader.kinds == ["depleted"]


def test_absurd_use() -> None:
    """A use that cannot be read counts nothing, and the last readable one stays."""
    odd = record(unreadable=frozenset({"trafficUsed"}))
    reader = Reader(record(traffic_used=5)).read(odd, odd, record(traffic_used=7))
    assert reader.used == 7
    assert reader.kinds == []


def test_absurd_size() -> None:
    """A size far below the use is no end before another reading agrees."""
    used = record(traffic=GIB, traffic_used=GIB // 2)
    odd = record(traffic=1_000, unreadable=frozenset({"trafficUsed"}))
    assert Reader(used).read(odd, used, odd, used).kinds == []
    assert Reader(used).read(odd, odd, odd).kinds == ["depleted"]


@pytest.mark.parametrize(
    "fields",
    [
        {"traffic": GIB // 4},
        {"expires": None},
        {"expires": NOW - DAY},
        {"created": None},
        {"status": 0},
        {"order_id": None},
    ],
)
def test_unreadable_field(fields: dict[str, Any]) -> None:
    """A field that cannot be read keeps its last value, and is no news."""
    names = {
        "traffic": "traffic",
        "expires": "expireTime",
        "created": "createTime",
        "status": "status",
        "order_id": "orderId",
    }
    good = record(order_id="ORD-1", traffic_used=GIB // 2)
    odd = replace(
        good, **fields, unreadable=frozenset({names[name] for name in fields})
    )
    reader = Reader(good).read(odd, odd)
    assert reader.package.record == replace(good, unreadable=odd.unreadable)
    reader.read(good)
    assert reader.kinds == []


def test_renewed_in_place_every_day() -> None:
    """60 days of 3 GiB a day in one package that is renewed in place are 180 GiB."""
    size = 3 * GIB
    reader = Reader(record(traffic=size, expires=NOW + DAY))
    for day in range(60):
        for used in (GIB, 2 * GIB, size):
            reader.read(
                record(traffic=size, traffic_used=used, expires=NOW + (day + 1) * DAY),
                every=6 * HOUR,
            )
        fresh = record(traffic=size, expires=NOW + (day + 2) * DAY)
        reader.read(fresh, fresh, every=HOUR)
    assert reader.used == 180 * GIB
    assert reader.kinds == ["depleted", "renewed"] * 60


ENDED = record(status=0, expires=NOW - HOUR, order_id="ORD-1", traffic_used=1)
INACTIVE = record(status=0, traffic_used=1)
USABLE = replace(ENDED, status=1, expires=NOW + 9 * DAY)


@pytest.mark.parametrize(
    ("end", "row", "expected"),
    [
        pytest.param(ENDED, USABLE, ["renewed"], id="extended"),
        pytest.param(
            record(traffic_used=GIB),
            record(traffic_used=GIB, traffic=2 * GIB),
            ["renewed"],
            id="topped up",
        ),
        pytest.param(
            INACTIVE,
            record(order_id="ORD-2", traffic_used=1),
            ["renewed"],
            id="another order",
        ),
        pytest.param(
            INACTIVE,
            record(created=NOW, traffic_used=1),
            ["renewed"],
            id="created anew",
        ),
        pytest.param(
            record(traffic_used=GIB), record(), ["renewed"], id="starts again at 0"
        ),
        pytest.param(INACTIVE, record(traffic_used=1), [], id="a flip of the status"),
        pytest.param(
            record(status=0, traffic_used=4),
            record(traffic_used=5),
            [],
            id="a flip, and use that was booked late",
        ),
        pytest.param(
            record(traffic_used=GIB),
            record(traffic_used=GIB - 9),
            [],
            id="a correction",
        ),
        pytest.param(ENDED, replace(USABLE, status=0), [], id="not active"),
        pytest.param(
            ENDED, replace(USABLE, expires=NOW - MINUTE), [], id="not long enough"
        ),
    ],
)
def test_renewal(end: Record, row: Record, expected: list[str]) -> None:
    """A package that has ended and is usable again is renewed if its terms moved."""
    reader = Reader(end).read(row, row, row)
    assert reader.kinds == expected


def test_second_end_of_a_renewed_package() -> None:
    """A new life can end, which is reported again."""
    reader = Reader(ENDED).read(USABLE, replace(USABLE, traffic_used=GIB))
    later = replace(USABLE, traffic_used=GIB, traffic=2 * GIB)
    reader.read(later, replace(later, status=0), replace(later, status=0))
    assert reader.kinds == ["renewed", "depleted", "renewed", "expired"]


def test_second_end_after_a_flip() -> None:
    """A life that goes on after a flip of its status has an end that is known."""
    reader = Reader().read(*[record(status=0)] * 2, record())
    assert reader.package.life is Life.RESUMED
    reader.read(record(traffic_used=GIB), record(status=0, traffic_used=GIB))
    assert reader.kinds == ["expired"]


def test_terms_that_moved_between_flips() -> None:
    """Terms that moved since the end that was reported make a renewal."""
    longer = record(traffic_used=1, expires=NOW + 60 * DAY)
    reader = Reader(INACTIVE).read(record(traffic_used=1))
    reader.read(*[replace(longer, status=0)] * 2)
    assert reader.kinds == []
    assert reader.read(longer, longer).kinds == ["renewed"]


@pytest.mark.parametrize("fields", [{"order_id": None}, {"created": None}])
def test_terms_that_are_missing_after_a_flip(fields: dict[str, Any]) -> None:
    """An order or a creation that is missing in a reading did not move."""
    row = record(traffic_used=1, order_id="ORD-1")
    reader = Reader(row).read(*[replace(row, status=0)] * 2)
    assert reader.read(replace(row, **fields), row).kinds == ["expired"]


ODD_TERMS: list[dict[str, Any]] = [
    {"expires": None},
    {"expires": NOW + DAY},
    {"traffic": GIB // 2},
    {"traffic": 0},
]


@pytest.mark.parametrize("fields", ODD_TERMS)
def test_terms_that_are_odd_in_the_reading_of_a_flip(fields: dict[str, Any]) -> None:
    """Terms that give less than before are no renewal until another reading agrees."""
    row = record(traffic_used=1)
    odd = replace(row, **fields)
    reader = Reader(row).read(*[replace(row, status=0)] * 2, odd)
    waits = [reader.package.needs_confirmation]
    reader.read(row, row)
    waits.append(reader.package.needs_confirmation)
    reader.read(odd, row, odd, row)
    assert reader.kinds == ["expired"]
    reader.read(odd, odd)
    waits.append(reader.package.needs_confirmation)
    assert reader.kinds == ["expired", "renewed"]
    assert waits == [True, False, False]


def test_terms_that_cannot_be_read_confirm_nothing() -> None:
    """A reading without a readable expiry does not confirm that it moved."""
    row = record(traffic_used=1)
    odd = replace(row, expires=None)
    unreadable = replace(odd, unreadable=frozenset({"expireTime"}))
    reader = Reader(row).read(*[replace(row, status=0)] * 2, odd, unreadable, row)
    assert reader.kinds == ["expired"]


def test_terms_that_moved_before_a_row_is_missing() -> None:
    """A renewal that was not confirmed is forgotten with the row."""
    row = record(traffic_used=1)
    reader = Reader(row).read(*[replace(row, status=0)] * 2, replace(row, traffic=0))
    found = [reader.package.is_renewal_seen]
    found.append(reader.read(None).package.is_renewal_seen)
    assert found == [True, False]


def test_expiry_that_is_missing_at_the_end() -> None:
    """An expiry that is missing once, in the reading of an end, has not moved."""
    used = record(traffic_used=GIB)
    corrected = record(traffic_used=GIB - 9)
    lost = replace(used, expires=None)
    for later in ([used, corrected], [corrected], [replace(corrected, expires=None)]):
        reader = Reader().read(lost)
        assert reader.package.needs_confirmation
        assert reader.read(*later, *later[-1:]).kinds == ["depleted"]
        assert not reader.package.needs_confirmation
    # It never expired any more, and then it was extended.
    reader = Reader().read(lost, lost, replace(lost, traffic=2 * GIB))
    assert reader.kinds == ["depleted", "renewed"]
    reader = Reader().read(lost, replace(lost, traffic=2 * GIB))
    assert reader.kinds == ["depleted", "renewed"]


@pytest.mark.parametrize(
    ("size", "odd"),
    [(GIB, GIB * 99 // 100), (GIB, GIB * 9 // 10), (0, GIB * 99 // 100)],
)
def test_size_that_is_odd_once(size: int, odd: int) -> None:
    """A size that falls to the use is no end before another reading agrees."""
    used = record(traffic=size, traffic_used=GIB * 99 // 100)
    small = replace(used, traffic=odd)
    assert Reader(used).read(small, used, small, used).kinds == []
    assert Reader(used).read(small, small, small).kinds == ["depleted"]


def test_extension_of_a_usable_package() -> None:
    """A package that is extended or topped up while it is usable has no news."""
    reader = Reader().read(record(expires=NOW + 60 * DAY), record(traffic=2 * GIB))
    assert reader.kinds == []


def test_restart_of_a_usable_package() -> None:
    """A confirmed start again at 0 is a renewal, also while a package was usable."""
    used = record(traffic_used=GIB // 2)
    reader = Reader(used).read(record())
    assert reader.kinds == []
    reader.read(record(), record())
    assert reader.kinds == ["renewed"]


def test_renewal_is_reported_once() -> None:
    """A renewal with new terms is reported at once, and its use confirmed silently."""
    reader = Reader(record(traffic_used=GIB))
    fresh = record(expires=NOW + 60 * DAY)
    reader.read(fresh)
    assert reader.kinds == ["renewed"]
    reader.read(fresh, fresh, replace(fresh, traffic_used=5))
    assert reader.kinds == ["renewed"]
    assert reader.used == GIB + 5


def test_restart_of_an_inactive_package() -> None:
    """A use that started again while nothing could be used is news once it can."""
    reader = Reader(record(traffic_used=GIB, status=0)).read(*[record(status=0)] * 3)
    assert reader.kinds == []
    reader.read(record(), record())
    assert reader.kinds == ["renewed"]


def test_waiting() -> None:
    """A package waits, and has not ended, while it was never active nor used."""
    waiting = record(status=2)
    reader = Reader(waiting, is_new=True).read(waiting, waiting, None, None, waiting)
    assert reader.kinds == []
    assert reader.package.is_waiting(reader.now)
    assert not reader.package.is_waiting(NOW + 30 * DAY)
    assert Package(record(status=2, expires=None)).is_waiting(NOW)
    reader.read(record(), waiting, waiting)
    assert reader.kinds == ["expired"]
    assert not reader.package.is_waiting(reader.now)


def test_waiting_until_it_is_used() -> None:
    """A package of which something was used no longer waits."""
    used = record(status=2, traffic_used=5)
    reader = Reader(record(status=2)).read(used)
    assert reader.kinds == []
    reader.read(used)
    assert reader.kinds == ["expired"]


@pytest.mark.parametrize(
    ("row", "seen", "expected"),
    [
        pytest.param(record(status=0), 1, [], id="inactive once"),
        pytest.param(record(status=0), 2, ["expired"], id="inactive"),
        pytest.param(record(status=None), 2, ["expired"], id="no status"),
        pytest.param(record(status=7), 2, ["expired"], id="another status"),
        pytest.param(None, 1, [], id="not listed once"),
        pytest.param(None, 2, ["expired"], id="not listed"),
        pytest.param(
            record(status=0, expires=None), 1, [], id="without expiry, inactive once"
        ),
        pytest.param(
            record(status=0, expires=NOW),
            1,
            ["expired"],
            id="inactive after its expiry",
        ),
        pytest.param(record(traffic_used=GIB), 1, ["depleted"], id="used up"),
        pytest.param(
            record(traffic_used=GIB + 5, status=0), 1, ["depleted"], id="and inactive"
        ),
        pytest.param(record(expires=NOW - DAY), 2, [], id="our clock says so"),
    ],
)
def test_end(row: Record | None, seen: int, expected: list[str]) -> None:
    """A life ends once, when the server says so; before the expiry it says so twice."""
    reader = Reader().read(*[row] * seen)
    assert reader.kinds == expected
    reader.read(*[row] * seen)
    assert len(reader.kinds) <= 1


def test_end_of_an_overdue_package() -> None:
    """A package that is not listed after its expiry has ended at the second reading."""
    reader = Reader(record(expires=NOW)).read(None)
    assert reader.kinds == []
    assert reader.read(None).kinds == ["expired"]


def test_end_that_is_taken_back() -> None:
    """A package that is active again at the next reading has not ended."""
    reader = Reader().read(*[record(status=0), record()] * 5, *[None, record()] * 5)
    assert reader.kinds == []
    assert reader.package.life is Life.OPEN
    assert not reader.package.needs_confirmation


def test_unlimited_package() -> None:
    """A package of size 0 has no end by use."""
    reader = Reader(record(traffic=0)).read(record(traffic=0, traffic_used=9 * GIB))
    assert reader.kinds == []
    assert reader.used == 9 * GIB
    assert reader.package.is_usable(reader.now)


@pytest.mark.parametrize(
    ("row", "ended"),
    [
        (record(), None),
        (record(status=0), None),
        (record(status=0, traffic_used=1), NOW - HOUR),
        (record(traffic_used=GIB), NOW - HOUR),
        (record(traffic_used=GIB, created=None, expires=None), NOW - 99_999 * DAY),
        (record(traffic_used=GIB, expires=NOW - DAY, created=NOW - 9 * DAY), NOW - DAY),
    ],
)
def test_history(row: Record, ended: Any) -> None:  # noqa: ANN401
    """A package that was there before we looked ended at its last known moment."""
    package = Package.from_history(row, NOW)
    assert package.counted == row.traffic_used
    assert (package.ended is None) is (ended is None)
    assert (package.life is Life.OPEN) is (ended is None)
    if ended is not None and ended > NOW - 999 * DAY:
        assert package.ended == ended


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (Package(record(expires=NOW)), True),
        (Package(record()), False),
        (Package(record(expires=None)), False),
        (Package(record(expires=NOW, status=0)), False),
        (Package(record(expires=NOW), is_listed=False), False),
    ],
)
def test_overdue(package: Package, expected: bool) -> None:
    """A package is overdue while the server calls it active after its expiry."""
    assert package.is_overdue(NOW) is expected


def test_description() -> None:
    """A package has one description, with bytes and times in UTC."""
    assert describe(record(order_id="ORD-1", traffic_used=5), NOW) == {
        "order_id": "ORD-1",
        "source": "order",
        "status": "active",
        "usable": True,
        "size": GIB,
        "used": 5,
        "remaining": GIB - 5,
        "created": "2026-03-01T11:00:00+00:00",
        "expires": "2026-03-31T12:00:00+00:00",
    }
    odd = Record(id="2", status=9, traffic=1, traffic_used=2)
    assert describe(odd, NOW) == {
        "order_id": None,
        "source": "other",
        "status": "inactive",
        "usable": False,
        "size": 1,
        "used": 2,
        "remaining": 0,
        "created": None,
        "expires": None,
    }
    assert describe(record(expires=NOW), NOW)["usable"] is False
    assert NOW.tzinfo is UTC
    assert describe(record(source=Source.SIGN), NOW)["source"] == "sign"
