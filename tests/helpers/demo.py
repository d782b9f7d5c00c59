"""Helpers that the tests in a real Home Assistant share."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
import tempfile
from typing import Final

from dev import PACKAGE, ROOT
from dev.demo.__main__ import RUNS
from dev.demo.home_assistant import PYTHON, HomeAssistant
from dev.simulated_api import SimulatedApi

RELEASES: Final = {"newest": PYTHON, "latest": ROOT / ".dev/latest/bin/python"}
"""The interpreters of the release that the harness supports, and of the newest one."""
IMPATIENT: Final = Path(__file__).parent / "impatient.py"
"""The program that starts a Home Assistant in which nothing waits for long."""


@asynccontextmanager
async def with_account(
    api: SimulatedApi,
    configuration: str = "",
    *,
    package: Path = PACKAGE,
    python: Path = PYTHON,
) -> AsyncGenerator[HomeAssistant]:
    """Run Home Assistant with the account set up."""
    await asyncio.to_thread(RUNS.mkdir, parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=RUNS))
    async with HomeAssistant(
        folder, configuration, package=package, python=python
    ) as home_assistant:
        await home_assistant.add_account(api.accounts[0].token, api.url)
        yield home_assistant


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so, which may itself have to be waited for."""
    async with asyncio.timeout(300):
        while True:
            result = condition()
            if await result if isinstance(result, Awaitable) else result:
                return
            await asyncio.sleep(0.1)
