"""What the packages mean for the days to come.

Pure Python: no Home Assistant, no input or output, and no clock of its own. Sizes are
bytes, times are aware and in UTC. The API document, section 2, has the packages; which
of them traffic is drawn from it does not say: the one that expires first is assumed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from .api import Record, Source
from .ledger import DAY, HOUR, Ledger

FORESIGHT: Final = timedelta(days=5 * 365)
"""The end of what is worth foretelling."""
NEAR: Final = timedelta(days=3)
"""What is nearer than this is told by the hour, all else by the day."""

_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What follows from the pace and from the time that is left."""

    average_daily_consumption: int | None
    """Bytes a day over the last 7 days, or None before 24 hours of observation."""
    depletion: datetime | None
    """When the usable traffic is gone at that pace, to the hour, or None where it is
    not used, was not observed for 24 hours, or lasts over 5 years."""
    daily_allowance: int | None
    """Bytes a day until the last expiry among the usable packages, or None where one
    never expires or there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """What the packages mean at one moment; equal when nothing shown differs."""

    usable: int
    """Number of packages that traffic can be drawn from: active, not expired, with
    something left."""
    next_expiry: datetime | None
    """The earliest expiry among them, or None where none of them expires."""
    expiring_traffic: int
    """Bytes lost at that moment, if nothing more is used."""
    purchased_traffic_available: int
    """Bytes left of usable packages that were purchased."""
    check_in_traffic_available: int
    """Bytes left of usable packages that were check-in rewards."""
    last_purchase: datetime | None
    """When the newest purchased package was created."""
    last_check_in: datetime | None
    """When the newest check-in reward was created."""
    consumed: int
    """Bytes ever used; it never falls."""
    forecast: Forecast


class Outlook:
    """Say what a ledger means, without a new word where nothing new is to be said."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin with a ledger."""
        self._ledger = ledger
        self._basis: object = None
        self._time = self._horizon = _END_OF_TIME
        self._forecast = Forecast(
            average_daily_consumption=None, depletion=None, daily_allowance=None
        )

    def packages(self, now: datetime) -> Packages:
        """Return what the packages mean at an (aware) moment."""
        ledger = self._ledger
        usable = [record for record in ledger.active if record.is_usable(now)]
        next_expiry = min(
            (record.expires for record in usable if record.expires is not None),
            default=None,
        )
        return Packages(
            usable=len(usable),
            next_expiry=next_expiry,
            expiring_traffic=sum(
                record.remaining
                for record in usable
                if next_expiry is not None and record.expires == next_expiry
            ),
            purchased_traffic_available=_left(usable, Source.ORDER),
            check_in_traffic_available=_left(usable, Source.SIGN),
            last_purchase=ledger.newest.get(Source.ORDER),
            last_check_in=ledger.newest.get(Source.SIGN),
            consumed=ledger.consumed,
            forecast=self._current_forecast(usable, now),
        )

    def _current_forecast(self, usable: list[Record], now: datetime) -> Forecast:
        """Return the forecast, a new one where something happened or time calls."""
        basis = (
            self._ledger.consumed,
            frozenset(
                (record.id, record.remaining, record.expires) for record in usable
            ),
        )
        if basis != self._basis or self._is_stale(now):
            self._basis, self._time = basis, now
            pace = self._ledger.pace(now)
            self._forecast = Forecast(
                average_daily_consumption=(
                    None if pace is None else round(pace * DAY.total_seconds())
                ),
                depletion=None if pace is None else depletion(usable, pace, now),
                daily_allowance=daily_allowance(usable, now),
            )
            last_expiry = max(map(_expiry, usable), default=_END_OF_TIME)
            self._horizon = min(last_expiry, self._forecast.depletion or last_expiry)
        return self._forecast

    def _is_stale(self, now: datetime) -> bool:
        """Return whether the time that went by makes a difference worth telling."""
        if self._forecast.average_daily_consumption is None:
            return self._ledger.pace(now) is not None
        patience = HOUR if self._horizon - now < NEAR else DAY
        return not timedelta(0) <= now - self._time < patience


def depletion(usable: Iterable[Record], pace: float, now: datetime) -> datetime | None:
    """Return when traffic is gone, to the hour, at a pace in bytes a second.

    The package that expires first is used first; what expires unused is left out.
    None where nothing is used or left, or where it lasts over 5 years.
    """
    records = sorted(usable, key=_expiry)
    if not records or pace <= 0:
        return None
    end = now
    for record in records:
        try:
            end = min(end + timedelta(seconds=record.remaining / pace), _expiry(record))
        except OverflowError:
            end = _expiry(record)
        if end - now > FORESIGHT:
            return None
    return (end + HOUR / 2).replace(minute=0, second=0, microsecond=0)


def daily_allowance(usable: Iterable[Record], now: datetime) -> int | None:
    """Return the bytes a day that use all up by the last expiry.

    None where a package never expires or there is none. On the last day it is all that
    is left.
    """
    records = tuple(usable)
    expiries = [record.expires for record in records if record.expires is not None]
    if not records or len(expiries) < len(records):
        return None
    left = sum(record.remaining for record in records)
    return round(left / max(1.0, (max(expiries) - now) / DAY))


def _expiry(record: Record) -> datetime:
    """Return the expiry, or the end of time."""
    return record.expires or _END_OF_TIME


def _left(usable: Iterable[Record], source: Source) -> int:
    """Return what is left of a source's packages."""
    return sum(record.remaining for record in usable if record.source is source)
