"""A past for a new account, so that what takes months can be shown at once."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
import json
from typing import Any, Final

from dev.simulated_api import GIB

from .home_assistant import HomeAssistant

DAYS: Final = 90
REMEMBERED: Final = timedelta(days=8)
HOUR: Final = timedelta(hours=1)
PURCHASE: Final = 50
PRICE: Final = 30
# GiB used in an hour, by the hour of the day in eight parts; and how busy a day is.
_HOURS: Final = (0.02, 0.01, 0.04, 0.14, 0.12, 0.09, 0.15, 0.05)
_DAYS: Final = (1.0, 0.7, 1.3, 0.9, 1.6, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the past: GiB, and money, at its end."""

    start: datetime
    use: float
    available: float
    total: float
    balance: float


async def give_past(home_assistant: HomeAssistant, entry_id: str) -> None:
    """Let an account look as if it had been there for three months.

    What the integration stores and what Home Assistant records are written while the
    account is disabled.
    """
    states = await home_assistant.states()
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    available, total, balance, consumed = (
        float(states[f"sensor.bytesflows_{key}"]["state"])
        for key in (
            "available_traffic",
            "total_traffic",
            "balance",
            "lifetime_consumption",
        )
    )
    hours = list(_past(Hour(now, 0, available, total, balance)))[::-1]
    begin = consumed - sum(hour.use for hour in hours)
    totals = list(accumulate((hour.use for hour in hours), initial=begin))[1:]
    await _enable(home_assistant, entry_id, disabled_by="user")
    await _remember(home_assistant, entry_id, hours)
    for key, values in {
        "available_traffic": [hour.available for hour in hours],
        "total_traffic": [hour.total for hour in hours],
        "used_traffic": [hour.total - hour.available for hour in hours],
        "available_percentage": [100 * hour.available / hour.total for hour in hours],
    }.items():
        await _import(home_assistant, key, hours, values, with_sum=False)
    for key, values in {
        "lifetime_consumption": totals,
        "balance": [hour.balance for hour in hours],
    }.items():
        await _import(home_assistant, key, hours, values, with_sum=True)
    await _wait_until_recorded(home_assistant, hours)
    await _enable(home_assistant, entry_id, disabled_by=None)


async def _wait_until_recorded(
    home_assistant: HomeAssistant, hours: list[Hour]
) -> None:
    """Wait until the recorder has done what it was asked for last."""
    while True:
        if await home_assistant.command(
            "recorder/statistics_during_period",
            start_time=hours[-2].start.isoformat(),
            statistic_ids=["sensor.bytesflows_balance"],
            period="hour",
            types=["sum"],
        ):
            return
        await asyncio.sleep(0.2)


def _past(now: Hour) -> Iterator[Hour]:
    """Yield the hours, the last one first; there is a purchase where there must be."""
    hour = now
    for _ in range(DAYS * 24):
        start = hour.start - HOUR
        use = _HOURS[start.hour // 3] * _DAYS[start.toordinal() % len(_DAYS)]
        hour = Hour(start, use, hour.available, hour.total, hour.balance)
        yield hour
        available, total, balance = hour.available + use, hour.total, hour.balance
        if available > PURCHASE + 4:
            available, balance = available - PURCHASE, balance + PRICE
        hour = Hour(start, use, available, total, balance)


async def _remember(
    home_assistant: HomeAssistant, entry_id: str, hours: list[Hour]
) -> None:
    """Write what the integration would have stored of the last days."""
    file = home_assistant.folder / ".storage" / f"bytesflows.{entry_id}"
    stored = json.loads(await asyncio.to_thread(file.read_text, encoding="utf-8"))
    consumption = stored["data"]["consumption"]
    consumption["watched_since"] = hours[0].start.timestamp()
    samples: list[tuple[float, int]] = []
    total: int = consumption["total"]
    for hour in reversed(hours):
        if hour.start < hours[-1].start - REMEMBERED:
            break
        samples.append(((hour.start + HOUR).timestamp(), max(0, total)))
        total -= round(hour.use * GIB)
    consumption["samples"] = samples[::-1]
    await asyncio.to_thread(file.write_text, json.dumps(stored), encoding="utf-8")


async def _import(
    home_assistant: HomeAssistant,
    key: str,
    hours: list[Hour],
    values: list[float],
    *,
    with_sum: bool,
) -> None:
    """Let the recorder have the statistics of a sensor."""
    units = {"balance": "USD", "available_percentage": "%"}
    classes = {"balance": None, "available_percentage": "unitless"}
    await home_assistant.command(
        "recorder/import_statistics",
        metadata={
            "has_sum": with_sum,
            "mean_type": 0 if with_sum else 1,
            "name": None,
            "source": "recorder",
            "statistic_id": f"sensor.bytesflows_{key}",
            "unit_class": classes.get(key, "information"),
            "unit_of_measurement": units.get(key, "GiB"),
        },
        # The recorder goes on from a sum of zero.
        stats=[
            {
                "start": hour.start.isoformat(),
                **(
                    {"state": value, "sum": value - values[-1]}
                    if with_sum
                    else {"mean": value, "min": value, "max": value}
                ),
            }
            for hour, value in zip(hours, values, strict=True)
        ],
    )


async def _enable(
    home_assistant: HomeAssistant,
    entry_id: str,
    **disabled_by: Any,  # noqa: ANN401
) -> None:
    """Enable or disable an account."""
    await home_assistant.command(
        "config_entries/disable", entry_id=entry_id, **disabled_by
    )
