"""The rows of several pages of the records, united."""

from typing import Final

from .models import Record, RecordsPage

PAGE_SIZE: Final = 100
"""Number of rows requested per page. The server may have a lower limit."""


class Listing:
    """Unite pages of the records, whose rows may repeat or hide between pages.

    Pages are those of the API document, section 2, counted from 1.
    """

    records: dict[str, Record]
    """Each record once, by id."""
    places: dict[str, int]
    """Row number by id, counted from 0, where known.

    Rows without a readable id are not counted on their page, so a place may be too low,
    but never belongs to another page.
    """
    numbers: set[int]
    """The pages that were added."""
    total: int | None
    """Number of rows according to the newest page; None if it could not be read."""
    page_size: int
    """Number of rows that the server puts on a page."""
    last_rows: int
    """Number of rows of the last page that was added, by its number."""

    def __init__(
        self, page: RecordsPage, *, number: int = 1, page_size: int = PAGE_SIZE
    ) -> None:
        """Begin with one page, for which `page_size` rows were requested."""
        self.records = {}
        self.places = {}
        self.numbers = set()
        rows = len(page.records) + page.unidentified
        has_more = number == 1 and (page.total is None or page.total > rows)
        self.page_size = rows if has_more and rows else page_size
        self.last_rows = 0
        self._unidentified: dict[int, int] = {}
        self._unidentified_at_once = 0
        self.add(number, page)

    @property
    def unidentified(self) -> int:
        """Number of rows without a readable id."""
        return max(self._unidentified_at_once, sum(self._unidentified.values()))

    @property
    def missing(self) -> int:
        """Number of rows that no page had; 0 if the total is unknown."""
        if self.total is None:
            return 0
        return max(0, self.total - len(self.records) - self.unidentified)

    @property
    def is_last_full(self) -> bool:
        """Whether the last page has as many rows as the server puts on one."""
        return self.last_rows >= self.page_size

    def add(self, number: int, page: RecordsPage) -> None:
        """Add another page of the same page size."""
        self.numbers.add(number)
        if number == max(self.numbers):
            self.last_rows = len(page.records) + page.unidentified
        self.total = page.total
        self._unidentified[number] = page.unidentified
        first = (number - 1) * self.page_size
        for place, record in enumerate(page.records, first):
            if self.records.setdefault(record.id, record) is not record:
                self._unite(record)
            self.places[record.id] = place

    def add_large(self, page: RecordsPage) -> None:
        """Add a response of another page size.

        Rows that were not known before follow the others, without a place.
        """
        self.total = page.total
        self._unidentified_at_once = max(self._unidentified_at_once, page.unidentified)
        for record in page.records:
            self._unite(record)

    def _unite(self, record: Record) -> None:
        """Add a row, or let it replace the known one of its id.

        A use only grows while pages are read: a row with less is older, or a copy that
        was left behind, and which one comes last says nothing.
        """
        known = self.records.get(record.id)
        if known is None or _use(known) <= _use(record):
            self.records[record.id] = record


def _use(record: Record) -> int:
    """Return the use of a row, less than any other if it cannot be read."""
    return -1 if "trafficUsed" in record.unreadable else record.traffic_used
