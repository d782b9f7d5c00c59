"""A reading of the records, and its news."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ..api import Listing
from .package import Change, Step


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows of the server, and how much they prove."""

    listing: Listing
    is_complete: bool
    """Whether every page was read."""
    adds_up: bool
    """Whether the ledger is up to date with it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The news of a reading."""

    changes: tuple[Change, ...] = ()
    """Arrivals first, the oldest first."""
    used: int = 0
    """Bytes used since the reading before."""

    @classmethod
    def of(cls, steps: Iterable[Step], used: int, now: datetime) -> Self:
        """Return the news of some packages, and bytes used of others.

        A package without a creation time counts as created now, an aware moment.
        """
        changes = []
        for step in steps:
            used += step.used
            changes += [Change(kind, step.package.record) for kind in step.kinds]
        changes.sort(
            key=lambda change: (not change.is_arrival, change.record.created or now)
        )
        return cls(tuple(changes), used)
