"""Many accounts in one Home Assistant, and what one more costs."""

import asyncio
from dataclasses import asdict
import gc
import importlib
import json
import pkgutil
import statistics
import sys
import time
import tracemalloc
from typing import Any

from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from dev import PACKAGE

from .home import Home
from .server import Server

RECORDS = 100
ROUND = UPDATE_INTERVAL.total_seconds() + 5
WINDOW = 10.0
ROUNDS = 10


def import_cost() -> dict[str, float]:
    """Return the milliseconds and MiB of importing the integration.

    Home Assistant's own modules that it needs are there already in any Home Assistant.
    """
    names = [
        f"custom_components.bytesflows.{module.name}"
        for module in pkgutil.iter_modules([str(PACKAGE)])
    ]

    def import_all() -> None:
        for name in names:
            importlib.import_module(name)
        ours = [name for name in sys.modules if PACKAGE.name in name]
        kept.extend(sys.modules.pop(name) for name in ours)

    kept: list[object] = []
    import_all()
    began = time.process_time()
    import_all()
    cpu = time.process_time() - began
    tracemalloc.start()
    import_all()
    return {"cpu": cpu * 1e3, "memory": _allocated()}


async def measure(count: int) -> dict[str, Any]:
    """Return what it costs to set accounts up, to poll all, and when they poll."""
    async with Server.start(*[RECORDS] * count) as server, Home.start({}) as home:
        await _warm_up(home, server)
        first = await home.measure(lambda: _set_up(home, server, count))
        await server.traffic()
        await asyncio.sleep(ROUND)
        moments = (await server.traffic()).moments
        together = max(
            sum(start <= moment < start + WINDOW for moment in moments)
            for start in moments
        )
        entries = home.hass.config_entries.async_entries(PACKAGE.name)

        async def poll() -> None:
            for entry in entries:
                await entry.runtime_data.async_refresh()

        polls = [await home.measure(poll) for _ in range(ROUNDS)]
        return {
            "first": asdict(first),
            "idle": statistics.median(cost.cpu for cost in polls),
            "polls": len(moments),
            "together": together,
        }


async def measure_memory(count: int) -> float:
    """Return the MiB that accounts need."""
    async with Server.start(*[RECORDS] * count) as server, Home.start({}) as home:
        await _warm_up(home, server)
        tracemalloc.start()
        await home.measure(lambda: _set_up(home, server, count))
        return _allocated()


async def _warm_up(home: Home, server: Server) -> None:
    """Have there what all accounts share."""
    entry = await home.add_account(server.url)
    await home.hass.config_entries.async_remove(entry.entry_id)
    await home.measure(lambda: asyncio.sleep(0))


async def _set_up(home: Home, server: Server, count: int) -> None:
    """Set accounts up, all at once as when Home Assistant starts."""
    await asyncio.gather(
        *(home.add_account(server.url, number) for number in range(count))
    )


def _allocated() -> float:
    """Return the MiB that were allocated, and are still in use."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / 2**20


if __name__ == "__main__":
    told: object
    match sys.argv[1:]:
        case ["import"]:
            told = import_cost()
        case ["memory", number]:
            told = asyncio.run(measure_memory(int(number)))
        case _:
            told = asyncio.run(measure(int(sys.argv[1])))
    sys.stdout.write(json.dumps(told))
