"""All packages ever seen, kept up to date by readings of the records.

Sizes are bytes, times are aware and in UTC. The records are section 2 of the API
document.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from ..api import PAGE_SIZE, Listing, Record
from .newcomers import Newcomers
from .package import Package, Step
from .packages import Packages
from .reading import Outcome, Reading
from .unreadable import UnreadableValues
from .watchlist import Watchlist


class Ledger:
    """The packages of an account, by the ids of their records."""

    def __init__(self) -> None:
        """Start without packages; the first reading is history, not news."""
        self.packages = Packages()
        self.newcomers = Newcomers()
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
        return bool(self.packages or self.newcomers.newest)

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
        return bool(self._unreadable or self.newcomers.left_out)

    @property
    def unreadable(self) -> Counter[str]:
        """How often each field, by its name in the document, could not be read."""
        left_out = Counter(trafficUsed=len(self.newcomers.left_out))
        return self._unreadable.count() + left_out

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

    def count_new(self, rows: Iterable[Record]) -> int:
        """Return how many rows of a listing that are news were not listed before."""
        left_out = self.newcomers.left_out
        found = (
            self.packages.get(record.id) for record in rows if record.id not in left_out
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
        past = self.newcomers.past_rows(
            self.packages.unknown(rows), now, is_baseline=self.needs_baseline
        )
        used = self._take_past(past)
        steps = [
            step
            for row in rows
            if row.id not in past
            and not self.packages.is_past(row)
            and (step := self._take(row, now)) is not None
        ]
        self.newcomers.note(rows, now)
        steps += [self._miss(package, now) for package in gone]
        if reading.is_complete:
            self.newcomers.forget_absent(listing.records.keys())
            self._unreadable.unidentified = listing.unidentified
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
        self.newcomers.left_out.clear()
        self.history_version += 1
        self.has_times = False
        self.packages.clear()
        self.rows.clear()
        self.watchlist.clear()

    def _take_past(self, past: Mapping[str, Record]) -> int:
        """Take over packages of the past, and return the bytes that count."""
        if not past:
            return 0
        self.packages.put_past(past)
        self.has_times |= any(record.created for record in past.values())
        self.history_version += 1
        if not self.needs_baseline:
            return 0
        return sum(record.traffic_used for record in past.values())

    def _take(self, record: Record, now: datetime) -> Step | None:
        """Take over a row, unless it says nothing new or gives no package."""
        known = self.packages.get(record.id)
        if known is None:
            step = self.newcomers.admit(record, now, is_baseline=self.needs_baseline)
        elif record is known.record and known.is_settled:
            return None
        else:
            step = known.copy().update(record, now)
        if step is not None:
            has_moved = known is None or known.record != step.package.record
            self.put(step.package, now, has_moved=has_moved)
        return step

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
            or ledger.count_new(ledger.packages.news(listing))
        ):
            return []
    return absent


def _arrived_else(before: Record, after: Record) -> bool:
    """Return whether a package turns out to have arrived at another time or source."""
    return (before.source, before.created) != (after.source, after.created)
