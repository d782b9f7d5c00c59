"""Start, stop, and power-cut Home Assistant on one folder with real files.

Do not combine it with the `hass` fixture, which keeps files in memory. If the test uses
`freezer`, pass it on: sleeps, delays, and timeouts then end only in `Lives.pass_time`.
That waits for all running tasks and never returns while an automation is in a delay,
so test such automations with the real clock.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar, copy_context
from datetime import timedelta
import json
from pathlib import Path
import shutil
import sys
import time
from typing import Any, Final, override
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    async_test_home_assistant,
)

from homeassistant import config_entries, loader
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry,
    category_registry,
    device_registry,
    entity_registry,
    floor_registry,
    frame,
    issue_registry,
    label_registry,
    restore_state,
)
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.storage import STORAGE_DIR, get_internal_store_manager
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles

type Config = dict[str, Any]

PATIENCE: Final = 10
"""Seconds to wait for a condition."""

# Timers, tasks, and threads inherit it, which tells those of a life from all others.
_CURRENT: ContextVar[HomeAssistant | None] = ContextVar("current", default=None)


class Lives:
    """One Home Assistant that starts and ends any number of times.

    Each life ends as a process does: with all its timers, tasks, threads, and
    connections, including the tasks that the test started meanwhile.
    """

    def __init__(
        self,
        folder: Path,
        *entries: ConfigEntry,
        config: Config | None = None,
        freezer: FrozenDateTimeFactory | None = None,
    ) -> None:
        """Create the folder and store the config entries in it.

        Home Assistant reads them from there in each life and stores their changes.
        """
        self.folder = folder
        self.config: Config = {} if config is None else config
        """The YAML of the next life, such as `{"automation": [...]}`."""
        self.prepare: Callable[[HomeAssistant], object] = lambda _: None
        """Called in each life before any setup: the place to add listeners."""
        self._domains = {entry.domain for entry in entries}
        self._freezer = freezer
        self._hass: HomeAssistant | None = None
        self._process = AsyncExitStack()
        self._older_tasks: set[asyncio.Task[Any]] = set()
        self._errors: list[Exception] = []
        _write_entries(folder, entries)

    @property
    def hass(self) -> HomeAssistant:
        """Return the current Home Assistant."""
        assert self._hass is not None
        return self._hass

    async def start(self) -> HomeAssistant:
        """Start Home Assistant and return it once it is running."""
        hass = await self.boot()
        await self.run()
        return hass

    async def boot(self) -> HomeAssistant:
        """Set up all integrations and return in the state `not_running`."""
        assert self._hass is None
        self._older_tasks = asyncio.all_tasks()
        await self._begin_process()
        hass = self._hass = await self._process.enter_async_context(
            async_test_home_assistant(
                config_dir=str(self.folder),
                load_registries=False,
                initial_state=CoreState.not_running,
            )
        )
        _CURRENT.set(hass)
        await _load(hass)
        self.prepare(hass)
        for domain in self._domains | self.config.keys():
            assert await async_setup_component(hass, domain, self.config)
        await hass.async_block_till_done()
        return hass

    async def run(self) -> None:
        """Go from `not_running` through `starting` to `running`."""
        await self.hass.async_start()
        await self.hass.async_block_till_done()

    @asynccontextmanager
    async def life(self) -> AsyncGenerator[HomeAssistant]:
        """Start, and stop at the end of the block if it is still running."""
        hass = await self.start()
        try:
            yield hass
        finally:
            await self.end()

    async def stop(self) -> None:
        """Stop in an orderly way: shutdown jobs, stop event, final write, close."""
        await self.hass.async_stop()
        await self._end_process()

    async def power_cut(self) -> None:
        """End at once, with the files as they are on disk now."""
        kept = self.folder.with_name(f"{self.folder.name}.kept")
        # A file that is being written atomically is temporary until then.
        shutil.copytree(self.folder, kept, ignore=shutil.ignore_patterns("tmp*"))
        await self._end_process()
        _replace(self.folder, kept)

    async def end(self) -> None:
        """Stop if still running."""
        if self._hass is not None:
            await self.stop()

    async def pass_time(self, delta: timedelta) -> None:
        """Let time pass and fire the timers that are due, each once.

        Without `freezer`, timers fire early, but the clock does not move.
        """
        now = dt_util.utcnow() + delta
        if self._freezer is not None:
            self._freezer.tick(delta)
        async_fire_time_changed(self.hass, now)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    def stored(self, key: str) -> Any:  # noqa: ANN401
        """Return the data of a storage file on disk, or None if there is no file."""
        path = self.folder / STORAGE_DIR / key
        return json.loads(path.read_bytes())["data"] if path.is_file() else None

    @contextmanager
    def unwritable(self, key: str) -> Generator[None]:
        """Make writes of a storage file fail, even for root.

        A folder takes its place until the end of the block. Do not start a life there.
        """
        path = self.folder / STORAGE_DIR / key
        kept = self.folder.with_name(key)
        if path.exists():
            path.rename(kept)
        path.mkdir(parents=True)
        try:
            yield
        finally:
            path.rmdir()
            if kept.exists():
                kept.rename(path)

    async def _begin_process(self) -> None:
        """Give the life its own threads, error handler, and import path."""
        loop = asyncio.get_running_loop()
        threads = _Executor(thread_name_prefix="life")
        self._process.push_async_callback(asyncio.to_thread, threads.shutdown)
        # Home Assistant does not allow calls of loop.set_default_executor.
        self._process.enter_context(patch.object(loop, "_default_executor", threads))
        self._process.callback(loop.set_exception_handler, loop.get_exception_handler())
        loop.set_exception_handler(self._note_error)
        self._process.enter_context(patch.object(sys, "path", sys.path.copy()))

    def _note_error(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Keep an unhandled error until the end of the life."""
        self._errors.append(
            context.get("exception") or RuntimeError(context["message"])
        )
        loop.default_exception_handler(context)

    async def _end_process(self) -> None:
        """End the life with all that still runs or is open."""
        hass = self.hass
        await self._cancel_rest()
        if hass.state is not CoreState.stopped:
            # Closes the connections, and is no sign for integrations.
            hass.set_state(CoreState.not_running)
            hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_CLOSE)
            await hass.async_block_till_done()
            hass.set_state(CoreState.stopped)
            hass.import_executor.shutdown()
        # Home Assistant leaves one last step to the loop.
        await asyncio.sleep(0)
        await self._cancel_rest()
        await self._process.aclose()
        self._hass = None
        _CURRENT.set(None)
        if self._errors:
            errors, self._errors = self._errors, []
            raise ExceptionGroup("Unhandled errors", errors)

    async def _cancel_rest(self) -> None:
        """Cancel the timers and tasks of the life."""
        for handle in get_scheduled_timer_handles(self.hass.loop):
            if handle.get_context().get(_CURRENT) is self.hass:
                handle.cancel()
        while tasks := self._tasks():
            for task in tasks:
                task.cancel("This life ends")
            await asyncio.wait(tasks)

    def _tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks of the life, except the current one."""
        others = self._older_tasks | {asyncio.current_task()}
        return [
            task
            for task in asyncio.all_tasks() - others
            if task.get_context().get(_CURRENT) is self.hass
        ]


class Gate:
    """A gate that calls wait at until it opens."""

    def __init__(self) -> None:
        """Set up a closed gate."""
        self.waiting = 0
        self._error: Exception | None = None
        self._opened = asyncio.Event()

    def open(self, error: Exception | None = None) -> None:
        """Let calls pass from now on, or fail."""
        self._error = error
        self._opened.set()

    async def enter(self) -> None:
        """Wait at the gate."""
        self.waiting += 1
        try:
            await self._opened.wait()
        finally:
            self.waiting -= 1
        if self._error is not None:
            raise self._error


@contextmanager
def gate(owner: type, name: str, *, is_behind: bool = False) -> Generator[Gate]:
    """Make an async method slow or failing, such as the write method of our store.

    Calls wait before they begin, or before they return if it `is_behind`. The gate
    opens at the end of the block at the latest. Patch only classes of this integration.
    """
    method = getattr(owner, name)
    entrance = Gate()

    async def wait_and_call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if is_behind:
            result = await method(*args, **kwargs)
            await entrance.enter()
            return result
        await entrance.enter()
        return await method(*args, **kwargs)

    with patch.object(owner, name, wait_and_call):
        try:
            yield entrance
        finally:
            entrance.open()


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, even if the clock is frozen."""
    loop = asyncio.get_running_loop()
    for _ in range(PATIENCE * 1000):
        if condition():
            return
        await loop.run_in_executor(None, time.sleep, 0.001)
    raise AssertionError("The condition never held")


class _Executor(ThreadPoolExecutor):
    """Threads that pass the context on, so their callbacks belong to the life."""

    @override
    def submit[**P, T](
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run a function in the context of its caller."""
        context = copy_context()
        return super().submit(lambda: context.run(fn, *args, **kwargs))


async def _load(hass: HomeAssistant) -> None:
    """Load what Home Assistant loads before integrations."""
    # The harness hides custom integrations.
    hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
    frame.async_setup(hass)
    device_registry.async_setup(hass)
    await get_internal_store_manager(hass).async_initialize()
    await asyncio.gather(
        area_registry.async_load(hass),
        category_registry.async_load(hass),
        device_registry.async_load(hass),
        entity_registry.async_load(hass),
        floor_registry.async_load(hass),
        issue_registry.async_load(hass),
        label_registry.async_load(hass),
        restore_state.async_load(hass),
    )
    await hass.config_entries.async_initialize()


def _write_entries(folder: Path, entries: tuple[ConfigEntry, ...]) -> None:
    """Write the config entries in the format of Home Assistant."""
    path = folder / STORAGE_DIR / config_entries.STORAGE_KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(
        json_bytes(
            {
                "version": config_entries.STORAGE_VERSION,
                "minor_version": config_entries.STORAGE_VERSION_MINOR,
                "key": config_entries.STORAGE_KEY,
                "data": {"entries": [entry.as_dict() for entry in entries]},
            }
        )
    )


def _replace(folder: Path, other: Path) -> None:
    """Replace a folder by another."""
    shutil.rmtree(folder)
    other.rename(folder)
