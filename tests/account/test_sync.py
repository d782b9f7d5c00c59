"""The account keeps in step with any server: rules that hold whatever happens."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, override

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from custom_components.bytesflows.account import (
    ChangeKind,
    LowMark,
    Mark,
    PackageMark,
    Places,
)
from dev.simulated_api import Package
from tests.helpers.model import Model, account_of, pairs, restarted, shown

SOURCES = st.sampled_from(["order", "sign", "gift"])
SIZES = st.integers(0, 40)
CHOICES = st.integers(0, 10_000)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
DURATIONS = (timedelta(0), timedelta(minutes=10))
LEAD_TIMES = (HOUR, 2 * DAY, 5 * DAY, 12 * DAY)
BLIPS: dict[str, dict[str, object]] = {
    "inactive": {"status": 0},
    "another status": {"status": "unknown"},
    "unused": {"trafficUsed": 0},
    "absurd use": {"trafficUsed": 10**15},
    "no use": {"trafficUsed": None},
    "no size": {"traffic": "?"},
    "expiry that cannot be read": {"expireTime": "soon"},
    "no expiry": {"expireTime": None},
    "a later expiry": {"expireTime": "2098-01-01 00:00:00"},
    "an earlier expiry": {"expireTime": "2026-03-02 00:00:00"},
    "no status": {"status": None},
    "created in the future": {"createTime": "2026-12-24 00:00:00"},
    "another order": {"orderId": "another"},
    "not listed": {},
}


class LowModel:
    """When traffic became low, or no longer low, and which marks that passes."""

    def __init__(self) -> None:
        """Begin without a verdict."""
        self.verdict: bool | None = None
        self.since: datetime | None = None
        self.ahead: set[timedelta] = set()

    def expected(self, verdict: bool | None, now: datetime) -> list[timedelta]:
        """Return the durations that pass at a poll."""
        if self.verdict is not None and verdict is not self.verdict:
            self.since, self.ahead = now, set(DURATIONS)
        self.verdict = verdict
        due = {item for item in self.ahead if self.since and self.since + item <= now}
        self.ahead -= due
        return sorted(due)


class PackageMarksModel:
    """Which lead times of a package have fired, or were passed before we looked."""

    def __init__(self) -> None:
        """Begin without packages."""
        self.fired: dict[str, set[timedelta]] = {}
        self.expiries: dict[str, datetime] = {}
        self.before: dict[str, tuple[datetime, set[timedelta]]] = {}
        """By id, the expiry before, and what had fired for it."""

    def expected(
        self, left: dict[str, timedelta], now: datetime, *, is_first: bool
    ) -> set[tuple[str, timedelta]]:
        """Return the lead times that pass at a poll, given the time left."""
        due = set()
        for id_, time in left.items():
            fired = self.fired.setdefault(
                id_, {item for item in LEAD_TIMES if is_first and item >= time}
            )
            expires = self.expiries.setdefault(id_, now + time)
            if expires != now + time:
                before, known = self.before.get(id_, (None, set()))
                self.before[id_] = expires, set(fired)
                if before == now + time:
                    fired = known
                elif expires < now + time:
                    fired -= {item for item in LEAD_TIMES if item < time}
                self.expiries[id_], self.fired[id_] = now + time, fired
            passed = {item for item in LEAD_TIMES if item >= time} - fired
            fired |= passed
            due |= {(id_, item) for item in passed}
        return due

    def keep(self, ids: set[str]) -> None:
        """Forget all other packages."""
        for id_ in self.fired.keys() - ids:
            del self.fired[id_], self.expiries[id_]
            self.before.pop(id_, None)


class Life(RuleBasedStateMachine):
    """A server that lives, and an account that follows it."""

    def __init__(self) -> None:
        """Begin before the first poll."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.start(Model())

    def start(self, model: Model) -> None:
        """Set up an account."""
        self.model = model
        self.account = account_of(model)
        self.told: Counter[tuple[str, ChangeKind]] = Counter()
        self.low = LowModel()
        self.package_marks = PackageMarksModel()
        self.is_first = True
        self.has_polled = False

    @override
    def teardown(self) -> None:
        """Bring everything to an end, and close the loop."""
        self.settle()
        self.runner.close()

    @initialize(
        page_cap=st.integers(1, 8),
        newest_first=st.booleans(),
        beside=st.integers(0, 100),
        odd=st.sampled_from(
            [(0, 0), (0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (0, None), (0, -1)]
        ),
        history=st.lists(st.tuples(SOURCES, SIZES, st.integers(0, 40), st.booleans())),
    )
    def begin(
        self,
        page_cap: int,
        newest_first: bool,
        beside: int,
        odd: tuple[int, int | None],
        history: list[tuple[str, int, int, bool]],
    ) -> None:
        """Read everything for the first time: that is history, and no news."""
        repeat_rows, total_offset = odd
        self.start(
            Model(
                page_cap=page_cap,
                newest_first=newest_first,
                beside=beside,
                repeat_rows=repeat_rows,
                total_offset=total_offset,
            )
        )
        for source, size, used, active in history:
            self.model.now += HOUR
            package = self.add(source, size)
            package.used = min(used, size)
            package.status = int(active)
        self.settle()

    @rule(source=SOURCES, size=SIZES, status=st.sampled_from([1, 1, 2]))
    def arrive(self, source: str, size: int, status: int) -> None:
        """Buy, or check in; the package may have to be activated first."""
        self.model.now += timedelta(seconds=1)
        self.add(source, size).status = status

    @rule(choice=CHOICES, amount=st.integers(1, 40))
    def use(self, choice: int, amount: int) -> None:
        """Use traffic of a package; of an inactive one it is booked late."""
        if package := self.pick(choice):
            package.used = min(package.traffic, package.used + amount)

    @rule(choice=CHOICES, amount=st.integers(1, 40))
    def lower(self, choice: int, amount: int) -> None:
        """Correct a use downward, or let it start again."""
        if package := self.pick(choice):
            package.used = max(0, package.used - amount)

    @rule(choice=CHOICES, days=st.integers(-5, 40))
    def renew(self, choice: int, days: int) -> None:
        """Renew a package in place."""
        if package := self.pick(choice):
            package.used = 0
            package.status = 1
            package.expires = self.midnight(days)

    @rule(choice=CHOICES, amount=st.integers(1, 40))
    def top_up(self, choice: int, amount: int) -> None:
        """Add traffic to a package."""
        if package := self.pick(choice):
            package.traffic += amount

    @rule(choice=CHOICES, days=st.none() | st.integers(-5, 40))
    def extend(self, choice: int, days: int | None) -> None:
        """Let a package expire later, earlier, or never."""
        if package := self.pick(choice):
            package.expires = None if days is None else self.midnight(days)

    @rule(choice=CHOICES, status=st.integers(0, 2))
    def flip(self, choice: int, status: int) -> None:
        """Change the status of a package."""
        if package := self.pick(choice):
            package.status = status

    @rule(choice=CHOICES)
    def forget(self, choice: int) -> None:
        """Stop listing a package.

        Where the total is wrong, nothing else comes or goes at the same time.
        """
        if self.model.total_offset:
            self.settle()
        if (package := self.pick(choice)) and not self.model.repeat_rows:
            self.model.forget(package)
        if self.model.total_offset:
            self.settle()

    @rule(choice=CHOICES)
    def come_back(self, choice: int) -> None:
        """List a package again that was forgotten."""
        if rows := self.model.forgotten:
            self.model.come_back(rows[choice % len(rows)])

    @rule(order=st.randoms(use_true_random=False))
    def reorder(self, order: Any) -> None:  # noqa: ANN401
        """Put the rows into another order."""
        order.shuffle(self.model.rows)

    @rule()
    def settle(self) -> None:
        """Poll until everything was seen twice: all agrees with the server."""
        now = self.model.now
        self.model.now = now.replace(hour=12, minute=0, second=0) + 2 * DAY
        self.model.served.clear()
        self.poll()
        served = set(self.model.served)
        for wait in (timedelta(minutes=5), timedelta(minutes=61)):
            self.model.now += wait
            self.poll()
        self.model.served = served
        self.model.note(is_first=self.is_first)
        self.is_first = False
        self.check()

    @rule(choice=CHOICES, blip=st.sampled_from(sorted(BLIPS)))
    def blip(self, choice: int, blip: str) -> None:
        """Read one odd thing once: nothing comes of it."""
        self.settle()
        package = self.pick(choice)
        known = package and self.model.known.get(package.id)
        if package is None or not known or known.has_ended or not known.was_in_use:
            return
        self.model.odd[package.id] = BLIPS[blip]
        self.model.now += timedelta(minutes=10)
        self.poll()
        self.model.odd.clear()
        self.settle()

    @rule()
    def blip_of_the_list(self) -> None:
        """Read an empty list once."""
        self.settle()
        if not self.model.repeat_rows:
            rows, self.model.rows = self.model.rows, []
            self.model.now += timedelta(minutes=10)
            self.poll()
            self.model.rows = rows
            self.settle()

    @rule()
    def restart(self) -> None:
        """Start again; a package that ended long ago is forgotten."""
        if self.model.total_offset:
            self.settle()
        self.account = account_of(self.model, restarted(self.account))
        self.model.forget_all_but(
            {item.id for item in self.account.state.ledger.packages.records}
        )

    def add(self, source: str, size: int) -> Package:
        """Add a package."""
        package = self.model.arrive(source, size)
        package.expires = self.midnight(20)
        return package

    def poll(self) -> None:
        """Poll, and compare the marks that pass."""
        data = self.runner.run(self.account.poll())
        due = self.account.scales.take_due(
            Places(DURATIONS, DURATIONS, LEAD_TIMES), with_changes=True
        )
        self.told += Counter(pairs(due.changes))
        self.check_marks(due.marks, data.is_low)

    def midnight(self, days: int) -> datetime:
        """Return a midnight, at which nothing is polled."""
        return self.model.now.replace(hour=0, minute=0, second=0) + days * DAY

    def pick(self, choice: int) -> Package | None:
        """Return one of the packages that are listed."""
        rows = self.model.rows
        return rows[choice % len(rows)] if rows else None

    def check_marks(self, marks: tuple[Mark, ...], is_low: bool | None) -> None:
        """Compare the marks that passed at a poll."""
        now, ledger = self.model.now, self.account.state.ledger
        low = [item.duration for item in marks if isinstance(item, LowMark)]
        assert low == self.low.expected(is_low, now)
        left = {
            record.id: record.expires - now
            for record in ledger.active
            if record.is_usable(now)
            and record.expires is not None
            and not record.unreadable
        }
        passed = [
            (item.record.id, item.lead_time)
            for item in marks
            if isinstance(item, PackageMark)
        ]
        self.package_marks.keep(set(ledger.packages))
        assert Counter(passed) == Counter(
            self.package_marks.expected(left, now, is_first=not self.has_polled)
        )
        self.has_polled = True

    def check(self) -> None:
        """Compare active packages, consumption, and changes with the server."""
        state, served = self.account.state, self.model.served
        assert shown([item for item in state.ledger.active if item.id in served]) == {
            (row.id, row.traffic, row.used)
            for row in self.model.active
            if row.id in served
        }
        assert state.consumption.total == self.model.consumed
        assert self.told == self.model.told


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
