"""The newest package of each source, which tells new packages from old ones.

Times are aware and in UTC.
"""

from collections.abc import Iterable
from datetime import datetime

from ..api import Record, Source
from .times import CLOCK_TOLERANCE, EPOCH
from .unreadable import FirstSeen


class Newest(dict[Source, datetime]):
    """The creation time of the newest package, by source."""

    def note(self, records: Iterable[Record], now: datetime) -> None:
        """Note the creation times of packages, except those in the future."""
        latest = now + CLOCK_TOLERANCE
        for record in records:
            created = record.created
            if (
                created is not None
                and created <= latest
                and created > self.get(record.source, EPOCH)
            ):
                self[record.source] = created

    def first_seen(self, record: Record) -> FirstSeen:
        """Return NEW for an unknown package that came after those of its source.

        Any other is OLD: it was there before we looked, and is listed again.
        """
        newest = self.get(record.source)
        if record.created is None:
            is_new = record.is_active
        else:
            is_new = newest is None or record.created > newest
        return FirstSeen.NEW if is_new else FirstSeen.OLD
