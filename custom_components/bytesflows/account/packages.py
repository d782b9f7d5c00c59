"""All packages that are known, most of which are of the past.

Of a package of the past, only the record is kept. It was used and not active when we
first saw it, with no time within the last 8 days (`newcomers.is_past`), and the server
lists it unchanged.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain

from ..api import Listing, Record
from .package import Package
from .times import END_OF_TIME


class Packages:
    """The packages of an account, by the ids of their records."""

    def __init__(self) -> None:
        """Start without packages."""
        self.past: dict[str, Record] = {}
        """The records of the packages of the past."""
        self._others: dict[str, Package] = {}
        self._settled: dict[str, Record] = {}
        """The records of others that would change nothing if they came again."""

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of all packages."""
        return chain(self.past, self._others)

    def __len__(self) -> int:
        """Return the number of packages."""
        return len(self.past) + len(self._others)

    @property
    def records(self) -> Iterator[Record]:
        """The records of all packages, including those no longer listed."""
        others = (package.record for package in self._others.values())
        return chain(self.past.values(), others)

    def get(self, id_: str) -> Package | None:
        """Return a package, or None if it was never seen.

        One of the past is created each time.
        """
        if (record := self.past.get(id_)) is not None:
            return Package.from_history(record, END_OF_TIME)
        return self._others.get(id_)

    def is_past(self, record: Record) -> bool:
        """Return whether a record is the known one of a package of the past."""
        return self.past.get(record.id) == record

    def news(self, listing: Listing) -> list[Record]:
        """Return the records that can change something: most are the same as before."""
        past, settled = self.past, self._settled
        return [
            record
            for id_, record in listing.records.items()
            if settled.get(id_) is not record and past.get(id_) is not record
        ]

    def unknown(self, records: Iterable[Record]) -> list[Record]:
        """Return the records of packages that are not known."""
        past, others = self.past, self._others
        return [
            item for item in records if item.id not in past and item.id not in others
        ]

    def select(self, is_wanted: Callable[[Record], bool]) -> Iterator[Package]:
        """Yield the packages whose records are wanted."""
        return self._all(record.id for record in self.records if is_wanted(record))

    def absent(self, ids: Container[str]) -> list[Package]:
        """Return the packages that are not listed now, but were, or may have ended."""
        return [
            package
            for package in self._all(id_ for id_ in self if id_ not in ids)
            if package.is_listed or package.end_seen is not None
        ]

    def completed(self, listing: Listing) -> tuple[Record, ...]:
        """Return some records, with the last readable values for unreadable ones.

        A new one without a readable use is left out.
        """
        known = {record.id: record for record in self.records}
        return tuple(
            record.completed_by(known.get(id_, record))
            for id_, record in listing.records.items()
            if id_ in known or "trafficUsed" not in record.unreadable
        )

    def put(self, package: Package, now: datetime) -> None:
        """Add or replace a package, at an aware moment.

        One that was created in the future stays news: once it no longer is, it may be
        the newest.
        """
        record = package.record
        self.past.pop(record.id, None)
        self._others[record.id] = package
        has_begun = record.created is None or record.created <= now
        if package.is_settled and has_begun:
            self._settled[record.id] = record
        else:
            self._settled.pop(record.id, None)

    def put_past(self, records: Mapping[str, Record]) -> None:
        """Add packages of the past, by their ids."""
        self.past |= records

    def clear(self) -> None:
        """Drop all packages."""
        self.past.clear()
        self._others.clear()
        self._settled.clear()

    def _all(self, ids: Iterable[str]) -> Iterator[Package]:
        """Yield some packages."""
        return (package for package in map(self.get, ids) if package is not None)
