"""Polls of an account with a history of some length, in each of three ways."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
import json
from pathlib import Path
import statistics
import sys
from typing import Any

from aiohttp import ClientSession
import orjson
import yaml

from homeassistant.config_entries import ConfigEntry

from .home import Home
from .server import Server, token

ROUNDS = 15
FIRST_ROUNDS = 5
REST = Path(__file__).with_name("rest.yaml")


class Ways:
    """The floor, REST sensors and the integration, at the same account."""

    def __init__(self, home: Home, server: Server, session: ClientSession) -> None:
        """Begin with nothing measured."""
        self._home = home
        self._server = server
        self._session = session
        self._costs: dict[tuple[str, str], list[dict[str, float]]] = {}

    async def measure(
        self, moment: str, way: str, act: Callable[[], Awaitable[object]]
    ) -> tuple[str, ...]:
        """Note what something costs; return what it asked of the server."""
        await self._server.traffic()
        cost = await self._home.measure(act)
        traffic = await self._server.traffic()
        self._costs.setdefault((moment, way), []).append(
            {
                **asdict(cost),
                "requests": len(traffic.requests),
                "bytes": traffic.size,
            }
        )
        return traffic.requests

    async def measure_floor(self, moment: str, requests: tuple[str, ...]) -> None:
        """Note what it costs to fetch and decode the same, and no more."""

        async def fetch(path: str) -> None:
            async with self._session.get(self._server.url + path) as response:
                orjson.loads(await response.read())

        async def fetch_all() -> None:
            for path in requests:
                await fetch(path)

        await self.measure(moment, "floor", fetch_all)

    def table(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return the medians, by moment and way; of the times blocked the longest."""
        result: dict[str, dict[str, dict[str, float]]] = {}
        for (moment, way), costs in self._costs.items():
            result.setdefault(moment, {})[way] = {
                name: (max if name == "blocked" else statistics.median)(
                    [cost[name] for cost in costs]
                )
                for name in costs[0]
            }
        return result


def rest_config(url: str) -> Mapping[str, Any]:
    """Return the configuration that a user would write."""
    written = REST.read_text(encoding="utf-8")
    written = written.replace("{url}", url).replace("{token}", token(0))
    return {"rest": yaml.safe_load(written)}


async def measure(records: int) -> dict[str, Any]:
    """Return what each moment costs in each way."""
    async with Server.start(1, records) as server:
        config = await asyncio.to_thread(rest_config, server.url)
        async with (
            Home.start(config) as home,
            ClientSession(headers={"Authorization": f"Bearer {token(0)}"}) as session,
        ):
            hass = home.hass

            async def poll_rest() -> None:
                for coordinator in hass.data["rest"]["coordinator"]:
                    await coordinator.async_refresh()

            ways = Ways(home, server, session)
            entry: ConfigEntry[Any] | None = None

            async def set_up() -> None:
                nonlocal entry
                entry = await home.add_account(server.url)

            # The first one imports the integration.
            for number in range(FIRST_ROUNDS + 1):
                if entry is not None:
                    await hass.config_entries.async_remove(entry.entry_id)
                moment = "first" if number else "import"
                requests = await ways.measure(moment, "integration", set_up)
                await ways.measure_floor(moment, requests)
            assert entry is not None
            poll = entry.runtime_data.async_refresh
            for number in range(ROUNDS + 1):
                for moment in ("idle", "busy"):
                    if moment == "busy":
                        await server.use()
                    # The first round warms up.
                    kept = moment if number else "warm-up"
                    requests = await ways.measure(kept, "integration", poll)
                    await ways.measure(kept, "rest", poll_rest)
                    await ways.measure_floor(kept, requests)
            return {**ways.table(), "states": _states(home)}


def _states(home: Home) -> dict[str, str]:
    """Return what is shown, to compare the ways by."""
    return {
        state.entity_id: state.state for state in home.hass.states.async_all("sensor")
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure(int(sys.argv[1])))))
