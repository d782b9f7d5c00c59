"""Reading all pages of the records, over a real socket."""

from collections.abc import Callable, Iterable
import itertools
from typing import Any

import pytest

from custom_components.bytesflows.api import (
    BytesFlowsAuthenticationError,
    BytesFlowsClient,
    BytesFlowsParseError,
    BytesFlowsResponseError,
    Source,
    paging,
)
from dev.simulated_api import (
    EXAMPLE_ZONE,
    RECORDS,
    Account,
    Fault,
    Package,
    Request,
    SimulatedApi,
)


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


async def test_total_that_is_too_low(
    client: BytesFlowsClient, api: SimulatedApi
) -> None:
    """Rows beyond the total are read, until a page is not full."""
    api.accounts[:] = [Account.with_packages(250)]
    api.total_offset = -60
    listing = await client.get_records()
    assert len(listing.records) == 250
    assert listing.total == 190
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
    monkeypatch.setattr(paging, "MAX_PAGES", 3)
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
    monkeypatch.setattr(paging, "MAX_PAGES", 2)
    monkeypatch.setattr(paging, "MAX_UNBELIEVED_PAGES", 2)
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
