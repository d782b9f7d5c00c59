"""The server of the simulated API: it follows the document, and can fail on demand."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
import json
from pathlib import Path
import socket
import ssl
import struct
from typing import Any, Self

from aiohttp import web

from .account import Account

OVERVIEW = "/api/v1/dashboard/asset"
RECORDS = "/api/v1/user/traffic/records"

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave. Without a `body` the right answer is the material."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    change: Callable[[dict[str, Any]], object] | None = None
    """Changes the right answer before it is sent."""
    delay: float = 0.0
    """Seconds before the answer begins."""
    hang: bool = False
    """Never answer."""
    cut: bool = False
    """Close the connection half-way through the body."""
    drop: bool = False
    """Close the connection without an answer."""
    raw: bytes | None = None
    """What is sent instead of an HTTP answer, after which the connection is reset."""
    stall: bool = False
    """Send the head and half of the body, and no more."""
    drip: float = 0.0
    """Seconds between the bytes of the body."""

    @classmethod
    def html(cls, status: int = 403) -> Self:
        """Answer with a page for people, as a firewall does."""
        return cls(
            status=status,
            headers={"Content-Type": "text/html; charset=utf-8"},
            body=b"<!DOCTYPE html><html><body>Just a moment</body></html>",
        )

    @classmethod
    def refuse(cls, status: int, **headers: str) -> Self:
        """Answer with an HTTP status and a JSON body that says the same."""
        return cls(
            status=status,
            headers={key.replace("_", "-"): value for key, value in headers.items()},
            body=json.dumps({"code": status, "msg": "refused", "data": None}).encode(),
        )

    @classmethod
    def code(cls, code: object) -> Self:
        """Answer with HTTP 200 and a `code` that says otherwise."""
        return cls(
            body=json.dumps({"code": code, "msg": "refused", "data": None}).encode()
        )

    @classmethod
    def redirect(cls, location: str) -> Self:
        """Send the client elsewhere."""
        return cls(status=302, headers={"Location": location}, body=b"")

    @classmethod
    def data(cls, **fields: object) -> Self:
        """Answer rightly but for some fields of `data`."""
        return cls(change=lambda answer: answer["data"].update(fields))

    @classmethod
    def record(cls, **fields: object) -> Self:
        """Answer rightly but for some fields of each record."""

        def change(answer: dict[str, Any]) -> None:
            for row in answer["data"]["records"]:
                row.update(fields)

        return cls(change=change)

    @classmethod
    def odd_row(cls, index: int, **fields: object) -> Self:
        """Answer rightly but for some fields of one row of each page that has it."""

        def change(answer: dict[str, Any]) -> None:
            for row in answer["data"].get("records", [])[index : index + 1]:
                row.update(fields)

        return cls(change=change)

    @classmethod
    def without(cls, name: str) -> Self:
        """Answer rightly but for a field that is missing, wherever it belongs."""

        def change(answer: dict[str, Any]) -> None:
            data = answer["data"]
            for place in (answer, data, *data.get("records", ())):
                place.pop(name, None)

        return cls(change=change)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came in."""

    path: str
    query: Mapping[str, str]
    token: str
    cookies: Mapping[str, str] = field(default_factory=dict)


class SimulatedApi:
    """The API as the document has it, for some accounts, on a port of loopback."""

    def __init__(self, *accounts: Account, page_cap: int | None = None) -> None:
        """Set up without starting."""
        self.accounts = list(accounts)
        self.page_cap = page_cap
        self.before: Callable[[Request], object] = lambda _: None
        """Called before each answer is made, for accounts that live."""
        self.requests: list[Request] = []
        self.most_at_once = 0
        self.bytes_sent = 0
        """The bodies of all answers."""
        self.token_refusal = Fault.refuse(401)
        self.newest_first = True
        self.repeat_rows = 0
        """Rows by which each page but the first begins and ends too early: they repeat,
        and as many at the end of the list are on no page."""
        self.total_offset = 0
        """Rows by which the total is wrong."""
        self.clock: Callable[[], datetime] | None = None
        """The time in the `Date` of each response, if it is not the system's."""
        self.no_date = False
        """Whether responses have no `Date`."""
        self.url = ""
        self._at_once = 0
        self._faults: dict[str, Fault] = {}
        self._runner: web.AppRunner | None = None

    def break_(self, fault: Fault, *paths: str) -> None:
        """Misbehave from now on, on all paths or on some."""
        self._faults.update(dict.fromkeys(paths or (OVERVIEW, RECORDS), fault))

    def heal(self) -> None:
        """Behave from now on."""
        self._faults.clear()

    @property
    def connections(self) -> int:
        """The connections that are open."""
        assert self._runner is not None
        assert self._runner.server is not None
        return len(self._runner.server.connections)

    @property
    def under_way(self) -> int:
        """The requests that were not answered so far."""
        return self._at_once

    def count(self, path: str) -> int:
        """Return how many requests to a path came in."""
        return sum(request.path == path for request in self.requests)

    async def start(self, port: int = 0, *, certificate: Path | None = None) -> None:
        """Listen on loopback, on a free port unless one is given.

        With a certificate, which has to have its key in the same file, speak TLS.
        """
        app = web.Application()
        app.router.add_get(OVERVIEW, self._handle)
        app.router.add_get(RECORDS, self._handle)
        app.on_response_prepare.append(self._date)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        context = None
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=context)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"{'http' if context is None else 'https'}://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening, and break what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        """Answer a request, keeping count of those under way."""
        header = incoming.headers.get("Authorization", "")
        request = Request(
            incoming.path,
            dict(incoming.query),
            header.removeprefix("Bearer ") if header.startswith("Bearer ") else "",
            dict(incoming.cookies),
        )
        self.requests.append(request)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._answer(incoming, request)
        finally:
            self._at_once -= 1

    async def _date(self, incoming: web.Request, response: web.StreamResponse) -> None:
        """Replace the `Date` of a response."""
        if self.clock is not None:
            date = format_datetime(self.clock().astimezone(UTC), usegmt=True)
            response.headers["Date"] = date
        if self.no_date:
            del response.headers["Date"]

    async def _answer(
        self, incoming: web.Request, request: Request
    ) -> web.StreamResponse:
        """Make the right answer, or spoil it."""
        self.before(request)
        account = next(
            (item for item in self.accounts if item.token == request.token), None
        )
        fault = self._faults.get(request.path)
        if fault is None:
            fault = Fault() if account is not None else self.token_refusal
        if fault.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(fault.delay)
        body = fault.body
        if body is None:
            answer: dict[str, Any] = {"code": 200, "msg": "success"}
            if account is not None:
                answer["data"] = self._data(account, request)
            if fault.change is not None:
                fault.change(answer)
            body = json.dumps(answer).encode()
        self.bytes_sent += len(body)
        return await _send(incoming, fault, body)

    def _data(self, account: Account, request: Request) -> dict[str, Any]:
        """Return the `data` that the document describes."""
        if request.path == OVERVIEW:
            return account.overview()
        source = request.query.get("sourceType")
        packages = sorted(
            (item for item in account.packages if source in {None, item.source}),
            key=lambda item: item.created or _EPOCH,
            reverse=self.newest_first,
        )
        size = int(request.query.get("pageSize", "10"))
        if self.page_cap is not None:
            size = min(size, self.page_cap)
        number = int(request.query.get("pageNo", "1"))
        early = self.repeat_rows if number > 1 else 0
        start = max(0, (number - 1) * size - early)
        end = max(0, min(number * size, len(packages)) - early)
        return {
            "records": [item.row(account.zone) for item in packages[start:end]],
            "total": max(0, len(packages) + self.total_offset),
        }


async def _reset(incoming: web.Request, sent: bytes) -> None:
    """Send some bytes, and break the connection off."""
    transport = incoming.transport
    assert isinstance(transport, asyncio.Transport)
    transport.write(sent)
    # Time for the other side to read it, also where the clock stands still.
    for _ in range(5):
        await asyncio.sleep(0)
    # Not the orderly end, but what a crash or a firewall does.
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    transport.abort()
    await asyncio.Event().wait()


async def _send(incoming: web.Request, fault: Fault, body: bytes) -> web.StreamResponse:
    """Send an answer, whole or not."""
    if fault.raw is not None:
        await _reset(incoming, fault.raw)
    headers = {"Content-Type": "application/json", **fault.headers}
    response = web.StreamResponse(status=fault.status, headers=headers)
    if not fault.drop:
        response.content_length = len(body)
        await response.prepare(incoming)
        if fault.drip:
            for byte in body:
                await response.write(bytes([byte]))
                await asyncio.sleep(fault.drip)
            return response
        half = fault.cut or fault.stall
        await response.write(body[: len(body) // 2] if half else body)
        if fault.stall:
            await asyncio.Event().wait()
    if (fault.drop or fault.cut) and incoming.transport is not None:
        incoming.transport.close()
    return response
