"""The client, over a real socket."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import itertools
import json
import logging
from pathlib import Path
import subprocess
import sys
from typing import Any

from aiohttp import ClientSession
from freezegun.api import FrozenDateTimeFactory
from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.bytesflows.api import (
    BytesFlowsAuthenticationError,
    BytesFlowsClient,
    BytesFlowsConnectionError,
    BytesFlowsError,
    BytesFlowsParseError,
    BytesFlowsRateLimitError,
    BytesFlowsResponseError,
    BytesFlowsTimeoutError,
    Overview,
    Pauses,
    Record,
    Source,
    client as client_module,
)
from dev import PACKAGE
from dev.simulated_api import (
    EXAMPLE_TOKEN,
    EXAMPLE_ZONE,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    Request,
    SimulatedApi,
)


async def test_overview_of_the_document(client: BytesFlowsClient) -> None:
    """The document's first example is read as it is meant."""
    overview = await client.get_overview()

    assert overview.total_traffic == 188978561024 == 176 * 2**30
    assert overview.available_traffic == 188944515072
    assert overview.used_traffic == 34045952
    assert overview.available_percentage == pytest.approx(99.98198, abs=1e-5)
    assert overview.balance == 0
    assert overview.currency == "USD"


async def test_records_of_the_document(
    client: BytesFlowsClient, api: SimulatedApi
) -> None:
    """The document's second example is read as it is meant."""
    page = await client.get_records_page()

    assert page.total == 1
    assert page.records == (
        Record(
            id="123456",
            order_id="ORD-7890",
            source=Source.ORDER,
            traffic=1073741824,
            traffic_used=524288,
            created=datetime(2026, 2, 21, 12, tzinfo=UTC),
            expires=datetime(2026, 3, 21, 12, tzinfo=UTC),
            status=1,
        ),
    )
    assert api.requests == [
        Request(RECORDS, {"pageNo": "1", "pageSize": "100"}, EXAMPLE_TOKEN)
    ]


def test_time_zone(client: BytesFlowsClient) -> None:
    """The time zone is the one that the client was made with."""
    assert client.time_zone is EXAMPLE_ZONE


async def test_all_query_parameters(
    client: BytesFlowsClient, api: SimulatedApi
) -> None:
    """Page number, page size and source are the server's to apply."""
    api.accounts[:] = [Account.with_packages(30)]

    page = await client.get_records_page(2, page_size=3, source=Source.ORDER)

    assert api.requests[-1].query == {
        "pageNo": "2",
        "pageSize": "3",
        "sourceType": "order",
    }
    assert page.total == 5
    assert [record.source for record in page.records] == [Source.ORDER] * 2


@pytest.mark.parametrize("base", ["", "/", "/behind/a/proxy", "/behind/a/proxy/"])
async def test_base_address(
    session: ClientSession, api: SimulatedApi, base: str
) -> None:
    """The paths are appended to the base address, whatever its end."""
    client = BytesFlowsClient(session, EXAMPLE_TOKEN, time_zone=UTC, url=api.url + base)
    if "proxy" in base:
        with pytest.raises(BytesFlowsResponseError) as error:
            await client.get_overview()
        assert error.value.status == 404
        assert not error.value.is_temporary
    else:
        assert (await client.get_overview()).currency == "USD"


@pytest.mark.parametrize(
    ("fault", "expected", "attributes"),
    [
        (Fault.refuse(401), BytesFlowsAuthenticationError, {}),
        (Fault.html(401), BytesFlowsAuthenticationError, {}),
        (Fault(status=401, body=b""), BytesFlowsAuthenticationError, {}),
        (Fault.refuse(403), BytesFlowsAuthenticationError, {}),
        (Fault.code(401), BytesFlowsAuthenticationError, {}),
        (Fault.code("403"), BytesFlowsAuthenticationError, {}),
        (Fault.code(40101), BytesFlowsAuthenticationError, {}),
        (
            Fault.refuse(401, Retry_After="5"),
            BytesFlowsAuthenticationError,
            {"retry_after": 60},
        ),
        (
            Fault.html(403),
            BytesFlowsResponseError,
            {"status": 403, "is_temporary": True},
        ),
        (
            Fault(status=403, body=b"error code: 1020"),
            BytesFlowsResponseError,
            {"status": 403, "is_temporary": True},
        ),
        (
            Fault(status=403, body=b"[]"),
            BytesFlowsResponseError,
            {"status": 403, "is_temporary": True},
        ),
        (
            Fault.refuse(429),
            BytesFlowsRateLimitError,
            {"status": 429, "code": None, "retry_after": None},
        ),
        (
            Fault.code(429),
            BytesFlowsRateLimitError,
            {"status": 200, "code": 429},
        ),
        (
            Fault.refuse(500, Retry_After="90"),
            BytesFlowsResponseError,
            {"retry_after": 90, "is_temporary": True},
        ),
        (
            Fault.refuse(400),
            BytesFlowsResponseError,
            {"status": 400, "code": None, "is_temporary": False},
        ),
        (Fault.refuse(503), BytesFlowsResponseError, {"is_temporary": True}),
        (Fault.html(520), BytesFlowsResponseError, {"status": 520}),
        (Fault.refuse(700), BytesFlowsResponseError, {"is_temporary": True}),
        *(
            (
                Fault.code(code),
                BytesFlowsResponseError,
                {"status": 200, "code": int(code), "is_temporary": temporary},
            )
            for code, temporary in (
                (0, False),
                (-1, False),
                (400, False),
                (499, False),
                (500, True),
                ("599", True),
                (500.0, True),
                (600, False),
                (40001, False),
                (50001, False),
            )
        ),
        (Fault.code(None), BytesFlowsParseError, {"field": "code"}),
        (Fault.code(True), BytesFlowsParseError, {"field": "code"}),
        (Fault.code(200.5), BytesFlowsParseError, {"field": "code"}),
        (Fault.code("ok"), BytesFlowsParseError, {"field": "code"}),
        (Fault.without("code"), BytesFlowsParseError, {"field": "code"}),
        (Fault(body=b'{"code": 200, "data": 1}'), BytesFlowsParseError, {}),
        (Fault.html(200), BytesFlowsParseError, {"field": None}),
        (Fault(body=b""), BytesFlowsParseError, {"field": None}),
        (Fault(status=204, body=b""), BytesFlowsParseError, {"field": None}),
        (Fault(body=b"[]"), BytesFlowsParseError, {"field": None}),
        (Fault(body=b"null"), BytesFlowsParseError, {"field": None}),
        (Fault(body=b'{"code": 200'), BytesFlowsParseError, {"field": None}),
        (Fault(body=b'{"code": 200, "a": "\xff"}'), BytesFlowsParseError, {}),
        (Fault(body=b"[" * 100_000), BytesFlowsParseError, {}),
        (Fault(body=b"9" * 5_000), BytesFlowsParseError, {}),
        (Fault(cut=True), BytesFlowsConnectionError, {}),
        (Fault(drop=True), BytesFlowsConnectionError, {}),
        (Fault(raw=b"SSH-2.0-OpenSSH\r\n\r\n"), BytesFlowsConnectionError, {}),
        (
            Fault(headers={"Content-Encoding": "gzip"}, body=b"not gzip"),
            BytesFlowsConnectionError,
            {},
        ),
    ],
)
async def test_failures(
    client: BytesFlowsClient,
    api: SimulatedApi,
    fault: Fault,
    expected: type[BytesFlowsError],
    attributes: dict[str, object],
) -> None:
    """Each failure leaves as one exception of ours; then the client goes on."""
    api.break_(fault)
    for request in (client.get_overview, client.get_records):
        with pytest.raises(BytesFlowsError) as error:
            await request()
        assert type(error.value) is expected
        assert {key: getattr(error.value, key) for key in attributes} == attributes
        assert EXAMPLE_TOKEN not in _everything(error.value)
        assert error.value.__cause__ is None
        assert error.value.__context__ is None

    api.heal()
    assert (await client.get_overview()).currency == "USD"
    assert len((await client.get_records()).records) == 1


async def test_null_data(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """Null means that there are no records, but there has to be an overview."""
    api.break_(Fault.code(200))
    with pytest.raises(BytesFlowsParseError) as error:
        await client.get_overview()
    assert error.value.field == "data"
    listing = await client.get_records()
    assert (listing.records, listing.total, listing.missing) == ({}, 0, 0)
    assert api.count(RECORDS) == 1


async def test_no_data(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """A response without data is none of the API, and no empty account."""
    api.break_(Fault.without("data"))
    for get in (client.get_overview, client.get_records):
        with pytest.raises(BytesFlowsParseError) as error:
            await get()
        assert error.value.field == "data"


@pytest.mark.parametrize(
    ("fault", "unreadable"),
    [
        (Fault.data(totalTraffic=None), {"totalTraffic"}),
        (Fault.data(balance=float("nan")), {"balance"}),
        (Fault.data(balance=float("inf"), currency="\ud800"), {"balance", "currency"}),
        (Fault.data(totalTraffic="1 GiB", extra=[]), {"totalTraffic"}),
        (
            Fault(
                body=b'{"code": 200, "data": {"totalTraffic": 2, "dynamicTraffic": 1, '
                b'"balance": %s}}' % (b"9" * 5_000)
            ),
            {"balance"},
        ),
        (
            Fault(
                body=b'{"code": 200, "data": {"totalTraffic": 2, "dynamicTraffic": 1, '
                b'"balance": 1e999}}'
            ),
            {"balance"},
        ),
    ],
)
@pytest.mark.parametrize("loads", [json.loads, orjson.loads])
async def test_odd_values(
    session: ClientSession,
    api: SimulatedApi,
    fault: Fault,
    unreadable: set[str],
    loads: Callable[[bytes], object],
) -> None:
    """An odd value costs itself and nothing else, whatever parses it."""
    client = BytesFlowsClient(
        session, EXAMPLE_TOKEN, time_zone=UTC, url=api.url, loads=loads
    )
    api.break_(fault)
    overview = await client.get_overview()
    assert overview.unreadable == unreadable
    assert overview.available_traffic


async def test_odd_rows(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """An odd row costs itself and nothing else."""
    api.accounts[:] = [Account.with_packages(3)]
    api.break_(Fault.odd_row(1, id=None))
    page = await client.get_records_page()
    assert (len(page.records), page.total, page.unidentified) == (2, 3, 1)
    assert (await client.get_records()).missing == 0

    api.break_(Fault.odd_row(1, traffic="much", expireTime="永久"))
    page = await client.get_records_page()
    assert [record.unreadable for record in page.records] == [
        frozenset(),
        {"traffic", "expireTime"},
        frozenset(),
    ]


@pytest.mark.parametrize(("rows", "fits"), [(20, True), (21, False)])
async def test_more_rows_than_requested(
    client: BytesFlowsClient, api: SimulatedApi, rows: int, fits: bool
) -> None:
    """Ten times as many rows as requested are read."""
    api.break_(Fault.data(records=_rows(range(rows))))
    if fits:
        page = await client.get_records_page(page_size=2)
        assert len(page.records) == 20
    else:
        with pytest.raises(BytesFlowsParseError) as error:
            await client.get_records_page(page_size=2)
        assert error.value.field == "records"
        assert error.value.shape is not None
        assert "records: [21 of {" in error.value.shape


async def test_redirects_are_not_followed(
    client: BytesFlowsClient, api: SimulatedApi
) -> None:
    """The token goes nowhere but to the address that the user entered."""
    elsewhere = SimulatedApi(Account.example())
    await elsewhere.start()
    api.break_(Fault.redirect(elsewhere.url + OVERVIEW))

    with pytest.raises(BytesFlowsResponseError) as error:
        await client.get_overview()

    assert error.value.status == 302
    assert elsewhere.requests == []
    await elsewhere.stop()


@pytest.mark.parametrize("fault", [Fault(hang=True), Fault(delay=5)])
async def test_slow_answers(
    client: BytesFlowsClient,
    api: SimulatedApi,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    """An answer that takes too long is given up."""
    monkeypatch.setattr(client_module, "TIMEOUT", 0.05)
    api.break_(fault)
    with pytest.raises(BytesFlowsTimeoutError):
        await client.get_overview()

    monkeypatch.undo()
    api.heal()
    assert (await client.get_overview()).currency == "USD"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=b" " * (client_module.MAX_BODY + 1)),
        Fault(change=lambda answer: answer.update(msg="x" * client_module.MAX_BODY)),
    ],
)
async def test_oversized_answers(
    client: BytesFlowsClient, api: SimulatedApi, fault: Fault
) -> None:
    """A body beyond the limit is not read to its end."""
    api.break_(fault)
    with pytest.raises(BytesFlowsParseError, match="larger than 1048576 bytes"):
        await client.get_overview()

    api.heal()
    assert (await client.get_overview()).currency == "USD"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9",
        "https://127.0.0.1:9",
        "http://" + "a" * 64 + ".invalid",
    ],
)
async def test_no_server(session: ClientSession, url: str) -> None:
    """A server that is not there, and a name that cannot be, are connection errors."""
    client = BytesFlowsClient(session, EXAMPLE_TOKEN, time_zone=UTC, url=url)
    with pytest.raises(BytesFlowsConnectionError) as error:
        await client.get_overview()
    assert not isinstance(error.value, BytesFlowsTimeoutError)


async def test_no_tls(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """A server that does not speak TLS is a connection error."""
    client._url = client._url.with_scheme("https")
    with pytest.raises(BytesFlowsConnectionError):
        await client.get_overview()


@pytest.mark.parametrize(
    "token", ["", " ", "two words", "line\r\nbreak", "tökén", "\x00", "\u200b"]
)
async def test_unsendable_tokens(
    session: ClientSession, api: SimulatedApi, token: str
) -> None:
    """A token that cannot be one is refused without asking the server."""
    client = BytesFlowsClient(session, token, time_zone=UTC, url=api.url)
    with pytest.raises(BytesFlowsAuthenticationError):
        await client.get_overview()
    assert api.requests == []


NO_DATE = "none"


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        ("120", None, 120),
        ("90.5", None, 90.5),
        (" 120 ", None, 120),
        ("0", None, 60),
        ("7", None, 60),
        ("99999999999", None, 86_400),
        ("9" * 1_000, None, 86_400),
        ("Sun, 01 Mar 2026 12:02:00 GMT", None, 120),
        ("Sun, 01 Mar 2026 12:02:00 -0000", None, 120),
        ("Sun, 01 Mar 2026 12:02:00 GMT", NO_DATE, 120),
        ("Sun, 01 Mar 2026 12:02:00 GMT", "yesterday", 120),
        ("Sun, 01 Mar 2026 11:00:00 GMT", None, 60),
        ("Tue, 01 Mar 2044 11:00:00 GMT", None, 86_400),
        # Both by a clock that is an hour slow.
        (
            "Sun, 01 Mar 2026 11:02:00 GMT",
            "Sun, 01 Mar 2026 11:00:00 GMT",
            120,
        ),
        ("Sun, 99 Mar 2026 11:00:00 GMT", None, None),
        ("-5", None, None),
        ("inf", None, None),
        ("soon", None, None),
        ("", None, None),
    ],
)
@pytest.mark.parametrize("fault", [Fault.refuse(429), Fault.code(429)])
async def test_retry_after(
    client: BytesFlowsClient,
    api: SimulatedApi,
    now: FrozenDateTimeFactory,
    fault: Fault,
    header: str,
    date: str | None,
    seconds: float | None,
) -> None:
    """`Retry-After` is a number of seconds or a date, and is clamped."""
    headers = {"Retry-After": header}
    api.no_date = date == NO_DATE
    if date not in {None, NO_DATE}:
        headers["Date"] = date or ""
    api.break_(replace(fault, headers=headers))
    with pytest.raises(BytesFlowsRateLimitError) as error:
        await client.get_overview()
    assert error.value.retry_after == seconds

    api.heal()
    if seconds is None:
        await client.get_overview()
    else:
        with pytest.raises(BytesFlowsRateLimitError) as error:
            await client.get_overview()
        assert error.value.retry_after == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("fault", "pauses"),
    [
        (Fault.refuse(429, Retry_After="120"), True),
        (Fault.refuse(503, Retry_After="120"), True),
        (replace(Fault.code(429), headers={"Retry-After": "120"}), True),
        (replace(Fault.code(503), headers={"Retry-After": "120"}), True),
        (Fault.refuse(429), False),
        (Fault.refuse(500, Retry_After="120"), False),
        (Fault.refuse(401, Retry_After="120"), False),
    ],
)
async def test_pauses(
    session: ClientSession,
    api: SimulatedApi,
    now: FrozenDateTimeFactory,
    fault: Fault,
    pauses: bool,
) -> None:
    """No request is sent while a pause lasts, by any client that knows it."""
    shared = Pauses()

    def make(token: str = EXAMPLE_TOKEN) -> BytesFlowsClient:
        return BytesFlowsClient(
            session, token, time_zone=UTC, url=api.url, pauses=shared
        )

    api.accounts.append(Account(token="another"))
    api.break_(fault, OVERVIEW)
    with pytest.raises(BytesFlowsError) as error:
        await make().get_overview()
    assert error.value.retry_after in {120, None}
    api.heal()

    # Other endpoints and other tokens are not meant.
    await make().get_records()
    await make("another").get_overview()
    if pauses:
        now.tick(30)
        with pytest.raises(BytesFlowsRateLimitError) as limited:
            await make().get_overview()
        assert limited.value.retry_after == pytest.approx(90)
        assert limited.value.status == 429
        assert api.count(OVERVIEW) == 2
        now.tick(90)
    await make().get_overview()
    assert api.count(OVERVIEW) == 3


@pytest.mark.parametrize("fault", [None, Fault.refuse(500), Fault.html(403)])
async def test_server_time(
    client: BytesFlowsClient, api: SimulatedApi, fault: Fault | None
) -> None:
    """The time of the last response is kept, whatever its status."""
    moment = datetime(2030, 1, 1, 8, tzinfo=UTC)
    api.clock = lambda: moment
    if fault is not None:
        api.break_(fault)

    async def server_time() -> datetime | None:
        with suppress(BytesFlowsError):
            await client.get_overview()
        return client.server_time

    assert client.server_time is None
    time = await server_time()
    assert time == moment
    assert time.tzinfo is UTC
    moment += timedelta(days=1)
    assert await server_time() == moment
    # A time that cannot be right is none.
    for year in (1, 1970, 9999):
        moment = moment.replace(year=year)
        assert await server_time() is None
    moment = moment.replace(year=2031)
    assert await server_time() == moment
    # No response says no time.
    url, client._url = client._url, client._url.with_port(9)
    assert await server_time() == moment
    client._url = url
    api.no_date = True
    assert await server_time() is None


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Sun, 01 Mar 2026 12:00:00 GMT", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 12:00:00 +0800", datetime(2026, 3, 1, 4, tzinfo=UTC)),
        ("Sun, 01 Mar 0001 12:00:00 GMT", datetime(2001, 3, 1, 12, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:00:00 -2300", None),
        ("2026-03-01T12:00:00Z", None),
        ("0", None),
        ("", None),
    ],
)
def test_http_dates(text: str, time: datetime | None) -> None:
    """HTTP dates are read in UTC; others are unknown."""
    if time is None:
        assert client_module._read_date(text) is None
    else:
        assert client_module._read_date(text) == time


@given(st.text())
def test_any_http_date(text: str) -> None:
    """No text of a header raises."""
    client_module._read_date(text)
    client_module._read_retry_after({"Retry-After": text, "Date": text})


@pytest.mark.parametrize(
    ("count", "cap", "requests"),
    [
        (0, None, 1),
        (1, None, 1),
        (99, None, 1),
        (100, None, 1),
        (101, None, 2),
        (1_000, None, 10),
        (1_000, 50, 20),
        (45, 10, 5),
        (7, 1, 7),
    ],
)
async def test_paging(
    client: BytesFlowsClient,
    api: SimulatedApi,
    count: int,
    cap: int | None,
    requests: int,
) -> None:
    """All records are read once, with no more requests than their pages."""
    account = Account.with_packages(count)
    api.accounts[:] = [account]
    api.page_cap = cap

    listing = await client.get_records()

    assert list(listing.records) == [item.id for item in account.packages]
    assert listing.places == {name: row for row, name in enumerate(listing.records)}
    assert listing.total == count
    assert listing.missing == 0
    assert len(api.requests) == requests
    assert api.most_at_once <= 4


@pytest.mark.parametrize("share", [False, True])
async def test_requests_at_once(
    session: ClientSession, api: SimulatedApi, share: bool
) -> None:
    """At most four requests are under way, by one client or by some that share."""
    slots = asyncio.Semaphore(4)
    clients = [
        BytesFlowsClient(
            session,
            EXAMPLE_TOKEN,
            time_zone=UTC,
            url=api.url,
            slots=slots if share else None,
        )
        for _ in range(2)
    ]
    api.break_(Fault(hang=True))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(client.get_records() if odd else client.get_overview())
            for odd in (False, True) * 3
            for client in (clients if share else clients[:1])
        ]
        while len(api.requests) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert len(api.requests) == 4
        for task in tasks:
            task.cancel()


async def test_first_page(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """A page that was read before is not requested again."""
    api.accounts[:] = [Account.with_packages(250)]
    first = await client.get_records_page()
    listing = await client.get_records(first=first)
    assert len(listing.records) == 250
    assert [request.query["pageNo"] for request in api.requests] == ["1", "2", "3"]
    assert listing.numbers == {1, 2, 3}


async def test_source(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """Every page is filtered by source."""
    api.accounts[:] = [Account.with_packages(30)]
    api.page_cap = 2
    listing = await client.get_records(Source.ORDER)
    assert {record.source for record in listing.records.values()} == {Source.ORDER}
    assert len(listing.records) == 5
    assert {request.query["sourceType"] for request in api.requests} == {"order"}


def _once(api: SimulatedApi, page: str, action: Callable[[], object]) -> None:
    """Do something right before a page is answered for the first time."""
    done: list[object] = []

    def before(request: Request) -> None:
        if request.query.get("pageNo") == page and not done:
            done.append(action())

    api.before = before


def _arrive(account: Account) -> None:
    newest = account.packages[0].created
    assert newest is not None
    account.packages.append(Package(id="new", traffic=1, created=newest))


def _go_and_arrive(account: Account) -> None:
    account.packages.pop()
    _arrive(account)


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(_arrive, id="one arrives"),
        pytest.param(lambda account: account.packages.pop(0), id="one goes"),
        pytest.param(_go_and_arrive, id="one goes and one arrives"),
        pytest.param(lambda account: account.packages.clear(), id="all go"),
    ],
)
@pytest.mark.parametrize("page", ["2", "3", "6"])
async def test_rows_that_move(
    client: BytesFlowsClient,
    api: SimulatedApi,
    move: Callable[[Account], object],
    page: str,
) -> None:
    """Rows that move while the pages are read hide no other ones."""
    account = Account.with_packages(55)
    api.accounts[:] = [account]
    api.page_cap = 10
    before = {item.id for item in account.packages}

    def move_all() -> None:
        move(account)
        api.page_cap = None  # For the large page.

    _once(api, page, move_all)

    listing = await client.get_records()

    now = {item.id for item in account.packages}
    assert now <= set(listing.records) | ({"new"} if move is _go_and_arrive else set())
    assert set(listing.records) <= before | now


def _repeat_last_page(api: SimulatedApi) -> None:
    """Answer each page after the last one with the last one, and with its rows."""
    rows = [item.row(EXAMPLE_ZONE) for item in api.accounts[0].packages]
    api.before = lambda request: api.break_(
        Fault(change=lambda answer: answer["data"].update(_page_of(rows, request))),
        request.path,
    )


def _page_of(rows: list[dict[str, object]], request: Request) -> dict[str, object]:
    size = int(request.query["pageSize"])
    number = min(int(request.query["pageNo"]), -(-len(rows) // size))
    return {"records": rows[(number - 1) * size : number * size], "total": 1}


async def test_last_page_for_ever(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """A total that is too low, and a last page that comes again, end the reading."""
    api.accounts[:] = [Account.with_packages(200)]
    _repeat_last_page(api)
    listing = await client.get_records()
    assert len(listing.records) == 200
    assert len(api.requests) == 3


async def test_page_without_ids(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """Rows that cannot be told apart on the next page say nothing about pages."""
    api.accounts[:] = [Account.with_packages(5)]
    listing = await client.get_records()
    api.break_(Fault.data(records=[7] * 5, total=5), RECORDS)
    await client.read_on(listing)
    assert (listing.page_size, listing.numbers, len(listing.records)) == (100, {1}, 5)


async def test_full_pages_for_ever(
    client: BytesFlowsClient, api: SimulatedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where full pages have no end, the reading has."""
    api.accounts[:] = [Account.with_packages(500)]
    _repeat_last_page(api)
    monkeypatch.setattr("custom_components.bytesflows.api.client.MAX_PAGES", 3)
    with pytest.raises(BytesFlowsParseError):
        await client.get_records()
    assert len(api.requests) == 3


async def test_rows_in_another_order(
    client: BytesFlowsClient, api: SimulatedApi
) -> None:
    """A server that turns its list around in the middle loses nothing."""
    api.accounts[:] = [Account.with_packages(55)]
    api.page_cap = 10

    def turn() -> None:
        api.newest_first = False
        api.page_cap = None

    _once(api, "2", turn)
    assert len((await client.get_records()).records) == 55


@pytest.mark.parametrize(
    ("cap", "refusal", "listed", "requests"),
    [
        (None, None, 250, 4),
        (None, Fault.refuse(400), 247, 4),
        (None, Fault.code(50001), 247, 4),
        (None, Fault.html(200), 247, 4),
        (None, Fault(cut=True), 247, 4),
        (100, None, 247, 4),
        (10, None, 247, 26),
    ],
)
async def test_rows_that_hide(
    client: BytesFlowsClient,
    api: SimulatedApi,
    cap: int | None,
    refusal: Fault | None,
    listed: int,
    requests: int,
) -> None:
    """One large page brings rows that hide, unless the server refuses it."""
    api.accounts[:] = [Account.with_packages(250)]
    api.page_cap = cap
    api.repeat_rows = 3

    def before(request: Request) -> None:
        if refusal and request.query["pageSize"] == "250":
            api.break_(refusal)

    api.before = before

    listing = await client.get_records()

    assert len(listing.records) == listed
    assert listing.missing == 250 - listed
    assert len(api.requests) == requests
    assert api.requests[-1].query == {"pageNo": "1", "pageSize": "250"}


async def test_rejected_large_page(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """A token that is rejected for the large page is rejected."""
    api.total_offset = 1

    def before(request: Request) -> None:
        if request.query["pageSize"] == "2":
            api.break_(Fault.refuse(401))

    api.before = before
    with pytest.raises(BytesFlowsAuthenticationError):
        await client.get_records()


def _total(value: object) -> Fault:
    return Fault.data(total=value)


def _rows(ids: Iterable[int]) -> list[dict[str, Any]]:
    return [{"id": number, "traffic": 1, "trafficUsed": 0} for number in ids]


def _ignore_pages(total: object) -> Fault:
    """Answer each page with the same rows."""
    return Fault.data(records=_rows(range(5)), total=total)


_IDS = itertools.count()


def _endless(total: object) -> Fault:
    """Answer each page with new rows."""

    def change(answer: dict[str, Any]) -> None:
        rows = _rows(itertools.islice(_IDS, 2))
        answer["data"].update(records=rows, total=total)

    return Fault(change=change)


@pytest.mark.parametrize(
    ("fault", "listed", "missing", "requests"),
    [
        pytest.param(_total(3), 1, 2, 4, id="total too large"),
        pytest.param(_total(0), 1, 0, 1, id="total too small"),
        pytest.param(Fault.data(records=[], total=1), 0, 1, 2, id="no rows"),
        pytest.param(Fault.data(records=[], total=10**9), 0, 10**9, 2, id="none"),
        pytest.param(Fault.data(records=[], total=None), 0, 0, 1, id="nothing known"),
        pytest.param(_ignore_pages(5_000), 5, 4_995, 6, id="the same forever"),
        pytest.param(_ignore_pages(None), 5, 0, 2, id="the same, total unknown"),
        pytest.param(
            Fault.data(records=[None, *_rows([1])], total=None), 1, 0, 2, id="odd row"
        ),
        pytest.param(_endless(100), 100, 0, 50, id="no end, but a total"),
    ],
)
async def test_totals_that_lie(
    client: BytesFlowsClient,
    api: SimulatedApi,
    fault: Fault,
    listed: int,
    missing: int,
    requests: int,
) -> None:
    """A total that does not fit the rows ends in what there is."""
    api.break_(fault)
    listing = await client.get_records()
    assert (len(listing.records), listing.missing) == (listed, missing)
    assert len(api.requests) <= requests

    api.heal()
    assert len((await client.get_records()).records) == 1


async def test_unreadable_total(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """Without a total, page after page is read until one is empty."""
    api.accounts[:] = [Account.with_packages(95)]
    api.page_cap = 10
    api.break_(Fault.without("total"))
    listing = await client.get_records()
    assert len(listing.records) == 95
    assert listing.total is None
    assert listing.missing == 0
    assert len(api.requests) == 11


@pytest.mark.parametrize("count", [5, 10, 25, 190])
@pytest.mark.parametrize("total", [10**9, 10**15, 2**63 - 1])
async def test_absurd_total(
    client: BytesFlowsClient, api: SimulatedApi, count: int, total: int
) -> None:
    """A total that cannot be hides nothing that is listed."""
    api.accounts[:] = [Account.with_packages(count)]
    api.page_cap = 10
    api.break_(Fault.data(total=total))
    listing = await client.get_records()
    assert len(listing.records) == count
    assert listing.missing == total - count
    assert len(api.requests) <= 22


@pytest.mark.parametrize("total", [10**15, 5, None])
async def test_too_many_pages(
    client: BytesFlowsClient,
    api: SimulatedApi,
    monkeypatch: pytest.MonkeyPatch,
    total: int | None,
) -> None:
    """An account of more pages than there can be is an error."""
    monkeypatch.setattr(client_module, "MAX_PAGES", 2)
    monkeypatch.setattr(client_module, "MAX_UNBELIEVED_PAGES", 2)
    api.break_(_endless(total))
    with pytest.raises(BytesFlowsParseError) as error:
        await client.get_records()
    assert error.value.field == "total"
    assert len(api.requests) <= 2


async def test_a_page_that_fails(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """The error of one page is the error of all, and nothing goes on after it."""
    api.accounts[:] = [Account.with_packages(90)]
    api.page_cap = 10
    _once(api, "3", lambda: api.break_(Fault.refuse(502), RECORDS))

    with pytest.raises(BytesFlowsResponseError, match="HTTP 502"):
        await client.get_records()
    assert len(api.requests) == 5

    api.heal()
    assert len((await client.get_records()).records) == 90


async def test_log_names_no_token(
    client: BytesFlowsClient, api: SimulatedApi, caplog: pytest.LogCaptureFixture
) -> None:
    """The debug log tells what was asked and how it ended, without the token."""
    caplog.set_level(logging.DEBUG)
    await client.get_records_page()
    api.break_(Fault(drop=True))
    with pytest.raises(BytesFlowsConnectionError):
        await client.get_overview()

    assert "GET api/v1/user/traffic/records" in caplog.text
    assert "HTTP 200" in caplog.text
    assert "ServerDisconnectedError" in caplog.text
    assert EXAMPLE_TOKEN not in caplog.text


def test_import_without_home_assistant(tmp_path: Path) -> None:
    """The client imports in a Python that has only aiohttp."""
    (tmp_path / "api").symlink_to(PACKAGE / "api")
    program = """
import sys
for name in (
    "homeassistant", "custom_components", "mashumaro", "orjson", "voluptuous"
):
    sys.modules[name] = None
before = set(sys.modules)
import api
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()

    assert {"aiohttp", "api", "yarl"} <= set(loaded)


def _everything(error: BaseException | None) -> str:
    """Return all that an exception and those behind it could show."""
    texts = []
    while error is not None:
        texts += [str(error), repr(error), repr(vars(error)), repr(error.args)]
        error = error.__cause__ or error.__context__
    return " ".join(texts)


async def test_types_are_immutable(client: BytesFlowsClient) -> None:
    """What the client returns cannot be changed, and compares by value."""
    overview = await client.get_overview()
    for name in ("total_traffic", "something_new"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(overview, name, 1)
    assert overview == await client.get_overview()
    assert isinstance(overview, Overview)
