"""The demo, as a newcomer starts it: a real Home Assistant in a process of its own."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
import os
from pathlib import Path
import signal
import socket
import sys

import psutil
import pytest

from dev import ROOT
from dev.demo.__main__ import (
    PAUSE_WARNING,
    RUNS,
    STANDING_WARNING,
    _wrong_lines,
    _wrong_states,
)
from dev.demo.account import DEMO_TOKEN, expected_states, make_account
from dev.simulated_api import OVERVIEW, RECORDS, Fault, Request, SimulatedApi

DEMO = (sys.executable, "-m", "dev.demo")

pytestmark = [
    pytest.mark.slow,
    # One after the other: each clears what the others leave behind.
    pytest.mark.xdist_group("demo"),
    pytest.mark.usefixtures("socket_enabled"),
]


@asynccontextmanager
async def started(*command: str, **environment: str) -> AsyncGenerator[Process]:
    """Start a demo, and see to it that it does not outlive the test."""
    clean = {key: os.environ[key] for key in os.environ if "BYTESFLOWS" not in key}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**clean, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def finish(process: Process) -> tuple[int, str]:
    """Wait for the end of a demo; return its status and what it printed."""
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def read_until(process: Process, text: str) -> str:
    """Read what a demo prints, up to a text."""
    assert process.stdout is not None
    printed = ""
    while text not in printed:
        line = await process.stdout.readline()
        assert line, printed
        printed += line.decode()
    return printed


def children(process: Process) -> list[psutil.Process]:
    """Return the processes that a demo started."""
    return psutil.Process(process.pid).children(recursive=True)


async def test_check() -> None:
    """The README's command shows every entity as the account has it."""
    async with started("scripts/demo", "--check") as process:
        status, printed = await finish(process)
    assert status == 0, printed
    assert printed.startswith("Dashboard: http://127.0.0.1:")
    assert printed.endswith("Check passed: 18 entities, and no complaint in the log\n")
    for entity_id in expected_states(make_account()):
        assert f"\n{entity_id} " in printed
    assert " 53.0 GiB\n" in printed
    assert " 12.5 USD\n" in printed
    assert "http://127.0.0.1:" in printed
    assert DEMO_TOKEN not in printed


async def test_port_that_is_taken() -> None:
    """Another program on Home Assistant's port keeps running."""
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", 8123))
            other.listen()
        except OSError:
            pass  # Taken already, which is as good.
        async with started(*DEMO, "--check") as process:
            status, printed = await finish(process)
    assert status == 0, printed
    assert "http://127.0.0.1:8123 " not in printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["Starting Home Assistant", "Press Ctrl-C"])
async def test_interrupt(moment: str, number: signal.Signals) -> None:
    """Ctrl-C at any moment, and more than once, leaves nothing running."""
    async with started(*DEMO) as process:
        await read_until(process, moment)
        await asyncio.sleep(0.3)
        left = children(process)
        for _ in range(3):
            with suppress(ProcessLookupError):
                process.send_signal(number)
            await asyncio.sleep(0.05)
        status, printed = await finish(process)
    assert status == 0, printed
    assert "Stopping\n" in printed
    assert printed.endswith("demo: stopped\n")
    assert "Traceback" not in printed
    assert not [child for child in left if child.is_running()]


async def test_leftover_run() -> None:
    """What a killed demo left behind is cleared by the next one."""
    async with started(*DEMO) as killed:
        await read_until(killed, "Press Ctrl-C")
        (home_assistant,) = children(killed)
        killed.kill()
        await killed.wait()
    folder = Path(home_assistant.cmdline()[-3])
    assert folder.parent == RUNS
    assert home_assistant.is_running()

    async with started(*DEMO, "--check") as process:
        status, printed = await finish(process)
    assert status == 0, printed
    assert not home_assistant.is_running()
    assert folder not in RUNS.iterdir()


async def test_real_service(api: SimulatedApi) -> None:
    """With a token in the environment, that service is used."""
    token = api.accounts[0].token
    async with started(
        *DEMO, "--check", BYTESFLOWS_TOKEN=token, BYTESFLOWS_URL=api.url
    ) as process:
        status, printed = await finish(process)
    assert status == 0, printed
    assert " 176.0 GiB\n" in printed
    assert token not in printed
    assert {api.count(OVERVIEW), api.count(RECORDS)} == {2}


async def test_real_service_that_refuses(api: SimulatedApi) -> None:
    """A rejected token is reported, and the exit status shows it."""
    async with started(
        *DEMO, "--check", BYTESFLOWS_TOKEN="wrong", BYTESFLOWS_URL=api.url
    ) as process:
        status, printed = await finish(process)
    assert status == 1, printed
    assert "the account could not be set up: {'api_token': 'invalid_auth'}" in printed


async def test_check_fails_when_values_differ(api: SimulatedApi) -> None:
    """The check notices an entity that is not available."""

    def break_after_the_form(request: Request) -> None:
        if request.path == RECORDS and api.count(RECORDS) > 1:
            api.break_(Fault.refuse(500), RECORDS)

    api.before = break_after_the_form
    async with started(
        *DEMO, "--check", BYTESFLOWS_TOKEN=api.accounts[0].token, BYTESFLOWS_URL=api.url
    ) as process:
        status, printed = await finish(process)
    assert status == 1, printed
    assert "WRONG: sensor.bytesflows_next_expiry is unavailable" in printed
    assert "Error fetching BytesFlows packages" in printed
    assert printed.endswith("Check failed\n")


def test_comparison() -> None:
    """The check tells values, units, missing and unexpected entities."""
    account = make_account()
    states = {
        entity_id: {
            "state": value.isoformat() if hasattr(value, "isoformat") else str(value),
            "attributes": {"unit_of_measurement": unit},
        }
        for entity_id, (value, unit) in expected_states(account).items()
    }
    assert _wrong_states(account, states) == []
    states["sensor.bytesflows_balance"]["state"] = "12.51"
    states["sensor.bytesflows_total_traffic"]["attributes"] = {}
    states["sensor.bytesflows_new"] = states.pop("sensor.bytesflows_used_traffic")
    assert _wrong_states(account, states) == [
        "sensor.bytesflows_new is unexpected",
        "sensor.bytesflows_used_traffic is missing",
        "sensor.bytesflows_total_traffic should be in GiB",
        "sensor.bytesflows_balance should be 12.5",
    ]
    assert _wrong_states(None, {}) == ["there are no entities"]


def test_log_is_searched(tmp_path: Path) -> None:
    """The check notices the token, and lines that complain about us."""
    log = tmp_path / "log"
    lines = [
        f"2026 WARNING (Main) [loader] bytesflows {STANDING_WARNING}",
        f"2026 WARNING (Main) {PAUSE_WARNING}sensor.bytesflows_x took 0.4 seconds",
        "2026 ERROR (Main) [other] something else",
        "2026 DEBUG (Main) [custom_components.bytesflows] all is well",
    ]
    log.write_text("\n".join(lines))
    assert _wrong_lines(log, "secret") == []
    bad = "2026 WARNING (Main) [sensor] Entity sensor.bytesflows_x is wrong"
    log.write_text("\n".join([*lines, bad]))
    assert _wrong_lines(log, "secret") == [bad]
    log.write_text("secret")
    assert _wrong_lines(log, "secret") == ["the token is in the log"]
