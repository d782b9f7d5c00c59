"""What happens to packages is told, once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components import bytesflows
from dev.simulated_api import (
    GIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
)
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    Platform,
)
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import entity_registry as er

from .helpers.clock import NOW
from .helpers.common import set_up
from .helpers.home import Home

ENTITY = "event.bytesflows_package"

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with two packages."""
    return Account(
        packages=[
            package("1", used=GIB // 4),
            package("2", source="sign", expires=NOW + timedelta(minutes=62)),
        ]
    )


def package(id_: str, **fields: Any) -> Package:  # noqa: ANN401
    """Return a package of 1 GiB."""
    given = {
        "traffic": GIB,
        "order_id": f"ORD-{id_}",
        "created": NOW - timedelta(days=1),
        "expires": NOW + timedelta(days=20),
        **fields,
    }
    return Package(id=id_, **given)


def told(events: Iterable[Event[Any]]) -> list[tuple[str, str | None]]:
    """Return type and order of what was told, and not of what is shown again."""
    changes = [
        (event.data["old_state"], event.data["new_state"])
        for event in events
        if event.data["entity_id"] == ENTITY
    ]
    return [
        (new.attributes["event_type"], new.attributes["order_id"])
        for old, new in changes
        if old is not None and "unavailable" not in {old.state, new.state}
    ]


async def test_entity(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The entity has all types, and at first no event."""
    monkeypatch.setattr(bytesflows, "PLATFORMS", [Platform.EVENT])
    assert await set_up(hass, entry)
    await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)


async def test_every_type(home: Home) -> None:
    """A purchase, a check-in, a gift, an expiry and a depletion are each told once."""
    await home.set_up()
    packages = home.account.packages
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)

    packages += [
        package("3", created=NOW + timedelta(minutes=1)),
        package("4", source="sign", created=NOW + timedelta(minutes=2)),
        package("5", source="gift", created=NOW + timedelta(minutes=3)),
    ]
    await home.poll()
    packages[0].used = GIB
    packages[1].status = 0
    await home.poll(3)
    assert told(events) == [
        ("purchased", "ORD-3"),
        ("checked_in", "ORD-4"),
        ("acquired", "ORD-5"),
        ("depleted", "ORD-1"),
        ("expired", "ORD-2"),
    ]


async def test_attributes(home: Home) -> None:
    """An expiry says what was lost with it."""
    await home.set_up()
    home.account.packages[0].status = 0
    await home.poll()
    found = home.hass.states.get(ENTITY)
    assert found is not None
    attributes = dict(found.attributes)
    del attributes["event_types"], attributes["friendly_name"]
    assert attributes == {
        "event_type": "expired",
        "order_id": "ORD-1",
        "source": "order",
        "size": GIB,
        "remaining": GIB - GIB // 4,
        "created": "2026-02-28T12:00:00+00:00",
        "expires": "2026-03-21T12:00:00+00:00",
    }


async def test_expiry_is_told_when_the_server_says_so(home: Home) -> None:
    """Our own clock does not let a package expire; the server's poll after it does."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    await home.poll(13)
    assert told(events) == []
    home.account.expire(NOW + timedelta(minutes=66))
    await home.poll()
    assert told(events) == [("expired", "ORD-2")]


async def test_restart(home: Home) -> None:
    """What happened in the meantime is told once after a reload, and not again."""
    await home.set_up()
    await home.unload()
    packages = home.account.packages
    packages[0].status = 0
    packages.append(package("3", created=NOW + timedelta(minutes=1)))
    home.freezer.tick(timedelta(days=1))
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    for _ in range(3):
        await home.reload()
        await home.hass.async_block_till_done(wait_background_tasks=True)
    assert told(events) == [("purchased", "ORD-3"), ("expired", "ORD-1")]


async def test_first_setup_tells_nothing(home: Home) -> None:
    """An account's past is not told as if it were new."""
    home.api.accounts[:] = [Account.with_packages(60)]
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    await home.set_up()
    await home.poll()
    assert told(events) == []


async def test_outage(home: Home) -> None:
    """What happened before an outage is told again neither in it nor after it."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    home.account.packages.append(package("3"))
    await home.poll()
    home.api.break_(Fault.refuse(500), OVERVIEW)
    await home.poll()
    home.account.packages.append(package("4"))
    await home.poll()
    assert told(events) == [("purchased", "ORD-3")]
    home.api.heal()
    await home.poll()
    assert told(events) == [("purchased", "ORD-3"), ("purchased", "ORD-4")]


async def test_records_that_are_read_in_an_outage(home: Home) -> None:
    """What they tell waits until the entity is there again, or nobody would hear it."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    home.account.expire(NOW + timedelta(minutes=66))
    home.api.break_(Fault.refuse(500), OVERVIEW)
    before = home.api.count(RECORDS)
    await home.pass_time(timedelta(minutes=66))
    assert home.api.count(RECORDS) > before
    assert told(events) == []
    home.api.heal()
    await home.poll()
    assert told(events) == [("expired", "ORD-2")]
