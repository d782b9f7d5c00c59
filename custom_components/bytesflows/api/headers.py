"""The headers of a response: the server's time, and the pause that it asks for.

The API document names no headers; these are the ones of HTTP.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
import re
from typing import Final

from .pauses import clamp_pause

_SECONDS: Final = re.compile(r"\d+(\.\d+)?", re.ASCII)
# A server in another year does not know the time.
_PLAUSIBLE_YEARS: Final = range(2020, 2099)


def read_server_time(headers: Mapping[str, str]) -> datetime | None:
    """Return `Date` in UTC, or None if it is unreadable or cannot be right."""
    date = read_date(headers.get("Date", ""))
    return date if date and date.year in _PLAUSIBLE_YEARS else None


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `Retry-After`, between a minute and a day.

    None if it is unreadable. A date counts from the server's own `Date`.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return clamp_pause(float(text))
    if (date := read_date(text)) is None:
        return None
    now = read_date(headers.get("Date", "")) or datetime.now(UTC)
    return clamp_pause((date - now).total_seconds())


# Most responses come in the same second as another one.
@lru_cache(maxsize=4)
def read_date(text: str) -> datetime | None:
    """Return an HTTP date in UTC, or None if it cannot be read."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except ArithmeticError, LookupError, TypeError, ValueError:
        return None
