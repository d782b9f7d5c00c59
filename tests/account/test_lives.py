"""Lives of 60 days: clocks that jump, machines that sleep, storage that fails.

Whatever happens, each change and each mark comes once, no reminder comes early, all use
counts once, and the time zone, which is right, is never suspected.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
import json
from random import Random
from typing import Any, Final

import pytest

from custom_components.bytesflows.account import (
    Account,
    AccountState,
    ChangeKind,
    Clock,
    PackageMark,
    Places,
)
from custom_components.bytesflows.api import (
    BytesFlowsConnectionError,
    BytesFlowsError,
    Codec,
)
from custom_components.bytesflows.stored_state import decode_state, encode_state
from dev.simulated_api import EXAMPLE_ZONE, GIB, Package
from tests.helpers.clock import NOW
from tests.helpers.model import OPTIONS, Model, OddClient

from .records import DAY, HOUR, MINUTE

pytestmark = pytest.mark.slow

NONE: Final = timedelta(0)
LIFE: Final = 60 * DAY
LEAD_TIMES: Final = (DAY, 2 * DAY)
PLACES: Final = Places((NONE,), (NONE,), LEAD_TIMES)
LONGEST_SLEEP: Final = 11 * HOUR
PATIENCE: Final = 10 * MINUTE
"""How long what is due waits for storage that fails."""
JUMPS: Final = (
    -3650 * DAY,
    -19 * DAY,
    -8 * HOUR,
    -10 * MINUTE,
    7 * MINUTE,
    5 * HOUR,
    19 * DAY,
    3650 * DAY,
)
ERROR: Final = BytesFlowsConnectionError("reset")


class Dates(StrEnum):
    """What the server's `Date` is like."""

    RIGHT = "right"
    MISSING = "missing"
    CACHED = "cached"
    """It stands still for hours."""


@dataclass
class World:
    """A server, a machine, and the account that lives on it."""

    seed: int
    dates: Dates
    is_monotonic_in_sleep: bool
    every: timedelta

    def __post_init__(self) -> None:
        """Begin with an account that has a past."""
        self.random = Random(self.seed)  # noqa: S311
        self.codec = Codec(EXAMPLE_ZONE)
        self.model = Model()
        self.model.now = NOW - 3 * DAY
        self.buy().used = 5 * GIB
        self.model.now = NOW
        self.error = NONE
        self.slept = NONE
        self.cached = NOW
        self.used = 5 * GIB
        self.expected: Counter[tuple[str, str]] = Counter()
        self.reported: Counter[tuple[str, str]] = Counter()
        self.lows: list[bool] = []
        self.stored: dict[str, Any] | None = None
        self.unsaved_since: datetime | None = None
        self.is_disk_broken = False
        self.next_check_in = NOW + 13 * HOUR
        self.start()

    # The server.

    def buy(self) -> Package:
        """Buy a package that will be used up."""
        package = self.model.arrive("order", 20 * GIB, days=45)
        package.order_id = package.id
        return package

    def live(self, time: timedelta) -> None:
        """Let the server live for some time, by the hour at most."""
        end = self.model.now + time
        while self.model.now < end:
            step = min(end - self.model.now, HOUR)
            self.model.now += step
            self._use(GIB * int(step.total_seconds()) // 3600)
            self._expire()
            if self.model.now >= self.next_check_in:
                self.next_check_in += 31 * HOUR
                package = self.model.arrive("sign", GIB // 4, days=4)
                self.expected[package.id, "checked_in"] += 1
                for lead_time in LEAD_TIMES:
                    self.expected[package.id, str(lead_time)] += 1

    def _use(self, amount: int) -> None:
        """Use traffic of the package that was bought, and buy another one."""
        package = next(row for row in self.model.active if row.source == "order")
        drawn = min(amount, package.remaining)
        package.used += drawn
        self.used += drawn
        if not package.remaining:
            package.status = 0
            self.expected[package.id, "depleted"] += 1
            self.expected[self.buy().id, "purchased"] += 1

    def _expire(self) -> None:
        """Let packages expire."""
        for package in self.model.active:
            if package.expires is not None and package.expires <= self.model.now:
                package.status = 0
                self.expected[package.id, "expired"] += 1

    # The machine.

    def ticks(self) -> float:
        """Return the monotonic time."""
        return (self.model.now - NOW - self.slept).total_seconds()

    def start(self) -> None:
        """Start with what was stored."""
        clock = Clock(lambda: self.model.now + self.error, self.ticks)
        self.client = OddClient(self.model, has_date=self.dates is not Dates.MISSING)
        state = AccountState()
        if self.stored is not None:
            stored = json.loads(json.dumps(self.stored))
            state = decode_state(stored, self.codec, clock.now())
        self.account = Account(self.client, clock, OPTIONS, state)

    def save(self) -> bool:
        """Write everything, and return whether that succeeded."""
        state = self.account.state
        if self.is_disk_broken:
            return False
        if state.last_sync is not None:
            now = self.account.clock.now()
            self.stored = encode_state(state, self.codec, now)
        return True

    async def poll(self) -> bool:
        """Poll, and return whether that succeeded."""
        if self.dates is Dates.CACHED:
            if self.model.now - self.cached > 9 * HOUR:
                self.cached = self.model.now
            self.client.date_error = self.cached - self.model.now
        data = None
        with suppress(BytesFlowsError):
            data = await self.account.poll()
        if data is not None:
            state = self.account.state
            state.shown_overview, state.shown_is_low = data.overview, data.is_low
            state.shown_is_expiring_soon = data.is_expiring_soon
            verdict = self.account.zone_verdict
            assert verdict.evidence == ()
        self.dispatch(with_changes=data is not None)
        return data is not None

    def dispatch(self, *, with_changes: bool) -> None:
        """Save what is due as dispatched, then dispatch it."""
        state = self.account.state
        before = state.marks.copy()
        due = self.account.scales.take_due(PLACES, with_changes=with_changes)
        after = state.marks.copy()
        if self.save():
            self.unsaved_since = None
        else:
            self.unsaved_since = self.unsaved_since or self.model.now
            if self.model.now - self.unsaved_since < PATIENCE:
                state.changes = due.changes + state.changes
                state.marks.undo(before, after)
                return
        for change in due.changes:
            self.reported[change.record.id, change.kind.value] += 1
        for mark in due.marks:
            if not isinstance(mark, PackageMark):
                self.lows.append(mark.is_low)
                continue
            self.reported[mark.record.id, str(mark.lead_time)] += 1
            assert mark.record.expires is not None
            left = mark.record.expires - self.model.now
            assert NONE <= left <= mark.lead_time + 3 * MINUTE
            assert left >= mark.lead_time - LONGEST_SLEEP - 3 * HOUR

    async def wait(self, time: timedelta) -> None:
        """Let time pass until the next poll, and wake for marks that are due."""
        end = self.model.now + time
        due = self.account.scales.next_package_mark(PLACES)
        if due is not None:
            wait = due - self.account.clock.now()
            if NONE <= wait < time:
                self.live(wait)
                self.dispatch(with_changes=False)
        self.live(end - self.model.now)

    # What happens to it.

    async def jump_for_a_poll(self) -> None:
        """Let the clock jump for one poll."""
        before, self.error = self.error, self.error + self.random.choice(JUMPS)
        await self.poll()
        self.error = before

    async def jump(self) -> None:
        """Let the clock jump, until it is set right."""
        if self.dates is Dates.RIGHT:
            self.error = self.random.choice((NONE, *JUMPS))

    async def set_right(self) -> None:
        """Set the clock right."""
        self.error = NONE

    async def sleep(self) -> None:
        """Sleep for hours."""
        time = self.random.random() * LONGEST_SLEEP
        if not self.is_monotonic_in_sleep:
            self.slept += time
        self.live(time)

    async def lose_the_server(self) -> None:
        """Have an outage of the overview or of the records, for an hour at most."""
        if self.random.random() < 0.5:
            self.client.overview_error = ERROR
        else:
            self.client.records_error = ERROR
        for _ in range(self.random.randint(1, 3)):
            await self.poll()
            await self.wait(20 * MINUTE)
        self.client.overview_error = self.client.records_error = None

    async def have_a_wrong_date(self) -> None:
        """Read a wrong `Date` for one poll."""
        if self.dates is Dates.RIGHT:
            self.client.date_error = self.random.choice(JUMPS)
            await self.poll()
            self.client.date_error = NONE

    async def have_no_date(self) -> None:
        """Read no `Date` for one poll."""
        if self.dates is Dates.RIGHT:
            self.client.has_date = False
            await self.poll()
            self.client.has_date = True

    async def break_the_disk(self) -> None:
        """Let storage fail for a while, and recover."""
        self.is_disk_broken = True
        for _ in range(self.random.randint(1, 6)):
            await self.poll()
            await self.wait(self.random.choice((MINUTE, 5 * MINUTE, HOUR)))
        self.is_disk_broken = False
        self.dispatch(with_changes=False)

    async def fail_for_a_write(self) -> None:
        """Let one write fail, and the power with it."""
        self.is_disk_broken = True
        await self.poll()
        self.is_disk_broken = False
        await self.cut_the_power()

    async def stop(self) -> None:
        """Stop, and start again later."""
        self.save()
        await self.cut_the_power()

    async def cut_the_power(self) -> None:
        """Start again later with what was stored, perhaps at a wrong time."""
        self.live(self.random.random() * 5 * HOUR)
        if self.dates is Dates.RIGHT and self.random.random() < 0.5:
            self.error = self.random.choice(JUMPS)
        self.start()

    async def settle(self) -> None:
        """Let everything be right for some polls."""
        self.error = NONE
        for _ in range(5):
            await self.wait(20 * MINUTE)
            await self.poll()


EVENTS: Final = (
    World.jump_for_a_poll,
    World.jump_for_a_poll,
    World.jump,
    World.set_right,
    World.set_right,
    World.sleep,
    World.sleep,
    World.lose_the_server,
    World.have_a_wrong_date,
    World.have_no_date,
    World.break_the_disk,
    World.fail_for_a_write,
    World.stop,
    World.cut_the_power,
)


async def live_and_compare(world: World) -> None:
    """Live for 60 days, and compare all that was reported with the server."""
    while world.model.now < NOW + LIFE:
        await world.poll()
        if world.random.random() < world.every / (9 * HOUR):
            await world.random.choice(EVENTS)(world)
        await world.wait(world.every)
    await world.settle()
    # What is due in the last hours may be reported or not.
    state, now = world.account.state, world.model.now
    ahead = {
        (row.id, str(lead_time))
        for row in world.model.rows
        for lead_time in LEAD_TIMES
        if row.expires is not None and row.expires - now > lead_time
    }
    expected = {key: count for key, count in world.expected.items() if key not in ahead}
    assert dict(world.reported) == expected
    assert state.consumption.total == world.used
    assert world.lows == [number % 2 == 0 for number in range(len(world.lows))]
    kinds = Counter(kind for _, kind in expected)
    assert kinds[ChangeKind.DEPLETED.value] > 60
    assert kinds[ChangeKind.EXPIRED.value] > 40
    assert kinds[str(DAY)] > 40
    rate = state.rate
    assert rate is not None
    assert rate * 86_400 == pytest.approx(24 * GIB, rel=0.15)


@pytest.mark.parametrize("is_monotonic_in_sleep", [True, False])
@pytest.mark.parametrize("dates", Dates)
@pytest.mark.parametrize("seed", range(1, 2))
async def test_life(seed: int, dates: Dates, is_monotonic_in_sleep: bool) -> None:
    """Nothing is lost, doubled, or early in 60 days, with a poll every half an hour."""
    await live_and_compare(World(seed, dates, is_monotonic_in_sleep, 30 * MINUTE))


@pytest.mark.parametrize("is_monotonic_in_sleep", [True, False])
@pytest.mark.parametrize("dates", Dates)
@pytest.mark.parametrize("seed", range(100, 101))
async def test_life_with_more_polls(
    seed: int, dates: Dates, is_monotonic_in_sleep: bool
) -> None:
    """The same with a poll every 10 minutes."""
    await live_and_compare(World(seed, dates, is_monotonic_in_sleep, 10 * MINUTE))
