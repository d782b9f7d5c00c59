"""Polls of accounts with histories of some lengths, in each of four ways."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
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
from homeassistant.core import State

from .home import Home
from .server import Server, token

ROUNDS = 25
FIRST_ROUNDS = 5
WARM_UP = "warm-up"
REST = Path(__file__).with_name("rest.yaml")


class Ways:
    """The four ways, for one account."""

    def __init__(
        self, home: Home, server: Server, session: ClientSession, number: int
    ) -> None:
        """Begin without anything measured."""
        self._home = home
        self._server = server
        self._session = session
        self._number = number
        self._entry: ConfigEntry[Any] | None = None
        self._costs: dict[tuple[str, str], list[dict[str, float]]] = {}

    async def measure_first(self, moment: str) -> None:
        """Note the cost of setting the account up, and that of a full reading."""
        if self._entry is not None:
            await self._home.hass.config_entries.async_remove(self._entry.entry_id)

        async def set_up() -> None:
            self._entry = await self._home.add_account(self._server.url, self._number)

        requests = await self._measure(moment, "integration", set_up)
        # So that in a poll no entity of the bare way is new.
        self._home.write_again(self._home.written)
        await self._measure(moment, "floor", lambda: self._fetch(requests))

    async def measure_poll(self, moment: str) -> None:
        """Note the cost of a poll."""
        requests = await self._measure(moment, "integration", self._poll)
        written = self._home.written
        await self._measure(moment, "rest", self._poll_rest)
        await self._measure(moment, "bare", lambda: self._fetch(requests, written))
        await self._measure(moment, "floor", lambda: self._fetch(requests))

    async def measure_full_reading(self, moment: str) -> None:
        """Note the cost of a poll that reads all records again."""
        requests = await self._measure(moment, "integration", self._poll)
        await self._measure(moment, "floor", lambda: self._fetch(requests))

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

    def ratios(self) -> dict[str, dict[str, float]]:
        """Return the CPU of the integration per that of each way, by moment and way.

        Each is the median of the rounds: the speed of a machine changes between them,
        and less within one.
        """
        result: dict[str, dict[str, float]] = {}
        for (moment, way), costs in self._costs.items():
            if moment == WARM_UP:
                continue
            pairs = zip(self._costs[moment, "integration"], costs, strict=True)
            result.setdefault(moment, {})[way] = statistics.median(
                this["cpu"] / that["cpu"] for this, that in pairs
            )
        return result

    async def _measure(
        self, moment: str, way: str, act: Callable[[], Awaitable[object]]
    ) -> tuple[str, ...]:
        """Note a cost, and return the requests that were part of it."""
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

    async def _poll(self) -> None:
        """Let the integration poll."""
        assert self._entry is not None
        await self._entry.runtime_data.async_refresh()

    async def _poll_rest(self) -> None:
        """Let the REST sensors poll."""
        both = slice(2 * self._number, 2 * self._number + 2)
        for coordinator in self._home.hass.data["rest"]["coordinator"][both]:
            await coordinator.async_refresh()

    async def _fetch(
        self, requests: Iterable[str], written: Iterable[State] = ()
    ) -> None:
        """Fetch and decode, and write states."""
        headers = {"Authorization": f"Bearer {token(self._number)}"}
        for path in requests:
            async with self._session.get(
                self._server.url + path, headers=headers
            ) as response:
                orjson.loads(await response.read())
        self._home.write_again(written)


def rest_config(url: str, accounts: int) -> Mapping[str, Any]:
    """Return the configuration that a user would write."""
    text = REST.read_text(encoding="utf-8").replace("{url}", url)
    return {
        "rest": [
            item
            for number in range(accounts)
            for item in yaml.safe_load(text.replace("{token}", token(number)))
        ]
    }


async def measure(*histories: int) -> list[dict[str, Any]]:
    """Return costs and their ratios for each length of a history."""
    async with Server.start(*histories) as server:
        config = await asyncio.to_thread(rest_config, server.url, len(histories))
        async with Home.start(config) as home, ClientSession() as session:
            ways = [
                Ways(home, server, session, number) for number in range(len(histories))
            ]
            # The first one imports the integration.
            for number in range(FIRST_ROUNDS + 1):
                for way in ways:
                    await way.measure_first("first" if number else WARM_UP)
                await server.forget()
                await server.use()
                for way in ways:
                    await way.measure_full_reading("full" if number else WARM_UP)
            for number in range(ROUNDS + 1):
                for moment in ("idle", "busy"):
                    if moment == "busy":
                        await server.use()
                    # The first round warms up.
                    for way in ways:
                        await way.measure_poll(moment if number else WARM_UP)
            return [{"costs": way.table(), "ratios": way.ratios()} for way in ways]


async def measure_largest() -> dict[str, float]:
    """Return how long the largest pages keep the event loop busy, in milliseconds."""
    longest: dict[str, float] = {}
    async with Server.start(10_000) as server, Home.start({}) as home:
        await server.inflate()
        for number in range(FIRST_ROUNDS + 1):
            for moment in ("first", "busy"):
                if moment == "first":
                    cost = await home.measure(lambda: home.add_account(server.url))
                else:
                    await server.move()
                    cost = await home.measure(_entry(home).runtime_data.async_refresh)
                if number:
                    longest[moment] = max(longest.get(moment, 0.0), cost.blocked)
            await home.hass.config_entries.async_remove(_entry(home).entry_id)
    return longest


def _entry(home: Home) -> ConfigEntry[Any]:
    """Return the only account."""
    return home.hass.config_entries.async_entries("bytesflows")[0]


if __name__ == "__main__":
    if sys.argv[1] == "largest":
        sys.stdout.write(json.dumps(asyncio.run(measure_largest())))
    else:
        sys.stdout.write(json.dumps(asyncio.run(measure(*map(int, sys.argv[1:])))))
