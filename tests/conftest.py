"""Fixtures that the tests share."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
import gc
import logging
from pathlib import Path
import socket
import sys
from typing import Any

from aiohttp.abc import ResolveResult
from aiohttp.resolver import AsyncResolver
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.bytesflows.config_flow import (
    BytesFlowsConfigFlow,
    BytesFlowsOptionsFlow,
)
from custom_components.bytesflows.entity import BytesFlowsEntity
from dev.simulated_api import Account, SimulatedApi, write_certificate
from homeassistant.core import HomeAssistant

from .helpers.clock import NOW
from .helpers.common import FIGURES, make_entry
from .helpers.home import Home
from .helpers.lifecycle import Lives
from .helpers.tokens import TokenWatch
from .helpers.translations import check_flow_result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have counted."""
    figures = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == FIGURES and report.when == "call"
    ]
    if figures:
        terminalreporter.section("figures")
    for figure in sorted(figures):
        terminalreporter.line(figure)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests, and those that Hypothesis repeats, a long time."""
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if marks & {"slow", "hypothesis"} and "timeout" not in marks:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(autouse=True, scope="session")
def garbage_collection() -> Generator[None]:
    """Collect garbage among what the tests make, and more rarely than by default.

    The harness does so before the tests of each file, and looks through all there is;
    every process has tests of nearly every file. What is left is collected at the end,
    so that its errors are not lost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    yield
    gc.collect()


def is_in_finalizer() -> bool:
    """Return whether the caller is about to be garbage."""
    return sys._getframe(1).f_code.co_name == "__del__"


@pytest.fixture(autouse=True)
async def enable_event_loop_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the event loop check what is called, as in debug mode.

    That mode also keeps the stack of all that makes a task, a future or a request,
    which takes as long as the tests themselves. With --asyncio-debug they are kept, to
    find the origin of a task that remains.
    """
    loop = asyncio.get_running_loop()
    if not loop.get_debug():
        loop.set_debug(True)
        # The loop checks without asking this. Those that ask keep stacks, except when
        # something was not closed, which has to be found.
        monkeypatch.setattr(loop, "get_debug", is_in_finalizer)


@pytest.fixture(autouse=True)
def token_watch() -> Generator[TokenWatch]:
    """Fail a test in which a token is logged, or that we use what is going to end."""
    watch = TokenWatch()
    logger = logging.getLogger()
    level = logger.level
    for handler in logger.handlers:
        # The watch alone looks at the rest, such as each statement of the recorder:
        # nobody reads it, and writing it takes time.
        handler.setLevel(logging.WARNING)
    logger.addHandler(watch)
    logger.setLevel(logging.DEBUG)
    yield watch
    logger.setLevel(level)
    logger.removeHandler(watch)
    assert watch.found == []
    assert watch.complaints == []


@pytest.fixture(autouse=True)
def home_assistant_loads_us(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant load this integration, in the tests that have one."""
    if "recorder_mock" in request.fixturenames:
        # The harness wants it before Home Assistant.
        request.getfixturevalue("recorder_db_url")
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture(autouse=True)
def check_translations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test in which a flow shows something that has no text.

    The texts of exceptions are checked in test_metadata.py, from the source.
    """

    def checked(kind: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def show(self: object, **kwargs: Any) -> Any:  # noqa: ANN401
            result = method(self, **kwargs)
            check_flow_result(kind, result)
            return result

        return show

    for flow, kind in (
        (BytesFlowsConfigFlow, "config"),
        (BytesFlowsOptionsFlow, "options"),
    ):
        for name in ("async_abort", "async_show_form", "async_show_menu"):
            monkeypatch.setattr(flow, name, checked(kind, getattr(flow, name)))


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return the snapshot that knows what of Home Assistant differs in each run."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def account() -> Account:
    """Return the account of the document's examples."""
    return Account.example()


@pytest.fixture
async def api(socket_enabled: None, account: Account) -> AsyncGenerator[SimulatedApi]:
    """Start the simulated API with that account."""
    simulated = SimulatedApi(account)
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def named_api(api: SimulatedApi, monkeypatch: pytest.MonkeyPatch) -> SimulatedApi:
    """Give the simulated API a name, as aiohttp keeps no cookies of a number."""

    async def resolve(
        resolver: AsyncResolver, host: str, port: int = 0, family: int = 0
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=0,
            )
        ]

    # The real one also finds ::1, where nobody listens.
    monkeypatch.setattr(AsyncResolver, "resolve", resolve)
    api.url = api.url.replace("127.0.0.1", "localhost")
    return api


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for the simulated API that nobody vouches for."""
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
async def tls_api(
    socket_enabled: None, account: Account, certificate: Path
) -> AsyncGenerator[SimulatedApi]:
    """Start the simulated API with that account and that certificate."""
    # In debug mode asyncio reports clients that refuse the certificate, and the harness
    # fails the test for it.
    asyncio.get_running_loop().set_debug(False)
    simulated = SimulatedApi(account)
    await simulated.start(certificate=certificate)
    yield simulated
    await simulated.stop()


@pytest.fixture
def now(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Stop the clock at a moment at which the example package can be used."""
    freezer.move_to(NOW)
    return freezer


@pytest.fixture
def entry(api: SimulatedApi) -> MockConfigEntry:
    """Return a config entry for the account."""
    return make_entry(api)


@pytest.fixture
def home(
    now: FrozenDateTimeFactory,
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
) -> Home:
    """Return a Home Assistant to which the account is yet to be added."""
    return Home(hass, api, entry, now)


@pytest.fixture
async def lives(
    request: pytest.FixtureRequest, tmp_path: Path, entry: MockConfigEntry
) -> AsyncGenerator[Lives]:
    """Return a Home Assistant with real files that has not started yet."""
    freezer = None
    if "freezer" in request.fixturenames:
        freezer = request.getfixturevalue("freezer")
    lives = Lives(tmp_path / "config", entry, freezer=freezer)
    yield lives
    await lives.end()


@pytest.fixture
def entity_registry_enabled_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable every entity of ours, also those that are off at first."""
    monkeypatch.setattr(BytesFlowsEntity, "entity_registry_enabled_default", True)
