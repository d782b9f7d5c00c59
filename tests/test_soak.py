"""A long life in a short time: polls, faults, packages, restarts, and power cuts.

`scripts/soak` lives it for 20,000 polls, the test run for a few hundred.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
import gc
import logging
import os
from pathlib import Path
import random
import time
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.bytesflows.account import Account as KnownAccount
from custom_components.bytesflows.api import MAX_PARALLEL_REQUESTS
from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from custom_components.bytesflows.storage import AccountStorage
from dev.simulated_api import (
    GIB,
    MIB,
    OVERVIEW,
    RECORDS,
    Account,
    Package,
    SimulatedApi,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.async_ import get_scheduled_timer_handles
from homeassistant.util.dt import utcnow

from .helpers.automations import HEARD, automation, became_low, expiring, no_longer_low
from .helpers.common import FIGURES
from .helpers.faults import TIMEOUT, TROUBLES
from .helpers.lifecycle import Lives, gate, until
from .helpers.tokens import TokenWatch, has_token

POLLS: Final = int(os.environ.get("SOAK_POLLS", "400"))
SEED: Final = int(os.environ.get("SOAK_SEED", "1"))
# All that can be: the server's list does not grow beyond it.
ROWS: Final = 60
# With a clock that stands still between polls nothing is in time or late.
FAULTS: Final = [
    trouble.fault
    for trouble in TROUBLES
    # Without data there are no records, which is no fault.
    if trouble.outcome != TIMEOUT and trouble.name not in {"no data", "data is null"}
]
PATHS: Final = [(OVERVIEW,), (RECORDS,), (OVERVIEW, RECORDS)]
ARRIVALS: Final = {"order": "purchased", "sign": "checked_in", "gift": "acquired"}
LEAD_TIMES: Final = {
    "3 days before": timedelta(days=3),
    "1 hour before": timedelta(hours=1),
}
AUTOMATIONS: Final = [
    automation(
        {
            "trigger": "state",
            "entity_id": "event.bytesflows_package",
            "not_from": ["unavailable"],
            "not_to": ["unavailable", "unknown"],
        },
        alias="Changes",
        says="{{ trigger.to_state.attributes.event_type }} "
        "{{ trigger.to_state.attributes.order_id }}",
        max=100,
    ),
    automation(became_low(), alias="Low", says="low"),
    automation(no_longer_low(), alias="Not low", says="not low"),
    *(
        automation(
            expiring(seconds=lead_time.total_seconds()),
            alias=name,
            says=name + " {{ trigger.order_id }}",
            max=100,
        )
        for name, lead_time in LEAD_TIMES.items()
    ),
]


@dataclass(frozen=True, slots=True)
class Size:
    """What could grow."""

    objects: int
    """Those of the integration, in one home."""
    memory: int
    """Bytes, with those of earlier homes, which the harness keeps."""
    listeners: int
    timers: int
    tasks: int
    connections: int


@dataclass(slots=True)
class World:
    """An account, and all that automations have to hear of it."""

    account: Account = field(default_factory=Account)
    used: dict[str, int] = field(default_factory=dict)
    """By id, the highest use of a package that a reading saw."""
    in_use: set[str] = field(default_factory=set)
    """Those that a reading saw active, or with a use: all others never end."""
    ended: set[str] = field(default_factory=set)
    expected: Counter[str] = field(default_factory=Counter)
    """What automations have to say, and how often."""
    ignored: set[str] = field(default_factory=set)
    """What had passed at the first reading."""
    is_low: bool | None = None
    count: int = 0

    def arrive(self, source: str, traffic: int, lifetime: timedelta) -> Package:
        """Add a package that was acquired just now."""
        self.count += 1
        package = Package(
            id=str(self.count),
            order_id=f"ORD-{self.count}",
            source=source,
            traffic=traffic,
            created=utcnow(),
            expires=utcnow() + lifetime,
        )
        self.account.packages.append(package)
        return package

    def note_overview(self) -> None:
        """Take note of what a good poll sees of the alarm."""
        overview = self.account.overview()
        total, available = overview["totalTraffic"], overview["dynamicTraffic"]
        assert isinstance(total, int)
        assert isinstance(available, int)
        limit = 12 if self.is_low else 10
        was_low, self.is_low = self.is_low, available * 100 < total * limit or not total
        if was_low is not None and was_low is not self.is_low:
            self.expected["low" if self.is_low else "not low"] += 1

    def note_packages(self, *, is_first: bool = False) -> None:
        """Take note of what a reading sees of the packages."""
        for row in self.account.packages:
            is_new = row.id not in self.used
            self.used[row.id] = max(self.used.get(row.id, 0), row.used)
            if is_new and not is_first:
                self.expected[f"{ARRIVALS[row.source]} {row.order_id}"] = 1
            if row.status or row.used:
                self.in_use.add(row.id)
            if (
                not (row.status and row.remaining)
                and row.id in self.in_use - self.ended
            ):
                self.ended.add(row.id)
                end = "expired" if row.remaining else "depleted"
                self.expected[f"{end} {row.order_id}"] = 0 if is_first else 1
        due = {
            f"{name} {row.order_id}"
            for row in self.account.active
            for name, lead_time in LEAD_TIMES.items()
            if row.expires is not None
            and row.remaining
            and timedelta(0) < row.expires - utcnow() <= lead_time
        }
        if is_first:
            self.ignored |= due
        self.expected.update(due - self.ignored - self.expected.keys())

    @property
    def consumption(self) -> int:
        """What a client can know to have been used."""
        return sum(self.used.values())


class Soak:
    """An account that lives, and a home that follows it through many lives."""

    def __init__(
        self,
        lives: Lives,
        api: SimulatedApi,
        freezer: FrozenDateTimeFactory,
        token_watch: TokenWatch,
    ) -> None:
        """Begin with an account without packages."""
        self.api = api
        self.world = World()
        self.heard: Counter[str] = Counter()
        """What automations said, in all lives together."""
        self.lost: Counter[str] = Counter()
        """What a power cut may have taken away between saving and dispatching."""
        self.may_restart = True
        self.counts = dict.fromkeys(
            (
                "polls",
                "faults",
                "reloads",
                "stops",
                "power cuts",
                "power cuts before a write",
                "power cuts after a write",
                "compared",
            ),
            0,
        )
        self._lives = lives
        self._freezer = freezer
        self._token_watch = token_watch
        self._random = random.Random(SEED)  # noqa: S311
        self._last_poll: datetime | None = None
        self._last_sync: datetime | None = None
        api.accounts = [self.world.account]
        api.page_cap = 10
        lives.config = {"automation": AUTOMATIONS}
        lives.prepare = self._prepare

    async def begin(self) -> None:
        """Set the account up, with a history."""
        for _ in range(20):
            self._arrive().used = MIB
        await self._lives.start()
        self.world.note_overview()
        self.world.note_packages(is_first=True)
        await self._lives.pass_time(timedelta(seconds=6))
        self._note()

    def _prepare(self, hass: HomeAssistant) -> None:
        """Listen in a new life."""
        hass.bus.async_listen(HEARD, self._hear)
        self._token_watch.watch(hass)

    @callback
    def _hear(self, event: Event[Any]) -> None:
        """Note what an automation says, and that a mark of a package is in time."""
        says = event.data["says"]
        self.heard[says] += 1
        name, _, order_id = says.rpartition(" ")
        if (lead_time := LEAD_TIMES.get(name)) is not None:
            [package] = [
                row for row in self.world.account.packages if row.order_id == order_id
            ]
            assert package.expires is not None
            assert timedelta(0) < package.expires - utcnow() <= lead_time, says
            # It may be due between two polls, which the world does not see.
            self.world.expected[says] = 1

    def _arrive(self) -> Package:
        """Add a package that lasts some days."""
        return self.world.arrive(
            self._random.choice(list(ARRIVALS)),
            self._random.randint(1, 40) * MIB,
            timedelta(days=self._random.randint(1, 20), minutes=1),
        )

    def _happen(self) -> None:
        """Let happen to the account what happens between two polls."""
        account, now = self.world.account, utcnow()
        account.expire(now)
        # Times in which traffic runs out, and times in which it expires.
        most = 8 * MIB if self.counts["polls"] // 150 % 2 else MIB // 4
        if self._random.random() < 0.3:
            account.use(self._random.randint(1, most))
        if self._random.random() < 0.03:
            self._arrive()
        # Not at once: what a power cut took away could not be read again.
        past = [
            row
            for row in account.packages
            if row.expires is not None and row.expires < now - timedelta(days=4)
        ]
        for row in past[: max(0, len(account.packages) - ROWS)]:
            account.packages.remove(row)

    async def poll(self) -> None:
        """Let five minutes pass, in which nothing, or anything, happens."""
        self._happen()
        self.counts["polls"] += 1
        match self._random.choices(
            ["", "fault", "reload", "stop", "cut", "before", "after"],
            [85, 10, 1, *([1, 1, 1, 1] if self.may_restart else [0, 0, 0, 0])],
        ):
            case ["fault"]:
                await self._poll_with_fault()
            case ["reload"]:
                self.counts["reloads"] += 1
                await self._lives.hass.config_entries.async_reload(self._entry_id)
                await self._pass_time()
            case ["stop"]:
                self.counts["stops"] += 1
                await self._lives.stop()
                await self._start()
            case ["cut"]:
                self.counts["power cuts"] += 1
                await self._lives.power_cut()
                await self._start()
            case ["before" | "after"] if self._coordinator is None:
                await self._pass_time()
            case ["before"]:
                self.counts["power cuts before a write"] += 1
                await self._cut_in_a_poll("_async_write", is_behind=False)
            case ["after"]:
                self.counts["power cuts after a write"] += 1
                await self._cut_in_a_poll("async_save", is_behind=True)
            case _:
                await self._pass_time()

    async def _pass_time(self) -> None:
        """Let time pass until the next poll is done, and look at what came of it."""
        await self._lives.pass_time(UPDATE_INTERVAL + timedelta(seconds=1))
        self.api.heal()
        for flow in self._lives.hass.config_entries.flow.async_progress():
            self._lives.hass.config_entries.flow.async_abort(flow["flow_id"])
        self._note()

    async def _poll_with_fault(self) -> None:
        """Poll while the server has a fault."""
        self.counts["faults"] += 1
        fault = self._random.choice(FAULTS)
        self.api.break_(fault, *self._random.choice(PATHS))
        await self._pass_time()

    async def _start(self) -> None:
        """Start again, now or after some days."""
        for _ in range(self._random.choice([0, 0, 3, 30, 600])):
            self._freezer.tick(UPDATE_INTERVAL)
            self._happen()
        self._last_poll = self._last_sync = None
        await self._lives.start()
        await self._lives.pass_time(timedelta(seconds=6))
        self._note()

    async def _cut_in_a_poll(self, method: str, *, is_behind: bool) -> None:
        """Cut the power before or after a poll is saved that found a package."""
        self._freezer.tick(UPDATE_INTERVAL)
        self._arrive()
        hass = self._lives.hass
        with gate(AccountStorage, method, is_behind=is_behind) as entrance:
            polling = hass.async_create_task(self._coordinator.async_refresh())
            await until(polling.done)
            # Whatever the poll found is being saved, unless it failed. A write that
            # ends only while the power is cut is one that the world knows nothing of.
            for _ in range(2_000):
                if entrance.waiting:
                    break
                await asyncio.to_thread(time.sleep, 0.001)
            if is_behind and entrance.waiting:
                if self._is_saved():
                    self._note_world()
                    self.lost = self.world.expected - self.heard
                else:
                    # It was a mark that was due by time, before the poll.
                    entrance.open()
                    await hass.async_block_till_done(wait_background_tasks=True)
                    self._note()
            await self._lives.power_cut()
        await self._start()

    @property
    def _entry_id(self) -> str:
        """The id of the config entry."""
        return "01JEXAMPLE"

    @property
    def _coordinator(self) -> Any:  # noqa: ANN401
        """The coordinator of the account; None after a reload in a server's pause."""
        entry = self._lives.hass.config_entries.async_get_entry(self._entry_id)
        assert entry is not None
        if entry.state is ConfigEntryState.SETUP_RETRY:
            assert entry.error_reason_translation_key == "paused"
            return None
        assert entry.state is ConfigEntryState.LOADED
        return entry.runtime_data

    def _is_saved(self) -> bool:
        """Return whether the file has the last reading."""
        stored = self._lives.stored(f"{DOMAIN}.{self._entry_id}")
        last_sync = self._coordinator.account.state.last_sync
        return bool(stored["last_sync"] == last_sync.timestamp())

    def _note(self) -> None:
        """Look at what came of a poll: everything once, and nothing else."""
        self._note_world()
        assert self.heard <= self.world.expected
        missing = self.world.expected - self.heard
        assert missing <= self.lost

    def _note_world(self) -> None:
        """Let the world note what the home could see."""
        if (coordinator := self._coordinator) is None:
            return
        account: KnownAccount = coordinator.account
        if account.last_poll in {None, self._last_poll}:
            return
        self._last_poll = account.last_poll
        self.world.note_overview()
        sync = account.records.last_sync
        if sync is None or account.records.error is not None or not sync.adds_up:
            return
        self.world.note_packages()
        if sync.time != self._last_sync:
            self._last_sync = sync.time
            self._compare(account)

    def _compare(self, account: KnownAccount) -> None:
        """Compare what was read just now: the active packages and their use."""
        self.counts["compared"] += 1
        state = account.state
        assert {(item.id, item.traffic_used) for item in state.ledger.active} == {
            (row.id, row.used) for row in self.world.account.active
        }
        assert state.consumption.total == self.world.consumption

    def kinds(self) -> dict[str, int]:
        """Return how often automations were started, by what they said."""
        kinds: Counter[str] = Counter()
        for says, count in self.heard.items():
            kinds[says.partition(" ORD")[0]] += count
        return dict(sorted(kinds.items()))

    def size(self) -> Size:
        """Return what there is now."""
        self.api.requests.clear()
        gc.collect()
        types = Counter(type(item) for item in gc.get_objects())
        ours = sum(
            count
            for item, count in types.items()
            if item.__module__.startswith("custom_components.bytesflows")
        )
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        hass = self._lives.hass
        return Size(
            # The harness keeps each home that has ended, with all that was in it.
            objects=ours // types[HomeAssistant],
            memory=pages * os.sysconf("SC_PAGE_SIZE"),
            listeners=sum(hass.bus.async_listeners().values()),
            timers=sum(
                not handle.cancelled()
                for handle in get_scheduled_timer_handles(hass.loop)
            ),
            tasks=len(asyncio.all_tasks(hass.loop)),
            connections=self.api.connections,
        )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("now")
async def test_soak(
    lives: Lives,
    api: SimulatedApi,
    freezer: FrozenDateTimeFactory,
    token_watch: TokenWatch,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """Every change and mark once, what was used as the world has it, and no growth."""
    # What earlier tests have left is not counted.
    gc.collect()
    gc.freeze()
    # The lines that pytest keeps would be most of the memory.
    monkeypatch.setattr(logging.getLogger(), "handlers", [token_watch])
    soak = Soak(lives, api, freezer, token_watch)
    await soak.begin()
    sizes: list[Size] = []
    for number in range(1, POLLS + 1):
        # Each home that ends would add to the memory.
        soak.may_restart = number <= POLLS * 4 // 5
        await soak.poll()
        if number % (POLLS // 20) == 0:
            sizes.append(soak.size())
    assert token_watch.tracebacks == []
    for path in (lives.folder / STORAGE_DIR).glob(f"{DOMAIN}.*"):
        assert not has_token(path.read_text(encoding="utf-8"))
    warm, late = _largest(sizes[5:10]), _largest(sizes[15:])
    growth = sizes[19].memory - sizes[16].memory
    for line in (
        ", ".join(f"{count:,} {what}" for what, count in soak.counts.items()),
        ", ".join(f"{count:,} {what}" for what, count in soak.kinds().items()),
        f"{(soak.world.expected - soak.heard).total():,} of these lost in a power cut",
        f"{soak.world.consumption / GIB:.2f} GiB used, as the world has it",
        f"{token_watch.events:,} events without a token",
        f"{token_watch.lines:,} lines of the log without a token",
        *(
            f"{item.name}: {getattr(warm, item.name):,} after a quarter, "
            f"{getattr(late, item.name):,} at the end"
            for item in fields(Size)
            if item.name != "memory"
        ),
        f"{growth / MIB:.1f} MiB more after {POLLS * 3 // 20:,} polls in one life",
    ):
        record_property(FIGURES, f"Soak: {line}")
    assert late.objects < 1.1 * warm.objects + 300
    assert growth < 16 * MIB
    # A few come and go with what happens to be under way.
    assert late.listeners <= warm.listeners + 2
    assert late.timers <= warm.timers + 4
    assert late.tasks <= warm.tasks + 4
    assert late.connections <= MAX_PARALLEL_REQUESTS
    assert soak.counts["compared"] > POLLS // 10


def _largest(sizes: list[Size]) -> Size:
    """Return the most that there was of each."""
    names = [item.name for item in fields(Size)]
    return Size(**{name: max(getattr(size, name) for size in sizes) for name in names})
