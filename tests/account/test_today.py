"""The use of a day, whenever it begins."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.bytesflows.account import AccountState
from custom_components.bytesflows.account.times import start_of_day
from custom_components.bytesflows.account.today import use_of_day


@pytest.mark.parametrize(
    "name",
    [
        "UTC",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "America/Santiago",
        "Pacific/Apia",
    ],
)
def test_days_of_time_zones(name: str) -> None:
    """A day begins at midnight to the minute, also when clocks change at midnight."""
    zone = ZoneInfo(name)
    state = AccountState()
    began = datetime(2026, 3, 28, tzinfo=UTC)
    state.consumption.start(0, began)
    seen = set()
    for minutes in range(0, 14 * 24 * 60, 5):
        now = began + timedelta(minutes=minutes)
        state.consumption.add(1, now, zone)
        found = use_of_day(state, now, zone)
        assert found.day == now.astimezone(zone).date().isoformat()
        begin = start_of_day(now, zone)
        assert found.used == minutes // 5 + 1 - max(
            0, -(-(begin - began) // timedelta(minutes=5))
        )
        seen.add(found.day)
    assert len(seen) >= 14
