"""A model of the server, and of all that a client can know of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, override

from custom_components.bytesflows.account import (
    Account,
    AccountState,
    Change,
    ChangeKind,
    Clock,
    Options,
)
from custom_components.bytesflows.api import BytesFlowsClient, BytesFlowsError, Record
from dev.simulated_api import EXAMPLE_ZONE, Package

from .clock import NOW

KINDS = {
    "order": ChangeKind.PURCHASED,
    "sign": ChangeKind.CHECKED_IN,
    "gift": ChangeKind.ACQUIRED,
}
OPTIONS = Options(low_traffic_threshold=10, expiring_soon=timedelta(days=3))


@dataclass(slots=True)
class _Known:
    """All that is known of a package."""

    row: Package
    """The row as it was seen last."""
    highest: int = 0
    was_in_use: bool = False
    has_ended: bool = False
    ended_with: tuple[object, ...] | None = None
    """The terms with which its life ended."""
    has_restarted: bool = False
    """Whether its use started again, which is news once it is usable."""


@dataclass(slots=True, kw_only=True)
class Model:
    """The server's rows, and all that a client can know of them.

    `note` is called where the server has stood still for so long that a client has
    seen everything twice.
    """

    page_cap: int = 100
    newest_first: bool = True
    beside: int = 0
    """Traffic of the account that no package explains."""
    repeat_rows: int = 0
    """Rows by which each page but the first begins and ends too early."""
    total_offset: int | None = 0
    """Rows by which the total is wrong; None for a total that cannot be read."""
    total_of_page: bool = False
    """Whether the total is that of the page alone."""
    now: datetime = NOW
    rows: list[Package] = field(default_factory=list)
    forgotten: list[Package] = field(default_factory=list)
    odd: dict[str, dict[str, object]] = field(default_factory=dict)
    """By id, fields of a row that read otherwise, or no fields if it is not listed."""
    before: Callable[[], object] = lambda: None
    """Called before each page is made."""
    requests: int = 0
    served: set[str] = field(default_factory=set)
    """Ids of the rows that were served, until somebody clears them."""
    consumed: int = 0
    told: Counter[tuple[str, ChangeKind]] = field(default_factory=Counter)
    known: dict[str, _Known] = field(default_factory=dict)
    newest: dict[str, datetime] = field(default_factory=dict)
    count: int = 0
    """Packages that have arrived."""

    @property
    def active(self) -> list[Package]:
        """The rows that the server calls active."""
        return [row for row in self.rows if row.status == 1]

    def ticks(self) -> float:
        """Return the monotonic time."""
        return (self.now - NOW).total_seconds()

    def arrive(self, source: str, size: int, *, days: float | None = 20) -> Package:
        """Add a package that was acquired just now."""
        self.count += 1
        package = Package(
            id=str(self.count),
            source=source,
            traffic=size,
            created=self.now,
            expires=None if days is None else self.now + timedelta(days=days),
        )
        self.rows.insert(0 if self.newest_first else len(self.rows), package)
        return package

    def forget(self, package: Package) -> None:
        """Stop listing a package."""
        self.rows.remove(package)
        self.forgotten.append(package)

    def come_back(self, package: Package) -> None:
        """List a package again."""
        self.forgotten.remove(package)
        self.rows.append(package)

    def overview(self) -> dict[str, Any]:
        """Return the overview of the active packages."""
        return {
            "totalTraffic": self.beside + sum(row.traffic for row in self.active),
            "dynamicTraffic": self.beside + sum(row.remaining for row in self.active),
            "balance": 0,
            "currency": "USD",
        }

    def page(self, number: int, size: int) -> dict[str, Any]:
        """Return a page of the records."""
        self.before()
        size = min(size, self.page_cap)
        rows = [row for row in self.rows if self.odd.get(row.id) != {}]
        early = self.repeat_rows if number > 1 else 0
        start = max(0, (number - 1) * size - early)
        end = max(0, min(number * size, len(rows)) - early)
        self.served |= {row.id for row in rows[start:end]}
        return {
            "records": [
                _encoded(*_fields(row)) | self.odd.get(row.id, {})
                for row in rows[start:end]
            ],
            "total": (
                None
                if self.total_offset is None
                else max(
                    0,
                    (end - start if self.total_of_page else len(rows))
                    + self.total_offset,
                )
            ),
        }

    def note(self, *, is_first: bool = False) -> None:
        """Take note of all that a client knows and reports by now."""
        newest = dict(self.newest)
        for row in self.rows:
            if row.id in self.served:
                self._note_row(row, newest, is_first=is_first)
        for row in self.forgotten:
            if (known := self.known.get(row.id)) is not None:
                self._note_end(known.row, known, is_listed=False)

    def forget_all_but(self, ids: set[str]) -> None:
        """Let the client forget all other packages."""
        self.known = {id_: item for id_, item in self.known.items() if id_ in ids}

    def _note_row(
        self, row: Package, newest: Mapping[str, datetime], *, is_first: bool
    ) -> None:
        """Take note of a row."""
        assert row.created is not None
        is_newer = row.source not in newest or row.created > newest[row.source]
        latest = self.newest.get(row.source, row.created)
        self.newest[row.source] = max(latest, row.created)
        known = self.known.get(row.id)
        if known is None:
            known = self.known[row.id] = _Known(
                replace(row), was_in_use=_is_in_use(row)
            )
            is_history = is_first or not is_newer
            if not is_first and (is_newer or row.status == 1):
                self.told[row.id, KINDS[row.source]] += 1
            if is_first or is_newer:
                self.consumed += row.used
            known.highest = row.used
            self._note_end(row, known, is_history=is_history)
            return
        known.row = replace(row)
        known.was_in_use |= _is_in_use(row)
        if row.used * 2 < known.highest:
            known.highest, known.has_restarted = 0, True
        self.consumed += max(0, row.used - known.highest)
        known.highest = max(known.highest, row.used)
        if self._is_usable(row):
            if known.has_restarted or known.ended_with not in {None, _terms(row)}:
                self.told[row.id, ChangeKind.RENEWED] += 1
                known.has_restarted, known.ended_with = False, None
            known.has_ended = False
        self._note_end(row, known)

    def _note_end(
        self,
        row: Package,
        known: _Known,
        *,
        is_listed: bool = True,
        is_history: bool = False,
    ) -> None:
        """Take note of the end of a life, once."""
        if row.traffic <= row.used and row.traffic:
            end = ChangeKind.DEPLETED
        elif known.was_in_use and (row.status != 1 or not is_listed):
            end = ChangeKind.EXPIRED
        else:
            return
        if not known.has_ended and known.ended_with is None and not is_history:
            self.told[row.id, end] += 1
        known.has_ended = True
        known.ended_with = known.ended_with or _terms(row)

    def _is_usable(self, row: Package) -> bool:
        """Return whether traffic can be drawn from a package."""
        return (
            row.status == 1
            and (row.expires is None or row.expires > self.now)
            and (row.traffic == 0 or row.used < row.traffic)
        )


class ModelClient(BytesFlowsClient):
    """The real client over a model instead of a connection."""

    def __init__(self, model: Model, *, has_date: bool = True) -> None:
        """Set up the client without a session, since nothing is sent."""
        session: Any = None
        super().__init__(session, "token", time_zone=EXAMPLE_ZONE)
        self._model = model
        self.has_date = has_date

    @override
    async def _request[ModelT](
        self,
        path: str,
        decode: Callable[[object], ModelT],
        params: Mapping[str, str] | None = None,
    ) -> ModelT:
        self._model.requests += 1
        self.server_time = self._model.now if self.has_date else None
        if params is None:
            return decode(self._model.overview())
        return decode(self._model.page(int(params["pageNo"]), int(params["pageSize"])))


class OddClient(ModelClient):
    """A client that fails, and reads odd values, where it should."""

    overview_error: BytesFlowsError | None = None
    records_error: BytesFlowsError | None = None
    odd_overview: Mapping[str, object] = {}
    date_error = timedelta(0)

    @override
    async def _request[ModelT](
        self,
        path: str,
        decode: Callable[[object], ModelT],
        params: Mapping[str, str] | None = None,
    ) -> ModelT:
        error = self.overview_error if params is None else self.records_error
        if error is not None:
            raise error

        def decode_odd(data: Any) -> ModelT:  # noqa: ANN401
            return decode(data | self.odd_overview if params is None else data)

        found = await super()._request(path, decode_odd, params)
        if self.server_time is not None:
            self.server_time += self.date_error
        return found


def account_of(model: Model, state: AccountState | None = None) -> Account:
    """Return an account of the model, by the model's own clock."""
    clock = Clock(lambda: model.now, model.ticks)
    return Account(ModelClient(model), clock, OPTIONS, state or AccountState())


def restarted(account: Account) -> AccountState:
    """Return the state of an account as it is after a restart."""
    old, now = account.state, account.clock.now()
    state = AccountState(
        consumption=old.consumption,
        marks=old.marks,
        changes=old.changes,
        last_sync=old.last_sync,
        is_unsettled=old.is_unsettled,
        shown_overview=old.shown_overview,
        shown_is_low=old.shown_is_low,
        shown_is_expiring_soon=old.shown_is_expiring_soon,
    )
    state.ledger.needs_baseline = old.ledger.needs_baseline
    state.ledger.newcomers.newest.update(old.ledger.newcomers.newest)
    state.ledger.newcomers.left_out.update(old.ledger.newcomers.left_out)
    for package in old.ledger.watchlist.to_keep(now).values():
        state.ledger.put(package, now)
    return state


def pairs(changes: tuple[Change, ...]) -> list[tuple[str, ChangeKind]]:
    """Return changes as pairs of package and kind."""
    return [(change.record.id, change.kind) for change in changes]


def shown(records: list[Record]) -> set[tuple[str, int, int]]:
    """Return id, size, and use of some records."""
    return {(record.id, record.traffic, record.traffic_used) for record in records}


def _is_in_use(row: Package) -> bool:
    """Return whether a package no longer waits."""
    return row.status == 1 or row.used > 0


def _terms(row: Package) -> tuple[object, ...]:
    """Return the values whose change makes a new life of a package."""
    return (row.expires, row.traffic, row.order_id, row.created)


_fields = attrgetter(*(item.name for item in fields(Package)))


@lru_cache(20_000)
def _encoded(*values: Any) -> dict[str, object]:  # noqa: ANN401
    """Return the row of a package, given its fields."""
    names = [item.name for item in fields(Package)]
    return Package(**dict(zip(names, values, strict=True))).row(EXAMPLE_ZONE)
