"""The ledger keeps in step with any server: rules that hold whatever happens."""

import asyncio
from datetime import timedelta
import json
from typing import Any, override

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
)

from custom_components.bytesflows.api import (
    BytesFlowsParseError,
    Codec,
)
from custom_components.bytesflows.ledger import SOON, ChangeKind, Ledger
from custom_components.bytesflows.sync import read_records, resolve_doubt
from dev.simulated_api import EXAMPLE_ZONE, Package

from .helpers.model import Model, ModelClient, pairs, shown

CODEC = Codec(EXAMPLE_ZONE)
SOURCES = st.sampled_from(["order", "sign", "gift"])
SIZES = st.integers(1, 40)
CHOICES = st.integers(0, 10_000)


async def synchronize(model: Model, ledger: Ledger) -> None:
    """Do what a poll does."""
    client = ModelClient(model)
    overview = await client.get_overview()
    was_complete = await read_records(client, ledger, model.now)
    await resolve_doubt(client, ledger, overview, model.now, was_complete=was_complete)


class Life(RuleBasedStateMachine):
    """An account that lives, and a ledger that follows it."""

    def __init__(self) -> None:
        """Begin before the first reading."""
        super().__init__()
        self.model = Model(page_cap=1, newest_first=True, beside=0)
        self.ledger = Ledger()
        self.stored = ""
        self.rows_came_or_went = False
        self.told: list[tuple[str, ChangeKind]] = []
        self.runner = asyncio.Runner()

    @override
    def teardown(self) -> None:
        """Close the loop."""
        self.runner.close()

    @initialize(
        page_cap=st.integers(1, 8),
        newest_first=st.booleans(),
        beside=st.integers(0, 100),
        history=st.lists(st.tuples(SOURCES, SIZES, st.integers(0, 40), st.booleans())),
    )
    def begin(
        self,
        page_cap: int,
        newest_first: bool,
        beside: int,
        history: list[tuple[str, int, int, bool]],
    ) -> None:
        """Read everything for the first time: that is history, and no news."""
        self.model = Model(page_cap=page_cap, newest_first=newest_first, beside=beside)
        for source, size, used, active in history:
            self.model.now += timedelta(hours=1)
            package = self.model.arrive(source, size)
            package.used = min(used, size)
            package.status = int(active)
        self.runner.run(synchronize(self.model, self.ledger))
        self.model.note(is_first=True)
        self.store(also_late=True)
        self.check()

    @rule(source=SOURCES, size=SIZES)
    def arrive(self, source: str, size: int) -> None:
        """Buy, or check in."""
        self.model.now += timedelta(seconds=1)
        self.model.arrive(source, size)

    @rule(choice=CHOICES, amount=st.integers(1, 40))
    def use(self, choice: int, amount: int) -> None:
        """Use traffic of an active package."""
        if package := self.pick(choice, active=True):
            package.used = min(package.traffic, package.used + amount)

    @rule(choice=CHOICES)
    def expire(self, choice: int) -> None:
        """Let a package expire, even one that nobody has seen yet.

        When another row comes or goes as well, such a one is left to the daily reading.
        """
        package = self.pick(choice, active=True)
        if package and (package.id in self.model.seen or not self.rows_came_or_went):
            package.status = 0

    @rule(choice=CHOICES, amount=st.integers(1, 40))
    def lower(self, choice: int, amount: int) -> None:
        """Correct a use downward."""
        if package := self.pick(choice, active=True):
            package.used = max(0, package.used - amount)

    @rule(choice=CHOICES)
    def forget(self, choice: int) -> None:
        """Stop listing a package."""
        package = self.pick(choice)
        if package and not self.has_unseen_end():
            self.model.forget(package)
            self.rows_came_or_went = True

    @rule(choice=CHOICES)
    def come_back(self, choice: int) -> None:
        """List a package again that was forgotten."""
        rows = [row for row in self.model.forgotten if row.id in self.model.seen]
        if rows and not self.has_unseen_end():
            self.model.come_back(rows[choice % len(rows)])
            self.rows_came_or_went = True

    @rule(order=st.randoms(use_true_random=False))
    def reorder(self, order: Any) -> None:  # noqa: ANN401
        """Put the rows into another order."""
        order.shuffle(self.model.rows)

    @rule(minutes=st.sampled_from([5, 60, 24 * 60]))
    def poll(self, minutes: int) -> None:
        """Poll in peace: the ledger agrees with the server on all that matters."""
        self.model.now += timedelta(minutes=minutes)
        self.runner.run(synchronize(self.model, self.ledger))
        self.model.note()
        self.rows_came_or_went = False
        self.tell()
        self.check()

    @rule(moment=st.integers(1, 8), choice=CHOICES, source=SOURCES, what=CHOICES)
    def poll_while_rows_move(
        self, moment: int, choice: int, source: str, what: int
    ) -> None:
        """Poll while something happens between two pages; it may fail."""
        self.model.now += timedelta(hours=8)
        countdown = moment

        def happen() -> None:
            nonlocal countdown
            countdown -= 1
            if countdown == 0:
                self.happen(what, choice, source)

        self.model.before = happen
        try:
            self.runner.run(synchronize(self.model, self.ledger))
        except BytesFlowsParseError as err:
            assert err.field == "total"  # noqa: PT017
        self.model.before = lambda: None
        self.tell()
        self.poll(5)

    @rule()
    def restart(self) -> None:
        """Stop in peace and start again; what happens before that is found later."""
        self.store(also_late=True)
        self.ledger = Ledger.restore(json.loads(self.stored), CODEC)

    @rule()
    def crash(self) -> None:
        """Lose what was not stored yet, which is use only, and start again."""
        self.poll(5)
        consumed = self.ledger.consumed
        self.ledger = Ledger.restore(json.loads(self.stored), CODEC)
        self.poll(5)
        assert self.ledger.consumed == consumed

    def happen(self, what: int, choice: int, source: str) -> None:
        """Let a row come, go, or take the place of one that goes."""
        row = self.pick(choice)
        is_known = row is not None and self.model.seen.get(row.id) == row.used
        if what % 3 and row is not None and is_known:
            self.model.forget(row)
        if what % 3 != 1:
            self.arrive(source, 10)

    def has_unseen_end(self) -> bool:
        """Return whether a package came and was over since the last poll."""
        return any(
            row.status != 1 and row.id not in self.model.seen for row in self.model.rows
        )

    def pick(self, choice: int, *, active: bool = False) -> Package | None:
        """Return one of the packages."""
        rows = [row for row in self.model.rows if not active or row.status == 1]
        return rows[choice % len(rows)] if rows else None

    def tell(self) -> None:
        """Tell what changed, as the coordinator does: stored first."""
        changes = self.ledger.take_changes()
        self.store()
        self.told += pairs(changes)

    def store(self, *, also_late: bool = False) -> None:
        """Store what is due at once, or all."""
        if self.ledger.save_within == SOON or also_late:
            self.ledger.save_within = None
            self.stored = json.dumps(self.ledger.state(CODEC, self.model.now))

    def check(self) -> None:
        """Compare with the server: what is active, what was used, what was told."""
        active = [row for row in self.model.rows if row.status == 1]
        assert shown(list(self.ledger.active)) == {
            (row.id, row.traffic, row.used) for row in active
        }
        assert self.ledger.consumed == self.model.consumed
        assert len(self.told) == len(set(self.told))
        assert set(self.told) == self.model.expected_events()


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
