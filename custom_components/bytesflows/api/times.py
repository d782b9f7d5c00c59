"""Times of responses, most of which have no time zone (API document, section 2)."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
import re
from typing import Final

from .values import NUMBER, read_decimal, read_text

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
# Each unit with the number from which on times are in the next smaller one: seconds
# reach it in the year 33658, milliseconds reached it in 2001.
_UNITS: Final = (
    (10**12, Decimal(1_000_000)),
    (10**15, Decimal(1_000)),
    (10**18, Decimal(1)),
)
_NANOSECOND: Final = Decimal("0.001")
# As Unix times these would be in 1970, or centuries ahead.
_COMPACT: Final = re.compile(r"\d{8}(\d{6})?", re.ASCII)
_USUAL_LENGTH: Final = len("2026-02-21 20:00:00")
# Servers write "no date" as the start of their calendar or as its end.
_FIRST_YEAR: Final = 1971
_LAST_YEAR: Final = 2098


def parse_time(zone: tzinfo, value: object) -> datetime | None:
    """Return a time in UTC, or None for a value that means "no date".

    A time without an offset is read in the time zone; if a change of the clocks makes
    it ambiguous, as the earlier one. Numbers are Unix times, in seconds or a smaller
    unit, or dates without separators. Raise ValueError or TypeError if the value
    cannot be read.
    """
    if (
        type(value) is str
        and len(value) == _USUAL_LENGTH
        and value[4] == "-"
        and value[13] == ":"
        and value.isascii()
    ):
        # The usual case, five times as fast: the local time, read as one in UTC, needs
        # only its offset subtracted.
        try:
            local = datetime.fromisoformat(value + "Z")
        except ValueError:
            pass
        else:
            if not _FIRST_YEAR <= local.year <= _LAST_YEAR:
                return None
            return local - (zone.utcoffset(local) or timedelta(0))
    text = read_text(str(value) if type(value) in {int, float} else value)
    if text is None or text == "-" or text.startswith("0000"):
        return None
    if _COMPACT.fullmatch(text):
        with suppress(ValueError):
            compact = f"{text[:8]}T{text[8:]:0<6}"
            return _to_utc(zone, datetime.fromisoformat(compact))
    if NUMBER.fullmatch(text):
        return _from_unix(zone, read_decimal(text))
    return _to_utc(zone, datetime.fromisoformat(text.replace("/", "-")))


def format_time(zone: tzinfo, time: datetime | None) -> str | None:
    """Return an aware time as the API writes it: local, without the time zone.

    The later one of two ambiguous times keeps its offset.
    """
    if time is None:
        return None
    local = time.astimezone(zone)
    return (local if local.fold else local.replace(tzinfo=None)).isoformat(" ")


def _to_utc(zone: tzinfo, time: datetime) -> datetime | None:
    """Return a time in UTC, or None for a year that means "no date".

    One without an offset is in the time zone.
    """
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=zone)
    if not _FIRST_YEAR <= time.astimezone(zone).year <= _LAST_YEAR:
        return None
    return time.astimezone(UTC)


def _from_unix(zone: tzinfo, number: Decimal) -> datetime | None:
    """Return the time of a Unix time in UTC."""
    unit = next((unit for limit, unit in _UNITS if abs(number) < limit), _NANOSECOND)
    try:
        return _to_utc(zone, _EPOCH + timedelta(microseconds=int(number * unit)))
    except OverflowError:
        return None
