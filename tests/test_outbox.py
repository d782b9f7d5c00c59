"""The outbox: whatever was put back is taken out again, as if it never had been."""

from datetime import timedelta
from unittest.mock import Mock

import pytest

from custom_components.bytesflows.account import Change, ChangeKind, PackageMark
from custom_components.bytesflows.api import Record
from custom_components.bytesflows.outbox import Batch, Outbox
from custom_components.bytesflows.registrations import (
    MarkKind,
    async_get_registrations,
)
from dev.simulated_api import GIB, Account, Package

from .helpers.automations import LOW
from .helpers.clock import NOW
from .helpers.home import Home

HOUR = timedelta(hours=1)
LEAD_TIMES = (24 * HOUR, 23 * HOUR)


@pytest.fixture
def account() -> Account:
    """Return an account with a package that expires in 25 hours."""
    package = Package(id="1", traffic=GIB, created=NOW - HOUR, expires=NOW + 25 * HOUR)
    return Account(packages=[package])


@pytest.fixture
async def outbox(home: Home) -> Outbox:
    """Return the outbox of an account that nobody else empties."""
    await home.set_up()
    await home.entry.runtime_data._dispatcher.async_close()
    for lead_time in LEAD_TIMES:
        wait(home, lead_time)
    return Outbox(
        home.entry.entry_id,
        home.entry.runtime_data.account,
        async_get_registrations(home.hass),
        lambda: True,
    )


def wait(home: Home, lead_time: timedelta) -> None:
    """Add a trigger that waits for the expiry of a package."""
    async_get_registrations(home.hass).async_add(
        MarkKind.PACKAGE, lead_time, {"entity_id": LOW}, Mock()
    )


def find(home: Home, id_: str) -> None:
    """Have the account find a new package."""
    change = Change(ChangeKind.PURCHASED, Record(id=id_))
    home.entry.runtime_data.account.state.changes += (change,)


def ids(batch: Batch) -> list[str]:
    """Return the ids of the packages of the changes."""
    return [change.record.id for change in batch.changes]


def passed(batch: Batch) -> list[timedelta]:
    """Return the lead times of the marks, for each of which one trigger waited."""
    return [
        mark.lead_time for mark, (_,) in batch.marks if isinstance(mark, PackageMark)
    ]


async def test_batch(home: Home, outbox: Outbox) -> None:
    """The contents leave at once, and once."""
    find(home, "2")
    outbox.fill()
    home.freezer.tick(1.5 * HOUR)
    find(home, "3")
    outbox.fill()
    batch = outbox.empty()
    assert ids(batch) == ["2", "3"]
    assert passed(batch) == [24 * HOUR]
    outbox.fill()
    assert outbox.is_empty


async def test_put_back(home: Home, outbox: Outbox) -> None:
    """A batch goes back with all that was taken out after it, in their order.

    A trigger that is added then has missed the marks.
    """
    home.freezer.tick(1.5 * HOUR)
    find(home, "2")
    outbox.fill()
    batch = outbox.empty()
    assert passed(batch) == [24 * HOUR]
    home.freezer.tick(HOUR)
    find(home, "3")
    outbox.fill()
    find(home, "4")
    outbox.put_back(batch)
    assert outbox.is_empty
    for lead_time in LEAD_TIMES:
        wait(home, lead_time)
    outbox.fill()
    again = outbox.empty()
    assert ids(again) == ["2", "3", "4"]
    assert passed(again) == [24 * HOUR, 23 * HOUR]
