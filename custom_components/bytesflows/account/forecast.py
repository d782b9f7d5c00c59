"""The outlook of the packages for the coming days, as pure functions.

Sizes are bytes, times are aware and in UTC. The packages are section 2 of the API
document; which of them traffic is drawn from it does not say: the one that expires
first is assumed. Values move by the hour: `now` is rounded down, so that an idle
account writes no states.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from math import inf
from typing import Final, NamedTuple

from ..api import Overview, Record, Source
from .consumption import rounded_down
from .time_zone import offset_at
from .times import DAY, END_OF_TIME, HOUR, start_of_day

MAX_FORECAST: Final = timedelta(days=5 * 365)
"""Forecasts beyond this are unknown."""
HOURLY_WITHIN: Final = timedelta(days=3)
"""Time before the last expiry until which the allowance changes by the day."""
HYSTERESIS: Final = 2.0
"""Percentage points above the threshold at which traffic is no longer low."""


class Summary(NamedTuple):
    """The packages at one moment in numbers; equal when nothing shown differs."""

    usable_count: int
    """Number of packages that traffic can be drawn from."""
    is_unlimited: bool
    """Whether one of them has no size."""
    next_expiry: datetime | None
    """The earliest expiry among them, or None if none of them expires."""
    expiring_traffic: int
    """Bytes lost at that moment if nothing more is used."""
    purchased_traffic_available: int
    """Bytes remaining in usable packages that were purchased."""
    check_in_traffic_available: int
    """Bytes remaining in usable packages earned by checking in."""
    last_purchase: datetime | None
    """When the newest purchased package was created."""
    last_check_in: datetime | None
    """When the newest check-in reward was created."""
    lifetime_consumption: int
    """Bytes ever used; it never goes down."""
    average_daily_consumption: int | None
    """Bytes per day, or None if the rate is unknown."""
    estimated_depletion: datetime | None
    """When the usable traffic is used up at that rate, to the hour; None if it is not
    used, the rate is unknown, or it lasts more than 5 years."""
    expected_unused_traffic: int | None
    """Bytes remaining in usable packages that expire unused at that rate, or None if it
    is unknown."""
    daily_allowance: int | None
    """Bytes per day until the last expiry, or None if there is none."""
    last_expiry: datetime | None
    """The last expiry among the usable packages, or None if one of them never expires
    or there are none."""
    utc_offset: float
    """Hours by which the API's time zone, that of check-ins, is ahead of UTC."""
    midnight_offset: float
    """The same at the last midnight there, which differs when clocks have changed."""


def summarize(
    packages: Iterable[Record],
    lifetime_consumption: int,
    rate: float | None,
    newest: Mapping[Source, datetime],
    now: datetime,
    time_zone: tzinfo,
) -> Summary:
    """Return the summary of the active packages at an aware moment.

    `rate` is bytes per second, None if it is unknown; `time_zone` is the API's.
    """
    usable = [record for record in packages if record.is_usable(now)]
    next_expiry, last = first_expiry(usable), last_expiry(usable)
    hour = rounded_down(now)
    forecast = None if rate is None else forecast_at(usable, rate, hour)
    remaining: dict[Source, int] = defaultdict(int)
    for record in usable:
        remaining[record.source] += record.remaining
    offset, midnight_offset = _offsets(hour, time_zone)
    return Summary(
        usable_count=len(usable),
        is_unlimited=any(record.is_unlimited for record in usable),
        next_expiry=next_expiry,
        expiring_traffic=sum(
            record.remaining
            for record in usable
            if next_expiry is not None and record.expires == next_expiry
        ),
        purchased_traffic_available=remaining[Source.ORDER],
        check_in_traffic_available=remaining[Source.SIGN],
        last_purchase=newest.get(Source.ORDER),
        last_check_in=newest.get(Source.SIGN),
        lifetime_consumption=lifetime_consumption,
        average_daily_consumption=(
            None if rate is None else round(rate * DAY.total_seconds())
        ),
        estimated_depletion=forecast and forecast.depletion,
        expected_unused_traffic=forecast and forecast.unused,
        daily_allowance=(
            None
            if last is None
            else daily_allowance(sum(remaining.values()), last, hour)
        ),
        last_expiry=last,
        utc_offset=offset,
        midnight_offset=midnight_offset,
    )


def first_expiry(usable: Iterable[Record]) -> datetime | None:
    """Return the earliest expiry, or None if no package expires."""
    expiries = [record.expires for record in usable if record.expires is not None]
    return min(expiries, default=None)


def last_expiry(usable: Sequence[Record]) -> datetime | None:
    """Return the last expiry, or None if a package never expires or there is none."""
    expiries = [record.expires for record in usable if record.expires is not None]
    return max(expiries, default=None) if len(expiries) == len(usable) else None


class Forecast(NamedTuple):
    """The future of the packages at a rate."""

    depletion: datetime | None
    """When traffic is used up, to the hour; None if nothing is used or left, or if it
    lasts more than 5 years."""
    unused: int
    """Bytes that expire unused; more if packages are used in another order."""


def forecast_at(usable: Iterable[Record], rate: float, now: datetime) -> Forecast:
    """Return the forecast at a rate in bytes per second.

    The package that expires first is used first; what expires unused is left out. One
    without a size lasts until it expires.
    """
    # In seconds from now, as are the other times.
    end, unused, records = 0.0, 0, sorted(usable, key=_expiry)
    for record in records:
        begin, remaining = end, record.remaining
        lasts = inf if record.is_unlimited or rate <= 0 else remaining / rate
        if record.expires is None:
            end = begin + lasts
        else:
            left = (record.expires - now).total_seconds()
            end = min(begin + lasts, left)
            unused += max(0, round(remaining - rate * (left - begin)))
    is_known = rate > 0 and bool(records) and end <= MAX_FORECAST.total_seconds()
    depletion = now + timedelta(seconds=end) + HOUR / 2 if is_known else None
    return Forecast(depletion and rounded_down(depletion), unused)


def daily_allowance(remaining: int, end: datetime, now: datetime) -> int:
    """Return the bytes per day that use up the remaining ones by the last expiry.

    Days are rounded up until the last 3, which count by the hour, and are at least one.
    """
    left = end - now
    days = left / DAY if left <= HOURLY_WITHIN else -(-left // DAY)
    return round(remaining / max(1.0, days))


def is_low(
    overview: Overview,
    threshold: float,
    *,
    was_low: bool | None,
    had_packages: bool,
) -> bool | None:
    """Return whether less than a share of the total, in percent, is available.

    Once low, traffic stays low until 2 points above the threshold. A total of 0 is low
    if there ever was a package. While a figure cannot be read, nothing changes.
    """
    if overview.total_traffic is None or overview.available_traffic is None:
        return was_low
    percentage = overview.available_percentage
    if percentage is None:
        return had_packages
    if was_low:
        return percentage < min(threshold + HYSTERESIS, 100)
    return percentage < threshold


def is_expiring_soon(summary: Summary, now: datetime, window: timedelta) -> bool:
    """Return whether a usable package expires within a window."""
    return summary.next_expiry is not None and summary.next_expiry - now <= window


def _expiry(record: Record) -> datetime:
    """Return the expiry, or the end of time."""
    return record.expires or END_OF_TIME


# They change by the hour.
@lru_cache(maxsize=8)
def _offsets(hour: datetime, zone: tzinfo) -> tuple[float, float]:
    """Return the hours by which a time zone is ahead, now and at its last midnight."""
    midnight = start_of_day(hour, zone)
    return offset_at(hour, zone) / HOUR, offset_at(midnight, zone) / HOUR
