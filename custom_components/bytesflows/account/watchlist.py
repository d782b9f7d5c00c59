"""The packages that a poll looks at: they grow with the active ones, not the history.

Times are aware and in UTC.
"""

from collections.abc import Collection, Container, Mapping
from datetime import datetime
from typing import NamedTuple

from ..api import Record
from .consumption import RETENTION
from .package import Package
from .times import END_OF_TIME


class _Kept(NamedTuple):
    """The packages to remember, and until when there are no others."""

    packages: Mapping[str, Package]
    until: datetime


class Watchlist:
    """The packages that can change, and those that ended recently."""

    def __init__(self) -> None:
        """Start without packages."""
        self._changeable: dict[str, Package] = {}
        self._recent: dict[str, Package] = {}
        self._unconfirmed: dict[str, Package] = {}
        self._active: tuple[Record, ...] | None = None
        self._kept: _Kept | None = None
        """Both are dropped when a package changes."""

    def __contains__(self, id_: str) -> bool:
        """Return whether a package can change, by its id."""
        return id_ in self._changeable

    @property
    def changeable(self) -> Collection[Package]:
        """The packages that can change."""
        return self._changeable.values()

    @property
    def unconfirmed(self) -> Collection[Package]:
        """The packages of which the next reading has to confirm something."""
        return self._unconfirmed.values()

    @property
    def active(self) -> tuple[Record, ...]:
        """The records of the packages that the server calls active."""
        if self._active is None:
            packages = self._changeable.values()
            self._active = tuple(item.record for item in packages if item.is_active)
        return self._active

    def to_read(self, now: datetime, read: Container[str] = ()) -> list[Package]:
        """Return the listed packages that a reading has yet to look at.

        `read` has the ids of those that it has seen.
        """
        unread = [item for id_, item in self._changeable.items() if id_ not in read]
        return [
            item
            for item in unread
            if item.is_active
            or (item.is_listed and item.needs_confirmation)
            or item.is_waiting(now)
        ]

    def to_keep(self, now: datetime) -> Mapping[str, Package]:
        """Return the packages to remember, by id: all of these."""
        self._kept = self._kept or self._keep()
        if self._kept.until <= now:
            for package in self._kept.packages.values():
                self.put(package, now)
            self._kept = self._keep()
        return self._kept.packages

    def put(self, package: Package, now: datetime) -> bool:
        """Add, replace, or drop a package; return whether it could and can change."""
        self._active = self._kept = None
        id_ = package.record.id
        could_change = id_ in self._changeable
        if package.needs_confirmation:
            self._unconfirmed[id_] = package
        else:
            self._unconfirmed.pop(id_, None)
        if id_ in self._unconfirmed or package.is_active or package.is_waiting(now):
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
        self._active = self._kept = None
        self._changeable.clear()
        self._recent.clear()
        self._unconfirmed.clear()

    def _keep(self) -> _Kept:
        """Return the packages to remember, until time alone changes them."""
        ends = (item.ended + RETENTION for item in self._recent.values() if item.ended)
        expiries = (
            item.record.expires
            for item in self._changeable.values()
            if item.record.expires is not None and not item.is_active
        )
        return _Kept(
            self._recent | self._changeable,
            min(
                min(expiries, default=END_OF_TIME),
                min(ends, default=END_OF_TIME),
            ),
        )
