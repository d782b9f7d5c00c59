"""The calendar of expiries."""

from datetime import datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components import bytesflows
from custom_components.bytesflows.calendar import BytesFlowsCalendar, _size
from dev.simulated_api import GIB, MIB, RECORDS, Account, Fault, Package
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from .helpers.clock import NOW
from .helpers.common import set_up
from .helpers.home import Home
from .helpers.translations import TEXTS

DAY = timedelta(days=1)
ENTITY = "calendar.bytesflows_package_expiries"
MAKE_EVENT: Final = BytesFlowsCalendar._make_event

pytestmark = pytest.mark.usefixtures("now")


def package(id_: str, days: int | None, **fields: Any) -> Package:  # noqa: ANN401
    """Return a package that expires so many days from now."""
    return Package(
        id=id_,
        created=NOW - 30 * DAY,
        expires=None if days is None else NOW + days * DAY,
        **{"traffic": 10 * GIB, "order_id": f"ORD-{id_}", **fields},
    )


@pytest.fixture
def account() -> Account:
    """Return an account with packages of every kind."""
    return Account(
        packages=[
            package("1", 5, used=3 * GIB),
            package("2", 2, source="sign", traffic=200 * MIB),
            package("3", 9, source="gift", traffic=3 * GIB // 2),
            package("used up", 3, used=10 * GIB),
            package("unlimited", 7, traffic=0),
            package("past", -4, status=0, used=GIB // 2),
            package("past and used up", -5, status=0, used=10 * GIB),
            package("invalid", 4, status=0),
            package("endless", None),
        ]
    )


async def expiries(
    hass: HomeAssistant, start: datetime, end: datetime
) -> list[tuple[str, str]]:
    """Return start and title of the events that the calendar has in a time."""
    answer: Any = await hass.services.async_call(
        "calendar",
        "get_events",
        {"entity_id": ENTITY, "start_date_time": start, "end_date_time": end},
        blocking=True,
        return_response=True,
    )
    return [(item["start"], item["summary"]) for item in answer[ENTITY]["events"]]


def shown_event(home: Home) -> tuple[datetime, str]:
    """Return time and title of the event that the calendar shows."""
    state = home.hass.states.get(ENTITY)
    assert state is not None
    start = datetime.fromisoformat(state.attributes["start_time"])
    return start.replace(tzinfo=dt_util.get_default_time_zone()), state.attributes[
        "message"
    ]


async def test_entity(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The calendar shows the next expiry."""
    monkeypatch.setattr(bytesflows, "PLATFORMS", [Platform.CALENDAR])
    assert await set_up(hass, entry)
    await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)


async def test_events(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Past and future expiries are there, in order, and nothing else is."""
    assert await set_up(hass, entry)
    assert await expiries(hass, NOW - 10 * DAY, NOW + 10 * DAY) == [
        ("2026-02-25T12:00:00+00:00", "9.5 GiB purchase expires"),
        ("2026-03-03T12:00:00+00:00", "200 MiB check-in reward expires"),
        ("2026-03-06T12:00:00+00:00", "7 GiB purchase expires"),
        ("2026-03-08T12:00:00+00:00", "∞ purchase expires"),
        ("2026-03-10T12:00:00+00:00", "1.5 GiB package expires"),
    ]


async def test_title_is_not_recorded(home: Home) -> None:
    """A poll in which traffic is used adds no attributes to the database."""
    await home.set_up()
    state = home.hass.states.get(ENTITY)
    assert state is not None
    assert state.state_info is not None
    assert "message" in state.state_info["unrecorded_attributes"]


async def test_limits(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """An expiry belongs to the time that begins with it, not to the one before."""
    assert await set_up(hass, entry)
    moment = NOW + 5 * DAY
    assert len(await expiries(hass, moment, moment + DAY)) == 1
    assert await expiries(hass, moment - DAY / 2, moment) == []
    assert await expiries(hass, moment + DAY / 2, moment + DAY) == []


async def test_moment_of_expiry(home: Home) -> None:
    """The calendar is on for a minute from the expiry, which stays in it."""

    def shown() -> tuple[str, str]:
        found = home.hass.states.get(ENTITY)
        assert found is not None
        return found.state, found.attributes["message"]

    await home.set_up()
    assert shown() == ("off", "200 MiB check-in reward expires")
    home.freezer.move_to(NOW + 2 * DAY - timedelta(minutes=2))
    await home.pass_time(timedelta(0))
    home.freezer.move_to(NOW + 2 * DAY)
    home.account.expire(NOW + 2 * DAY)
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.pass_time(timedelta(0))
    assert shown() == ("on", "200 MiB check-in reward expires")
    home.api.heal()
    await home.poll()
    assert shown() == ("off", "7 GiB purchase expires")
    assert await expiries(home.hass, NOW, NOW + 2.5 * DAY) == [
        ("2026-03-03T12:00:00+00:00", "200 MiB check-in reward expires")
    ]


async def test_language(home: Home) -> None:
    """The texts follow the language of the server at once."""
    await home.set_up()
    for language in ("de", "zh-Hans", "en"):
        await home.hass.config.async_update(language=language)
        await home.hass.async_block_till_done()
        found = home.hass.states.get(ENTITY)
        assert found is not None
        expected = TEXTS[language]["common"]["expiry_sign"].format(size="200 MiB")
        assert found.attributes["message"] == expected


async def test_without_expiries(home: Home) -> None:
    """An account whose packages never expire has an empty calendar."""
    home.api.accounts[:] = [Account(packages=[package("endless", None)])]
    await home.set_up()
    found = home.hass.states.get(ENTITY)
    assert found is not None
    assert found.state == "off"
    assert "start_time" not in found.attributes


async def test_records_out_of_order(home: Home) -> None:
    """Without the packages there is no calendar."""
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.set_up()
    found = home.hass.states.get(ENTITY)
    assert found is not None
    assert found.state == "unavailable"


@pytest.mark.parametrize(
    ("traffic", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1_500_000, "1.43 MiB"),
        (GIB - 1, "1024 MiB"),
        (1000 * GIB, "1000 GiB"),
        (5000 * GIB, "4.88 TiB"),
        (9_000_000 * GIB, "8789.06 TiB"),
    ],
)
def test_sizes(traffic: int, text: str) -> None:
    """Sizes are written as people write them."""
    assert _size(traffic) == text


async def test_event_is_made_once_per_expiry(home: Home) -> None:
    """Use changes the title only: making an event is expensive."""
    await home.set_up()
    coming = home.account.packages[1]
    with patch.object(
        BytesFlowsCalendar, "_make_event", autospec=True, side_effect=MAKE_EVENT
    ) as make:
        for used in (10, 20):
            coming.used = used * MIB
            await home.poll()
            assert shown_event(home) == (
                NOW + 2 * DAY,
                f"{200 - used} MiB check-in reward expires",
            )
        assert make.call_count == 0
        assert coming.expires is not None
        coming.expires += DAY
        coming.used = 23 * MIB
        await home.poll()
        assert shown_event(home) == (NOW + 3 * DAY, "177 MiB check-in reward expires")
        home.account.packages.remove(coming)
        await home.poll()
        assert shown_event(home) == (NOW + 5 * DAY, "7 GiB purchase expires")
        assert make.call_count == 2


async def test_title_is_exact_to_a_hundredth(home: Home) -> None:
    """While traffic is used, the state is written less often than it is polled."""
    await home.set_up()
    coming = home.account.packages[1]
    titles = set()
    for _ in range(30):
        coming.used += MIB
        await home.poll()
        expires, title = shown_event(home)
        assert expires == NOW + 2 * DAY
        size = int(title.removesuffix(" MiB check-in reward expires")) * MIB
        assert 0 <= size - coming.remaining <= coming.remaining / 100
        titles.add(title)
    assert 15 <= len(titles) <= 17


async def test_state_follows_what_is_shown(home: Home) -> None:
    """A hundredth of the traffic writes no state; more does, and any other event.

    Home Assistant updates open calendars when a state is written.
    """
    await home.set_up()
    coming = home.account.packages[0]
    home.account.packages[:] = [coming]
    await home.poll(2)
    with patch.object(
        BytesFlowsCalendar,
        "async_write_ha_state",
        autospec=True,
        side_effect=BytesFlowsCalendar.async_write_ha_state,
    ) as write:
        coming.used += 10 * MIB
        await home.poll()
        assert write.call_count == 0
        coming.used += GIB - 10 * MIB
        await home.poll()
        assert write.call_count == 1
        assert shown_event(home) == (NOW + 5 * DAY, "6 GiB purchase expires")

        later = package("later", 9)
        home.account.packages.append(later)
        await home.poll()
        assert write.call_count == 2
        later.used += GIB
        await home.poll()
        assert write.call_count == 3

        assert coming.expires is not None
        coming.expires += DAY / 24
        coming.used += 1
        await home.poll()
        assert write.call_count == 4
        assert shown_event(home) == (
            NOW + 5 * DAY + DAY / 24,
            "6 GiB purchase expires",
        )
        coming.source = "sign"
        coming.used += 1
        await home.poll()
        assert write.call_count == 5
        assert shown_event(home) == (
            NOW + 5 * DAY + DAY / 24,
            "6 GiB check-in reward expires",
        )

        coming.order_id = "ORD-other"
        coming.used += 1
        await home.poll()
        assert write.call_count == 6
        state = home.hass.states.get(ENTITY)
        assert state is not None
        assert state.attributes["description"] == "ORD-other"
