"""When to poll an account again."""

from datetime import datetime, timedelta
from typing import Final

from .account import Account
from .errors import TIMER_SLACK

UPDATE_INTERVAL: Final = timedelta(minutes=5)
LAST_HOUR_INTERVAL: Final = timedelta(minutes=1)
"""While the available traffic lasts less than an hour."""
MIN_UPDATE_INTERVAL: Final = timedelta(seconds=30)


def next_interval(account: Account, next_low_mark: datetime | None) -> timedelta:
    """Return the time until the next poll.

    It is shorter for an expiry, for a mark of low traffic, and in the last hour.
    """
    now = account.clock.now()
    last_sync = account.records.last_sync
    moments = (next_low_mark, None if last_sync is None else last_sync.next_expiry)
    waits = [item - now + TIMER_SLACK for item in moments if item and item > now]
    regular = LAST_HOUR_INTERVAL if account.pace.is_last_hour else UPDATE_INTERVAL
    return max(MIN_UPDATE_INTERVAL, min([regular, *waits]))
