"""The values that entities show over outages and restarts."""

from copy import replace
from datetime import UTC

import pytest

from custom_components.bytesflows.account import (
    AccountData,
    Publisher,
    Summary,
    Today,
)
from custom_components.bytesflows.account.forecast import summarize
from custom_components.bytesflows.api import Overview
from tests.helpers.clock import NOW

TODAY = Today("2026-03-01", 5, None)


def summary(consumed: int = 0) -> Summary:
    """Return a summary of no packages."""
    return summarize((), consumed, None, {}, NOW, UTC)


def data(available: int, *, consumed: int = 0, records: bool = True) -> AccountData:
    """Return the state of an account, with or without records."""
    return AccountData(
        Overview(total_traffic=100, available_traffic=available),
        summary(consumed) if records else None,
        available < 10,
        False if records else None,
        today=TODAY if records else None,
    )


def again(before: AccountData) -> AccountData:
    """Return data that were shown before, which are not current any more."""
    return replace(before, is_current=False)


BEFORE, AFTER = data(50), data(5)


def test_first_start() -> None:
    """Without anything shown before, all is shown as it comes."""
    publisher = Publisher(None)
    assert publisher.publish(BEFORE) == [BEFORE]
    assert publisher.publish(AFTER) == [AFTER]
    assert publisher.published == AFTER


def test_outage() -> None:
    """After an outage entities come back with their old values, and change then."""
    publisher = Publisher(None)
    publisher.publish(BEFORE)
    publisher.note_outage()
    publisher.note_outage()
    assert publisher.publish(AFTER) == [again(BEFORE), AFTER]
    assert publisher.publish(BEFORE) == [BEFORE]


def test_start() -> None:
    """After a start entities keep their old values until automations listen."""
    publisher = Publisher(BEFORE)
    assert publisher.publish(AFTER) == [again(BEFORE)]
    later = data(3)
    assert publisher.publish(later) == [again(BEFORE)]
    assert publisher.published == BEFORE
    assert publisher.open() == [later]
    assert publisher.open() == []
    assert publisher.publish(AFTER) == [AFTER]


def test_start_without_poll() -> None:
    """A first poll after automations listen shows everything as a change."""
    publisher = Publisher(BEFORE)
    assert publisher.open() == []
    publisher.note_outage()
    assert publisher.publish(AFTER) == [again(BEFORE), AFTER]


def test_outage_while_held_back() -> None:
    """An outage before automations listen hides no change from them."""
    publisher = Publisher(BEFORE)
    publisher.publish(AFTER)
    publisher.note_outage()
    assert publisher.open() == []
    assert publisher.publish(AFTER) == [again(BEFORE), AFTER]


def test_outage_of_the_records() -> None:
    """An outage of the records leaves the overview, and keeps the packages in mind."""
    publisher = Publisher(None)
    publisher.publish(BEFORE)
    without = data(40, records=False)
    assert publisher.publish(without) == [without]
    assert publisher.publish(without) == [again(without), without]
    shown = replace(without, summary=summary(), is_expiring_soon=False, today=TODAY)
    assert publisher.published == shown
    assert publisher.publish(AFTER) == [again(shown), AFTER]


@pytest.mark.parametrize("is_first", [True, False])
def test_outage_of_the_records_at_the_start(is_first: bool) -> None:
    """Packages that were never known come when they are."""
    publisher = Publisher(None)
    without = data(50, records=False)
    assert publisher.publish(without) == [without]
    if not is_first:
        publisher.publish(without)
    assert publisher.publish(BEFORE) == [again(without), BEFORE]


def test_outage_of_the_records_after_a_restart() -> None:
    """While the records cannot be read, their entities do not show old values."""
    publisher = Publisher(BEFORE)
    without = data(40, records=False)
    shown = replace(again(BEFORE), summary=None, is_expiring_soon=None, today=None)
    assert publisher.publish(without) == [shown]
    assert publisher.open() == [without]
    assert publisher.publish(AFTER)[-1] == AFTER


def test_lifetime_consumption() -> None:
    """A lifetime total is never shown lower than it is."""
    publisher = Publisher(data(50, consumed=7))
    shown = publisher.publish(data(5, consumed=9))
    assert shown == [again(data(50, consumed=9))]
