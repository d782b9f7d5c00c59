"""The simulated API in a process of its own, so that its work is not measured.

Started with the number of records of each account; prints its URL. Each line that it
reads is a command, to which it responds with a line of JSON.
"""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
import json
import sys
import time
from typing import Any, Self

from dev.simulated_api import MIB, RECORDS, Account, Fault, Request, SimulatedApi

LARGE_PAGE = 1_000
"""Rows of the largest page that the integration accepts."""
LARGE_BODY = 2**20
"""Bytes of the largest body that it accepts."""


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
    async def start(cls, *records: int) -> AsyncGenerator[Self]:
        """Start it with an account for each number of records, and end it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, *map(str, records)),
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

    async def forget(self) -> None:
        """Forget the oldest record of each account, unless it is active."""
        await self._command("forget")

    async def inflate(self) -> None:
        """Respond with the largest pages that are accepted from now on."""
        await self._command("inflate")

    async def move(self) -> None:
        """Use a byte of each package, even of those that have ended."""
        await self._command("move")

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


async def _serve(*records: int) -> None:
    """Respond to requests and commands, until there are no more commands."""
    api = SimulatedApi(*map(Account.with_packages, records))
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
        if command == "traffic":
            answer |= {"requests": [_path(item) for item in api.requests]}
            answer |= {"moments": moments.copy(), "size": api.bytes_sent}
            api.requests.clear()
            moments.clear()
            api.bytes_sent = 0
        elif command == "inflate":
            api.break_(Fault(change=partial(_inflate, api.accounts[0])), RECORDS)
        else:
            for account in api.accounts:
                _change(account, command)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    await api.stop()


def _change(account: Account, command: str) -> None:
    """Change an account as a command says."""
    match command:
        case "use":
            account.use(MIB)
        case "forget":
            if not account.packages[-1].status:
                account.packages.pop()
        case "move":
            for package in account.packages:
                package.used += 1


def _path(request: Request) -> str:
    """Return the path of a request with its query."""
    query = "&".join(map("=".join, request.query.items()))
    return f"{request.path}?{query}" if query else request.path


def _inflate(account: Account, answer: dict[str, Any]) -> None:
    """Fill a page up with rows, and each row with a text."""
    rows = answer["data"]["records"]
    first = next(
        place
        for place, package in enumerate(account.packages)
        if package.id == rows[0]["id"]
    )
    rows[:] = [
        package.row(account.zone)
        for package in account.packages[first : first + LARGE_PAGE]
    ]
    room = LARGE_BODY - len(json.dumps(answer)) - LARGE_PAGE * len(', "note": ""')
    for row in rows:
        row["note"] = "x" * (room // LARGE_PAGE)


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:])))
