"""All packages ever seen, kept up to date by readings of the records.

Sizes are bytes, times are aware and in UTC. The records are section 2 of the API
document.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from ..api import PAGE_SIZE, Listing, Record
from .newest import Newest
from .package import ARRIVALS, Package, Step
from .packages import Packages
from .reading import Outcome, Reading
from .unreadable import FirstSeen, UnreadableValues
from .watchlist import Watchlist, is_past


class Ledger:
    """The packages of an account, by the ids of their records."""

    def __init__(self) -> None:
        """Start without packages; the first reading is history, not news."""
        self.packages = Packages()
        self.newest = Newest()
        self.needs_baseline = True
        """Whether the next reading is a first one, in which nothing is news."""
        self.total: int | None = None
        """Rows that the server listed when the ledger was last up to date."""
        self.missing = 0
        """Rows of these that no page had."""
        self.page_size = PAGE_SIZE
        self.rows: dict[str, int] = {}
        """Where the server listed each package, counted from 0, in this run."""
        self.moved: dict[str, int] = {}
        """When each package last changed, by a counter of readings."""
        self.readings = 0
        """How many readings were applied."""
        self.history_version = 0
        """How often the packages that cannot change, or any arrivals, have changed."""
        self.has_times = False
        """Whether any package has a creation time."""
        self.watchlist = Watchlist()
        self._unreadable = UnreadableValues()

    @property
    def active(self) -> tuple[Record, ...]:
        """The records of the packages that the server calls active."""
        return self.watchlist.active

    @property
    def had_packages(self) -> bool:
        """Whether there ever was a package, as far as is known."""
        return bool(self.packages or self.newest)

    @property
    def needs_complete_reading(self) -> bool:
        """Whether a first reading, or one that confirms a package's absence, is due."""
        return self.needs_baseline or any(
            item.end_seen is not None and not item.is_listed
            for item in self.watchlist.unconfirmed
        )

    @property
    def has_unreadable(self) -> bool:
        """Whether any value could not be read."""
        return bool(self._unreadable)

    @property
    def unreadable(self) -> Counter[str]:
        """How often each field, by its name in the document, could not be read."""
        return self._unreadable.count()

    def history(self, is_wanted: Callable[[Record], bool]) -> Iterator[Package]:
        """Yield the packages that cannot change, as far as is known, and are wanted."""
        return (
            package
            for package in self.packages.select(is_wanted)
            if package.record.id not in self.watchlist
        )

    def put(self, package: Package, now: datetime, *, has_moved: bool = True) -> None:
        """Add or replace a package, at an aware moment."""
        record = package.record
        before = self.packages.get(record.id)
        self.packages.put(package, now)
        self.has_times |= record.created is not None
        if has_moved:
            self.moved[record.id] = self.readings
        self._unreadable.note(package)
        stays_changeable = self.watchlist.put(package, now)
        if (
            before is None
            or not stays_changeable
            or _arrived_else(before.record, record)
        ):
            self.history_version += 1

    def count_new(self, listing: Listing) -> int:
        """Return how many rows were not listed before."""
        left_out = self._unreadable.left_out
        found = (
            self.packages.get(record.id)
            for record in self.packages.news(listing)
            if record.id not in left_out
        )
        return sum(package is None or not package.is_listed for package in found)

    def apply(self, reading: Reading, now: datetime) -> Outcome:
        """Take over a reading made at an aware moment, and return its news."""
        self.readings += 1
        listing = reading.listing
        if self.needs_baseline and reading.is_complete:
            self._forget_packages()
        gone = _gone(self, listing) if reading.is_complete else []
        rows = self.packages.news(listing)
        used, others = self._take_past(rows, now)
        steps = [
            step
            for row in others
            if not self.packages.is_past(row)
            and (step := self._take(row, now)) is not None
        ]
        left_out = self._unreadable.left_out
        self.newest.note((row for row in rows if row.id not in left_out), now)
        steps += [self._miss(package, now) for package in gone]
        if reading.is_complete:
            self._unreadable.note_complete(listing.records.keys(), listing.unidentified)
            self.missing = listing.missing
            self.page_size = listing.page_size
        if reading.adds_up:
            self.total = listing.total
            self.needs_baseline = False
        self.rows |= listing.places
        return Outcome.of(steps, used, now)

    def _forget_packages(self) -> None:
        """Forget all packages, so that a first reading knows nothing before it."""
        self._unreadable = UnreadableValues()
        self.history_version += 1
        self.has_times = False
        self.packages.clear()
        self.rows.clear()
        self.watchlist.clear()

    def _take_past(
        self, rows: Iterable[Record], now: datetime
    ) -> tuple[int, list[Record]]:
        """Take over new rows of the past; return the bytes that count, and the others.

        Most rows of a history are of the past, and need no closer look.
        """
        left_out, packages = self._unreadable.left_out, self.packages
        past: dict[str, Record] = {}
        others = []
        for row in rows:
            if (
                is_past(row, now)
                and row.id not in packages
                and row.id not in left_out
                and self._first_seen(row) is not FirstSeen.NEW
            ):
                past[row.id] = row
            else:
                others.append(row)
        if past:
            self.packages.put_past(past)
            self.has_times |= any(record.created for record in past.values())
            self.history_version += 1
        used = sum(record.traffic_used for record in past.values())
        return (used if self.needs_baseline else 0), others

    def _take(self, record: Record, now: datetime) -> Step | None:
        """Take over a row, unless it says nothing new or gives no package."""
        known = self.packages.get(record.id)
        if known is None:
            step = self._admit(record, now)
        elif record is known.record and known.is_settled:
            return None
        else:
            step = known.copy().update(record, now)
        if step is not None:
            has_moved = known is None or known.record != step.package.record
            self.put(step.package, now, has_moved=has_moved)
        return step

    def _admit(self, record: Record, now: datetime) -> Step | None:
        """Return a new package, or None for a row without a readable use."""
        left_out = self._unreadable.left_out
        seen = left_out.get(record.id) or self._first_seen(record)
        if "trafficUsed" in record.unreadable:
            left_out[record.id] = seen
            return None
        if self.needs_baseline:
            package = Package.from_history(record, now)
            return Step(package, record.traffic_used, ())
        arrival = ARRIVALS[record.source]
        if seen is not FirstSeen.NEW:
            package = Package.from_history(record, now)
            is_news = seen is FirstSeen.OLD and record.is_active
            return Step(package, 0, (arrival,) if is_news else ())
        step = Package(record).update(record, now)
        return Step(step.package, step.used, (arrival, *step.kinds))

    def _first_seen(self, record: Record) -> FirstSeen:
        """Return how an unknown row is seen for the first time."""
        if self.needs_baseline:
            return FirstSeen.IN_BASELINE
        return self.newest.first_seen(record)

    def _miss(self, package: Package, now: datetime) -> Step:
        """Note that a package is no longer listed."""
        step = package.copy().miss(now)
        self.put(step.package, now)
        return step


def _gone(ledger: Ledger, listing: Listing) -> list[Package]:
    """Return the packages that a complete reading proves to be no longer listed.

    Where rows are missing, an absent package can be one of them, unless the total
    has fallen by as many as are absent and nothing has come to light.
    """
    absent = ledger.packages.absent(listing.records)
    if listing.missing or listing.unidentified:
        lost = sum(package.is_listed for package in absent)
        if (
            ledger.total is None
            or ledger.total - lost != listing.total
            or ledger.count_new(listing)
        ):
            return []
    return absent


def _arrived_else(before: Record, after: Record) -> bool:
    """Return whether a package turns out to have arrived at another time or source."""
    return (before.source, before.created) != (after.source, after.created)
