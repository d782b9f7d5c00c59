"""Which pages of the records to read, so that a poll costs as few requests as it can.

A partial reading adds up if the server lists as many rows as are known, and if every
package that can change was read again. If the change of the account's overview is
exactly that of the packages that were read, the others cannot have changed, and one
page is enough, wherever it lies in the history. All else is left to the daily complete
reading: use that is booked late on packages that have ended, and a new package in the
place of a record that the server dropped within the same minutes.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NamedTuple

from ..api import BytesFlowsClient, Listing, Overview, Record
from .ledger import Ledger
from .package import Package
from .reading import Reading
from .rhythm import CompleteReadings, Everything

MAX_PARTIAL_ROWS: Final = 200
"""Rows after which reading everything is the better deal."""
MIN_PARTIAL_PAGES: Final = 2


class Growth(NamedTuple):
    """A change of the account's overview, in bytes."""

    total: int
    available: int

    @classmethod
    def between(cls, before: Overview | None, after: Overview) -> Growth | None:
        """Return the change from one overview to another, or None if unknown."""
        if (
            before is None
            or before.total_traffic is None
            or before.available_traffic is None
            or after.total_traffic is None
            or after.available_traffic is None
        ):
            return None
        return cls(
            after.total_traffic - before.total_traffic,
            after.available_traffic - before.available_traffic,
        )


async def sync(
    client: BytesFlowsClient,
    ledger: Ledger,
    overview: Overview,
    growth: Growth | None,
    everything: Everything,
    complete: CompleteReadings,
    now: datetime,
) -> Reading:
    """Return a reading that brings the ledger up to date, if it adds up.

    `growth` is the change of the overview since the ledger was up to date, or None
    if it was not, or if everything that can change has to be read.
    Raises `BytesFlowsError`.
    """
    if everything is not Everything.DUE:
        reading = await _read_some(client, ledger, overview, growth, now)
        if reading.adds_up or everything is Everything.TOO_EARLY:
            return reading
    first = await client.get_records_page()
    complete.begin(now)
    listing = await client.get_records(first=first)
    if _may_hide_rows(ledger, listing, overview):
        await client.read_on(listing)
    complete.finish(now)
    return Reading(listing, is_complete=True, adds_up=True)


async def _read_some(
    client: BytesFlowsClient,
    ledger: Ledger,
    overview: Overview,
    growth: Growth | None,
    now: datetime,
) -> Reading:
    """Read the pages on which something can have changed, until that adds up."""
    size = ledger.page_size
    number = _first_page(ledger, now)
    page = await client.get_records_page(number, page_size=size)
    listing = Listing(page, number=number, page_size=size)
    most = max(MIN_PARTIAL_PAGES, MAX_PARTIAL_ROWS // size)
    while (
        not (adds_up := _adds_up(ledger, listing, growth, now))
        and len(listing.numbers) < most
        and (next_number := _next_page(ledger, listing, now)) is not None
    ):
        page = await client.get_records_page(next_number, page_size=listing.page_size)
        listing.add(next_number, page)
    is_complete = listing.total is not None and not listing.missing
    if is_complete and _may_hide_rows(ledger, listing, overview):
        # Full pages are left to the readings of everything, which have a rhythm.
        is_complete = not listing.is_last_full
        if is_complete:
            await client.read_on(listing)
    return Reading(listing, is_complete=is_complete, adds_up=adds_up or is_complete)


def _may_hide_rows(ledger: Ledger, listing: Listing, overview: Overview) -> bool:
    """Return whether a total that is too low may hide rows behind the last page.

    Not if that page is not full and nothing is gone, or if the rows explain all of the
    account: then the others have nothing that counts.
    """
    if listing.total is None or listing.missing:
        return False
    if ledger.packages.absent(listing.records):
        return listing.is_last_full or len(listing.numbers) == 1
    active = [record for record in listing.records.values() if record.is_active]
    return listing.is_last_full and (
        overview.total_traffic != sum(record.traffic for record in active)
        or overview.available_traffic != sum(record.remaining for record in active)
    )


def _first_page(ledger: Ledger, now: datetime) -> int:
    """Return the number of the page to read first, which is the most promising."""
    total, size = ledger.total or 0, ledger.page_size
    if total <= size:
        return 1
    packages = ledger.watchlist.to_read(now)
    likeliest = min(packages, key=_urgency(ledger, now), default=None)
    row = 0 if likeliest is None else ledger.rows.get(likeliest.record.id, 0)
    return row // size + 1 if row < total else 1


def _next_page(ledger: Ledger, listing: Listing, now: datetime) -> int | None:
    """Return the number of the next page to read, or None if none is promising."""
    total, size, read = listing.total or 0, listing.page_size, listing.numbers
    packages = ledger.watchlist.to_read(now, listing.records)
    unread = [item.record.id for item in sorted(packages, key=_urgency(ledger, now))]
    places = [ledger.rows[id_] for id_ in unread if id_ in ledger.rows]
    # New rows come first or last, most likely at the end where something happened.
    # Either way the others keep their distance from one of the ends.
    moved = total - (ledger.total or 0)
    ends = sorted(
        (0, total - 1),
        key=lambda row: min(abs(row // size + 1 - number) for number in read),
    )
    rows = [row for place in places for row in (place, place + moved)] + ends
    numbers = (row // size + 1 for row in rows if row == 0 or 0 < row < total)
    return next((number for number in numbers if number not in read), None)


def _urgency(ledger: Ledger, now: datetime) -> Callable[[Package], tuple[bool, int]]:
    """Return the order of reading: packages that should have expired come first.

    Those that changed last come next.
    """
    return lambda item: (not item.is_overdue(now), -ledger.moved[item.record.id])


def _adds_up(
    ledger: Ledger, listing: Listing, growth: Growth | None, now: datetime
) -> bool:
    """Return whether nothing that matters can have changed on the other pages."""
    if listing.total is None or ledger.total is None:
        return False
    rows = ledger.packages.news(listing)
    if listing.total != ledger.total + ledger.count_new(rows):
        return False
    unread = ledger.watchlist.to_read(now, listing.records)
    if any(item.needs_confirmation or item.is_overdue(now) for item in unread):
        return False
    return not unread or (growth is not None and _growth(ledger, rows) == growth)


def _growth(ledger: Ledger, rows: Iterable[Record]) -> Growth:
    """Return the change of the packages that were read, given the rows that are news.

    Rows that no package can be made of are left out.
    """
    total = available = 0
    for record in rows:
        package = ledger.packages.get(record.id)
        after = record
        if package is not None:
            after = record.completed_by(package.record)
            if package.is_active:
                total -= package.record.traffic
                available -= package.record.remaining
        elif "trafficUsed" in record.unreadable:
            continue
        if after.is_active:
            total += after.traffic
            available += after.remaining
    return Growth(total, available)
