"""When what is asked, and what a bad day looks like."""

from datetime import UTC, datetime, timedelta
import logging

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.bytesflows.coordinator import BytesFlowsCoordinator
from dev.simulated_api import (
    EXAMPLE_TOKEN,
    GIB,
    MIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    SimulatedApi,
)
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import HomeAssistant, callback
from homeassistant.setup import async_setup_component

from .helpers.common import make_entry, pass_time, set_up, state

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with two packages, one of which expires soon."""
    return Account(
        balance=3.5,
        packages=[
            Package(
                id="1",
                traffic=2 * GIB,
                created=MOMENT - timedelta(days=10),
                expires=MOMENT + timedelta(days=20),
            ),
            Package(
                id="2",
                source="sign",
                traffic=GIB,
                created=MOMENT - timedelta(days=2),
                expires=MOMENT + timedelta(minutes=62),
            ),
        ],
    )


async def refresh(hass: HomeAssistant) -> None:
    """Do what `homeassistant.update_entity` does."""
    assert await async_setup_component(hass, "homeassistant", {})
    await hass.services.async_call(
        "homeassistant",
        "update_entity",
        {"entity_id": "sensor.bytesflows_available_traffic"},
        blocking=True,
    )
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_idle_polls(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing changes: one request a poll, the records once an hour, no state."""
    api.accounts[0].packages[1].expires = MOMENT + timedelta(days=3)
    assert await set_up(hass, entry)
    api.requests.clear()
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    reports: list[object] = []
    hass.bus.async_listen(
        EVENT_STATE_REPORTED,
        callback(lambda event: reports.append(event)),  # noqa: PLW0108
        event_filter=callback(lambda _: True),
    )

    for _ in range(11):
        await pass_time(hass, freezer)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (11, 0)
    await pass_time(hass, freezer)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (12, 1)
    await pass_time(hass, freezer)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (13, 1)
    assert changes == []
    assert reports == []


async def test_idle_day(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A day of 288 polls writes what is foretold by the day, once, and nothing else."""
    api.accounts[0].packages[1].expires = MOMENT + timedelta(days=20)
    assert await set_up(hass, entry)
    await pass_time(hass, freezer, timedelta(days=2))
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    for _ in range(288):
        await pass_time(hass, freezer)
    changed = [event.data["entity_id"] for event in changes]
    assert changed == ["sensor.bytesflows_daily_allowance"]


async def test_polls_of_accounts_are_spread(
    hass: HomeAssistant, api: SimulatedApi, freezer: FrozenDateTimeFactory
) -> None:
    """However many accounts begin together, their polls do not go on together."""
    count = 40
    api.accounts = [Account(token=f"token-{number}") for number in range(count)]
    for number, account in enumerate(api.accounts):
        entry = make_entry(api, token=account.token, entry_id=f"entry-{number}")
        entry.add_to_hass(hass)
    # This sets up the others as well.
    assert await hass.config_entries.async_setup("entry-0")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert api.count(OVERVIEW) == count

    # From the second round on each has its place.
    for _ in range(30):
        await pass_time(hass, freezer, timedelta(seconds=9))
    api.requests.clear()
    most = 0
    for _ in range(30):
        before = len(api.requests)
        await pass_time(hass, freezer, timedelta(seconds=9))
        most = max(most, len(api.requests) - before)
    assert {request.token for request in api.requests} == {
        account.token for account in api.accounts
    }
    assert most <= 3


async def test_polls_while_traffic_is_used(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The overview changed: the records are read with it."""
    assert await set_up(hass, entry)
    assert state(hass, "expiring_traffic").state == "1.0"
    api.requests.clear()

    api.accounts[0].use(512 * MIB)
    await pass_time(hass, freezer)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (1, 1)
    assert state(hass, "available_traffic").state == "2.5"
    assert state(hass, "expiring_traffic").state == "0.5"


async def test_first_overview_then_records(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A change that the records could not be read for is read at the next poll."""
    assert await set_up(hass, entry)
    api.accounts[0].use(512 * MIB)
    api.break_(Fault.refuse(500), RECORDS)
    await pass_time(hass, freezer)
    assert state(hass, "expiring_traffic").state == "1.0"

    api.heal()
    await pass_time(hass, freezer)
    assert state(hass, "expiring_traffic").state == "0.5"


async def test_refresh_by_hand(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """Who asks for an update gets everything anew."""
    assert await set_up(hass, entry)
    api.requests.clear()
    await refresh(hass)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (1, 1)


async def test_expiry(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """At the moment of an expiry all is read, between the polls."""
    assert await set_up(hass, entry)
    assert state(hass, "next_expiry").state == "2026-03-01T13:02:00+00:00"
    freezer.tick(timedelta(minutes=60))
    await pass_time(hass, freezer, timedelta(0))
    api.requests.clear()

    freezer.move_to(MOMENT + timedelta(minutes=62))
    api.accounts[0].expire(MOMENT + timedelta(minutes=62))
    await pass_time(hass, freezer, timedelta(0))
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (1, 1)
    assert state(hass, "next_expiry").state == "2026-03-21T12:00:00+00:00"
    assert state(hass, "expiring_traffic").state == "2.0"
    assert state(hass, "active_packages").state == "1"
    assert state(hass, "available_traffic").state == "2.0"


async def test_expiry_that_the_server_does_not_know_yet(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A package that the server still calls active is not usable any more."""
    assert await set_up(hass, entry)
    freezer.move_to(MOMENT + timedelta(minutes=62))
    await pass_time(hass, freezer, timedelta(0))
    assert state(hass, "next_expiry").state == "2026-03-21T12:00:00+00:00"
    assert state(hass, "active_packages").state == "1"
    assert state(hass, "available_traffic").state == "3.0"


async def test_no_planned_refresh_without_polling(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Who switched polling off is not polled for an expiry either."""
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    api.requests.clear()

    await pass_time(hass, freezer, timedelta(hours=2))
    assert api.requests == []
    await refresh(hass)
    assert state(hass, "active_packages").state == "1"


async def test_unload_forgets_the_planned_refresh(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is asked for an account that is unloaded."""
    assert await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    api.requests.clear()
    await pass_time(hass, freezer, timedelta(hours=2))
    assert api.requests == []


OUTAGES = [
    pytest.param(Fault(drop=True), "could not be reached", id="dropped"),
    pytest.param(Fault.html(403), "could not be reached", id="firewall"),
    pytest.param(Fault.refuse(503), "could not be reached", id="unavailable"),
    pytest.param(Fault.html(200), "not what the BytesFlows API", id="page"),
    pytest.param(Fault.data(totalTraffic="x"), "totalTraffic", id="field"),
    pytest.param(Fault.refuse(429), "asks for fewer requests", id="limited"),
]


@pytest.mark.parametrize(("fault", "text"), OUTAGES)
async def test_outage(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    text: str,
) -> None:
    """All is unavailable, with one line in the log; then all is back, with another."""
    assert await set_up(hass, entry)
    caplog.clear()
    api.break_(fault, OVERVIEW)
    for _ in range(3):
        await pass_time(hass, freezer)
    for key in ("available_traffic", "next_expiry"):
        assert state(hass, key).state == "unavailable"

    api.heal()
    await pass_time(hass, freezer)
    assert state(hass, "available_traffic").state == "3.0"
    assert state(hass, "active_packages").state == "2"

    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.bytesflows")
        and record.levelno > logging.DEBUG
    ]
    assert len(lines) == 2
    assert lines[0].startswith("Error fetching BytesFlows data: ")
    assert text in lines[0]
    assert lines[1] == "Fetching BytesFlows data recovered"
    assert EXAMPLE_TOKEN not in caplog.text


async def test_outage_of_the_records(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The overview goes on; what the records say is kept for an hour."""
    api.accounts[0].packages[1].expires = MOMENT + timedelta(days=3)
    assert await set_up(hass, entry)
    caplog.clear()
    api.break_(Fault.refuse(500), RECORDS)
    api.accounts[0].use(512 * MIB)

    for _ in range(12):
        await pass_time(hass, freezer)
        assert state(hass, "available_traffic").state == "2.5"
        assert state(hass, "expiring_traffic").state == "1.0"
    await pass_time(hass, freezer)
    assert state(hass, "available_traffic").state == "2.5"
    for key in ("expiring_traffic", "next_expiry", "active_packages"):
        assert state(hass, key).state == "unavailable"

    api.heal()
    await pass_time(hass, freezer)
    assert state(hass, "expiring_traffic").state == "0.5"
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.bytesflows")
        and record.levelno > logging.DEBUG
    ]
    assert lines == [
        "Error fetching BytesFlows records; the last values stay an hour: HTTP 500",
        "Fetching BytesFlows records recovered",
    ]


async def test_one_failed_reading_of_idle_records(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Records that are an hour old already do not vanish at the first failure."""
    api.accounts[0].packages[1].expires = MOMENT + timedelta(days=3)
    assert await set_up(hass, entry)
    freezer.tick(timedelta(minutes=59))
    api.break_(Fault.refuse(500), RECORDS)
    await pass_time(hass, freezer)
    assert state(hass, "active_packages").state == "2"
    api.heal()
    await pass_time(hass, freezer)
    assert state(hass, "active_packages").state == "2"


async def test_records_out_of_order_at_the_start(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An account is set up with what there is, and the rest comes when it can."""
    api.break_(Fault.data(total=77), RECORDS)
    assert await set_up(hass, entry)
    assert state(hass, "available_traffic").state == "3.0"
    assert state(hass, "active_packages").state == "unavailable"

    api.heal()
    await pass_time(hass, freezer)
    assert state(hass, "active_packages").state == "2"


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        (Fault.refuse(429, Retry_After="1800"), 1800),
        (Fault.refuse(503, Retry_After="1800"), 1800),
        (Fault.refuse(429, Retry_After="Sun, 01 Mar 2026 12:35:01 GMT"), 1800),
        (Fault.refuse(429, Retry_After="0"), 60),
        (Fault.refuse(429, Retry_After="999999999"), 86_400),
        (Fault.refuse(429), 300),
    ],
)
async def test_retry_after(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    fault: Fault,
    pause: int,
) -> None:
    """The server is left alone for as long as it says, within reason."""
    for package in api.accounts[0].packages:
        package.expires = None
    assert await set_up(hass, entry)
    api.break_(fault, OVERVIEW)
    await pass_time(hass, freezer)
    api.heal()
    api.requests.clear()

    await pass_time(hass, freezer, timedelta(seconds=pause - 5))
    assert api.requests == []
    assert state(hass, "available_traffic").state == "unavailable"
    await pass_time(hass, freezer, timedelta(seconds=5))
    assert api.count(OVERVIEW) == 1
    assert state(hass, "available_traffic").state == "3.0"


async def test_retry_after_holds_for_everybody(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Neither a request by hand nor an expiry breaks the server's peace."""
    assert await set_up(hass, entry)
    api.break_(Fault.refuse(429, Retry_After="7200"))
    await pass_time(hass, freezer)
    api.heal()
    api.requests.clear()

    await refresh(hass)
    error = entry.runtime_data.last_exception
    assert error.retry_after == 7201  # A second more than what is left.
    await pass_time(hass, freezer, timedelta(minutes=70))
    assert api.requests == []
    await pass_time(hass, freezer, timedelta(minutes=55))
    assert state(hass, "active_packages").state == "1"


async def test_retry_after_of_the_records(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The records are left alone, and the overview goes on."""
    assert await set_up(hass, entry)
    api.accounts[0].use(512 * MIB)
    api.break_(Fault.refuse(429, Retry_After="1500"), RECORDS)
    await pass_time(hass, freezer)
    api.heal()
    api.requests.clear()

    for _ in range(4):
        await pass_time(hass, freezer)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (4, 0)
    assert state(hass, "expiring_traffic").state == "1.0"
    await pass_time(hass, freezer)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (5, 1)
    assert state(hass, "expiring_traffic").state == "0.5"


async def test_records_after_a_long_outage(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was read before a long outage is not shown as if it were new."""
    assert await set_up(hass, entry)
    api.break_(Fault.refuse(500))
    await pass_time(hass, freezer)
    await pass_time(hass, freezer, timedelta(hours=5))
    api.heal()
    api.break_(Fault.refuse(500), RECORDS)
    await pass_time(hass, freezer)
    assert state(hass, "available_traffic").state == "3.0"
    assert state(hass, "active_packages").state == "unavailable"

    api.heal()
    await pass_time(hass, freezer)
    assert state(hass, "active_packages").state == "1"


async def test_retry_after_of_the_records_in_an_outage(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The pause that the records want is kept when the overview fails, too."""
    assert await set_up(hass, entry)
    api.break_(Fault.refuse(500), OVERVIEW)
    api.break_(Fault.refuse(429, Retry_After="3600"), RECORDS)
    await pass_time(hass, freezer, timedelta(hours=1))
    asked = api.count(RECORDS)
    await pass_time(hass, freezer)
    await pass_time(hass, freezer)
    assert api.count(RECORDS) == asked


async def test_clock_that_is_set_back(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A clock that was wrong for a while keeps nothing from being read for long."""
    freezer.move_to(MOMENT + timedelta(days=300))
    assert await set_up(hass, entry)
    api.break_(Fault.refuse(429, Retry_After="3600"))
    await refresh(hass)
    assert state(hass, "active_packages").state == "unavailable"

    api.heal()
    api.requests.clear()
    freezer.move_to(MOMENT)
    await entry.runtime_data.async_refresh()
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (1, 1)
    assert state(hass, "active_packages").state == "2"


async def test_revoked_token(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A refused token ends the polling until somebody logs in again."""
    assert await set_up(hass, entry)
    api.accounts[0].token = "another"
    await pass_time(hass, freezer)
    api.requests.clear()
    await pass_time(hass, freezer, timedelta(hours=3))
    assert api.requests == []
    assert [
        flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()
    ] == ["reauth"]


async def test_mistakes_of_ours_are_not_hidden(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What no server can cause is not taken for an outage of the records."""
    assert await set_up(hass, entry)
    coordinator: BytesFlowsCoordinator = entry.runtime_data

    async def fail() -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(coordinator.client, "get_records_page", fail)
    await pass_time(hass, freezer, timedelta(hours=2))
    assert state(hass, "available_traffic").state == "unavailable"
    assert "Unexpected error fetching BytesFlows data" in caplog.text


async def test_log_of_an_account_that_was_renamed(
    hass: HomeAssistant,
    api: SimulatedApi,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log tells accounts apart by their names."""
    entry = make_entry(api)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, title="Scrapers")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    api.break_(Fault.refuse(500))
    await pass_time(hass, freezer)
    assert "Error fetching Scrapers data" in caplog.text
