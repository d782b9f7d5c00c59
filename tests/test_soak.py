"""A long life in a short time: polls, faults, packages, restarts and power cuts.

`scripts/soak` lives it for 20,000 polls, the test run for a few hundred.
"""

import asyncio
from collections.abc import Callable
import copy
from dataclasses import dataclass, fields
from datetime import timedelta
import gc
import logging
import os
from pathlib import Path
import random
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.api.client import MAX_PARALLEL_REQUESTS
from custom_components.bytesflows.ledger import ChangeKind
from dev.simulated_api import (
    GIB,
    MIB,
    OVERVIEW,
    RECORDS,
    Account,
    Package,
    SimulatedApi,
)
from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util.async_ import get_scheduled_timer_handles
from homeassistant.util.dt import utcnow

from .helpers.common import FIGURES, make_entry, pass_time, set_up
from .helpers.faults import TIMEOUT, TROUBLES
from .helpers.model import Model
from .helpers.tokens import TokenWatch, stored_with_token

POLLS: Final = int(os.environ.get("SOAK_POLLS", "400"))
SEED: Final = int(os.environ.get("SOAK_SEED", "1"))
# All that can be: the server's list does not grow beyond it.
ROWS: Final = 60
# With a clock that stands still between polls nothing is in time or late.
FAULTS: Final = [trouble.fault for trouble in TROUBLES if trouble.outcome != TIMEOUT]
PATHS: Final = [(OVERVIEW,), (RECORDS,), (OVERVIEW, RECORDS)]


@dataclass(frozen=True, slots=True)
class Size:
    """What could grow."""

    objects: int
    memory: int
    listeners: int
    timers: int
    tasks: int
    connections: int


class Soak:
    """An account that lives, and what Home Assistant makes of it."""

    def __init__(
        self,
        hass: HomeAssistant,
        api: SimulatedApi,
        storage: dict[str, Any],
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Begin with an account without packages."""
        self.hass = hass
        self.api = api
        self.model = Model(page_cap=10, newest_first=True, beside=0)
        self.model.now = utcnow()
        self.api.accounts = [Account(packages=self.model.rows)]
        self.api.page_cap = 10
        self.entry: MockConfigEntry = make_entry(api)
        self.told: list[tuple[str, ChangeKind]] = []
        self.counts = dict.fromkeys(
            ("polls", "faults", "reloads", "power cuts", "compared"), 0
        )
        self._storage = storage
        self._freezer = freezer
        self._random = random.Random(SEED)  # noqa: S311
        self._compared = utcnow()

    async def begin(self) -> None:
        """Set the account up, with a history."""
        for _ in range(20):
            self._arrive().used = MIB
        self.hass.bus.async_listen(EVENT_STATE_CHANGED, self._note_told)
        assert await set_up(self.hass, self.entry)
        self.model.note(is_first=True)
        self._compare()

    @callback
    def _note_told(self, event: Event[EventStateChangedData]) -> None:
        """Take note of what an automation would hear."""
        new, old = event.data["new_state"], event.data["old_state"]
        if not event.data["entity_id"].startswith("event.") or new is None:
            return
        # It comes back after a restart with what it told before.
        if old is None or STATE_UNAVAILABLE in {old.state, new.state}:
            return
        kind = ChangeKind(new.attributes[ATTR_EVENT_TYPE])
        self.told.append((new.attributes["order_id"], kind))

    def _arrive(self) -> Package:
        """Add a package that lasts some days."""
        package = self.model.arrive(
            self._random.choice(["order", "sign", "gift"]),
            self._random.randint(1, 40) * MIB,
        )
        package.order_id = package.id
        days = self._random.randint(1, 20)
        package.expires = self.model.now + timedelta(days=days, minutes=1)
        return package

    def _live(self) -> None:
        """Let happen to the account what happens between two polls."""
        self.model.now = utcnow()
        account = self.api.accounts[0]
        account.expire(self.model.now)
        if self._random.random() < 0.3:
            account.use(self._random.randint(1, 3 * MIB // 2))
        if self._random.random() < 0.03:
            self._arrive()
        # Not at once: what a power cut took away could not be read again.
        a_day_ago = self.model.now - timedelta(days=1)
        over = [
            row
            for row in self.model.rows
            if row.expires is not None and row.expires < a_day_ago
        ]
        for row in over[: max(0, len(self.model.rows) - ROWS)]:
            self.model.forget(row)
        del self.model.forgotten[:-ROWS]
        for row in self.model.rows:
            if row.remaining == 0:
                row.status = 0

    async def poll(self) -> None:
        """Let five minutes pass, in which nothing, or anything, happens."""
        self._live()
        chance = self._random.random()
        if chance < 0.1:
            fault = self._random.choice(FAULTS)
            self.api.break_(fault, *self._random.choice(PATHS))
            self.counts["faults"] += 1
        elif chance < 0.12:
            self.counts["reloads"] += 1
            await self._restart()
        elif chance < 0.14:
            self.counts["power cuts"] += 1
            await self._restart(copy.deepcopy(self._storage))
        await pass_time(self.hass, self._freezer)
        self.counts["polls"] += 1
        self.api.heal()
        for flow in self.hass.config_entries.flow.async_progress():
            self.hass.config_entries.flow.async_abort(flow["flow_id"])
        self._note_reading()

    async def _restart(self, stored: dict[str, Any] | None = None) -> None:
        """Begin anew with what is in the storage, or with what was before the end."""
        await self.hass.config_entries.async_unload(self.entry.entry_id)
        if stored is not None:
            self._storage.clear()
            self._storage.update(stored)
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    def _note_reading(self) -> None:
        """Compare, where everything was read just now."""
        if self.entry.state is not ConfigEntryState.LOADED:
            return
        reading = self.entry.runtime_data.reading
        if reading is not None and reading.time > self._compared:
            self._compared = reading.time
            self.model.note()
            self._compare()

    def _compare(self) -> None:
        """Compare with the model: what is active, what was used, what was told."""
        self.counts["compared"] += 1
        ledger = self.entry.runtime_data.ledger
        assert {(item.id, item.traffic_used) for item in ledger.active} == {
            (row.id, row.used) for row in self.model.rows if row.status == 1
        }
        assert ledger.consumed == self.model.consumed
        assert len(self.told) == len(set(self.told))
        assert set(self.told) == self.model.expected_events()

    def size(self) -> Size:
        """Return what there is now."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        loop = self.hass.loop
        return Size(
            # Without what the model, and this, remember.
            objects=len(gc.get_objects()) - len(self.told) - len(self.model.events),
            memory=pages * os.sysconf("SC_PAGE_SIZE"),
            listeners=sum(self.hass.bus.async_listeners().values()),
            timers=sum(
                not handle.cancelled() for handle in get_scheduled_timer_handles(loop)
            ),
            tasks=len(asyncio.all_tasks(loop)),
            connections=self.api.connections,
        )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("now")
async def test_soak(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    api: SimulatedApi,
    freezer: FrozenDateTimeFactory,
    token_watch: TokenWatch,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """Every event once, what was used as the model has it, and nothing that grows."""
    # The lines that pytest keeps would be most of the memory.
    monkeypatch.setattr(logging.getLogger(), "handlers", [token_watch])
    token_watch.watch(hass)
    soak = Soak(hass, api, hass_storage, freezer)
    await soak.begin()
    sizes: list[Size] = []
    for number in range(1, POLLS + 1):
        await soak.poll()
        # What the harness remembers is none of the integration's.
        api.requests.clear()
        for value in vars(Store).values():
            if hasattr(value, "reset_mock"):
                value.reset_mock()
        if number % (POLLS // 20) == 0:
            sizes.append(soak.size())
    assert token_watch.tracebacks == []
    assert stored_with_token(hass_storage) == []
    warm, late = _largest(sizes[5:10]), _largest(sizes[15:])
    for line in (
        ", ".join(f"{count:,} {what}" for what, count in soak.counts.items()),
        f"{len(soak.told):,} changes of packages, each told once",
        f"{soak.model.consumed / GIB:.2f} GiB used, as the model has it",
        f"{token_watch.events:,} events without a token",
        f"{token_watch.lines:,} lines of the log without a token",
        *(
            f"{field.name}: {getattr(warm, field.name):,} after a quarter, "
            f"{getattr(late, field.name):,} at the end"
            for field in fields(Size)
        ),
    ):
        record_property(FIGURES, f"Soak: {line}")
    assert late.objects < 1.1 * warm.objects + 1_000
    assert late.memory < 1.1 * warm.memory
    # A few come and go with what happens to be under way.
    assert late.listeners <= warm.listeners + 2
    assert late.timers <= warm.timers + 4
    assert late.tasks <= warm.tasks + 4
    assert late.connections <= MAX_PARALLEL_REQUESTS
    assert soak.counts["compared"] > POLLS // 10


def _largest(sizes: list[Size]) -> Size:
    """Return the most that there was of each."""
    names = [field.name for field in fields(Size)]
    return Size(**{name: max(getattr(size, name) for size in sizes) for name in names})
