"""The demo's own forecast, with which a running Home Assistant is compared."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.bytesflows.account.consumption import rounded_down
from custom_components.bytesflows.account.forecast import summarize
from custom_components.bytesflows.account.rate import PastRate
from custom_components.bytesflows.api.models import Codec
from dev.demo.account import forecast, make_account
from dev.simulated_api import GIB, Account

from .records import started

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize("polled", [-60, 0, 60])
@pytest.mark.parametrize("minute", [0, 1, 30, 58, 59])
def test_forecast(freezer: FrozenDateTimeFactory, minute: int, polled: int) -> None:
    """It is that of the integration, whatever the minute, also past a full hour."""
    now = datetime(2026, 3, 1, 12, minute, 30, tzinfo=UTC)
    freezer.move_to(now)
    account = make_account()
    ledger = started(*map(Codec(ZONE).decode_record, _rows(account)))
    moment = now + timedelta(seconds=polled)
    rate = PastRate().at(ledger, rounded_down(moment))
    found = summarize(ledger.active, 0, rate, {}, moment, ZONE)
    expected = forecast(account)
    for key, value in (
        ("average_daily_consumption", found.average_daily_consumption),
        ("expected_unused_traffic", found.expected_unused_traffic),
    ):
        assert value is not None
        assert expected[key].matches(str(value / GIB)), key
    assert found.estimated_depletion is not None
    assert expected["estimated_depletion"].matches(
        found.estimated_depletion.isoformat()
    )


def _rows(account: Account) -> list[dict[str, object]]:
    """Return the rows of an account."""
    return [package.row(ZONE) for package in account.packages]
