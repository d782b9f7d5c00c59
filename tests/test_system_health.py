"""System health: one look says whether BytesFlows answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self, override

from aiohttp import ClientTimeout
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)

from custom_components.bytesflows import system_health
from dev.simulated_api import EXAMPLE_TOKEN, Fault, SimulatedApi
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .helpers.common import make_entry, set_up
from .helpers.home import Home
from .helpers.lifecycle import until
from .helpers.translations import text


async def health(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the page shows, with what is looked up meanwhile."""
    info: dict[str, Any] = await get_system_health_info(hass, "bytesflows")
    for key in info:
        assert text("system_health", "info", key)
    if "can_reach_server" in info:
        info["can_reach_server"] = await info["can_reach_server"]
    return info


@pytest.mark.usefixtures("now")
async def test_system_health(home: Home) -> None:
    """Reachability, accounts, and the age of the last good poll."""
    assert await async_setup_component(home.hass, "system_health", {})
    await home.set_up()
    assert await health(home.hass) == {
        "can_reach_server": "ok",
        "accounts": 1,
        "accounts_loaded": 1,
        "oldest_poll": 0,
    }
    home.api.break_(Fault.refuse(500))
    await home.poll()
    await home.pass_time(timedelta(hours=1))
    assert (await health(home.hass))["oldest_poll"] == 3902

    await home.unload()
    await home.api.stop()
    assert await health(home.hass) == {
        "can_reach_server": {"type": "failed", "error": "unreachable"},
        "accounts": 1,
        "accounts_loaded": 0,
        "oldest_poll": None,
    }


async def test_own_certificate(hass: HomeAssistant, tls_api: SimulatedApi) -> None:
    """A server whose certificate the account does not check can be reached."""
    assert await async_setup_component(hass, "system_health", {})
    assert await set_up(hass, make_entry(tls_api, verify_ssl=False))
    assert (await health(hass))["can_reach_server"] == "ok"


@dataclass
class Server(asyncio.Protocol):
    """A server that notes what it gets, and redirects clients or keeps silent."""

    silent: bool = False
    requests: list[bytes] = field(default_factory=list)
    url: str = ""
    is_waiting: bool = False
    """Whether a client waits for an answer."""

    @asynccontextmanager
    async def listen(self) -> AsyncGenerator[Self]:
        """Listen on loopback."""
        loop = asyncio.get_running_loop()
        async with await loop.create_server(lambda: self, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self
            server.close_clients()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection for the answer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        """Answer a request, or not."""
        self.requests.append(data)
        self.is_waiting = self.silent
        if not self.silent:
            head = f"HTTP/1.1 302 Found\r\nLocation: {self.url}/elsewhere"
            self.transport.write(f"{head}\r\nContent-Length: 0\r\n\r\n".encode())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the client is gone."""
        self.is_waiting = False


@pytest.fixture
async def servers(socket_enabled: None) -> AsyncGenerator[list[Server]]:
    """Start a server that redirects, and two that are silent."""
    async with (
        Server().listen() as redirecting,
        Server(silent=True).listen() as silent,
        Server(silent=True).listen() as other,
    ):
        yield [redirecting, silent, other]


def add_account(
    hass: HomeAssistant,
    url: str,
    *,
    verify_ssl: bool = True,
    disabled_by: ConfigEntryDisabler | None = None,
) -> MockConfigEntry:
    """Add an account that is not set up."""
    entry = MockConfigEntry(
        domain="bytesflows",
        data={"api_token": EXAMPLE_TOKEN, "url": url, "verify_ssl": verify_ssl},
        disabled_by=disabled_by,
    )
    entry.add_to_hass(hass)
    return entry


async def load(hass: HomeAssistant) -> None:
    """Load the page and the integration, without an account."""
    assert await async_setup_component(hass, "system_health", {})
    assert await async_setup_component(hass, "bytesflows", {})


async def test_server_that_hangs(
    hass: HomeAssistant, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not respond is not waited for long."""
    await load(hass)
    monkeypatch.setattr(system_health, "TIMEOUT", ClientTimeout(total=0.2))
    add_account(hass, servers[1].url)
    assert (await health(hass))["can_reach_server"] == {
        "type": "failed",
        "error": "timeout",
    }


async def test_several_servers(
    hass: HomeAssistant, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each server gets one request without a token, and is named if it is down."""
    await load(hass)
    monkeypatch.setattr(system_health, "TIMEOUT", ClientTimeout(total=60))
    add_account(hass, servers[0].url)
    add_account(hass, f"{servers[0].url}/private")
    assert (await health(hass))["can_reach_server"] == "ok"
    assert len(servers[0].requests) == 1

    for server in servers[1:]:
        add_account(hass, f"{server.url}/private")
    add_account(hass, "http://127.0.0.1:1")
    looking = hass.async_create_task(health(hass))
    # At the same time, so that several do not add up.
    await until(lambda: all(server.is_waiting for server in servers[1:]))
    for server in servers[1:]:
        server.transport.write(b"nonsense\r\n\r\n")
    assert (await looking)["can_reach_server"] == {
        "type": "failed",
        "error": (
            f"{servers[1].url}: unreachable, {servers[2].url}: unreachable, "
            "http://127.0.0.1:1: unreachable"
        ),
    }
    assert [len(server.requests) for server in servers] == [2, 1, 1]
    for request in servers[0].requests + servers[1].requests:
        assert request.startswith(b"GET / ")
        assert EXAMPLE_TOKEN.encode() not in request


async def test_no_server(hass: HomeAssistant, servers: list[Server]) -> None:
    """Without an account that is enabled no server is asked."""
    await load(hass)
    assert await health(hass) == {
        "accounts": 0,
        "accounts_loaded": 0,
        "oldest_poll": None,
    }
    add_account(hass, servers[0].url, disabled_by=ConfigEntryDisabler.USER)
    assert "can_reach_server" not in await health(hass)
    assert servers[0].requests == []


@pytest.mark.parametrize("first", [True, False])
async def test_certificate_of_several_accounts(
    hass: HomeAssistant, tls_api: SimulatedApi, *, first: bool
) -> None:
    """A certificate matters as soon as one account of a server checks it."""
    await load(hass)
    add_account(hass, tls_api.url, verify_ssl=first)
    add_account(hass, tls_api.url, verify_ssl=not first)
    assert (await health(hass))["can_reach_server"] == {
        "type": "failed",
        "error": "unreachable",
    }
