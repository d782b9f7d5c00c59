"""Accounts that are used in different ways, step by step.

Sizes are bytes, times are aware and in UTC.
"""

from collections.abc import Callable, Iterator
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final

from custom_components.bytesflows.api import Record, Source
from dev.simulated_api import GIB

DAY: Final = timedelta(days=1)
STEP: Final = timedelta(hours=3)
STEPS_PER_DAY: Final = DAY // STEP
START: Final = datetime(2026, 3, 1, tzinfo=UTC)
"""When the integration is set up."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Pattern(StrEnum):
    """Ways to use traffic."""

    STEADY = "steady"
    WEEKLY = "two weekdays"
    BURSTS = "bursts"


class Draw(StrEnum):
    """Orders in which packages are drawn from."""

    SOONEST = "soonest first"
    NEWEST = "newest first"


@dataclass(slots=True)
class SimulatedAccount:
    """An account, whose owner buys a package when little is left."""

    random: Random
    pattern: Pattern
    draw: Draw
    a_day: float
    """Bytes used per day, on average over months."""
    size: int
    """Size of the packages."""
    validity: timedelta
    reserve: float
    """Bytes below which another package is purchased."""
    reward: int
    """Size of the daily check-in reward; 0 for nobody who checks in."""
    weekdays: frozenset[int]
    now: datetime
    records: dict[str, Record] = field(default_factory=dict)

    @classmethod
    def make(cls, seed: int, pattern: Pattern, draw: Draw) -> SimulatedAccount:
        """Return an account at the moment of its set-up, with a past."""
        random = Random(f"{seed} {pattern} {draw}")  # noqa: S311
        a_day = GIB * 10 ** random.uniform(-1, 1.3)
        account = cls(
            random=random,
            pattern=pattern,
            draw=draw,
            a_day=a_day,
            size=round(a_day * random.uniform(5, 40)),
            validity=random.choice((30, 60, 90)) * DAY,
            reserve=a_day * random.uniform(1, 6),
            reward=round(a_day * random.choice((0, 0, 0.1))),
            weekdays=frozenset(random.sample(range(7), 2)),
            now=START - random.randint(10, 150) * DAY,
        )
        while account.now < START:
            account.live()
        return account

    def copy(self) -> SimulatedAccount:
        """Return an account that goes on by itself."""
        random = Random()  # noqa: S311
        random.setstate(self.random.getstate())
        return replace(self, random=random, records=dict(self.records))

    @property
    def usable(self) -> list[Record]:
        """The packages that traffic can be drawn from."""
        return [item for item in self.records.values() if item.is_usable(self.now)]

    def live(self) -> None:
        """Let a step pass in which the owner acts."""
        left = sum(item.remaining for item in self.usable)
        if left < self.reserve:
            self._add(Source.ORDER, self.size, self.validity)
        if self.reward and self.now.hour == 0:
            self._add(Source.SIGN, self.reward, 7 * DAY)
        self.use()

    def use(self) -> None:
        """Let a step pass in which traffic is used."""
        left = round(self._demand() * self.a_day / STEPS_PER_DAY)
        for record in sorted(self.usable, key=self._order):
            drawn = min(left, record.remaining)
            if drawn:
                used = record.traffic_used + drawn
                self.records[record.id] = replace(record, traffic_used=used)
            left -= drawn
        self.now += STEP
        for record in list(self.records.values()):
            if record.is_active and not record.is_usable(self.now):
                self.records[record.id] = replace(record, status=0)

    def end(self, limit: timedelta) -> datetime | None:
        """Return when everything is used up if nothing is added, within a limit."""
        future = self.copy()
        while future.usable:
            if future.now - self.now > limit:
                return None
            future.use()
        return future.now

    def _demand(self) -> float:
        """Return the use of the next step, as a multiple of the average."""
        if self.pattern is Pattern.STEADY:
            return self.random.uniform(0.5, 1.5)
        if self.pattern is Pattern.WEEKLY:
            return 3.5 if self.now.weekday() in self.weekdays else 0.0
        return self.random.uniform(4, 12) if self.random.random() < 1 / 8 else 0.0

    def _add(self, source: Source, size: int, validity: timedelta) -> None:
        """Add a package."""
        id_ = str(len(self.records))
        self.records[id_] = Record(
            id=id_,
            traffic=size,
            source=source,
            created=self.now,
            expires=self.now + validity,
            status=1,
        )

    @property
    def _order(self) -> Callable[[Record], tuple[float, int]]:
        """The order in which packages are drawn from."""
        if self.draw is Draw.SOONEST:
            return lambda item: ((item.expires or _NEVER).timestamp(), int(item.id))
        return lambda item: (0, -int(item.id))


def accounts(count: int, pattern: Pattern, draw: Draw) -> Iterator[SimulatedAccount]:
    """Make some accounts, always the same ones."""
    return (SimulatedAccount.make(seed, pattern, draw) for seed in range(count))
