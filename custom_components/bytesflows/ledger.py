"""What is known of an account's packages, and what follows from it.

Pure Python: no Home Assistant, no input or output, and no clock of its own. Sizes are
bytes, times are aware and in UTC.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .api import Record, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """What the records (API document, section 2) mean at one moment.

    Two of them are equal when nothing that is shown differs.
    """

    usable: int
    """Number of packages that traffic can be drawn from: active, not expired, with
    something left."""
    next_expiry: datetime | None
    """The earliest expiry among them, or None where none of them expires."""
    expiring_traffic: int
    """Bytes lost at that moment, if nothing more is used."""
    last_purchase: datetime | None
    """When the newest purchased package was created."""
    last_check_in: datetime | None
    """When the newest check-in reward was created."""


def summarize(records: Iterable[Record], now: datetime) -> Packages:
    """Return what the records mean at an (aware) moment."""
    records = tuple(records)
    usable = [record for record in records if record.is_usable(now)]
    next_expiry = min(
        (record.expires for record in usable if record.expires is not None),
        default=None,
    )
    return Packages(
        usable=len(usable),
        next_expiry=next_expiry,
        expiring_traffic=sum(
            record.remaining
            for record in usable
            if next_expiry is not None and record.expires == next_expiry
        ),
        last_purchase=_newest(records, Source.ORDER),
        last_check_in=_newest(records, Source.SIGN),
    )


def _newest(records: Iterable[Record], source: Source) -> datetime | None:
    """Return when the newest package of a source was created."""
    return max(
        (
            record.created
            for record in records
            if record.source is source and record.created is not None
        ),
        default=None,
    )
