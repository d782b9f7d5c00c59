"""Changes and marks over stops, starts, power cuts, and failing disks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.bytesflows import storage
from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.dispatch import SAVE_PATIENCE
from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from custom_components.bytesflows.storage import AccountStorage
from dev.simulated_api import GIB, MIB, RECORDS, Account, Fault, Package, SimulatedApi
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util

from .helpers.clock import NOW
from .helpers.lifecycle import Gate, Lives, gate, until

KEY: Final = f"{DOMAIN}.01JEXAMPLE"
AVAILABLE: Final = "sensor.bytesflows_available_traffic"
EVENT: Final = "event.bytesflows_package"
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
SAID: Final = {
    "low": "low",
    "not low": "not low",
    "expiring": "expiring {{ trigger.order_id }}",
    "event": "{{ trigger.to_state.attributes.event_type }} "
    "{{ trigger.to_state.attributes.order_id }}",
}

type End = Callable[[Lives], Awaitable[None]]


def _mark(kind: str, trigger: str, **options: object) -> dict[str, Any]:
    """Return an automation on one of our marks."""
    triggers = {
        "trigger": f"bytesflows.{trigger}",
        "target": {"entity_id": AVAILABLE},
        "options": options,
    }
    return _automation(kind, triggers)


def _automation(kind: str, triggers: dict[str, Any]) -> dict[str, Any]:
    """Return an automation that says what it was started for."""
    say = {"event": "heard", "event_data": {"what": SAID[kind]}}
    return {
        "id": kind,
        "alias": kind,
        "mode": "queued",
        "triggers": triggers,
        "actions": [say],
    }


EXPIRING: Final = _mark("expiring", "package_expiring", before={"days": 3})
LOW: Final = _mark("low", "traffic_became_low")
LOW_FOR_15_MINUTES: Final = _mark("low", "traffic_became_low", **{"for": "00:15:00"})
CHANGES: Final = _automation(
    "event",
    {
        "trigger": "state",
        "entity_id": EVENT,
        "not_from": ["unavailable"],
        "not_to": ["unavailable", "unknown"],
    },
)


class House:
    """A home with automations, over many lives."""

    def __init__(self, lives: Lives, api: SimulatedApi) -> None:
        """Listen in all lives."""
        self.lives = lives
        self.api = api
        self.heard: list[str] = []
        """What automations said, in all lives together."""
        lives.prepare = self._listen
        self._polling: asyncio.Task[None] | None = None

    @property
    def account(self) -> Account:
        """Return the account on the server."""
        return self.api.accounts[0]

    def automate(self, *automations: dict[str, Any]) -> None:
        """Have some automations in the next lives."""
        self.lives.config = {"automation": list(automations)}

    async def start(self) -> HomeAssistant:
        """Start, and wait until automations are listened to."""
        hass = await self.lives.start()
        await self.lives.pass_time(timedelta(seconds=6))
        return hass

    async def again(self, end: End = Lives.stop) -> HomeAssistant:
        """End this life and start the next one."""
        await end(self.lives)
        return await self.start()

    async def poll(self, times: int = 1) -> None:
        """Let time pass until the next poll is done, once or several times."""
        for _ in range(times):
            await self.lives.pass_time(UPDATE_INTERVAL + timedelta(seconds=1))

    async def refresh(self) -> None:
        """Poll now."""
        await self.coordinator.async_refresh()

    async def poll_until(self, condition: Callable[[], object]) -> None:
        """Poll in the background, and wait until a condition holds."""
        self._polling = self.lives.hass.async_create_task(self.refresh())
        await until(condition)

    @property
    def coordinator(self) -> Any:  # noqa: ANN401
        """Return the coordinator of the account."""
        [entry] = self.lives.hass.config_entries.async_entries(DOMAIN)
        return entry.runtime_data

    def state(self, entity_id: str) -> str:
        """Return the state of an entity."""
        found = self.lives.hass.states.get(entity_id)
        assert found is not None
        return found.state

    def buy(self, id_: str, *, traffic: int = 10 * GIB, days: float = 20) -> None:
        """Add a package that was created now and expires in some days."""
        now = datetime.now(UTC)
        package = _package(id_, now, traffic=traffic, days=days)
        self.account.packages.append(package)

    def _listen(self, hass: HomeAssistant) -> None:
        """Note what automations say."""

        @callback
        def note(event: Event[Any]) -> None:
            self.heard.append(event.data["what"])

        hass.bus.async_listen("heard", note)


def _package(
    id_: str,
    created: datetime,
    *,
    traffic: int = 10 * GIB,
    used: int = 0,
    days: float = 20,
) -> Package:
    """Return a package that expires some days after its creation."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        traffic=traffic,
        used=used,
        created=created,
        expires=created + timedelta(days=days),
    )


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Account:
    """Return an account with a package of 10 GiB that expires in 20 days."""
    if "now" in request.fixturenames:
        request.getfixturevalue("now")
    created = datetime.now(UTC) - timedelta(minutes=5)
    return Account(packages=[_package("1", created, used=GIB)])


@pytest.fixture
def house(lives: Lives, api: SimulatedApi) -> House:
    """Return a home that has not started yet."""
    return House(lives, api)


@contextmanager
def _failing_disk(error: Exception) -> Iterator[None]:
    """Make all writes of our file fail."""
    with patch.object(
        storage._WatchedStore,
        "_write_prepared_data",
        side_effect=error,
    ):
        yield


def _tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged with a traceback, but for the file that failed."""
    return [
        item.getMessage()
        for item in caplog.records
        if item.exc_info and item.name != "homeassistant.util.file"
    ]


ENDS: Final = pytest.mark.parametrize("end", [Lives.stop, Lives.power_cut])


# A stop.


def _with_delay(automation: dict[str, Any]) -> dict[str, Any]:
    """Return an automation that goes on after a moment."""
    [say] = automation["actions"]
    done = {"event": "heard", "event_data": {"what": "done"}}
    return {**automation, "actions": [say, {"delay": {"milliseconds": 300}}, done]}


@pytest.mark.parametrize("automation", [LOW, EXPIRING, CHANGES])
async def test_stop_waits_for_automations(
    house: House, automation: dict[str, Any]
) -> None:
    """What was just started by a mark or an event is finished before the stop."""
    house.automate(_with_delay(automation))
    await house.start()
    house.account.use(17 * GIB // 2)
    house.buy("2", traffic=MIB, days=1)
    await house.poll_until(lambda: house.heard)
    await house.lives.stop()
    said = house.heard[0]
    assert house.heard == [said, "done"]
    await house.start()
    assert house.heard == [said, "done"]


async def test_stop_while_a_write_is_slow(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits for its write at a stop is started and finished, and not again."""
    house.automate(_with_delay(LOW))
    await house.start()
    house.account.use(17 * GIB // 2)
    with gate(AccountStorage, "_async_write") as entrance:
        await house.poll_until(lambda: entrance.waiting)
        stopping = asyncio.create_task(house.lives.hass.async_stop())
        await asyncio.sleep(0.05)
        assert house.heard == []
        entrance.open()
        await stopping
    await house.lives.stop()
    await house.start()
    assert house.heard == ["low", "done"]
    assert _tracebacks(caplog) == []


async def test_stop_while_a_write_hangs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop waits for a while only; what was not saved is for the next start."""
    monkeypatch.setattr("custom_components.bytesflows.dispatch.STOP_SECONDS", 0.1)
    house.automate(LOW)
    await house.start()
    house.account.use(17 * GIB // 2)
    with gate(AccountStorage, "_async_write") as entrance:
        await house.poll_until(lambda: entrance.waiting)
        stopping = asyncio.create_task(house.lives.hass.async_stop())
        await until(lambda: entrance.waiting == 2)
        await asyncio.sleep(0.05)
        entrance.open()
        await stopping
    await house.lives.stop()
    assert house.heard == []
    await house.start()
    assert house.heard == ["low"]


@pytest.mark.usefixtures("now")
async def test_stop_writes_everything(house: House) -> None:
    """Times that only advance are written, too, as is use of the last minutes."""
    await house.start()
    await house.poll(13)
    before = house.lives.stored(KEY)
    house.account.use(MIB)
    await house.poll()
    await house.lives.stop()
    after = house.lives.stored(KEY)
    assert before["last_sync"] < after["last_sync"] == dt_util.utcnow().timestamp()
    assert after["consumption"]["total"] == GIB + MIB


@pytest.mark.parametrize("path", ["overview", "records"])
async def test_poll_under_way_at_the_stop(
    house: House, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that hangs does not delay a stop, and nothing of the poll is lost."""
    house.automate(CHANGES)
    await house.start()
    house.buy("2")
    house.api.break_(Fault(hang=True), *([RECORDS] if path == "records" else []))
    await house.poll_until(lambda: house.api.under_way)
    async with asyncio.timeout(5):
        await house.lives.stop()
    house.api.heal()
    await house.start()
    assert house.heard == ["purchased ORD-2"]
    assert _tracebacks(caplog) == []


async def test_action_under_way_at_the_stop(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends with an error, before Home Assistant would complain about it."""
    hass = await house.start()
    house.api.break_(Fault(hang=True), RECORDS)
    calling = hass.async_create_task(
        hass.services.async_call(
            DOMAIN,
            "get_packages",
            {"config_entry_id": house.coordinator.config_entry.entry_id},
            blocking=True,
            return_response=True,
        )
    )
    await until(lambda: house.api.under_way)
    await house.lives.stop()
    assert isinstance(calling.exception(), HomeAssistantError)
    assert "still running" not in caplog.text


async def test_poll_that_ends_during_the_stop(house: House) -> None:
    """What a poll finds while Home Assistant stops is for the next start."""
    house.automate(CHANGES)
    hass = await house.start()

    async def poll(_: Event[Any]) -> None:
        house.buy("2")
        await house.coordinator.async_refresh()

    hass.bus.async_listen_once("homeassistant_stop", poll)
    await house.lives.stop()
    assert house.heard == []
    assert len(house.lives.stored(KEY)["changes"]) == 1
    house.api.break_(Fault.refuse(500), RECORDS)
    await house.start()
    assert house.heard == ["purchased ORD-2"]


@pytest.mark.usefixtures("now")
async def test_stop_soon_after_the_start(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """A stop within 5 seconds of the start leaves everything to the next one."""
    house.automate(CHANGES, EXPIRING)
    await house.start()
    await house.lives.stop()
    freezer.tick(18 * DAY)
    house.buy("2")
    hass = await house.lives.start()

    async def wait(_: Event[Any]) -> None:
        freezer.tick(timedelta(seconds=6))
        async_fire_time_changed(hass)

    hass.bus.async_listen_once("homeassistant_stop", wait)
    await house.lives.stop()
    assert house.heard == []
    await house.start()
    assert house.heard == ["purchased ORD-2", "expiring ORD-1"]


# While Home Assistant is down.


@pytest.mark.usefixtures("now")
@ENDS
async def test_mark_that_falls_due_while_down(
    house: House, freezer: FrozenDateTimeFactory, end: End
) -> None:
    """It fires once, 5 seconds after the start, also if the first life was cut."""
    house.account.packages[0].expires = NOW + 8 * DAY
    house.automate(EXPIRING)
    await house.start()
    await house.poll(3)
    await end(house.lives)
    freezer.tick(7 * DAY)
    await house.lives.boot()
    assert house.heard == []
    await house.lives.run()
    await house.lives.pass_time(timedelta(seconds=4))
    assert house.heard == []
    await house.lives.pass_time(timedelta(seconds=2))
    assert house.heard == ["expiring ORD-1"]
    await house.again(end)
    await house.poll(2)
    assert house.heard == ["expiring ORD-1"]


@pytest.mark.usefixtures("now")
@ENDS
async def test_changes_while_down(
    house: House, freezer: FrozenDateTimeFactory, end: End
) -> None:
    """What happened to packages in a week is dispatched once, after the start."""
    house.automate(CHANGES, EXPIRING)
    await house.start()
    await end(house.lives)
    freezer.tick(6 * DAY)
    house.buy("2", days=3.5)
    house.account.packages[0].used = 10 * GIB
    freezer.tick(DAY)
    await house.lives.start()
    await house.lives.pass_time(timedelta(seconds=4))
    assert house.heard == []
    await house.lives.pass_time(timedelta(seconds=2))
    expected = ["purchased ORD-2", "depleted ORD-1", "expiring ORD-2"]
    assert house.heard == expected
    await house.again(end)
    assert house.heard == expected


@pytest.mark.usefixtures("now")
@ENDS
async def test_low_for_15_minutes(
    house: House, freezer: FrozenDateTimeFactory, end: End
) -> None:
    """Neither a restart nor a power cut resets how long traffic has been low."""
    house.automate(LOW_FOR_15_MINUTES)
    await house.start()
    house.account.use(17 * GIB // 2)
    await house.poll()
    await house.again(end)
    await house.poll(2)
    assert house.heard == []
    await house.poll()
    assert house.heard == ["low"]
    await house.again(end)
    await house.poll()
    assert house.heard == ["low"]


@pytest.mark.usefixtures("now")
@ENDS
async def test_low_for_15_minutes_while_down(
    house: House, freezer: FrozenDateTimeFactory, end: End
) -> None:
    """Time while Home Assistant is down counts, if traffic is low before and after."""
    house.automate(LOW_FOR_15_MINUTES)
    await house.start()
    house.account.use(17 * GIB // 2)
    await house.poll()
    await end(house.lives)
    freezer.tick(7 * DAY)
    await house.start()
    assert house.heard == ["low"]


@pytest.mark.usefixtures("now")
async def test_power_cut_of_an_idle_account(house: House) -> None:
    """What fired two hours before a power cut does not fire again."""
    house.account.packages[0].expires = NOW + 3 * DAY + 30 * MINUTE
    house.automate(EXPIRING)
    await house.start()
    await house.poll(6)
    assert house.heard == ["expiring ORD-1"]
    await house.poll(24)
    await house.again(Lives.power_cut)
    await house.poll(2)
    assert house.heard == ["expiring ORD-1"]


@pytest.mark.usefixtures("now")
async def test_entities_come_back_as_they_were(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """After a start they show what they showed before, and change for automations."""
    house.automate(
        _automation(
            "low", {"trigger": "numeric_state", "entity_id": AVAILABLE, "below": 5}
        )
    )
    await house.start()
    await house.poll()
    await house.lives.stop()
    freezer.tick(DAY)
    house.account.use(5 * GIB)
    await house.lives.start()
    assert house.state(AVAILABLE) == "9.0"
    await house.poll(0)
    await house.lives.pass_time(timedelta(seconds=4))
    assert house.state(AVAILABLE) == "9.0"
    assert house.heard == []
    await house.lives.pass_time(timedelta(seconds=2))
    assert house.state(AVAILABLE) == "4.0"
    assert house.heard == ["low"]


@pytest.mark.usefixtures("now")
async def test_time_zone_issue_outlives_a_restart(house: House) -> None:
    """The repair and its evidence are there before the first poll of the next life."""
    issue_id = "time_zone_01JEXAMPLE"
    hass = await house.start()
    house.buy("2")
    house.account.packages[-1].created = NOW + timedelta(hours=6)
    await house.poll(14)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    house.account.packages.pop()
    await house.lives.stop()
    house.api.break_(Fault.refuse(500))
    hass = await house.start()
    restored = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert restored is not None
    assert restored.active
    assert restored.data == issue.data
    assert restored.translation_key == issue.translation_key


# Power cuts between saving and dispatching.


@contextmanager
def _before_the_write() -> Iterator[Gate]:
    """Stop before something is saved as dispatched."""
    with gate(AccountStorage, "_async_write") as entrance:
        yield entrance


@contextmanager
def _after_the_write() -> Iterator[Gate]:
    """Stop between saving and dispatching."""
    with gate(AccountStorage, "async_save", is_behind=True) as entrance:
        yield entrance


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize(
    ("stage", "count"), [(_before_the_write, 1), (_after_the_write, 0)]
)
@pytest.mark.parametrize(
    ("automation", "said"),
    [
        (LOW, "low"),
        (EXPIRING, "expiring ORD-2"),
        (CHANGES, "purchased ORD-2"),
    ],
)
async def test_power_cut_around_a_write(
    house: House,
    stage: Callable[[], Any],
    count: int,
    automation: dict[str, Any],
    said: str,
) -> None:
    """What was not saved is dispatched after the next start, and nothing is twice."""
    house.automate(automation)
    await house.start()
    house.account.use(17 * GIB // 2)
    house.buy("2", traffic=MIB, days=1)
    with stage() as entrance:
        await house.poll_until(lambda: entrance.waiting)
        assert house.heard == []
        await house.lives.power_cut()
    await house.start()
    assert house.heard == [said] * count
    await house.again(Lives.power_cut)
    await house.poll()
    assert house.heard == [said] * count


@pytest.mark.usefixtures("now")
async def test_marks_wait_for_changes(house: House) -> None:
    """A mark and a change of one poll are saved at once; the change comes first."""
    house.automate(EXPIRING, LOW, CHANGES)
    await house.start()
    house.account.use(17 * GIB // 2)
    house.buy("2", traffic=MIB, days=1)
    with _before_the_write() as entrance:
        await house.poll_until(lambda: entrance.waiting)
        assert house.heard == []
        entrance.open()
        await until(lambda: len(house.heard) == 3)
    assert house.heard == ["purchased ORD-2", "low", "expiring ORD-2"]


@pytest.mark.usefixtures("now")
async def test_reload_while_writing(house: House) -> None:
    """A reload waits for what is being dispatched, and loses and doubles nothing."""
    house.automate(CHANGES, EXPIRING)
    hass = await house.start()
    house.buy("2", days=1)
    with _before_the_write() as entrance:
        await house.poll_until(lambda: entrance.waiting)
        reload = hass.async_create_task(
            hass.config_entries.async_reload("01JEXAMPLE"), eager_start=True
        )
        await asyncio.sleep(0)
        assert not reload.done()
        entrance.open()
        assert await reload
    await hass.async_block_till_done()
    expected = ["purchased ORD-2", "expiring ORD-2"]
    assert house.heard == expected
    house.buy("3", days=1)
    await house.poll()
    expected += ["purchased ORD-3", "expiring ORD-3"]
    assert house.heard == expected


# Failing disks.


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("error", [OSError("full"), RuntimeError("odd"), TypeError()])
async def test_failing_write_is_tried_again(
    house: House, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Nothing is dispatched before a write succeeded, whatever makes it fail."""
    house.automate(CHANGES, EXPIRING)
    await house.start()
    house.buy("2", days=1)
    with _failing_disk(error):
        await house.poll()
        for _ in range(3):
            await house.lives.pass_time(MINUTE)
        assert house.heard == []
        assert len(house.lives.stored(KEY)["packages"]) == 1
    await house.lives.pass_time(MINUTE)
    expected = ["purchased ORD-2", "expiring ORD-2"]
    assert house.heard == expected
    assert _tracebacks(caplog) == []
    await house.again(Lives.power_cut)
    assert house.heard == expected


@pytest.mark.usefixtures("now")
async def test_full_disk(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """After 10 minutes it is dispatched all the same, with one warning."""
    house.automate(CHANGES, LOW)
    await house.start()
    house.buy("2")

    def warnings() -> int:
        return caplog.text.count("cannot be saved; alarms may repeat")

    with house.lives.unwritable(KEY):
        await house.poll()
        for _ in range(SAVE_PATIENCE // 60 - 1):
            await house.lives.pass_time(MINUTE)
        assert house.heard == []
        assert warnings() == 0
        await house.lives.pass_time(MINUTE)
        assert house.heard == ["purchased ORD-2"]
        # The next ones do not wait again.
        house.account.use(37 * GIB // 2)
        await house.poll()
        assert house.heard == ["purchased ORD-2", "depleted ORD-1", "low"]
        assert warnings() == 1
        await house.poll(3)
    await house.lives.pass_time(MINUTE)
    assert len(house.lives.stored(KEY)["packages"]) == 2
    expected = ["purchased ORD-2", "depleted ORD-1", "low"]
    assert house.heard == expected
    await house.again(Lives.power_cut)
    assert house.heard == expected

    # It waits and warns again.
    house.buy("3")
    with house.lives.unwritable(KEY):
        await house.poll(2)
        assert "purchased ORD-3" not in house.heard
        await house.poll(2)
        assert "purchased ORD-3" in house.heard
        assert warnings() == 2


@pytest.mark.usefixtures("now")
async def test_stop_with_a_full_disk(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be saved before a stop is dispatched after the next start."""
    house.automate(CHANGES, LOW)
    await house.start()
    house.account.use(17 * GIB // 2)
    house.buy("2", traffic=MIB)
    with house.lives.unwritable(KEY):
        await house.poll()
        await house.lives.stop()
    assert house.heard == []
    await house.start()
    assert house.heard == ["purchased ORD-2", "low"]
    assert _tracebacks(caplog) == []


async def test_file_is_atomic_and_private(house: House) -> None:
    """The file is replaced as a whole, synced to the disk, and for its owner alone."""
    path = house.lives.folder / STORAGE_DIR / KEY
    write = "homeassistant.helpers.storage.write_utf8_file_atomic"
    await house.start()
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_ino
    with patch(write, side_effect=OSError("cut")):
        house.buy("2")
        await house.refresh()
        await house.lives.hass.async_block_till_done()
    assert path.stat().st_ino == before
    assert len(house.lives.stored(KEY)["packages"]) == 1
    await house.lives.pass_time(MINUTE + timedelta(seconds=1))
    assert path.stat().st_ino != before
    assert path.stat().st_mode & 0o777 == 0o600
    assert house.account.token not in path.read_text(encoding="utf-8")


# The clock.


@pytest.mark.usefixtures("now")
async def test_clock_set_back(house: House, freezer: FrozenDateTimeFactory) -> None:
    """The records are read again, as nobody knows how old they are."""
    await house.start()
    house.api.requests.clear()
    await house.poll()
    assert house.api.count(RECORDS) == 0
    freezer.tick(timedelta(hours=-3))
    await house.refresh()
    assert house.api.count(RECORDS) == 1
    house.api.requests.clear()
    await house.poll()
    assert house.api.count(RECORDS) == 0
