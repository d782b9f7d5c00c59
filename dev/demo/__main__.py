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
from dev.simulated_api import Account, SimulatedApi

from .account import check_in, expected_states, live, make_account, matches
from .home_assistant import (
    DASHBOARD_PATH,
    PASSWORD,
    USER,
    DemoError,
    HomeAssistant,
    clear_leftovers,
)
from .past import DAYS, give_past

RUNS: Final = ROOT / ".dev" / "demo"
PAGE: Final = "/config/integrations/integration/bytesflows"
MAX_SPEED: Final = 1000
POLL_INTERVAL: Final = 300.0
MIN_POLL_INTERVAL: Final = 10.0
EVENT_LOOKS: Final = 50
DEFAULT_URL: Final = "https://bytesflows.com"
# Home Assistant says this of every custom integration.
STANDING_WARNING: Final = "which has not been tested by Home Assistant"
# It times each state by the clock on the wall: a busy machine that pauses it is enough.
PAUSE_WARNING: Final = "[homeassistant.helpers.entity] Updating state for "


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
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1,
        metavar="N",
        help="let the simulated account live N times as fast, 1 to 1000: at 300, "
        "purchases, check-ins, expiries, and low traffic follow within minutes. The "
        "clock of Home Assistant is not faster, so the forecast does not fit",
    )
    arguments = parser.parse_args()
    check: bool = arguments.check
    try:
        return asyncio.run(_run(check=check, speed=arguments.speed))
    except DemoError as err:
        sys.stderr.write(f"demo: {err}\n")
        return 1
    except asyncio.CancelledError, KeyboardInterrupt:
        sys.stderr.write("demo: stopped\n")
        return 130 if check else 0


def _speed(text: str) -> int:
    """Return a speed from the command line."""
    speed = int(text)
    if not 1 <= speed <= MAX_SPEED:
        raise ValueError
    return speed


async def _run(*, check: bool, speed: int) -> int:
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
            url = await stack.enter_async_context(
                _simulate(account, None if check else speed)
            )
        home_assistant = HomeAssistant(Path(tempfile.mkdtemp(dir=RUNS)))
        _say(f"Dashboard: {home_assistant.url}{DASHBOARD_PATH}")
        _say(f"Home Assistant: {home_assistant.url} (user {USER}, password {PASSWORD})")
        if account is not None and not check:
            _say(f"Simulated API: {url} (token {token}); the account is being used")
        _say("Starting Home Assistant, which takes about half a minute")
        await stack.enter_async_context(home_assistant)
        await _prepare(home_assistant, token, url, account, with_past=not check)
        states = await home_assistant.states()
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
        _say(f"Log in as {USER}, password {PASSWORD}")
        _say(f"Dashboard: {home_assistant.url}{DASHBOARD_PATH}")
        _say(f"Device and entities: {home_assistant.url}{PAGE}")
        _say("Press Ctrl-C to end")
        await _wait(home_assistant, speed)
    return 0


async def _prepare(
    home_assistant: HomeAssistant,
    token: str,
    url: str,
    account: Account | None,
    *,
    with_past: bool,
) -> None:
    """Add the account, and what there is to see of it."""
    _say("Adding the account")
    entry_id = await home_assistant.add_account(token, url)
    await home_assistant.add_dashboard()
    if account is not None and with_past:
        _say(f"Giving it a past of {DAYS} days")
        await give_past(home_assistant, entry_id)
        check_in(account)
        await home_assistant.poll()
        for _ in range(EVENT_LOOKS):
            states = await home_assistant.states()
            if states["event.bytesflows_package"]["state"] != "unknown":
                break
            await asyncio.sleep(0.2)


async def _wait(home_assistant: HomeAssistant, speed: int) -> None:
    """Wait for the end; have it poll as often as the account lives faster."""
    interval = None if speed == 1 else max(MIN_POLL_INTERVAL, POLL_INTERVAL / speed)
    while True:
        try:
            async with asyncio.timeout(interval):
                await home_assistant.wait()
        except TimeoutError:
            await home_assistant.poll()


@asynccontextmanager
async def _simulate(account: Account, speed: int | None) -> AsyncGenerator[str]:
    """Start the simulated API, and let the account be used; yield the address."""
    api = SimulatedApi(account)
    if speed is not None:
        life = live(account, speed)
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
        loop.call_soon_threadsafe(_say, "Stopping")
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
        and PAUSE_WARNING not in line
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
