"""The simulated API in a process of its own, so that its work is not measured.

Started with the number of accounts and of the records of each; prints its address. Each
line that it reads is a command, which it answers with a line of JSON.
"""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import sys
import time
from typing import Any, Self

from dev.simulated_api import MIB, Account, Request, SimulatedApi


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was asked of the server since it was asked before."""

    requests: tuple[str, ...]
    """Paths with their queries."""
    moments: tuple[float, ...]
    """When they came in, in seconds of the monotonic clock."""
    size: int
    """The bytes of the bodies of the answers."""


@dataclass(frozen=True, slots=True)
class Server:
    """The server, as its parent sees it."""

    url: str
    _process: Process

    @classmethod
    @asynccontextmanager
    async def start(cls, accounts: int, records: int) -> AsyncGenerator[Self]:
        """Start it, and end it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(accounts), str(records)),
            stdin=PIPE,
            stdout=PIPE,
            limit=2**26,
        )
        assert process.stdout is not None
        try:
            url = (await process.stdout.readline()).decode().strip()
            yield cls(url, process)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def use(self) -> None:
        """Use some traffic of each account."""
        await self._command("use")

    async def traffic(self) -> Traffic:
        """Return what was asked since this was called before."""
        told = await self._command("traffic")
        return Traffic(tuple(told["requests"]), tuple(told["moments"]), told["size"])

    async def _command(self, name: str) -> dict[str, Any]:
        """Give a command, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n".encode())
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer


def token(number: int) -> str:
    """Return the token of an account."""
    return f"token-{number}"


async def _serve(accounts: int, records: int) -> None:
    """Answer requests and commands, until there are no more commands."""
    api = SimulatedApi(*(Account.with_packages(records) for _ in range(accounts)))
    for number, account in enumerate(api.accounts):
        account.token = token(number)
    moments: list[float] = []

    def note(_: Request) -> None:
        moments.append(time.monotonic())

    api.before = note
    await api.start()
    sys.stdout.write(f"{api.url}\n")
    sys.stdout.flush()
    while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
        answer: dict[str, Any] = {}
        if command == "use":
            for account in api.accounts:
                account.use(MIB)
        else:
            answer["requests"] = [
                "?".join(
                    filter(
                        None, (item.path, "&".join(map("=".join, item.query.items())))
                    )
                )
                for item in api.requests
            ]
            answer |= {"moments": moments.copy(), "size": api.bytes_sent}
            api.requests.clear()
            moments.clear()
            api.bytes_sent = 0
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    await api.stop()


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:])))
