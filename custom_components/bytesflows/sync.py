"""Bring a ledger up to date with as few requests as are enough."""

from datetime import datetime, timedelta
from typing import Final

from .api import BytesFlowsClient, Overview
from .ledger import Ledger

COMPLETE_INTERVAL: Final = timedelta(hours=23, minutes=58)
"""When everything is read again although all adds up: at the poll that comes a day
later, which may start a moment earlier."""


async def read_records(client: BytesFlowsClient, ledger: Ledger, now: datetime) -> bool:
    """Read what can have changed; return whether that was everything.

    Raises `BytesFlowsError`, and then the ledger knows what it knew before.
    """
    last = ledger.last_complete_reading
    if (
        last is not None
        and abs(now - last) < COMPLETE_INTERVAL
        and await _read_some(client, ledger, now)
    ):
        return False
    await _read_all(client, ledger, now)
    return True


async def resolve_doubt(
    client: BytesFlowsClient,
    ledger: Ledger,
    overview: Overview,
    now: datetime,
    *,
    was_complete: bool,
) -> Overview:
    """Read everything where the overview does not fit what was read.

    The two may only be of different moments, so the overview is read again as well, and
    returned. Raises `BytesFlowsError`, as `read_records` does.
    """
    if was_complete:
        ledger.settle(overview.total_traffic)
    elif not ledger.explains(overview.total_traffic):
        await _read_all(client, ledger, now)
        overview = await client.get_overview()
        ledger.settle(overview.total_traffic, was_doubted=True)
    return overview


async def _read_all(client: BytesFlowsClient, ledger: Ledger, now: datetime) -> None:
    """Read everything.

    Rows that move can hide from one reading: what is gone has to be in neither of two.
    """
    records = {record.id: record for record in await client.get_records()}
    if ledger.misses(records.values()):
        records |= {record.id: record for record in await client.get_records()}
    ledger.take_all(records.values(), now)


async def _read_some(client: BytesFlowsClient, ledger: Ledger, now: datetime) -> bool:
    """Read page 1, and where what is still unseen should be; return if it is enough."""
    survey = ledger.survey(await client.get_records_page())
    if not survey.is_enough:
        numbers = sorted(survey.pages)
        pages = await client.get_records_pages(numbers, page_size=survey.page_size)
        for number, page in zip(numbers, pages, strict=True):
            survey.add(number, page)
    if survey.is_enough:
        ledger.take_some(survey, now)
    return survey.is_enough
