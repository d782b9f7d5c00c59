"""The packages that a poll looks at: they grow with the active ones, not the history.

Times are aware and in UTC.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..api import Record
from .consumption import RETENTION
from .package import Package
from .times import END_OF_TIME


@dataclass(frozen=True, slots=True)
class _Facts:
    """Facts about the packages, which hold until one of them changes."""

    active: tuple[Record, ...]
    needs_confirmation: bool
    to_keep: Mapping[str, Package]
    first_end: datetime
    """The first end among the packages that ended recently."""
    first_expiry: datetime
    """The first expiry among the packages that are not active but can change."""

    def hold(self, now: datetime) -> bool:
        """Return whether time alone has changed nothing."""
        return now < self.first_expiry and now - self.first_end < RETENTION


class Watchlist:
    """The packages that can change, and those that ended recently."""

    def __init__(self) -> None:
        """Start without packages."""
        self._changeable: dict[str, Package] = {}
        self._recent: dict[str, Package] = {}
        self._facts: _Facts | None = None

    def __contains__(self, id_: str) -> bool:
        """Return whether a package can change, by its id."""
        return id_ in self._changeable

    @property
    def changeable(self) -> Collection[Package]:
        """The packages that can change."""
        return self._changeable.values()

    @property
    def active(self) -> tuple[Record, ...]:
        """The records of the packages that the server calls active."""
        return self._known_facts().active

    @property
    def needs_confirmation(self) -> bool:
        """Whether the next reading has to confirm something."""
        return self._known_facts().needs_confirmation

    def to_keep(self, now: datetime) -> Mapping[str, Package]:
        """Return the packages to remember, by id: all of these."""
        if not self._known_facts().hold(now):
            for package in (self._recent | self._changeable).values():
                self.put(package, now)
        return self._known_facts().to_keep

    def put(self, package: Package, now: datetime) -> bool:
        """Add, replace, or drop a package; return whether it could and can change."""
        self._facts = None
        id_ = package.record.id
        could_change = id_ in self._changeable
        if package.is_active or package.needs_confirmation or package.is_waiting(now):
            self._changeable[id_] = package
        else:
            self._changeable.pop(id_, None)
        if package.ended is not None and now - package.ended < RETENTION:
            self._recent[id_] = package
        else:
            self._recent.pop(id_, None)
        return could_change and id_ in self._changeable

    def clear(self) -> None:
        """Drop all packages."""
        self._facts = None
        self._changeable.clear()
        self._recent.clear()

    def _known_facts(self) -> _Facts:
        """Return the facts, which are put together once per change."""
        if self._facts is None:
            changeable = self._changeable.values()
            self._facts = _Facts(
                active=tuple(item.record for item in changeable if item.is_active),
                needs_confirmation=any(item.needs_confirmation for item in changeable),
                to_keep=self._recent | self._changeable,
                first_end=min(
                    (item.ended for item in self._recent.values() if item.ended),
                    default=END_OF_TIME,
                ),
                first_expiry=min(
                    (
                        item.record.expires
                        for item in changeable
                        if not item.is_active and item.record.expires is not None
                    ),
                    default=END_OF_TIME,
                ),
            )
        return self._facts


def is_past(record: Record, now: datetime) -> bool:
    """Return whether a package that is new to us ended too long ago to be watched."""
    if record.is_active or record.traffic_used == 0 or record.unreadable:
        return False
    latest, created, expires = now - RETENTION, record.created, record.expires
    return (created is None or created <= latest) and (
        expires is None or expires <= latest
    )
