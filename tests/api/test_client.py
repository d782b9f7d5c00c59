"""The client, over a real socket."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
import logging
from pathlib import Path
import subprocess
import sys

from aiohttp import ClientSession, ClientTimeout
from freezegun.api import FrozenDateTimeFactory
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


async def test_unchanged_overview(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """A response that is the same to the byte is read once, and only a good one."""
    account = Account.with_packages(3)
    api.accounts[:] = [account]
    first = await client.get_overview()
    assert await client.get_overview() is first

    account.use(1)
    second = await client.get_overview()
    assert second.available_traffic == (first.available_traffic or 0) - 1
    assert await client.get_overview() is second

    api.break_(Fault(status=500))
    with pytest.raises(BytesFlowsResponseError):
        await client.get_overview()
    api.break_(Fault.data(balance=1))
    assert (await client.get_overview()).balance == 1
    # In Python, this equals 1.
    api.break_(Fault.data(balance=True))
    assert (await client.get_overview()).balance is None


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
    api.break_(Fault.data(records=[{"id": number} for number in range(rows)]))
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
    monkeypatch.setattr(client_module, "TIMEOUT", ClientTimeout(total=0.05))
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


async def test_no_tls(session: ClientSession, api: SimulatedApi) -> None:
    """A server that does not speak TLS is a connection error."""
    url = api.url.replace("http:", "https:")
    client = BytesFlowsClient(session, api.accounts[0].token, time_zone=UTC, url=url)
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
