"""Records, readings, and ledgers to test with."""

from datetime import timedelta
from typing import Any

from custom_components.bytesflows.account import Ledger, Package
from custom_components.bytesflows.account.reading import Outcome, Reading
from custom_components.bytesflows.api import Listing, Record, RecordsPage, Source
from dev.simulated_api import GIB
from tests.helpers.clock import NOW

MINUTE = timedelta(minutes=1)
MINUTES = timedelta(minutes=5)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def record(id_: str = "1", **fields: Any) -> Record:  # noqa: ANN401
    """Return a package of 1 GiB that was purchased an hour ago."""
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


def listing(*records: Record, total: int | None = -1, unidentified: int = 0) -> Listing:
    """Return the rows of one page, which are all there are by default."""
    if total == -1:
        total = len(records) + unidentified
    return Listing(RecordsPage(records=records, total=total, unidentified=unidentified))


def complete(*records: Record, **fields: Any) -> Reading:  # noqa: ANN401
    """Return a reading of everything."""
    return Reading(listing(*records, **fields), is_complete=True, adds_up=True)


def partial(*records: Record, total: int) -> Reading:
    """Return a reading of some rows."""
    return Reading(listing(*records, total=total), is_complete=False, adds_up=True)


def started(*records: Record) -> Ledger:
    """Return a ledger after its first reading."""
    ledger = Ledger()
    ledger.apply(complete(*records), NOW)
    return ledger


def every(ledger: Ledger) -> list[Package]:
    """Return all packages of a ledger."""
    return [
        package
        for id_ in ledger.packages
        if (package := ledger.packages.get(id_)) is not None
    ]


def kinds(outcome: Outcome) -> list[tuple[str, str]]:
    """Return the changes as pairs of package and kind."""
    return [(change.record.id, change.kind.value) for change in outcome.changes]
