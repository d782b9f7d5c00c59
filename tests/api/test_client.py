"""The client, over a real socket."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
import itertools
import logging
from pathlib import Path
import subprocess
import sys
from typing import Any

from aiohttp import ClientSession
from freezegun.api import FrozenDateTimeFactory
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
    Record,
    Source,
    client as client_module,
)
from dev import PACKAGE
from dev.simulated_api import (
    EXAMPLE_TOKEN,
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
        (Fault.refuse(403), BytesFlowsAuthenticationError, {}),
        (Fault(status=401, body=b""), BytesFlowsAuthenticationError, {}),
        (Fault.code(401), BytesFlowsAuthenticationError, {}),
        (Fault.code("403"), BytesFlowsAuthenticationError, {}),
        (
            Fault.html(401),
            BytesFlowsResponseError,
            {"status": 401, "is_temporary": False},
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
        (Fault.refuse(429), BytesFlowsRateLimitError, {"retry_after": None}),
        (
            Fault.refuse(429, Retry_After="120"),
            BytesFlowsRateLimitError,
            {"retry_after": 120, "status": 429},
        ),
        (
            Fault.refuse(429, Retry_After="soon"),
            BytesFlowsRateLimitError,
            {"retry_after": None},
        ),
        (
            Fault.code(429),
            BytesFlowsRateLimitError,
            {"status": 200, "code": 429},
        ),
        (
            Fault.refuse(503, Retry_After="7.5"),
            BytesFlowsResponseError,
            {"retry_after": 7.5, "is_temporary": True},
        ),
        (
            Fault.refuse(400),
            BytesFlowsResponseError,
            {"status": 400, "code": None, "is_temporary": False},
        ),
        (Fault.refuse(500), BytesFlowsResponseError, {"is_temporary": True}),
        (Fault.html(520), BytesFlowsResponseError, {"status": 520}),
        (
            Fault.code(500),
            BytesFlowsResponseError,
            {"status": 200, "code": 500, "is_temporary": True},
        ),
        (
            Fault.code(40001),
            BytesFlowsResponseError,
            {"code": 40001, "is_temporary": True},
        ),
        (Fault.code(None), BytesFlowsParseError, {"field": "code"}),
        (Fault.code(True), BytesFlowsParseError, {"field": "code"}),
        (Fault.code("ok"), BytesFlowsParseError, {"field": "code"}),
        (Fault.code(200), BytesFlowsParseError, {"field": "data"}),
        (Fault.code("200"), BytesFlowsParseError, {"field": "data"}),
        (Fault.without("code"), BytesFlowsParseError, {"field": "code"}),
        (Fault.without("data"), BytesFlowsParseError, {"field": "data"}),
        (Fault.html(200), BytesFlowsParseError, {"field": None}),
        (Fault(body=b""), BytesFlowsParseError, {"field": None}),
        (Fault(body=b"[]"), BytesFlowsParseError, {"field": None}),
        (Fault(body=b"null"), BytesFlowsParseError, {"field": None}),
        (Fault(body=b'{"code": 200'), BytesFlowsParseError, {"field": None}),
        (Fault(body=b'{"code": 200, "a": "\xff"}'), BytesFlowsParseError, {}),
        (Fault(body=b"[" * 100_000), BytesFlowsParseError, {}),
        (Fault(body=b"9" * 5_000), BytesFlowsParseError, {}),
        (Fault(cut=True), BytesFlowsConnectionError, {}),
        (Fault(drop=True), BytesFlowsConnectionError, {}),
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
    for ask in (client.get_overview, client.get_records):
        with pytest.raises(BytesFlowsError) as error:
            await ask()
        assert type(error.value) is expected
        assert {key: getattr(error.value, key) for key in attributes} == attributes
        assert EXAMPLE_TOKEN not in _everything(error.value)

    api.heal()
    assert (await client.get_overview()).currency == "USD"
    assert len(await client.get_records()) == 1


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
    with pytest.raises(BytesFlowsParseError, match="larger than 8388608 bytes"):
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


async def test_closed_session(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """A session that was given up in the meantime is a connection error."""
    client._session.detach()
    with pytest.raises(BytesFlowsConnectionError, match="closed"):
        await client.get_overview()
    assert api.requests == []


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


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sun, 01 Mar 2026 12:02:00 -0000", 120),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 99 Mar 2026 11:00:00 GMT", None),
        ("0", 0),
        ("-5", None),
        ("inf", None),
        ("", None),
    ],
)
async def test_retry_after(
    client: BytesFlowsClient,
    api: SimulatedApi,
    now: FrozenDateTimeFactory,
    header: str,
    seconds: float | None,
) -> None:
    """`Retry-After` is read as a number of seconds and as a date."""
    api.break_(Fault.refuse(429, Retry_After=header))
    with pytest.raises(BytesFlowsRateLimitError) as error:
        await client.get_overview()
    assert error.value.retry_after == seconds


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

    records = await client.get_records()

    assert [record.id for record in records] == [item.id for item in account.packages]
    assert len(api.requests) == requests
    assert api.most_at_once <= 4


async def test_requests_at_once(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """Four requests are under way at most, whatever they ask for."""
    api.break_(Fault(hang=True))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(client.get_records() if odd else client.get_overview())
            for odd in (False, True) * 3
        ]
        while len(api.requests) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert len(api.requests) == 4
        for task in tasks:
            task.cancel()


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
    """What changes while the pages are read is noticed, and all is read again."""
    account = Account.with_packages(55)
    api.accounts[:] = [account]
    api.page_cap = 10
    _once(api, page, lambda: move(account))

    records = await client.get_records()

    ids = [record.id for record in records]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {item.id for item in account.packages}


async def test_rows_in_another_order(
    client: BytesFlowsClient, api: SimulatedApi
) -> None:
    """A server that turns its list around in the middle loses nothing."""
    api.accounts[:] = [Account.with_packages(55)]
    api.page_cap = 10
    _once(api, "2", lambda: setattr(api, "newest_first", False))

    records = await client.get_records()

    assert len({record.id for record in records}) == len(records) == 55


def _total(value: object) -> Fault:
    return Fault.data(total=value)


def _rows(ids: Iterable[int]) -> list[dict[str, Any]]:
    return [{"id": number, "traffic": 1, "trafficUsed": 0} for number in ids]


_IDS = itertools.count()


def _endless(answer: dict[str, Any]) -> None:
    rows = _rows(itertools.islice(_IDS, 2))
    answer["data"].update(records=rows, total=10**15)


@pytest.mark.parametrize(
    ("fault", "most_requests"),
    [
        pytest.param(_total(10**15), 4, id="total beyond reason"),
        pytest.param(_total(3), 10, id="total too large"),
        pytest.param(_total(0), 2, id="total too small"),
        pytest.param(Fault.data(records=[], total=1), 2, id="no rows"),
        pytest.param(
            Fault.data(records=_rows(range(5)), total=5_000), 10, id="the same for ever"
        ),
        pytest.param(Fault(change=_endless), 4, id="new rows for ever"),
    ],
)
async def test_totals_that_lie(
    client: BytesFlowsClient, api: SimulatedApi, fault: Fault, most_requests: int
) -> None:
    """A total that does not fit the rows ends in an error, after one more try."""
    api.break_(fault)
    with pytest.raises(BytesFlowsParseError) as error:
        await client.get_records()
    assert error.value.field == "total"
    assert 2 <= len(api.requests) <= most_requests

    api.heal()
    assert len(await client.get_records()) == 1


async def test_a_page_that_fails(client: BytesFlowsClient, api: SimulatedApi) -> None:
    """The error of one page is the error of all, and nothing goes on after it."""
    api.accounts[:] = [Account.with_packages(90)]
    api.page_cap = 10
    _once(api, "3", lambda: api.break_(Fault.refuse(502), RECORDS))

    with pytest.raises(BytesFlowsResponseError, match="HTTP 502"):
        await client.get_records()
    assert len(api.requests) == 5

    api.heal()
    assert len(await client.get_records()) == 90


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
    """The client imports in a Python that has only aiohttp and mashumaro."""
    (tmp_path / "api").symlink_to(PACKAGE / "api")
    program = """
import sys
for name in ("homeassistant", "custom_components", "orjson", "voluptuous"):
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

    assert {"aiohttp", "api", "mashumaro", "yarl"} <= set(loaded)


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
