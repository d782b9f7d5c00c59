"""The simulated API speaks the document, and lives."""

from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import ssl

from aiohttp import ClientConnectorCertificateError, ClientSession
from freezegun.api import FrozenDateTimeFactory
import pytest

from dev.simulated_api import (
    EXAMPLE_TOKEN,
    GIB,
    MIB,
    OVERVIEW,
    RECORDS,
    Account,
    Clock,
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
) -> object:
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

    ids = [item.id for item in account.packages]
    assert await ask(api, RECORDS) == rows(ids[:10], 25)
    assert await ask(api, f"{RECORDS}?pageNo=3") == rows(ids[20:], 25)
    assert await ask(api, f"{RECORDS}?pageNo=4") == rows([], 25)
    orders = [item.id for item in account.packages if item.source == "order"]
    assert await ask(api, f"{RECORDS}?sourceType=order") == rows(orders, 4)


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
