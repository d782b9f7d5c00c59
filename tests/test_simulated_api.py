"""The simulated API speaks the document, and lives."""

from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import ssl
from typing import Any

from aiohttp import ClientConnectorCertificateError, ClientSession
from freezegun.api import FrozenDateTimeFactory
import pytest

from dev.simulated_api import (
    EXAMPLE_TOKEN,
    EXAMPLE_ZONE,
    GIB,
    MIB,
    OVERVIEW,
    RECORDS,
    Account,
    Clock,
    Fault,
    Life,
    Package,
    SimulatedApi,
)

# Copied from the document, to the letter.
DOCUMENTED_OVERVIEW = """
{
"code": 200,
"msg": "success",
"data": {
"totalTraffic": 188978561024,
"dynamicTraffic": 188944515072,
"balance": 0.00,
"currency": "USD"
}
}
"""
DOCUMENTED_RECORDS = """
{
"code": 200,
"msg": "success",
"data": {
"records": [
{
"id": "123456",
"orderId": "ORD-7890",
"sourceType": "order",
"traffic": 1073741824,
"trafficUsed": 524288,
"createTime": "2026-02-21 20:00:00",
"expireTime": "2026-03-21 20:00:00",
"status": 1
}
],
"total": 1
}
}
"""


async def ask(
    api: SimulatedApi,
    path: str,
    token: str = EXAMPLE_TOKEN,
    *,
    trusted: Path | None = None,
) -> Any:  # noqa: ANN401
    """Ask as any client would, also one that trusts another certificate."""
    async with (
        ClientSession() as session,
        session.get(
            api.url + path,
            headers={"Authorization": f"Bearer {token}"},
            ssl=ssl.create_default_context(cafile=trusted),
        ) as response,
    ):
        return await response.json()


@pytest.mark.parametrize(
    ("path", "documented"),
    [(OVERVIEW, DOCUMENTED_OVERVIEW), (RECORDS, DOCUMENTED_RECORDS)],
)
async def test_examples(api: SimulatedApi, path: str, documented: str) -> None:
    """The document's examples come out as they stand there."""
    assert await ask(api, path) == json.loads(documented)


async def test_defaults(api: SimulatedApi) -> None:
    """Page 1 and ten rows are the defaults; a source is filtered for."""
    account = Account.with_packages(25)
    api.accounts[:] = [account]

    def rows(ids: list[str], total: int) -> dict[str, object]:
        found = [item.row(account.zone) for item in account.packages if item.id in ids]
        return {
            "code": 200,
            "msg": "success",
            "data": {"records": found, "total": total},
        }

    every = [item.id for item in account.packages]
    assert await ask(api, RECORDS) == rows(every[:10], 25)
    assert await ask(api, f"{RECORDS}?pageNo=3") == rows(every[20:], 25)
    assert await ask(api, f"{RECORDS}?pageNo=4") == rows([], 25)
    orders = [item.id for item in account.packages if item.source == "order"]
    assert await ask(api, f"{RECORDS}?sourceType=order") == rows(orders, 4)


async def ids(api: SimulatedApi, page: int) -> list[str]:
    """Return the ids on a page of ten rows."""
    answer = await ask(api, f"{RECORDS}?pageNo={page}")
    return [row["id"] for row in answer["data"]["records"]]


async def test_rows_that_repeat(api: SimulatedApi) -> None:
    """Rows can be on two pages, and as many on none."""
    account = Account.with_packages(25)
    api.accounts[:] = [account]
    api.repeat_rows = 2
    every = [item.id for item in account.packages]

    assert await ids(api, 1) == every[:10]
    assert await ids(api, 2) == every[8:18]
    assert await ids(api, 3) == every[18:23]
    assert await ids(api, 4) == []


async def test_totals_that_lie(api: SimulatedApi) -> None:
    """The total can be wrong, but not negative."""
    for offset, total in ((2, 3), (-5, 0)):
        api.total_offset = offset
        assert (await ask(api, RECORDS))["data"]["total"] == total


async def test_odd_row(api: SimulatedApi) -> None:
    """One row of a page can be odd, and nothing else is."""
    api.accounts[:] = [Account.with_packages(12)]
    api.break_(Fault.odd_row(1, traffic="much", extra=True))

    rows = (await ask(api, RECORDS))["data"]["records"]
    assert [row["traffic"] for row in rows] == [GIB, "much"] + [GIB] * 8
    assert [row.get("extra") for row in rows[:2]] == [None, True]
    assert (await ask(api, OVERVIEW))["code"] == 200
    api.break_(Fault.odd_row(7, traffic="much"))
    rows = (await ask(api, f"{RECORDS}?pageNo=2"))["data"]["records"]
    assert [row["traffic"] for row in rows] == [GIB] * 2


async def test_date(api: SimulatedApi) -> None:
    """Responses have the time of the server's clock, or none."""

    async def date() -> str | None:
        async with ClientSession() as session, session.get(api.url) as response:
            return response.headers.get("Date")

    assert await date() is not None
    api.clock = lambda: datetime(2030, 1, 1, 8, tzinfo=EXAMPLE_ZONE)
    assert await date() == "Tue, 01 Jan 2030 00:00:00 GMT"
    api.no_date = True
    assert await date() is None


async def test_wrong_token(api: SimulatedApi) -> None:
    """A token that no account has is refused."""
    assert await ask(api, OVERVIEW, "wrong") == {
        "code": 401,
        "msg": "refused",
        "data": None,
    }


async def test_certificate(tls_api: SimulatedApi, certificate: Path) -> None:
    """Nothing is wrong with the certificate but that nobody vouches for it."""
    with pytest.raises(ClientConnectorCertificateError, match="self-signed"):
        await ask(tls_api, OVERVIEW)
    answer = await ask(tls_api, OVERVIEW, trusted=certificate)
    assert answer == json.loads(DOCUMENTED_OVERVIEW)


def test_clock(freezer: FrozenDateTimeFactory) -> None:
    """A clock can run faster than the real one, and begin elsewhere."""
    start = datetime(2030, 1, 1, tzinfo=UTC)
    clock = Clock(speed=60, start=start)
    freezer.tick(timedelta(minutes=2))
    assert clock.now() == start + timedelta(hours=2)


def test_life(freezer: FrozenDateTimeFactory) -> None:
    """Traffic is used, packages arrive and expire."""
    account = Account(
        packages=[
            Package(
                id="1",
                traffic=4 * GIB,
                expires=datetime.now(UTC) + timedelta(hours=3),
            )
        ]
    )
    life = Life(
        account=account,
        now=Clock(speed=60).now,
        bytes_per_second=MIB // 60,
        check_in_every=timedelta(hours=2),
    )

    freezer.tick(timedelta(minutes=1))
    life.advance()
    assert account.packages[0].used == MIB // 60 * 3600
    assert account.overview()["totalTraffic"] == 4 * GIB

    freezer.tick(timedelta(minutes=1))
    life.advance()
    assert [item.source for item in account.packages] == ["order", "sign"]

    freezer.tick(timedelta(minutes=1))
    life.advance()
    assert [item.status for item in account.packages] == [0, 1, 1]
    assert [item.source for item in account.active] == ["sign", "order"]
