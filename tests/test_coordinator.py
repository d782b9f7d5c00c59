"""When what is asked, and what a bad day looks like."""

import asyncio
from datetime import timedelta
import logging
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
)

from custom_components.bytesflows import coordinator
from custom_components.bytesflows.api import BytesFlowsClient, pauses
from custom_components.bytesflows.coordinator import BytesFlowsCoordinator
from custom_components.bytesflows.issues import async_update_issues
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
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import HomeAssistant, callback
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import make_entry, pass_time, set_up
from .helpers.home import Home
from .helpers.lifecycle import until
from .helpers.translations import text

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
                created=NOW - timedelta(days=10),
                expires=NOW + timedelta(days=20),
            ),
            Package(
                id="2",
                source="sign",
                traffic=GIB,
                created=NOW - timedelta(days=2),
                expires=NOW + timedelta(minutes=62),
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


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines that tell of anything wrong, whoever logged them."""
    return [
        item.getMessage()
        for item in caplog.records
        if (item.levelno > logging.INFO or item.exc_info)
        # It says how busy the machine is.
        and item.name != "asyncio"
    ]


async def test_idle_polls(home: Home) -> None:
    """Nothing changes: one request a poll, the records once an hour, no state."""
    home.account.packages[1].expires = NOW + timedelta(days=3)
    await home.set_up()
    home.api.requests.clear()
    changes = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    reports: list[object] = []
    home.hass.bus.async_listen(
        EVENT_STATE_REPORTED,
        callback(lambda event: reports.append(event)),  # noqa: PLW0108
        event_filter=callback(lambda _: True),
    )

    await home.poll(11)
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (11, 0)
    await home.poll()
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (12, 1)
    await home.poll()
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (13, 1)
    assert changes == []
    assert reports == []


async def test_issues_of_an_account_in_order(home: Home) -> None:
    """Issues are looked after in the first good poll, and while there is a reason."""
    with patch.object(
        coordinator, "async_update_issues", side_effect=async_update_issues
    ) as update:
        await home.set_up()
        assert update.call_count == 1
        await home.poll(3)
        assert update.call_count == 1
        home.api.break_(Fault.odd_row(0, trafficUsed="?"), RECORDS)
        home.account.use(MIB)
        await home.poll(2)
        assert update.call_count == 3


async def test_idle_day(home: Home) -> None:
    """A day of 288 polls writes what is foretold by the day, once, and nothing else."""
    home.account.packages[1].expires = NOW + timedelta(days=20)
    await home.set_up()
    await home.pass_time(timedelta(days=2))
    changes = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    await home.poll(288)
    changed = [event.data["entity_id"] for event in changes]
    assert changed == ["sensor.bytesflows_daily_allowance"]


async def test_start_of_many_accounts(
    hass: HomeAssistant, api: SimulatedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a start at most 4 requests at a time go to one address."""
    running, most, get = 0, 0, BytesFlowsClient._get

    async def get_slowly(*args: Any) -> Any:  # noqa: ANN401
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(100):
            await asyncio.sleep(0)
        try:
            return await get(*args)
        finally:
            running -= 1

    monkeypatch.setattr(BytesFlowsClient, "_get", get_slowly)
    count = 12
    api.accounts = [Account.with_packages(300, now=NOW) for _ in range(count)]
    for number, account in enumerate(api.accounts):
        account.token = f"token-{number}"
        for package in account.packages:
            package.id = f"{number}-{package.id}"
        entry = make_entry(api, token=account.token, entry_id=f"entry-{number}")
        entry.add_to_hass(hass)
    # This sets up the others as well.
    assert await hass.config_entries.async_setup("entry-0")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (api.count(OVERVIEW), api.count(RECORDS)) == (count, 3 * count)
    assert most == 4


async def test_polls_while_traffic_is_used(home: Home) -> None:
    """The overview changed: the records are read with it."""
    await home.set_up()
    assert home.state("expiring_traffic").state == "1.0"
    home.api.requests.clear()

    home.account.use(512 * MIB)
    await home.poll()
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (1, 1)
    assert home.state("available_traffic").state == "2.5"
    assert home.state("expiring_traffic").state == "0.5"


async def test_first_overview_then_records(home: Home) -> None:
    """A change that the records could not be read for is read at the next poll."""
    await home.set_up()
    home.account.use(512 * MIB)
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.poll()
    assert home.state("expiring_traffic").state == "1.0"

    home.api.heal()
    await home.poll()
    assert home.state("expiring_traffic").state == "0.5"


async def test_refresh_by_hand(home: Home) -> None:
    """A requested update reads everything again."""
    await home.set_up()
    home.api.requests.clear()
    await refresh(home.hass)
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (1, 1)


async def test_expiry(home: Home) -> None:
    """At the moment of an expiry all is read, between the polls."""
    await home.set_up()
    assert home.state("next_expiry").state == "2026-03-01T13:02:00+00:00"
    home.freezer.tick(timedelta(minutes=60))
    await home.pass_time(timedelta(0))
    home.api.requests.clear()

    home.freezer.move_to(NOW + timedelta(minutes=62))
    home.account.expire(NOW + timedelta(minutes=62))
    await home.pass_time(timedelta(0))
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (1, 1)
    assert home.state("next_expiry").state == "2026-03-21T12:00:00+00:00"
    assert home.state("expiring_traffic").state == "2.0"
    assert home.state("active_packages").state == "1"
    assert home.state("available_traffic").state == "2.0"


async def test_expiry_that_the_server_does_not_know_yet(home: Home) -> None:
    """A package that the server still calls active is not usable any more."""
    await home.set_up()
    home.freezer.move_to(NOW + timedelta(minutes=62))
    await home.pass_time(timedelta(0))
    assert home.state("next_expiry").state == "2026-03-21T12:00:00+00:00"
    assert home.state("active_packages").state == "1"
    assert home.state("available_traffic").state == "3.0"


async def test_no_planned_refresh_without_polling(home: Home) -> None:
    """Who switched polling off is not polled for an expiry either."""
    home.entry.add_to_hass(home.hass)
    home.hass.config_entries.async_update_entry(home.entry, pref_disable_polling=True)
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    home.api.requests.clear()

    await home.pass_time(timedelta(hours=2))
    assert home.api.requests == []
    await refresh(home.hass)
    assert home.state("active_packages").state == "1"


async def test_unload_forgets_the_planned_refresh(home: Home) -> None:
    """Nothing is asked for an account that is unloaded."""
    await home.set_up()
    await home.unload()
    home.api.requests.clear()
    await home.pass_time(timedelta(hours=2))
    assert home.api.requests == []


OUTAGES = [
    pytest.param(Fault(drop=True), "cannot_connect", id="dropped"),
    pytest.param(Fault.html(403), "server_error", id="firewall"),
    pytest.param(Fault.refuse(503), "server_error", id="unavailable"),
    pytest.param(Fault.html(200), "invalid_response", id="page"),
    pytest.param(Fault.without("data"), "invalid_response", id="no data"),
    pytest.param(Fault.code(50008), "unexpected_status", id="code"),
    pytest.param(Fault.refuse(429), "rate_limited", id="limited"),
]


@pytest.mark.parametrize(("fault", "key"), OUTAGES)
async def test_outage(
    home: Home, caplog: pytest.LogCaptureFixture, fault: Fault, key: str
) -> None:
    """All is unavailable, with one line in the log; then all is back, with another."""
    await home.set_up()
    caplog.clear()
    home.api.break_(fault, OVERVIEW)
    await home.poll(3)
    assert home.state("available_traffic").state == "unavailable"
    assert home.state("next_expiry").state == "unavailable"

    home.api.heal()
    await home.poll()
    assert home.state("available_traffic").state == "3.0"
    assert home.state("active_packages").state == "2"

    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.bytesflows")
        and record.levelno > logging.DEBUG
    ]
    assert len(lines) == 2
    assert lines[0].startswith("Error fetching BytesFlows data: ")
    assert text("exceptions", key, "message").partition("{")[0] in lines[0]
    assert lines[1] == "Fetching BytesFlows data recovered"
    assert EXAMPLE_TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("fault", "detail", "given"),
    [
        (Fault.without("code"), "expected a number: code", {}),
        (Fault.refuse(404), "(HTTP 404)", {"status": "HTTP 404"}),
        (Fault.code(50008), "code 50008)", {"status": "HTTP 200, code 50008"}),
        (Fault.refuse(429), ": HTTP 429", {}),
    ],
)
async def test_details_are_in_the_log(
    home: Home,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    detail: str,
    given: dict[str, str],
) -> None:
    """The log has English details; what people read is in their language alone."""
    caplog.set_level(logging.INFO)
    home.api.break_(fault, OVERVIEW)
    assert not await set_up(home.hass, home.entry)
    assert home.entry.error_reason_translation_placeholders == given
    (line,) = [line for line in caplog.messages if "not ready yet" in line]
    assert f"{detail};" in line
    home.api.heal()
    await home.reload()
    home.api.break_(fault, OVERVIEW)
    caplog.clear()
    await home.poll()
    (line,) = [line for line in caplog.messages if "Error fetching" in line]
    assert line.endswith(detail)


async def test_outage_of_the_records(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """The overview goes on; what the records say is kept for an hour."""
    home.account.packages[1].expires = NOW + timedelta(days=3)
    await home.set_up()
    caplog.clear()
    home.api.break_(Fault.refuse(500), RECORDS)
    home.account.use(512 * MIB)

    for _ in range(12):
        await home.poll()
        assert home.state("available_traffic").state == "2.5"
        assert home.state("expiring_traffic").state == "1.0"
    await home.poll()
    assert home.state("available_traffic").state == "2.5"
    for key in ("expiring_traffic", "next_expiry", "active_packages"):
        assert home.state(key).state == "unavailable"

    home.api.heal()
    await home.poll()
    assert home.state("expiring_traffic").state == "0.5"
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.bytesflows")
        and record.levelno > logging.DEBUG
    ]
    assert lines == [
        "Error fetching BytesFlows packages: HTTP 500",
        "Fetching BytesFlows packages recovered",
    ]


async def test_one_failed_reading_of_idle_records(home: Home) -> None:
    """Records that are an hour old already do not vanish at the first failure."""
    home.account.packages[1].expires = NOW + timedelta(days=3)
    await home.set_up()
    home.freezer.tick(timedelta(minutes=59))
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.poll()
    assert home.state("active_packages").state == "2"
    home.api.heal()
    await home.poll()
    assert home.state("active_packages").state == "2"


async def test_records_out_of_order_at_the_start(home: Home) -> None:
    """An account is set up with what there is, and the rest comes when it can."""
    home.api.break_(Fault.data(records={}), RECORDS)
    await home.set_up()
    assert home.state("available_traffic").state == "3.0"
    assert home.state("active_packages").state == "unavailable"

    home.api.heal()
    await home.poll()
    assert home.state("active_packages").state == "2"


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
async def test_retry_after(home: Home, fault: Fault, pause: int) -> None:
    """No request is sent during a pause that the server asked for, within limits."""
    for package in home.account.packages:
        package.expires = None
    await home.set_up()
    home.api.break_(fault, OVERVIEW)
    await home.poll()
    home.api.heal()
    home.api.requests.clear()

    await home.pass_time(timedelta(seconds=pause - 5))
    assert home.api.requests == []
    assert home.state("available_traffic").state == "unavailable"
    await home.pass_time(timedelta(seconds=5))
    assert home.api.count(OVERVIEW) == 1
    assert home.state("available_traffic").state == "3.0"


async def test_retry_after_holds_for_everybody(home: Home) -> None:
    """Neither a request by hand nor an expiry breaks the server's peace."""
    await home.set_up()
    home.api.break_(Fault.refuse(429, Retry_After="7200"))
    await home.poll()
    home.api.heal()
    home.api.requests.clear()

    await refresh(home.hass)
    error = home.entry.runtime_data.last_exception
    assert error.retry_after == 7201  # A second more than what is left.
    await home.pass_time(timedelta(minutes=70))
    assert home.api.requests == []
    await home.pass_time(timedelta(minutes=55))
    assert home.state("active_packages").state == "1"


async def test_retry_after_of_the_records(home: Home) -> None:
    """Records are not requested, and the overview is still polled."""
    await home.set_up()
    home.account.use(512 * MIB)
    home.api.break_(Fault.refuse(429, Retry_After="1500"), RECORDS)
    await home.poll()
    home.api.heal()
    home.api.requests.clear()

    await home.poll(4)
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (4, 0)
    assert home.state("expiring_traffic").state == "1.0"
    await home.poll()
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (5, 1)
    assert home.state("expiring_traffic").state == "0.5"


async def test_records_after_a_long_outage(home: Home) -> None:
    """What was read before a long outage is not shown as if it were new."""
    await home.set_up()
    home.api.break_(Fault.refuse(500))
    await home.poll()
    await home.pass_time(timedelta(hours=5))
    home.api.heal()
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.poll()
    assert home.state("available_traffic").state == "3.0"
    assert home.state("active_packages").state == "unavailable"

    home.api.heal()
    await home.poll()
    assert home.state("active_packages").state == "1"


async def test_retry_after_of_the_records_in_an_outage(home: Home) -> None:
    """The pause that the records want is kept when the overview fails, too."""
    await home.set_up()
    home.api.break_(Fault.refuse(500), OVERVIEW)
    home.api.break_(Fault.refuse(429, Retry_After="3600"), RECORDS)
    await home.pass_time(timedelta(hours=1))
    asked = home.api.count(RECORDS)
    await home.poll(2)
    assert home.api.count(RECORDS) == asked


async def test_clock_that_is_set_back(home: Home) -> None:
    """A clock that was wrong for a while keeps nothing from being read for long."""
    home.freezer.move_to(NOW + timedelta(days=300))
    await home.set_up()
    home.api.requests.clear()
    home.freezer.move_to(NOW)
    await home.entry.runtime_data.async_refresh()
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (1, 1)
    assert home.state("active_packages").state == "2"


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(days=19)])
async def test_clock_that_jumps_in_a_pause(
    home: Home, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    """A pause is as long as the server said, whatever the clock shows meanwhile."""
    seconds = 0.0
    monkeypatch.setattr(pauses, "monotonic", lambda: seconds)
    await home.set_up()
    home.api.break_(Fault.refuse(429, Retry_After="600"))
    await home.poll()
    assert home.state("active_packages").state == "unavailable"
    home.api.heal()
    home.api.requests.clear()

    home.freezer.tick(jump)
    seconds += 590
    await refresh(home.hass)
    assert home.api.requests == []
    seconds += 10
    await home.poll()
    assert home.state("available_traffic").state == "3.0"
    assert home.state("active_packages").state != "unavailable"


async def test_revoked_token(home: Home) -> None:
    """A rejection counts when a second one confirms it; then one request an hour."""

    def flows() -> list[str]:
        return [
            flow["context"]["source"]
            for flow in home.hass.config_entries.flow.async_progress()
        ]

    await home.set_up()
    home.account.token = "another"
    await home.poll()
    assert flows() == []
    assert home.state("active_packages").state == "2"
    await home.pass_time(timedelta(minutes=1))
    assert flows() == ["reauth"]
    assert home.state("active_packages").state == "unavailable"
    home.api.requests.clear()
    await home.poll(3 * 12 - 1)
    assert flows() == ["reauth"]
    assert len(home.api.requests) == 2


async def test_unload_during_a_poll(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """A poll that unloading ends leaves no error, and nothing is lost."""
    await home.set_up()
    caplog.clear()
    for number in range(50):
        home.account.use(MIB)
        if number % 2:
            home.api.break_(Fault(hang=True), (OVERVIEW, RECORDS)[number // 2 % 2])
        home.api.requests.clear()
        poll = home.hass.async_create_task(
            home.entry.runtime_data.async_request_refresh()
        )
        await until(lambda: home.api.requests)
        for _ in range(number // 2):
            await asyncio.sleep(0)
        home.api.heal()
        if number % 3:
            assert await home.reload()
        else:
            assert await home.unload()
            assert await home.hass.config_entries.async_setup(home.entry.entry_id)
        await poll
        await home.hass.async_block_till_done(wait_background_tasks=True)
        assert home.entry.state is ConfigEntryState.LOADED
    assert home.state("available_traffic").state == str(3 - 50 / 1024)
    assert complaints(caplog) == []


async def test_unload_in_an_outage(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """A poll that unloading ends is not the end of an outage."""
    await home.set_up()
    home.api.break_(Fault.refuse(500))
    await home.poll()
    caplog.clear()
    home.api.break_(Fault(hang=True))
    poll = home.hass.async_create_task(home.entry.runtime_data.async_request_refresh())
    await until(lambda: home.api.under_way)
    assert await home.unload()
    await poll
    assert "recovered" not in caplog.text
    assert "Error" not in caplog.text


async def test_refresh_that_a_reload_interrupts(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """A refresh that waits its turn when the account is reloaded logs no error."""
    await home.set_up()
    caplog.clear()
    for _ in range(2):
        await refresh(home.hass)
    assert await home.reload()
    await home.pass_time(timedelta(seconds=15))
    assert home.state("available_traffic").state == "3.0"
    assert complaints(caplog) == []


async def test_two_refreshes_by_hand(home: Home) -> None:
    """A second refresh within seconds of the first one comes after it."""
    await home.set_up()
    await refresh(home.hass)
    home.api.requests.clear()
    home.account.use(512 * MIB)
    await refresh(home.hass)
    await home.pass_time(timedelta(seconds=10))
    assert (home.api.count(OVERVIEW), home.api.count(RECORDS)) == (1, 1)
    assert home.state("available_traffic").state == "2.5"


async def test_use_on_the_first_day_only(home: Home) -> None:
    """12 GiB in the first 24 hours and then nothing: the average falls by the hour.

    The package has no times, so nothing else gives a rate, nor does a day of sleep.
    """
    home.account.packages = [Package(id="1", traffic=100 * GIB)]
    await home.set_up()
    for _ in range(24):
        home.account.use(GIB // 2)
        await home.pass_time(timedelta(hours=1) - timedelta(seconds=1))
    assert float(home.state("average_daily_consumption").state) == pytest.approx(12)
    for hours in range(25, 24 * 7 + 1):
        await home.pass_time(timedelta(hours=1) - timedelta(seconds=1))
        shown = float(home.state("average_daily_consumption").state)
        assert shown == pytest.approx(12 * 24 / hours)
    for _ in range(25):
        await home.pass_time(timedelta(hours=1))
    assert home.state("average_daily_consumption").state == "0.0"
    await home.pass_time(timedelta(hours=25))
    assert home.state("average_daily_consumption").state == "unknown"


async def test_mistakes_of_ours_are_not_hidden(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What no server can cause is not taken for an outage of the records."""
    await home.set_up()
    coordinator: BytesFlowsCoordinator = home.entry.runtime_data

    async def fail() -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(coordinator.account.client, "get_overview", fail)
    await home.pass_time(timedelta(hours=2))
    assert home.state("available_traffic").state == "unavailable"
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
