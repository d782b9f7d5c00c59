"""A model of the server: rows in any order, that change when they want to."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, override

from custom_components.bytesflows.api import BytesFlowsClient, Record
from custom_components.bytesflows.ledger import Change, ChangeKind
from dev.simulated_api import EXAMPLE_ZONE, Package

from .clock import NOW

KINDS = {
    "order": ChangeKind.PURCHASED,
    "sign": ChangeKind.CHECKED_IN,
    "gift": ChangeKind.ACQUIRED,
}


class Model:
    """The server's rows, and all that a client can know of them."""

    def __init__(self, *, page_cap: int, newest_first: bool, beside: int) -> None:
        """Begin without packages."""
        self.now = NOW
        self.rows: list[Package] = []
        self.forgotten: list[Package] = []
        self.before: Callable[[], object] = lambda: None
        self.requests = 0
        self.seen: dict[str, int] = {}
        self.events: dict[str, list[ChangeKind | None]] = {}
        """What was to be told of each package; None stands for an end in the past."""
        self._page_cap = page_cap
        self._newest_first = newest_first
        self._beside = beside
        self._count = 0

    @property
    def total_traffic(self) -> int:
        """Return the total of the account, with something that no package explains."""
        return self._beside + sum(row.traffic for row in self.rows if row.status == 1)

    def arrive(self, source: str, size: int) -> Package:
        """Add a package that was acquired just now."""
        self._count += 1
        package = Package(
            id=str(self._count),
            source=source,
            traffic=size,
            created=self.now,
            expires=self.now + timedelta(days=20),
        )
        self.rows.insert(0 if self._newest_first else len(self.rows), package)
        return package

    def forget(self, package: Package) -> None:
        """Stop listing a package."""
        self.rows.remove(package)
        self.forgotten.append(package)

    def come_back(self, package: Package) -> None:
        """List a package again."""
        self.forgotten.remove(package)
        self.rows.append(package)

    def answer(self, page: int, size: int) -> dict[str, Any]:
        """Return a page."""
        self.requests += 1
        self.before()
        size = min(size, self._page_cap)
        start = (page - 1) * size
        return {
            "records": [
                row.row(EXAMPLE_ZONE) for row in self.rows[start : start + size]
            ],
            "total": len(self.rows),
        }

    def note(self, *, is_first: bool = False) -> None:
        """Take note of what a reading sees, and of what it has to tell."""
        listed = {row.id for row in self.rows}
        for row in self.rows:
            is_new = row.id not in self.seen
            self.seen[row.id] = max(self.seen.get(row.id, 0), row.used)
            events = self.events.setdefault(row.id, [])
            if is_new and not is_first:
                events.append(KINDS[row.source])
            self._note_end(row, is_listed=True, is_history=is_new and is_first)
        for row in self.forgotten:
            if row.id in self.seen and row.id not in listed:
                self._note_end(row, is_listed=False, is_history=False)

    def _note_end(self, row: Package, *, is_listed: bool, is_history: bool) -> None:
        """Take note of a package that is over, if it is, once."""
        ends = (ChangeKind.EXPIRED, ChangeKind.DEPLETED, None)
        events = self.events[row.id]
        if any(end in events for end in ends):
            return
        if row.traffic <= self.seen[row.id]:
            events.append(None if is_history else ChangeKind.DEPLETED)
        elif row.status != 1 or not is_listed:
            events.append(None if is_history else ChangeKind.EXPIRED)

    @property
    def consumed(self) -> int:
        """Return what a client can know to have been used."""
        return sum(self.seen.values())

    def expected_events(self) -> set[tuple[str, ChangeKind]]:
        """Return all that was to be told, as pairs of package and kind."""
        return {
            (id_, kind)
            for id_, kinds in self.events.items()
            for kind in kinds
            if kind is not None
        }


class ModelClient(BytesFlowsClient):
    """The real client over a model instead of a connection."""

    def __init__(self, model: Model) -> None:
        """Set up the client without a session, since nothing is sent."""
        session: Any = None
        super().__init__(session, "token", time_zone=EXAMPLE_ZONE)
        self._model = model

    @override
    async def _request[ModelT](
        self,
        path: str,
        decode: Callable[[dict[str, Any]], ModelT],
        params: Mapping[str, str] | None = None,
    ) -> ModelT:
        if params is None:
            return decode(
                {"totalTraffic": self._model.total_traffic, "dynamicTraffic": 0}
            )
        return decode(
            self._model.answer(int(params["pageNo"]), int(params["pageSize"]))
        )


def pairs(changes: tuple[Change, ...]) -> list[tuple[str, ChangeKind]]:
    """Return changes as pairs of package and kind."""
    return [(change.record.id, change.kind) for change in changes]


def shown(records: list[Record]) -> set[tuple[str, int, int]]:
    """Return what matters of active records."""
    return {(record.id, record.traffic, record.traffic_used) for record in records}
