"""Start the demo: see `scripts/demo`."""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
import os
from pathlib import Path
import signal
import sys
import tempfile
from typing import Any, Final

from dev import ROOT
from dev.simulated_api import MIB, Account, Life, SimulatedApi

from .account import expected_states, make_account, matches
from .home_assistant import (
    DASHBOARD_PATH,
    PASSWORD,
    USER,
    DemoError,
    HomeAssistant,
    clear_leftovers,
)
from .past import give_past

RUNS: Final = ROOT / ".dev" / "demo"
PACKAGES: Final = ROOT / "docs" / "packages.yaml"
PAGE: Final = "/config/integrations/integration/bytesflows"
DEFAULT_URL: Final = "https://bytesflows.com"
# Home Assistant says this of every custom integration.
STANDING_WARNING: Final = "which has not been tested by Home Assistant"


def main() -> int:
    """Run the demo until it is done or interrupted; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Show BytesFlows in a real Home Assistant, on this machine only.",
        epilog="With BYTESFLOWS_TOKEN (and BYTESFLOWS_URL, if it is not "
        f"{DEFAULT_URL}) in the environment, the demo uses the real service.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="print each entity with its state and unit, compare them with the "
        "simulated account, and end",
    )
    check: bool = parser.parse_args().check
    try:
        return asyncio.run(_run(check=check))
    except DemoError as err:
        sys.stderr.write(f"demo: {err}\n")
        return 1
    except asyncio.CancelledError, KeyboardInterrupt:
        sys.stderr.write("demo: stopped\n")
        return 130 if check else 0


async def _run(*, check: bool) -> int:
    """Start everything, show it, and clear up whatever happens."""
    if (task := asyncio.current_task()) is not None:
        _let_signals_end(task)
    RUNS.mkdir(parents=True, exist_ok=True)
    clear_leftovers(RUNS)
    async with AsyncExitStack() as stack:
        token = os.environ.get("BYTESFLOWS_TOKEN", "")
        url = os.environ.get("BYTESFLOWS_URL", DEFAULT_URL)
        account = None
        if not token:
            account = make_account()
            token = account.token
            url = await stack.enter_async_context(_simulate(account, lives=not check))
        folder = Path(tempfile.mkdtemp(dir=RUNS))
        _say("Starting Home Assistant")
        home_assistant = await stack.enter_async_context(
            HomeAssistant(folder, "" if check else PACKAGES.read_text(encoding="utf-8"))
        )
        entry_id = await home_assistant.add_account(token, url)
        if account is not None and not check:
            await give_past(home_assistant, entry_id)
        states = await home_assistant.states()
        _say(f"Home Assistant: {home_assistant.url} (user {USER}, password {PASSWORD})")
        for entity_id, state in sorted(states.items()):
            unit = state["attributes"].get("unit_of_measurement", "")
            _say(f"{entity_id:43} {_rounded(state['state'])} {unit}".rstrip())
        if check:
            problems = [
                *_wrong_states(account, states),
                *_wrong_lines(home_assistant.log, token),
            ]
            for problem in problems:
                _say(f"WRONG: {problem}")
            if problems:
                _say("Check failed")
                return 1
            _say(f"Check passed: {len(states)} entities, and no complaint in the log")
            return 0
        _say(f"Dashboard: {home_assistant.url}{DASHBOARD_PATH}")
        _say(f"BytesFlows: {home_assistant.url}{PAGE}")
        if account is not None:
            _say(f"Simulated API: {url} (token {token}); the account is being used")
        _say("Press Ctrl-C to end")
        await home_assistant.wait()
    return 0


@asynccontextmanager
async def _simulate(account: Account, *, lives: bool) -> AsyncGenerator[str]:
    """Start the simulated API, and let the account be used; yield the address."""
    api = SimulatedApi(account)
    if lives:
        life = Life(account=account, bytes_per_second=MIB // 4)
        api.before = lambda _: life.advance()
    await api.start()
    try:
        yield api.url
    finally:
        await api.stop()


def _let_signals_end(task: asyncio.Task[int]) -> None:
    """End once, and in order, at Ctrl-C and its relatives, however often they come."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(*_: object) -> None:
        for number in signals:
            # Not a function: the interpreter takes those away before its own end.
            signal.signal(number, signal.SIG_IGN)
        loop.call_soon_threadsafe(task.cancel)

    for number in signals:
        signal.signal(number, end)


def _wrong_states(
    account: Account | None, states: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return what is not as the account says, or not there at all."""
    if account is None:
        return [
            f"{entity_id} is unavailable"
            for entity_id, state in states.items()
            if state["state"] == "unavailable"
        ] or ([] if states else ["there are no entities"])
    expected = expected_states(account)
    problems = [f"{entity_id} is unexpected" for entity_id in states.keys() - expected]
    for entity_id, (value, unit) in expected.items():
        state = states.get(entity_id)
        if state is None:
            problems.append(f"{entity_id} is missing")
        elif not matches(value, state["state"]):
            problems.append(f"{entity_id} should be {value}")
        elif state["attributes"].get("unit_of_measurement") != unit:
            problems.append(f"{entity_id} should be in {unit}")
    return problems


def _wrong_lines(log: Path, token: str) -> list[str]:
    """Return the lines of the log that should not be there."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if token in text:
        return ["the token is in the log"]
    return [
        line
        for line in text.splitlines()
        if "bytesflows" in line.lower()
        and (" WARNING " in line or " ERROR " in line)
        and STANDING_WARNING not in line
    ]


def _rounded(state: str) -> str:
    """Return a number as a card shows it, and all else as it is."""
    try:
        return str(round(float(state), 2))
    except ValueError:
        return state


def _say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
