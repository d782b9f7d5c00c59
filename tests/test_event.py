"""Changes of packages are events, once each."""

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


def fired(events: Iterable[Event[Any]]) -> list[tuple[str, str | None]]:
    """Return types and orders of new events, without those that are shown again."""
    changes = [
        (event.data["old_state"], event.data["new_state"])
        for event in events
        if event.data["entity_id"] == ENTITY
    ]
    return [
        (new.attributes["event_type"], new.attributes["order_id"])
        for old, new in changes
        if None not in {old, new} and "unavailable" not in {old.state, new.state}
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
    """Arrivals of three kinds, a renewal, and ends of two kinds are one event each."""
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
    packages[1].status = 1
    packages[1].expires = NOW + timedelta(days=3)
    await home.poll(3)
    assert fired(events) == [
        ("purchased", "ORD-3"),
        ("checked_in", "ORD-4"),
        ("acquired", "ORD-5"),
        ("depleted", "ORD-1"),
        ("expired", "ORD-2"),
        ("renewed", "ORD-2"),
    ]


async def test_attributes(home: Home) -> None:
    """The end of a package describes it, with the traffic that was lost."""
    await home.set_up()
    home.account.packages[0].status = 0
    await home.poll(2)
    found = home.hass.states.get(ENTITY)
    assert found is not None
    attributes = dict(found.attributes)
    del attributes["event_types"], attributes["friendly_name"]
    assert attributes == {
        "event_type": "expired",
        "order_id": "ORD-1",
        "source": "order",
        "status": "inactive",
        "usable": False,
        "size": GIB,
        "used": GIB // 4,
        "remaining": GIB - GIB // 4,
        "created": "2026-02-28T12:00:00+00:00",
        "expires": "2026-03-21T12:00:00+00:00",
        "key": "package",
    }


async def test_an_end_before_the_expiry_is_confirmed(home: Home) -> None:
    """A status that flips for one reading is no event, and is looked at again."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    package = home.account.packages[0]
    for status in (0, 1, 0):
        package.status = status
        await home.poll()
    assert fired(events) == []
    await home.poll()
    assert fired(events) == [("expired", "ORD-1")]
    package.status = 1
    await home.poll(2)
    package.status = 0
    await home.poll(3)
    assert fired(events) == [("expired", "ORD-1")]


async def test_expired_when_the_server_says_so(home: Home) -> None:
    """Our own clock does not let a package expire; the server's next poll does."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    await home.poll(13)
    assert fired(events) == []
    home.account.expire(NOW + timedelta(minutes=66))
    await home.poll()
    assert fired(events) == [("expired", "ORD-2")]


async def test_reload(home: Home) -> None:
    """Changes while the account is unloaded are events after that, once."""
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
    assert fired(events) == [("purchased", "ORD-3"), ("expired", "ORD-1")]


async def test_first_setup(home: Home) -> None:
    """The past of an account is no news."""
    home.api.accounts[:] = [Account.with_packages(60)]
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    await home.set_up()
    await home.poll()
    assert fired(events) == []


async def test_outage(home: Home) -> None:
    """A change before an outage is no event again, neither in it nor after it."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    home.account.packages.append(package("3"))
    await home.poll()
    home.api.break_(Fault.refuse(500), OVERVIEW)
    await home.poll()
    home.account.packages.append(package("4"))
    await home.poll()
    assert fired(events) == [("purchased", "ORD-3")]
    home.api.heal()
    await home.poll()
    assert fired(events) == [("purchased", "ORD-3"), ("purchased", "ORD-4")]


async def test_change_in_an_outage(home: Home) -> None:
    """It is an event once the entity is available again, after its old state."""
    await home.set_up()
    home.account.packages.append(package("3"))
    await home.poll()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    home.account.expire(NOW + timedelta(minutes=66))
    home.api.break_(Fault.refuse(500), OVERVIEW)
    await home.pass_time(timedelta(minutes=66))
    assert fired(events) == []
    home.api.heal()
    await home.poll()
    assert fired(events) == [("expired", "ORD-2")]


async def test_change_in_a_poll_whose_overview_is_rejected(home: Home) -> None:
    """Changes of a poll that did not make the entity available wait."""
    await home.set_up()
    coordinator = home.entry.runtime_data
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    home.account.packages.append(package("3", created=NOW + timedelta(minutes=1)))
    coordinator.account.records.request()
    _ = await coordinator.account.poll()
    home.api.break_(Fault.refuse(500), OVERVIEW)
    await home.poll()
    assert coordinator.account.state.changes
    await home.reload()
    assert fired(events) == []
    home.api.heal()
    await home.poll(2)
    assert fired(events) == [("purchased", "ORD-3")]


async def test_disabled(home: Home, entity_registry: er.EntityRegistry) -> None:
    """Changes while the entity is disabled are passed."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    for number, disabler in enumerate((er.RegistryEntryDisabler.USER, None)):
        entity_registry.async_update_entity(ENTITY, disabled_by=disabler)
        await home.reload()
        home.account.packages.append(
            package(f"3{number}", created=NOW + timedelta(minutes=number))
        )
        await home.poll()
    assert fired(events) == [("purchased", "ORD-31")]


@pytest.mark.parametrize("size", [1000, GIB // 8])
async def test_size_that_is_too_small_once(home: Home, size: int) -> None:
    """One odd size is no end, and the right one no renewal."""
    await home.set_up()
    events = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    home.api.break_(Fault.record(traffic=size), RECORDS)
    home.account.use(1)
    await home.poll()
    home.api.heal()
    await home.poll(2)
    assert fired(events) == []
    assert home.state("active_packages").state == "2"
