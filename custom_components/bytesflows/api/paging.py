"""Reading the records page by page, as far as the server lists them.

Rows can repeat or hide between pages, the server may put fewer on a page than were
requested, and `total` need not be right (API document, section 2).
"""

import asyncio
from collections.abc import Awaitable
import logging
import math
from typing import Final, Protocol

from .exceptions import (
    BytesFlowsAuthenticationError,
    BytesFlowsError,
    BytesFlowsParseError,
)
from .listing import Listing
from .models import RecordsPage

PAGES_AT_ONCE: Final = 4
"""Pages that are requested together."""
MAX_PAGES: Final = 2_000
"""Pages of one reading, beyond which a `total` is not trusted."""
MAX_UNBELIEVED_PAGES: Final = 20
"""Pages that are read if there are more of them, until one has nothing new."""
MAX_LARGE_PAGE: Final = 1_000
"""Rows requested on the page that is to hold everything; no page may have more."""

_LOGGER: Final = logging.getLogger(__name__)


class GetPage(Protocol):
    """Request a page of the records, counted from 1; raise `BytesFlowsError`."""

    def __call__(self, page: int = 1, *, page_size: int) -> Awaitable[RecordsPage]:
        """Return the page for which some rows were requested."""


class Pager:
    """Add pages to a listing until it has all rows that the server lists."""

    def __init__(self, listing: Listing, get_page: GetPage) -> None:
        """Start from the pages in the listing; `get_page` requests the others."""
        self._listing = listing
        self._get_page = get_page

    async def read_all(self) -> None:
        """Add all pages after the first one.

        If rows are missing, or if the total changed meanwhile, request one large page,
        too. Raise the errors of `get_page`, but not for a large page that the server
        refuses; and `BytesFlowsParseError` for more than `MAX_PAGES` pages.
        """
        listing, total = self._listing, self._listing.total
        known = 0
        while len(listing.records) > known and (numbers := self._next_numbers()):
            known = len(listing.records)
            await self._add_pages(numbers)
        # A row that went away while the pages were read can have hidden another one.
        if listing.missing or listing.total != total:
            await self._add_large_page()
        if listing.is_last_full and len(listing.records) > (listing.total or math.inf):
            await self.read_on()

    async def read_on(self) -> None:
        """Add the pages after the last one, until one is not full or has nothing new.

        This is for a `total` that is not to be believed. Raise the errors of
        `get_page`, and `BytesFlowsParseError` for more than `MAX_PAGES` pages.
        """
        listing = self._listing
        page_size = listing.last_rows
        while listing.last_rows == page_size > 0:
            number = max(listing.numbers) + 1
            if number > MAX_PAGES:
                raise _too_many_pages()
            page = await self._get_page(number, page_size=page_size)
            if all(record.id in listing.records for record in page.records):
                return
            listing.page_size = page_size
            listing.add(number, page)

    def _next_numbers(self) -> range:
        """Return the pages that follow the known ones, as many as may be requested."""
        listing = self._listing
        first = max(listing.numbers) + 1
        # Without a total to believe, page after page: the next one may be empty.
        last = newest = first
        if listing.total is not None:
            last = math.ceil(listing.total / listing.page_size)
        if last <= MAX_PAGES:
            newest = min(first + PAGES_AT_ONCE - 1, last)
        elif first > MAX_UNBELIEVED_PAGES:
            raise _too_many_pages()
        return range(first, newest + 1)

    async def _add_pages(self, numbers: range) -> None:
        """Request some pages together, and add them.

        If one fails, its error is raised after the others have ended.
        """
        page_size = self._listing.page_size
        pages = await asyncio.gather(
            *(self._get_page(number, page_size=page_size) for number in numbers),
            return_exceptions=True,
        )
        for number, page in zip(numbers, pages, strict=True):
            if isinstance(page, BaseException):
                raise page
            self._listing.add(number, page)

    async def _add_large_page(self) -> None:
        """Add one page that is as large as the total, unless the server refuses it."""
        page_size = min(self._listing.total or MAX_LARGE_PAGE, MAX_LARGE_PAGE)
        try:
            page = await self._get_page(page_size=page_size)
        except BytesFlowsAuthenticationError:
            raise
        except BytesFlowsError as err:
            _LOGGER.debug("A page of %s rows was refused: %s", page_size, err)
        else:
            self._listing.add_large(page)


def _too_many_pages() -> BytesFlowsParseError:
    """Return the error for records that have no end."""
    return BytesFlowsParseError("there are too many pages", field="total")
