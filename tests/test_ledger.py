"""What follows from the records."""

from datetime import UTC, datetime, timedelta

from custom_components.bytesflows.api import Record, Source
from custom_components.bytesflows.ledger import Packages, summarize

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(days=1)
LATER = NOW + timedelta(days=9)


def test_nothing() -> None:
    """Without records there is nothing to lose."""
    assert summarize([], NOW) == Packages(
        usable=0,
        next_expiry=None,
        expiring_traffic=0,
        last_purchase=None,
        last_check_in=None,
    )


def test_packages_that_expire_together() -> None:
    """What is lost at the next expiry is what is left of all that expire then."""
    records = [
        Record(id="1", traffic=10, traffic_used=3, expires=SOON, status=1),
        Record(id="2", traffic=20, traffic_used=0, expires=SOON, status=1),
        Record(id="3", traffic=40, traffic_used=0, expires=LATER, status=1),
        Record(id="4", traffic=80, traffic_used=0, status=1),
    ]
    packages = summarize(records, NOW)
    assert packages.usable == 4
    assert packages.next_expiry == SOON
    assert packages.expiring_traffic == 27


def test_packages_that_cannot_be_used() -> None:
    """Inactive, expired and used-up packages have no expiry to warn of."""
    records = [
        Record(id="1", traffic=10, traffic_used=0, expires=SOON, status=0),
        Record(id="2", traffic=10, traffic_used=0, expires=NOW, status=1),
        Record(id="3", traffic=10, traffic_used=10, expires=SOON, status=1),
        Record(id="4", traffic=40, traffic_used=0, expires=LATER, status=1),
    ]
    packages = summarize(records, NOW)
    assert packages.usable == 1
    assert packages.next_expiry == LATER
    assert packages.expiring_traffic == 40


def test_newest_by_source() -> None:
    """Purchases and check-ins are told apart, whatever became of them."""
    records = [
        Record(
            id=str(number),
            traffic=1,
            traffic_used=1,
            source=source,
            created=None if days is None else NOW - timedelta(days=days),
        )
        for number, (source, days) in enumerate(
            [
                (Source.ORDER, 5),
                (Source.ORDER, 3),
                (Source.SIGN, 2),
                (Source.SIGN, 4),
                (Source.SIGN, None),
                (Source.OTHER, 1),
            ]
        )
    ]
    packages = summarize(records, NOW)
    assert packages.last_purchase == NOW - timedelta(days=3)
    assert packages.last_check_in == NOW - timedelta(days=2)
