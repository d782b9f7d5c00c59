"""Fixtures for the tests in a browser: one Home Assistant for all tests of a module."""

import asyncio
from collections.abc import AsyncGenerator
import os
from pathlib import Path
import tempfile

import pytest
import pytest_asyncio
import pytest_socket

from dev.browser.browser import CHROMIUM, Browser
from dev.demo.__main__ import RUNS
from dev.demo.account import make_account
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import SimulatedApi


@pytest.fixture(scope="module", autouse=True)
def browser_there() -> None:
    """Skip without a browser, unless there has to be one."""
    if CHROMIUM is None:
        text = "there is no chromium: scripts/setup --browser installs it"
        if os.environ.get("BROWSER_REQUIRED"):
            pytest.fail(text)
        pytest.skip(text)


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Leave out the harness's own check, which minds what a whole module shares."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulated() -> AsyncGenerator[SimulatedApi]:
    """Start the simulated API with the demo's account."""
    pytest_socket.enable_socket()
    api = SimulatedApi(make_account())
    await api.start()
    yield api
    await api.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(simulated: SimulatedApi) -> AsyncGenerator[HomeAssistant]:
    """Start Home Assistant, without an account."""
    await asyncio.to_thread(RUNS.mkdir, parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=RUNS))
    async with HomeAssistant(folder) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(home: HomeAssistant) -> AsyncGenerator[Browser]:
    """Start the browser."""
    async with Browser.start(home) as running:
        yield running
