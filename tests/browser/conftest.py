"""Fixtures for the tests in a browser: one Home Assistant of each release."""

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
from tests.helpers.demo import IMPATIENT, RELEASES


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each release a process of its own, where there are several."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            callspec = getattr(item, "callspec", None)
            release = callspec.params.get("home", "") if callspec else ""
            item.add_marker(pytest.mark.xdist_group(f"browser-{release}"))


@pytest.fixture(scope="session", autouse=True)
def browser_there() -> None:
    """Skip without a browser, unless there has to be one."""
    if CHROMIUM is None:
        text = "there is no chromium: scripts/setup --browser installs it"
        if os.environ.get("BROWSER_REQUIRED"):
            pytest.fail(text)
        pytest.skip(text)


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Leave out the harness's own check, which minds what all tests share."""


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=RELEASES)
async def home(request: pytest.FixtureRequest) -> AsyncGenerator[HomeAssistant]:
    """Start Home Assistant, without an account."""
    pytest_socket.enable_socket()
    python = RELEASES[request.param]
    assert python.exists(), f"scripts/setup {request.param} installs it"
    await asyncio.to_thread(RUNS.mkdir, parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=RUNS))
    # An app can register, so that there is a phone to notify. At each full hour the
    # recorder would end the first day of an account.
    async with HomeAssistant(
        folder,
        "mobile_app:\n",
        python=python,
        program=[IMPATIENT],
        unrecorded=["sensor"],
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(home: HomeAssistant) -> AsyncGenerator[Browser]:
    """Start the browser."""
    pytest_socket.enable_socket()
    async with Browser.start(home) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def simulated(home: HomeAssistant) -> AsyncGenerator[SimulatedApi]:
    """Start the simulated API with the demo's account; clear up what becomes of it."""
    pytest_socket.enable_socket()
    api = SimulatedApi(make_account())
    await api.start()
    yield api
    pytest_socket.enable_socket()
    await clear(home)
    await api.stop()


async def clear(home: HomeAssistant) -> None:
    """Make Home Assistant as it was before the first account."""
    entries = "/api/config/config_entries/entry"
    for domain in ("bytesflows", "mobile_app"):
        for entry in await home.call("GET", f"{entries}?domain={domain}"):
            await home.call("DELETE", f"{entries}/{entry['entry_id']}")
    for state in await home.call("GET", "/api/states"):
        if state["entity_id"].startswith("automation."):
            path = f"/api/config/automation/config/{state['attributes']['id']}"
            await home.call("DELETE", path)
    for dashboard in await home.command("lovelace/dashboards/list"):
        await home.command("lovelace/dashboards/delete", dashboard_id=dashboard["id"])
    known = [
        item["statistic_id"]
        for item in await home.command("recorder/list_statistic_ids")
    ]
    await home.command("recorder/clear_statistics", statistic_ids=known)
    await home.command("config/core/update", language="en")
