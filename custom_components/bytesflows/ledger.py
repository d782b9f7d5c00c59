"""What is known of an account's packages, remembered from reading to reading.

Pure Python: no Home Assistant, no input or output, and no clock of its own. Sizes are
bytes, times are aware and in UTC.

A reading need not be of everything. It is enough when every package that was known as
active has been seen again, and as many records are known as the server counts: then
none of the active ones can have changed unnoticed, and a new one would be one too many.
What can still hide is a new package in the place of a record that the server has
forgotten since: `explains` notices it by the account's total. Left to the daily reading
of everything are records that were over already: use that is booked on them late, and
one that becomes active again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from .api import (
    BytesFlowsParseError,
    Codec,
    Overview,
    Record,
    RecordsPage,
    Source,
)

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
WINDOW: Final = timedelta(days=7)
"""The time over which the pace is taken."""
MEMORY: Final = timedelta(days=8)
"""How long samples, and packages that are over, are kept in the storage."""
MAX_DOUBTS: Final = 3
"""How often a day everything is read for a total that turns out to prove nothing."""

SOON: Final = timedelta(0)
LATE: Final = timedelta(minutes=15)

# The largest total that can be stored.
_MOST: Final = 2**63 - 1
_LONG_AGO: Final = datetime.fromtimestamp(0, UTC)


class ChangeKind(StrEnum):
    """What can happen to a package."""

    PURCHASED = "purchased"
    CHECKED_IN = "checked_in"
    ACQUIRED = "acquired"
    EXPIRED = "expired"
    DEPLETED = "depleted"


_ARRIVALS: Final = {
    Source.ORDER: ChangeKind.PURCHASED,
    Source.SIGN: ChangeKind.CHECKED_IN,
    Source.OTHER: ChangeKind.ACQUIRED,
}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a package, told once."""

    kind: ChangeKind
    record: Record
    """The package as it was last seen."""

    @property
    def is_arrival(self) -> bool:
        """Whether the package is new."""
        return self.kind in _ARRIVALS.values()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A package that a reading found, and when it was not there yet."""

    record: Record
    before: datetime
    """When the reading before was made."""


@dataclass(slots=True)
class _Package:
    """A record and what the server does not say of it."""

    record: Record
    used: int = 0
    """The highest use ever seen, in bytes."""
    ended: datetime | None = None
    """When it was first seen to be over; it is over once only."""
    is_listed: bool = True
    """Whether the server still lists it."""
    place: int = 0
    """Which row it was, while it was active, counted from 0."""

    @property
    def is_active(self) -> bool:
        """Whether the server lists it, and calls it active."""
        return self.is_listed and self.record.is_active


class Ledger:
    """All packages once seen, and what follows from having seen them before."""

    def __init__(self) -> None:
        """Know nothing."""
        self.consumed = 0
        """Bytes ever used; it never falls."""
        self.newest: dict[Source, datetime] = {}
        """When the newest package of each source was created."""
        self.last_reading: datetime | None = None
        self.last_complete_reading: datetime | None = None
        """When everything was read; None until that was done in this run."""
        self.changes: tuple[Change, ...] = ()
        """What happened and was not told yet."""
        self.arrivals: tuple[Arrival, ...] = ()
        """The packages that the last reading found."""
        self.overview: Overview | None = None
        """The account's figures as they were last shown."""
        self.is_low: bool | None = None
        """Whether traffic counted as low then."""
        self.told_until: datetime | None = None
        """Until when everything was told that time itself brings about."""
        self.not_understood_since: datetime | None = None
        """Since when no answer was understood completely, while that is so."""
        self.save_within: timedelta | None = None
        """How soon what is known should be stored, if something is new."""
        self._packages: dict[str, _Package] = {}
        self._active: dict[str, _Package] = {}
        self._listed = 0
        self._observed_since: datetime | None = None
        self._samples: list[tuple[datetime, int]] = []
        self._unlisted_traffic: int | None = None
        self._doubts = 0

    @property
    def is_complete(self) -> bool:
        """Whether everything was read at least once in this run."""
        return self.last_complete_reading is not None

    @property
    def records(self) -> Iterator[Record]:
        """Every record once seen, also those that the server has forgotten."""
        return (package.record for package in self._packages.values())

    @property
    def active(self) -> Iterator[Record]:
        """The records that the server calls active."""
        return (package.record for package in self._active.values())

    @property
    def package_ids(self) -> frozenset[str]:
        """The ids of all packages, by which accounts are told apart."""
        return frozenset(self._packages)

    # Reading

    def survey(self, first: RecordsPage) -> Survey:
        """Begin a reading that may be enough without everything, with page 1."""
        return Survey(self._active, self._listed, frozenset(self._packages), first)

    def misses(self, records: Iterable[Record]) -> bool:
        """Return whether a complete reading lacks a package that was active."""
        return not self._active.keys() <= {record.id for record in records}

    def take_some(self, survey: Survey, now: datetime) -> None:
        """Take a reading that is enough."""
        self._take(survey.records.values(), now)
        for id_, place in survey.places.items():
            self._packages[id_].place = place

    def take_all(self, records: Iterable[Record], now: datetime) -> None:
        """Take a reading of everything: what is not there is gone."""
        records = tuple(records)
        self._take(records, now)
        for place, record in enumerate(records):
            self._packages[record.id].place = place
        ids = {record.id for record in records}
        for id_, package in self._packages.items():
            if id_ not in ids and package.is_listed:
                self._forget(package, now)
        self._listed = len(ids)
        if self._observed_since is None:
            self._observed_since = now
            self._samples = [(now, self.consumed)]
            self.save_within = SOON
        self.last_complete_reading = now

    def explains(self, total_traffic: int) -> bool:
        """Return whether the account's total (document, section 1) fits the packages.

        What the total has beside the active packages is not documented, so it only has
        to stay the same. Where it keeps changing, it is not relied on for a day.
        """
        difference = self._beside_packages(total_traffic)
        return self._doubts >= MAX_DOUBTS or difference == self._unlisted_traffic

    def settle(self, total_traffic: int, *, was_doubted: bool = False) -> None:
        """Note what the total has beside the packages, after a complete reading."""
        difference = self._beside_packages(total_traffic)
        if not was_doubted:
            self._doubts = 0
        elif difference != self._unlisted_traffic:
            self._doubts += 1
        self._unlisted_traffic = difference

    def take_changes(self) -> tuple[Change, ...]:
        """Return what happened since this was asked before."""
        changes, self.changes = self.changes, ()
        if changes:
            self.save_within = SOON
        return changes

    def note_shown(self, overview: Overview, *, is_low: bool) -> None:
        """Note what was shown of the account, to which news will be a change."""
        if is_low is not self.is_low:
            self.save_within = SOON
        elif overview != self.overview:
            self._save_late()
        self.overview, self.is_low = overview, is_low

    def note_understood(self) -> None:
        """Note that all answers are understood."""
        if self.not_understood_since is not None:
            self.not_understood_since = None
            self._save_late()

    def note_not_understood(self, now: datetime) -> timedelta:
        """Note that an answer is not understood; return for how long that is so."""
        since = self.not_understood_since
        if since is None or since > now:
            self.not_understood_since = since = now
            self._save_late()
        return now - since

    def _save_late(self) -> None:
        """Have it stored, if nothing else has it stored sooner."""
        if self.save_within is None:
            self.save_within = LATE

    def _beside_packages(self, total_traffic: int) -> int:
        """Return how much of the total is in no active package."""
        return total_traffic - sum(record.traffic for record in self.active)

    def _take(self, records: Iterable[Record], now: datetime) -> None:
        """Take what some rows say."""
        newest = dict(self.newest)
        changes: list[Change] = []
        for record in records:
            package = self._packages.get(record.id)
            if package is None:
                package = self._meet(record, newest, changes)
            elif not package.is_listed:
                package.is_listed = True
                self._listed += 1
            elif record.traffic_used < package.record.traffic_used:
                self.save_within = SOON
            was_active, package.record = package.record.is_active, record
            self._count(package, now)
            self._note_end(package, now, changes, was_active=was_active)
            self._sort_in(package)
        self.arrivals = tuple(
            Arrival(change.record, self.last_reading)
            for change in changes
            if change.is_arrival and self.last_reading is not None
        )
        self.last_reading = now
        self._tell(changes, now)

    def _meet(
        self, record: Record, newest: dict[Source, datetime], changes: list[Change]
    ) -> _Package:
        """Begin to know a package: its past has been counted, or all is counted now."""
        package = self._packages[record.id] = _Package(record)
        self._listed += 1
        if self._observed_since is not None and _is_news(record, newest):
            changes.append(Change(_ARRIVALS[record.source], record))
            return package
        if self._observed_since is not None:
            package.used = record.traffic_used
        if not record.is_active or record.is_depleted:
            past = [time for time in (record.expires, record.created) if time]
            package.ended = min(past, default=_LONG_AGO)
        return package

    def _forget(self, package: _Package, now: datetime) -> None:
        """Take note that the server does not list a package any more."""
        changes: list[Change] = []
        was_active = package.is_active
        package.is_listed = False
        self._note_end(package, now, changes, was_active=was_active)
        self._sort_in(package)
        self._tell(changes, now)

    def _count(self, package: _Package, now: datetime) -> None:
        """Count what was used since the package was last seen."""
        record = package.record
        if record.created is not None:
            newest = self.newest.get(record.source, record.created)
            self.newest[record.source] = max(newest, record.created)
        growth = record.traffic_used - package.used
        if growth <= 0:
            return
        package.used = record.traffic_used
        self.consumed = min(self.consumed + growth, _MOST)
        if self._observed_since is not None:
            self._sample(now)
            self._save_late()

    def _note_end(
        self,
        package: _Package,
        now: datetime,
        changes: list[Change],
        *,
        was_active: bool,
    ) -> None:
        """Note that a package is over: used up, or inactive, or gone."""
        record = package.record
        is_over = not package.is_active and (was_active or record.is_over)
        if package.ended is None and (record.is_depleted or is_over):
            package.ended = now
            kind = ChangeKind.DEPLETED if record.is_depleted else ChangeKind.EXPIRED
            changes.append(Change(kind, record))

    def _sort_in(self, package: _Package) -> None:
        """Keep the active packages at hand."""
        if package.is_active:
            self._active[package.record.id] = package
        else:
            self._active.pop(package.record.id, None)

    def _tell(self, changes: list[Change], now: datetime) -> None:
        """Keep changes until they are told: arrivals first, the oldest first."""
        if changes:
            changes.sort(key=lambda change: change.record.created or now)
            changes.sort(key=lambda change: not change.is_arrival)
            self.changes += tuple(changes)
            self.save_within = SOON

    # Consumption

    def raise_consumed(self, consumed: int) -> None:
        """Take a total that was shown before as a lower bound."""
        if (missing := min(consumed, _MOST) - self.consumed) > 0:
            self.consumed += missing
            self._samples = [(time, past + missing) for time, past in self._samples]
            self.save_within = SOON

    def pace(self, now: datetime) -> float | None:
        """Return the bytes used a second, on average over the last 7 days.

        None before 24 hours of observation. Use while nobody was looking counts from
        the reading that found it.
        """
        if self._observed_since is None or now - self._observed_since < DAY:
            return None
        begin = max(self._observed_since, now - WINDOW)
        before = self._samples[0][1]
        for time, consumed in self._samples:
            if time <= begin:
                before = consumed
        return (self.consumed - before) / (now - begin).total_seconds()

    def _sample(self, now: datetime) -> None:
        """Remember what was consumed by the end of this hour."""
        hour = now.replace(minute=0, second=0, microsecond=0) + HOUR
        if len(self._samples) > 1 and self._samples[-1][0] >= hour:
            self._samples[-1] = (self._samples[-1][0], self.consumed)
        else:
            self._samples.append((hour, self.consumed))
        while len(self._samples) > 1 and self._samples[1][0] < now - MEMORY:
            del self._samples[0]

    # Storage

    def state(self, codec: Codec, now: datetime) -> dict[str, Any]:
        """Return what must survive a restart, fit for JSON.

        It grows with the active packages, not with the history. Times that the API gave
        are kept as it writes them, so that they are right when its zone is corrected.
        """
        return {
            "consumed": self.consumed,
            "newest": {
                source.value: codec.text(time) for source, time in self.newest.items()
            },
            "overview": None if self.overview is None else codec.figures(self.overview),
            "is_low": self.is_low,
            "told_until": _stamp(self.told_until),
            "not_understood_since": _stamp(self.not_understood_since),
            "last_reading": _stamp(self.last_reading),
            "observed_since": _stamp(self._observed_since),
            "samples": [[_stamp(time), consumed] for time, consumed in self._samples],
            "changes": [
                [change.kind.value, codec.row(change.record)] for change in self.changes
            ],
            "packages": [
                {
                    "row": codec.row(package.record),
                    "used": package.used,
                    "ended": _stamp(package.ended),
                    "listed": package.is_listed,
                }
                for package in self._packages.values()
                if package.is_active
                or (package.ended is not None and now - package.ended < MEMORY)
            ],
        }

    @classmethod
    def restore(cls, state: dict[str, Any], codec: Codec) -> Self:
        """Return the ledger of a state; raise ValueError for what is none."""
        ledger = cls()
        try:
            ledger._restore(state, codec)
        except (
            BytesFlowsParseError,
            ArithmeticError,
            AttributeError,
            LookupError,
            OSError,
            TypeError,
            ValueError,
        ) as err:
            raise ValueError("not the state of a ledger") from err
        return ledger

    def _restore(self, state: dict[str, Any], codec: Codec) -> None:
        """Take over a state, or raise one error or another."""
        self.consumed = _size(state["consumed"])
        for source, text in state["newest"].items():
            if (time := codec.time(text)) is not None:
                self.newest[Source(source)] = time
        figures, is_low = state["overview"], state["is_low"]
        if figures is not None:
            self.overview, self.is_low = codec.overview(figures), is_low is True
        self.told_until = _moment(state["told_until"])
        self.not_understood_since = _moment(state["not_understood_since"])
        self.last_reading = _moment(state["last_reading"])
        self._observed_since = _moment(state["observed_since"])
        for stamp, consumed in state["samples"]:
            if (time := _moment(stamp)) is not None:
                self._samples.append((time, _size(consumed)))
        self.changes = tuple(
            Change(ChangeKind(kind), codec.record(row))
            for kind, row in state["changes"]
        )
        for item in state["packages"]:
            package = _Package(
                codec.record(item["row"]),
                _size(item["used"]),
                _moment(item["ended"]),
                is_listed=item["listed"] is True,
            )
            self._packages[package.record.id] = package
            self._listed += package.is_listed
            self._sort_in(package)
        if self._observed_since is None or not self._samples:
            raise ValueError("never observed")
        amounts = [*(consumed for _, consumed in self._samples), self.consumed]
        if amounts != sorted(amounts):
            raise ValueError("a total that fell")


class Survey:
    """Some pages of the records, and whether they are enough."""

    def __init__(
        self,
        active: dict[str, _Package],
        listed: int,
        known: frozenset[str],
        first: RecordsPage,
    ) -> None:
        """Begin with page 1."""
        self.records: dict[str, Record] = {}
        self.places: dict[str, int] = {}
        self.page_size = len(first.records)
        self._active = active
        self._listed = listed
        self._known = known
        self._total = first.total
        self._is_steady = True
        self.add(1, first)

    def add(self, number: int, page: RecordsPage) -> None:
        """Add a page."""
        self._is_steady &= page.total == self._total
        for place, record in enumerate(page.records, (number - 1) * self.page_size):
            self.records[record.id] = record
            self.places[record.id] = place

    @property
    def is_enough(self) -> bool:
        """Whether nothing that matters can have hidden on another page."""
        return (
            self._is_steady
            and self._active.keys() <= self.records.keys()
            and self._count_known() == self._total
        )

    @property
    def pages(self) -> frozenset[int]:
        """The pages on which the rest should be, if rows have moved in one go.

        New rows come first or last; either way each row keeps its distance from one
        of the ends.
        """
        if self.page_size == 0:
            return frozenset()
        places = {self._total - 1} if self._count_known() < self._total else set()
        for id_ in self._active.keys() - self.records.keys():
            place = self._active[id_].place
            places |= {place, place + self._total - self._listed}
        return frozenset(
            place // self.page_size + 1
            for place in places
            if self.page_size <= place < self._total
        )

    def _count_known(self) -> int:
        """Return how many records the server should list, as far as is known."""
        return self._listed + len(self.records.keys() - self._known)


def _is_news(record: Record, newest: dict[Source, datetime]) -> bool:
    """Return whether a record that nobody has seen yet came since the last reading.

    The others are history that a server shows again.
    """
    if record.is_active:
        return True
    if record.created is None:
        return False
    return record.source not in newest or record.created > newest[record.source]


def _stamp(time: datetime | None) -> int | None:
    """Return a time as seconds since 1970."""
    return None if time is None else int(time.timestamp())


def _moment(stamp: object) -> datetime | None:
    """Return the time of a stamp; raise for what is none."""
    return None if stamp is None else datetime.fromtimestamp(_size(stamp), UTC)


def _size(value: object) -> int:
    """Return a whole number that a ledger can have stored; raise for all else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise TypeError("not a size")
    return value
