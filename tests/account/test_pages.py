"""Which page a partial reading begins with."""

from datetime import timedelta

import pytest

from custom_components.bytesflows.account import Ledger
from custom_components.bytesflows.account.sync import _first_page
from custom_components.bytesflows.api import Record
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTES, complete, record, started


def rows(**expiries: timedelta) -> list[Record]:
    """Return six active packages, some of which expire soon."""
    return [
        record(str(number), expires=NOW + expiries.get(f"no{number}", 30 * DAY))
        for number in range(6)
    ]


def two_to_a_page(*records: Record) -> Ledger:
    """Return a ledger of a server that puts two rows on a page."""
    ledger = started(*records)
    ledger.page_size = 2
    return ledger


def test_package_that_changed_last() -> None:
    """It is the most likely to have changed again."""
    packages = rows()
    ledger = two_to_a_page(*packages)
    packages[5] = packages[5]._replace(traffic_used=5)
    ledger.apply(complete(*packages), NOW + MINUTES)
    ledger.page_size = 2
    assert _first_page(ledger, NOW + MINUTES) == 3


def test_package_that_should_have_expired() -> None:
    """It comes before the one that changed last."""
    packages = rows(no2=HOUR)
    ledger = two_to_a_page(*packages)
    packages[5] = packages[5]._replace(traffic_used=5)
    ledger.apply(complete(*packages), NOW + MINUTES)
    ledger.page_size = 2
    assert _first_page(ledger, NOW + MINUTES) == 3
    assert _first_page(ledger, NOW + HOUR) == 2


@pytest.mark.parametrize(("total", "page"), [(6, 3), (5, 1), (2, 1), (None, 1)])
def test_row_that_is_gone(total: int | None, page: int) -> None:
    """A row beyond the end is sought from the beginning."""
    packages = rows(no5=HOUR)
    ledger = two_to_a_page(*packages)
    ledger.total = total
    assert _first_page(ledger, NOW + HOUR) == page


def test_nothing_to_read() -> None:
    """Without packages that can change, the first page is the best."""
    ledger = two_to_a_page(
        *(item._replace(status=0, traffic_used=1) for item in rows())
    )
    assert _first_page(ledger, NOW) == 1
