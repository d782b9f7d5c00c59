"""Reading each field of an answer, right or wrong."""

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.bytesflows.api import BytesFlowsParseError, Record, Source
from custom_components.bytesflows.api.models import Codec

OVERVIEW: dict[str, Any] = {
    "totalTraffic": 188978561024,
    "dynamicTraffic": 188944515072,
    "balance": 0.00,
    "currency": "USD",
}
RECORD: dict[str, Any] = {
    "id": "123456",
    "orderId": "ORD-7890",
    "sourceType": "order",
    "traffic": 1073741824,
    "trafficUsed": 524288,
    "createTime": "2026-02-21 20:00:00",
    "expireTime": "2026-03-21 20:00:00",
    "status": 1,
}
MISSING = object()


def _with(example: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    changed = {**example, name: value, "aNewField": {"nested": [1]}}
    if value is MISSING:
        del changed[name]
    return changed


def _overview(name: str, value: object) -> Any:  # noqa: ANN401
    return Codec(UTC).overview(_with(OVERVIEW, name, value))


def _page(name: str, value: object) -> object:
    return Codec(UTC).page(_with({"records": [RECORD], "total": 1}, name, value))


def _record(name: str, value: object, zone: tzinfo = UTC) -> Record:
    row = _with(RECORD, name, value)
    return Codec(zone).page({"records": [row], "total": 1}).records[0]


@pytest.mark.parametrize("name", ["totalTraffic", "dynamicTraffic"])
@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 0),
        ("0", 0),
        (188978561024, 188978561024),
        ("188978561024", 188978561024),
        (" 188978561024 ", 188978561024),
        (1.5e9, 1_500_000_000),
        ("1.5E+9", 1_500_000_000),
        (1023.6, 1024),
        ("+7", 7),
        (2**63 - 1, 2**63 - 1),
        (str(2**63 - 1), 2**63 - 1),
    ],
)
def test_sizes(name: str, value: object, size: int) -> None:
    """A size may come as a number or as a string."""
    overview = _overview(name, value)
    assert size in {overview.total_traffic, overview.available_traffic}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("overview", "totalTraffic"),
        ("overview", "dynamicTraffic"),
        ("record", "traffic"),
        ("record", "trafficUsed"),
        ("page", "total"),
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        MISSING,
        None,
        True,
        False,
        "",
        "many",
        "1_000",
        "0x10",
        "١٢٣",
        "1e999999999",
        "1 GiB",
        "NaN",
        float("nan"),
        float("inf"),
        "-Infinity",
        -1,
        "-1",
        2**63,
        10**400,
        [],
        {},
    ],
)
def test_no_sizes(model: str, name: str, value: object) -> None:
    """What is not a size is refused, naming the field as the document does."""
    read = {"overview": _overview, "record": _record, "page": _page}[model]
    with pytest.raises(BytesFlowsParseError) as error:
        read(name, value)
    assert error.value.field == name
    assert str(error.value).endswith(f": {name}")


@pytest.mark.parametrize(
    ("value", "balance"),
    [
        (0.0, Decimal(0)),
        (12.5, Decimal("12.5")),
        ("12.50", Decimal("12.50")),
        (-3, Decimal(-3)),
        (None, None),
        (MISSING, None),
    ],
)
def test_balance(value: object, balance: Decimal | None) -> None:
    """A balance may be owed, or not be known."""
    assert _overview("balance", value).balance == balance


@pytest.mark.parametrize(
    ("value", "currency"),
    [("USD", "USD"), (" CNY ", "CNY"), ("", None), (None, None), (MISSING, None)],
)
def test_currency(value: object, currency: str | None) -> None:
    """A currency may not be known."""
    assert _overview("currency", value).currency == currency


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("balance", "a lot"),
        ("balance", True),
        ("balance", float("inf")),
        ("currency", 1.5),
        ("currency", True),
        ("currency", ["USD"]),
        ("currency", "\ud800"),
    ],
)
def test_no_balance(name: str, value: object) -> None:
    """What is not a balance or a currency is refused."""
    with pytest.raises(BytesFlowsParseError) as error:
        _overview(name, value)
    assert error.value.field == name


def test_percentage_of_nothing() -> None:
    """A total of zero has no percentage."""
    assert _overview("totalTraffic", 0).available_percentage is None


@pytest.mark.parametrize(
    ("value", "text"), [("123456", "123456"), (123456, "123456"), (" a ", "a")]
)
def test_ids(value: object, text: str) -> None:
    """An id may come as a string or as a number."""
    assert _record("id", value).id == text
    assert _record("orderId", value).order_id == text


@pytest.mark.parametrize("value", [MISSING, None, ""])
def test_no_order_id(value: object) -> None:
    """A record may have come from no order."""
    assert _record("orderId", value).order_id is None


@pytest.mark.parametrize("value", [MISSING, None, "", "  ", True, 1.5, [], "\udfff"])
def test_no_id(value: object) -> None:
    """A record without an id cannot be told from others."""
    with pytest.raises(BytesFlowsParseError) as error:
        _record("id", value)
    assert error.value.field == "id"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("order", Source.ORDER),
        ("sign", Source.SIGN),
        ("gift", Source.OTHER),
        ("", Source.OTHER),
        (None, Source.OTHER),
        (7, Source.OTHER),
        (["order"], Source.OTHER),
        (MISSING, Source.OTHER),
    ],
)
def test_sources(value: object, source: Source) -> None:
    """Sources that are not known are kept as other ones."""
    assert _record("sourceType", value).source is source


@pytest.mark.parametrize(
    ("value", "status", "active"),
    [
        (1, 1, True),
        ("1", 1, True),
        (1.0, 1, True),
        (0, 0, False),
        (2, 2, False),
        (-1, -1, False),
        (1.5, None, False),
        (True, None, False),
        ("active", None, False),
        (None, None, False),
        (MISSING, None, False),
        ([1], None, False),
    ],
)
def test_statuses(value: object, status: int | None, active: bool) -> None:
    """Anything but 1 is inactive, and none is an error."""
    record = _record("status", value)
    assert record.status == status
    assert record.is_active is active


@pytest.mark.parametrize(
    ("zone", "value", "moment"),
    [
        ("UTC", "2026-03-21 20:00:00", "2026-03-21T20:00:00+00:00"),
        ("Asia/Shanghai", "2026-03-21 20:00:00", "2026-03-21T12:00:00+00:00"),
        ("Asia/Shanghai", " 2026-03-21T20:00:00.5 ", "2026-03-21T12:00:00.5+00:00"),
        ("Asia/Shanghai", "2026-03-21T20:00:00Z", "2026-03-21T20:00:00+00:00"),
        ("Asia/Shanghai", "2026-03-21", "2026-03-20T16:00:00+00:00"),
        # The clocks go forward: the time does not exist.
        ("Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29T01:30:00+00:00"),
        # The clocks go back: the earlier of two.
        ("Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25T00:30:00+00:00"),
    ],
)
def test_times(zone: str, value: str, moment: str) -> None:
    """Times are read in the zone of the API, and are aware."""
    for name, attribute in (("createTime", "created"), ("expireTime", "expires")):
        time = getattr(_record(name, value, ZoneInfo(zone)), attribute)
        assert time == datetime.fromisoformat(moment)
        assert time.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        MISSING,
        None,
        "",
        "  ",
        "9999-12-31 23:59:59",
        "2099-12-31 00:00:00",
        "0000-00-00 00:00:00",
        "0001-01-01 00:00:00",
        "1970-01-01 08:00:00",
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles"])
def test_no_times(value: object, zone: str) -> None:
    """Missing and empty times, and those that stand for never, are none."""
    assert _record("expireTime", value, ZoneInfo(zone)).expires is None
    assert _record("createTime", value, ZoneInfo(zone)).created is None


@pytest.mark.parametrize("name", ["createTime", "expireTime"])
@pytest.mark.parametrize(
    "value",
    ["soon", "2026-02-30 00:00:00", "2026-03-21 25:00:00", 1774094400, True, [], {}],
)
def test_wrong_times(name: str, value: object) -> None:
    """What is not a time is refused."""
    with pytest.raises(BytesFlowsParseError) as error:
        _record(name, value)
    assert error.value.field == name


@pytest.mark.parametrize("value", [MISSING, None, {}, "", "abc", 1])
def test_no_list_of_records(value: object) -> None:
    """The rows have to be a list."""
    with pytest.raises(BytesFlowsParseError) as error:
        _page("records", value)
    assert error.value.field == "records"


@pytest.mark.parametrize("row", [None, 1, "abc", []])
def test_no_record(row: object) -> None:
    """Each row has to be an object."""
    with pytest.raises(BytesFlowsParseError) as error:
        Codec(UTC).page({"records": [RECORD, row], "total": 2})
    assert error.value.field == "records"


def test_errors_quote_nothing() -> None:
    """An error names the field and shows none of the values."""
    with pytest.raises(BytesFlowsParseError) as error:
        _record("traffic", "a secret")
    assert error.value.__cause__ is None
    assert error.value.__context__ is None
    assert "secret" not in repr(error.value)


MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "usable"),
    [
        ({}, True),
        ({"expires": None}, True),
        ({"expires": MOMENT + timedelta(seconds=1)}, True),
        ({"expires": MOMENT}, False),
        ({"traffic_used": 2**30}, False),
        ({"traffic_used": 2**30 + 1}, False),
        ({"status": 0}, False),
        ({"status": None}, False),
    ],
)
def test_usable(fields: dict[str, Any], usable: bool) -> None:
    """Usable is what is active, not expired, and not used up."""
    example: dict[str, Any] = {
        "id": "1",
        "traffic": 2**30,
        "traffic_used": 0,
        "expires": MOMENT + timedelta(days=1),
        "status": 1,
    }
    record = Record(**{**example, **fields})
    assert record.is_usable(MOMENT) is usable
    assert record.remaining >= 0
