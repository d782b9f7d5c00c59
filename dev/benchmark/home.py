"""A Home Assistant in this process, and what its work costs."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import gc
from pathlib import Path
import tempfile
import time
from types import MappingProxyType
from typing import Any

from aiohttp.resolver import AsyncResolver
from sqlalchemy import func, select

from dev import PACKAGE
from dev.demo.home_assistant import reserve_port, store_address
from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.components.recorder.db_schema import Events, States
from homeassistant.components.recorder.tasks import SynchronizeTask
from homeassistant.config_entries import SOURCE_USER, ConfigEntries, ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
    split_entity_id,
)
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.helpers.aiohttp_client import DATA_RESOLVER
from homeassistant.helpers.recorder import (
    async_initialize_recorder,
    get_instance,
    session_scope,
)
from homeassistant.loader import async_setup as async_setup_loader
from homeassistant.setup import async_setup_component

from .server import token

DOMAIN = PACKAGE.name
CALLBACKS = 10
"""Callbacks that a poll leaves behind at most."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something cost this process."""

    cpu: float
    """Milliseconds of all threads."""
    blocked: float
    """The longest that one callback kept the event loop busy, in milliseconds."""
    states: int
    """The states that were written."""
    rows: int
    """The rows that came into the recorder's tables."""


class Stopwatch:
    """Time each callback of the event loop."""

    def __init__(self) -> None:
        """Begin with the next callback. There is one stopwatch in a process."""
        self.longest = 0
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            # The time of the thread, which other programs on the machine do not add to.
            began = time.thread_time_ns()
            run(handle)
            self.longest = max(self.longest, time.thread_time_ns() - began)

        setattr(asyncio.Handle, "_run", timed)  # noqa: B010


class Home:
    """Home Assistant with a recorder."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Keep it."""
        self.hass = hass
        self.written: list[State] = []
        """The states that were written by what was measured last."""
        self._stopwatch = Stopwatch()

    @classmethod
    @asynccontextmanager
    async def start(cls, config: Mapping[str, Any]) -> AsyncGenerator[Home]:
        """Start it in an empty folder, and stop it."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / ".storage").mkdir()
            reservation = reserve_port()
            store_address(folder / ".storage", reservation.getsockname()[1])
            (folder / "custom_components").mkdir()
            (folder / "custom_components" / DOMAIN).symlink_to(PACKAGE)
            hass = HomeAssistant(name)
            async_setup_loader(hass)
            hass.config_entries = ConfigEntries(hass, {})
            await async_load_base_functionality(hass)
            await async_process_ha_core_config(hass, {})
            async_initialize_recorder(hass)
            # Home Assistant's own one asks the network for names; here are none.
            hass.data[str(DATA_RESOLVER)] = AsyncResolver()
            recorder = {"recorder": {"db_url": f"sqlite:///{folder / 'home.db'}"}}
            try:
                for component in ("homeassistant", "recorder", "http", *config):
                    assert await async_setup_component(
                        hass, component, {**recorder, **config}
                    )
                await hass.async_start()
                await hass.async_block_till_done()
                yield cls(hass)
            finally:
                await hass.async_stop(force=True)
                reservation.close()

    async def add_account(self, url: str, number: int = 0) -> ConfigEntry[Any]:
        """Set an account up."""
        entry = ConfigEntry(
            data={"api_token": token(number), "url": url, "verify_ssl": True},
            discovery_keys=MappingProxyType({}),
            domain=DOMAIN,
            minor_version=1,
            options={"time_zone": "Asia/Shanghai"},
            source=SOURCE_USER,
            subentries_data=None,
            title="BytesFlows",
            unique_id=None,
            version=1,
        )
        await self.hass.config_entries.async_add(entry)
        return entry

    async def measure(self, act: Callable[[], Awaitable[object]]) -> Cost:
        """Return what it costs to do something, with all that follows from it."""
        written: list[State] = []

        @callback
        def note(event: Event[EventStateChangedData]) -> None:
            if (state := event.data["new_state"]) is not None:
                written.append(state)

        await self._settle()
        before = await self._rows()
        gc.collect()
        # What comes is another callback.
        await asyncio.sleep(0)
        stop = self.hass.bus.async_listen(EVENT_STATE_CHANGED, note)
        self._stopwatch.longest = 0
        cpu = time.process_time_ns()
        await act()
        # What follows at once needs no waiting, which costs more than it.
        for _ in range(CALLBACKS):
            await asyncio.sleep(0)
        await self._settle()
        cpu = time.process_time_ns() - cpu
        blocked = self._stopwatch.longest
        stop()
        rows = await self._rows() - before
        self.written = written
        return Cost(cpu / 1e6, blocked / 1e6, len(written), rows)

    @callback
    def write_again(self, states: Iterable[State]) -> None:
        """Write states of other entities for entities that are nothing else."""
        now = time.time()
        for state in states:
            domain, name = split_entity_id(state.entity_id)
            self.hass.states.async_set_internal(
                f"{domain}.bare_{name}",
                state.state,
                state.attributes,
                force_update=False,
                context=None,
                state_info=state.state_info,
                timestamp=now,
            )

    async def _settle(self) -> None:
        """Wait until nothing is left to do, and all is written."""
        await self.hass.async_block_till_done(wait_background_tasks=True)
        written = self.hass.loop.create_future()
        get_instance(self.hass).queue_task(SynchronizeTask(written))
        await written

    async def _rows(self) -> int:
        """Return how many rows the recorder has."""

        def rows() -> int:
            with session_scope(hass=self.hass, read_only=True) as session:
                return sum(
                    session.execute(
                        select(func.count()).select_from(table)
                    ).scalar_one()
                    for table in (States, Events)
                )

        return await get_instance(self.hass).async_add_executor_job(rows)
