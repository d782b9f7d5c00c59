"""Fixtures of the client's tests."""

from collections.abc import AsyncGenerator

from aiohttp import ClientSession, DummyCookieJar
import pytest

from custom_components.bytesflows.api import BytesFlowsClient
from dev.simulated_api import EXAMPLE_TOKEN, EXAMPLE_ZONE, SimulatedApi


@pytest.fixture
async def session(socket_enabled: None) -> AsyncGenerator[ClientSession]:
    """Open a session as the integration does."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield session


@pytest.fixture
def client(session: ClientSession, api: SimulatedApi) -> BytesFlowsClient:
    """Return a client for the account of the simulated API."""
    return BytesFlowsClient(session, EXAMPLE_TOKEN, time_zone=EXAMPLE_ZONE, url=api.url)
