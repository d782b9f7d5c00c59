"""A past for a new account, so that what takes days can be shown at once."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import json
from typing import Any, Final

from dev.simulated_api import GIB

from .home_assistant import HomeAssistant

DAYS: Final = 20
REMEMBERED: Final = timedelta(days=8)
HOUR: Final = timedelta(hours=1)
CONSUMED: Final = "sensor.bytesflows_consumed_traffic"
# GiB used in an hour, by the hour of the day in eight parts; and how busy a day is.
_HOURS: Final = (0.02, 0.01, 0.04, 0.14, 0.12, 0.09, 0.15, 0.05)
_DAYS: Final = (1.0, 0.7, 1.3, 0.9, 1.6, 0.4, 0.5)


async def give_past(home_assistant: HomeAssistant, entry_id: str) -> None:
    """Let an account look as if it had been there for some weeks.

    What the integration stores and what Home Assistant records are written while the
    account is disabled.
    """
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await _enable(home_assistant, entry_id, disabled_by="user")
    file = home_assistant.folder / ".storage" / f"bytesflows.{entry_id}"
    stored = json.loads(await asyncio.to_thread(file.read_text, encoding="utf-8"))
    consumed: int = stored["data"]["consumed"]
    past = list(_past(now, consumed))
    stored["data"]["observed_since"] = int((now - timedelta(days=DAYS)).timestamp())
    stored["data"]["samples"] = [
        [int(time.timestamp()), total]
        for time, total in past
        if time > now - REMEMBERED
    ]
    await asyncio.to_thread(file.write_text, json.dumps(stored), encoding="utf-8")
    await home_assistant.command(
        "recorder/import_statistics",
        metadata={
            "has_sum": True,
            "mean_type": 0,
            "name": None,
            "source": "recorder",
            "statistic_id": CONSUMED,
            "unit_class": "information",
            "unit_of_measurement": "GiB",
        },
        # The recorder goes on from a sum of zero.
        stats=[
            {
                "start": (time - HOUR).isoformat(),
                "state": total / GIB,
                "sum": (total - consumed) / GIB,
            }
            for time, total in past
        ],
    )
    await _enable(home_assistant, entry_id, disabled_by=None)


def _past(now: datetime, consumed: int) -> Iterator[tuple[datetime, int]]:
    """Yield the end of each hour, and what was consumed by then."""
    hours = [now - number * HOUR for number in range(DAYS * 24)]
    totals = []
    for hour in hours:
        totals.append(max(0, consumed))
        began = hour - HOUR
        amount = _HOURS[began.hour // 3] * _DAYS[began.toordinal() % len(_DAYS)]
        consumed -= round(amount * GIB)
    yield from zip(reversed(hours), reversed(totals), strict=True)


async def _enable(
    home_assistant: HomeAssistant,
    entry_id: str,
    **disabled_by: Any,  # noqa: ANN401
) -> None:
    """Enable or disable an account."""
    await home_assistant.command(
        "config_entries/disable", entry_id=entry_id, **disabled_by
    )
