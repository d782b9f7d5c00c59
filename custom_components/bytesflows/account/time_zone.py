"""Time zones in which the API can have written its times, and evidence for them.

The API document names none, so one is configured. Moments are aware and in UTC, offsets
are those of a time zone from UTC. A *written* time is one as the API writes it, as if
it were in UTC: it does not depend on the configured time zone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final, Self

from .times import HOUR

LISTED_WITHIN: Final = 3 * HOUR
"""Age of a new package from which the server cannot just be late to list it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Limits for the offset of the API's time zone at a moment."""

    moment: datetime
    least: timedelta
    most: timedelta

    def fits(self, zone: tzinfo) -> bool:
        """Return whether the offset of a time zone is within the limits."""
        return self.least <= offset_at(self.moment, zone) <= self.most

    def overlaps(self, other: Evidence) -> bool:
        """Return whether both can be for the same offset."""
        return self.least <= other.most and other.least <= self.most

    def implies(self, other: Evidence) -> bool:
        """Return whether another one adds nothing to it."""
        return other.least <= self.least and self.most <= other.most

    def as_dict(self) -> dict[str, Any]:
        """Return it fit for JSON, without any id."""
        return {
            "moment": self.moment.timestamp(),
            "least": self.least.total_seconds(),
            "most": self.most.total_seconds(),
        }

    @classmethod
    def from_dict(cls, item: Mapping[str, Any]) -> Self:
        """Return the evidence that `as_dict` was called on."""
        return cls(
            datetime.fromtimestamp(item["moment"], UTC),
            timedelta(seconds=item["least"]),
            timedelta(seconds=item["most"]),
        )


def fitting_zones(
    zones: Mapping[str, tzinfo], evidence: Iterable[Evidence]
) -> tuple[str, ...]:
    """Return the names of the time zones that fit all evidence, or else the newest.

    If none does, the server was late to list the packages.
    """
    evidence = tuple(evidence)
    newest = evidence[-1:]
    late = tuple(replace(item, most=item.most + LISTED_WITHIN) for item in newest)
    for items in (evidence, newest, late):
        names = tuple(
            name
            for name, zone in zones.items()
            if all(item.fits(zone) for item in items)
        )
        if names:
            return names
    return tuple(zones)


def written(moment: datetime, zone: tzinfo) -> datetime:
    """Return a moment as it is written in a time zone."""
    return moment.astimezone(zone).replace(tzinfo=UTC)


def shifted(moment: datetime, old: tzinfo, new: tzinfo) -> datetime:
    """Return the moment that the same written time is in another time zone."""
    return moment.astimezone(old).replace(tzinfo=new).astimezone(UTC)


def offset_at(moment: datetime, zone: tzinfo) -> timedelta:
    """Return the offset of a time zone at a moment."""
    return moment.astimezone(zone).utcoffset() or timedelta(0)
