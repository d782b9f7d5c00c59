"""Starts, stops, and power cuts of Home Assistant on the same files."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
import time
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from custom_components.bytesflows.storage import AccountStorage
from dev.simulated_api import GIB, MIB, Account, Fault, Package, SimulatedApi
from homeassistant.const import (
    EVENT_HOMEASSISTANT_CLOSE,
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_START,
    EVENT_HOMEASSISTANT_STARTED,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import Event, HassJob, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util.async_ import get_scheduled_timer_handles

from .helpers.lifecycle import Lives, gate, until

KEY = f"{DOMAIN}.01JEXAMPLE"
UNIQUE_ID = "01JEXAMPLE_lifetime_consumption"
AUTOMATION = "automation.two_steps"

CONFIG = {
    "automation": [
        {
            "id": "two-steps",
            "alias": "Two steps",
            "triggers": {"trigger": "event", "event_type": "go"},
            "actions": [
                {"event": "first"},
                {"delay": {"milliseconds": 300}},
                {"event": "second"},
            ],
        }
    ]
}

LIFECYCLE = [
    EVENT_HOMEASSISTANT_START,
    EVENT_HOMEASSISTANT_STARTED,
    EVENT_HOMEASSISTANT_STOP,
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_CLOSE,
]


@pytest.fixture
def account() -> Account:
    """Return an account with packages."""
    return Account.with_packages(3)


@pytest.fixture
def lives(lives: Lives) -> Lives:
    """Give each life the automation."""
    lives.config = CONFIG
    return lives


def files(lives: Lives) -> dict[str, bytes]:
    """Return all files on disk."""
    return {
        str(path.relative_to(lives.folder)): path.read_bytes()
        for path in lives.folder.rglob("*")
        if path.is_file()
    }


def sensor(hass: HomeAssistant) -> str:
    """Return the entity id of the lifetime consumption."""
    entity_id = er.async_get(hass).async_get_entity_id("sensor", DOMAIN, UNIQUE_ID)
    assert entity_id is not None
    return entity_id


def consumption(lives: Lives) -> int:
    """Return the lifetime consumption on disk."""
    total: int = lives.stored(KEY)["consumption"]["total"]
    return total


def identity(hass: HomeAssistant) -> tuple[str | None, ...]:
    """Return the ids and the name by which the registries know the sensor."""
    entity = er.async_get(hass).async_get(sensor(hass))
    assert entity is not None
    assert entity.device_id is not None
    assert dr.async_get(hass).async_get(entity.device_id) is not None
    return entity.id, entity.device_id, entity.name


def state(hass: HomeAssistant, entity_id: str) -> str:
    """Return the state of an entity."""
    found = hass.states.get(entity_id)
    assert found is not None
    return found.state


async def change_everything(lives: Lives, account: Account) -> None:
    """Change the consumption, the registry, and the automation."""
    account.use(MIB)
    await lives.pass_time(UPDATE_INTERVAL)
    hass = lives.hass
    er.async_get(hass).async_update_entity(sensor(hass), name="Mine")
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": AUTOMATION}, blocking=True
    )


def refresh(hass: HomeAssistant) -> asyncio.Task[None]:
    """Poll in the background."""
    [entry] = hass.config_entries.async_entries(DOMAIN)
    return entry.async_create_background_task(
        hass, entry.runtime_data.async_refresh(), "refresh"
    )


@pytest.mark.usefixtures("now")
async def test_stop_and_start(lives: Lives, account: Account) -> None:
    """An orderly stop writes all changes, and the next life reads them."""
    async with lives.life() as hass:
        await change_everything(lives, account)
        before = identity(hass)
        total = consumption(lives)
        [entry] = hass.config_entries.async_entries(DOMAIN)
        hass.config_entries.async_update_entry(entry, title="Work")
    assert consumption(lives) == total + MIB

    account.packages.clear()
    async with lives.life() as hass:
        assert identity(hass) == before
        assert before[-1] == "Mine"
        assert state(hass, AUTOMATION) == "off"
        assert float(state(hass, sensor(hass))) * GIB == total + MIB
        [entry] = hass.config_entries.async_entries(DOMAIN)
        assert entry.title == "Work"


@pytest.mark.usefixtures("now")
async def test_power_cut(lives: Lives, account: Account) -> None:
    """Only what was on disk survives a power cut."""
    async with lives.life() as hass:
        before = identity(hass)
    total = consumption(lives)

    hass = await lives.start()
    await change_everything(lives, account)
    ends = [async_capture_events(hass, name) for name in LIFECYCLE[2:4]]
    assert identity(hass) != before
    on_disk = files(lives)
    await lives.power_cut()
    assert ends == [[], []]
    assert files(lives) == on_disk

    assert consumption(lives) == total
    async with lives.life() as hass:
        assert identity(hass) == before
        assert state(hass, AUTOMATION) == "on"
        # The API still knows.
        assert float(state(hass, sensor(hass))) * GIB == total + MIB


@pytest.mark.usefixtures("now")
async def test_power_cut_in_the_first_life(lives: Lives) -> None:
    """Registries are written late, so a power cut soon after a setup loses them."""
    before = identity(await lives.start())
    await lives.power_cut()
    assert lives.stored("core.entity_registry") is None
    assert lives.stored(KEY) is not None
    async with lives.life() as hass:
        assert identity(hass) != before


async def test_order_of_events(lives: Lives) -> None:
    """Each life has the events and states of a real one."""
    seen: list[tuple[str, str]] = []

    def listen(hass: HomeAssistant) -> None:
        @callback
        def note(event: Event[Any]) -> None:
            seen.append((str(event.event_type), hass.state.value))

        for name in LIFECYCLE:
            hass.bus.async_listen(name, note)

    lives.prepare = listen
    expected = list(
        zip(
            map(str, LIFECYCLE),
            ("STARTING", "RUNNING", "STOPPING", "FINAL_WRITE", "NOT_RUNNING"),
            strict=True,
        )
    )
    for _ in range(2):
        hass = await lives.boot()
        assert seen == []
        assert hass.state.value == "NOT_RUNNING"
        assert state(hass, sensor(hass)) != "unavailable"
        await lives.run()
        assert seen == expected[:2]
        await lives.stop()
        assert seen == expected
        seen.clear()


@pytest.mark.parametrize("is_patient", [False, True])
async def test_stop_during_a_delay(lives: Lives, is_patient: bool) -> None:
    """A stop cancels the delay of an automation, unless a shutdown job waits for it."""
    hass = await lives.start()
    first = async_capture_events(hass, "first")
    second = async_capture_events(hass, "second")

    async def wait() -> None:
        await until(lambda: second)

    if is_patient:
        hass.async_add_shutdown_job(HassJob(wait))
    hass.bus.async_fire("go")
    await until(lambda: first)
    await lives.stop()
    await asyncio.sleep(0.35)
    assert len(second) == is_patient


async def test_power_cut_during_a_delay(lives: Lives) -> None:
    """After a power cut, an automation does nothing more."""
    hass = await lives.start()
    first = async_capture_events(hass, "first")
    second = async_capture_events(hass, "second")

    async def fire() -> None:
        hass.bus.async_fire("second")

    hass.async_add_shutdown_job(HassJob(fire))
    hass.bus.async_fire("go")
    await until(lambda: first)
    await lives.power_cut()
    await asyncio.sleep(0.35)
    assert second == []


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("end", [Lives.stop, Lives.power_cut])
async def test_nothing_outlives_a_life(
    lives: Lives, api: SimulatedApi, end: Callable[[Lives], Awaitable[None]]
) -> None:
    """Timers, tasks, requests, connections, and listeners end with the life."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks()
    timers = set(get_scheduled_timer_handles(loop))
    hass = await lives.start()
    heard = async_capture_events(hass, "heard")
    api.break_(Fault(hang=True))
    polling = refresh(hass)
    await until(lambda: api.under_way)

    await end(lives)
    assert polling.done()
    await until(lambda: not api.under_way and not api.connections)
    assert asyncio.all_tasks() == tasks
    left = set(get_scheduled_timer_handles(loop)) - timers
    assert [handle for handle in left if not handle.cancelled()] == []

    api.heal()
    async with lives.life() as hass:
        api.requests.clear()
        hass.bus.async_fire("heard")
        await lives.pass_time(UPDATE_INTERVAL)
        assert len(api.requests) == 1
    assert heard == []


@pytest.mark.usefixtures("now")
async def test_power_cut_during_a_write(lives: Lives, account: Account) -> None:
    """A write that has not reached the disk is lost with the power."""
    hass = await lives.start()
    account.packages.append(
        Package(id="new", traffic=GIB, created=account.packages[0].created)
    )
    with gate(AccountStorage, "_async_write") as entrance:
        polling = refresh(hass)
        await until(lambda: entrance.waiting)
        await lives.power_cut()
        assert polling.done()
        assert entrance.waiting == 0
    assert len(lives.stored(KEY)["packages"]) == 3
    async with lives.life():
        await lives.pass_time(timedelta(seconds=6))
        assert len(lives.stored(KEY)["packages"]) == 4


async def test_power_cut_before_a_thread_writes(lives: Lives) -> None:
    """A write still under way in a thread is lost in a power cut."""
    hass = await lives.start()
    path = lives.folder / "late"

    def write() -> None:
        time.sleep(0.1)
        path.write_text("late")

    writing = hass.async_add_executor_job(write)
    await lives.power_cut()
    assert writing.done()
    await asyncio.sleep(0.15)
    assert not path.exists()


async def test_slow_and_failing_calls(lives: Lives) -> None:
    """Calls wait at a gate, and fail if it opens with an error."""

    class Target:
        async def call(self, number: int) -> int:
            return number + 1

    with gate(Target, "call") as entrance:
        slow = asyncio.create_task(Target().call(1))
        await until(lambda: entrance.waiting)
        assert not slow.done()
        entrance.open()
        assert await slow == 2
        entrance.open(OSError("full"))
        with pytest.raises(OSError, match="full"):
            await Target().call(1)
    assert await Target().call(1) == 2


@pytest.mark.usefixtures("now")
async def test_file_that_cannot_be_written(
    lives: Lives, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing disk keeps the old file, and a later life writes again."""
    await lives.start()
    before = consumption(lives)
    with lives.unwritable(KEY):
        account.use(MIB)
        await lives.pass_time(UPDATE_INTERVAL)
        await lives.stop()
    assert f"Error writing config for {KEY}" in caplog.text
    assert consumption(lives) == before
    async with lives.life():
        pass
    assert consumption(lives) == before + MIB


async def test_unhandled_error(lives: Lives) -> None:
    """An error that only the loop sees fails the test at the end of the life."""
    await lives.start()

    def fail() -> None:
        raise ValueError("unseen")

    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)
    with pytest.raises(ExceptionGroup) as caught:
        await lives.stop()
    assert caught.group_contains(ValueError, match="unseen")


async def test_end_before_the_start(lives: Lives, api: SimulatedApi) -> None:
    """A life can end while Home Assistant is still setting up."""
    await lives.boot()
    await lives.stop()
    await until(lambda: not api.connections)
    async with lives.life() as hass:
        assert state(hass, sensor(hass)) != "unavailable"
