"""Reading each field of a response, odd or not."""

import asyncio
from copy import replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from inspect import get_annotations
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.bytesflows.api import (
    BytesFlowsParseError,
    Codec,
    Overview,
    Record,
    RecordsPage,
    Source,
    format_time,
    models,
    parse_time,
)

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
UNREADABLE = object()
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def _with(example: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    changed = {**example, name: value, "aNewField": {"nested": [1]}}
    if value is MISSING:
        del changed[name]
    return changed


def _check[ModelT: (Overview, Record)](
    model: ModelT, usual: ModelT, name: str, attribute: str, want: object
) -> None:
    """Check one attribute, that only its field is unreadable, and all the others."""
    unreadable = want is UNREADABLE
    assert model.unreadable == ({name} if unreadable else frozenset())
    for other in get_annotations(type(model)).keys() - {attribute, "unreadable"}:
        assert getattr(model, other) == getattr(usual, other)
    if not unreadable:
        value = getattr(model, attribute)
        assert value == want
        assert type(value) is type(want)


def _decode(row: dict[str, Any], codec: Codec) -> Record:
    """Return the record in a row, which is the same beside an unreadable field."""
    record = codec.decode_record(row)
    for name, attribute in (("status", "status"), ("orderId", "order_id")):
        beside = codec.decode_record({**row, name: []})
        unknown: dict[str, Any] = {attribute: None}
        unreadable = record.unreadable | {name}
        assert beside == replace(record, **unknown, unreadable=unreadable)
    return record


def _check_record(
    name: str,
    attribute: str,
    value: object,
    want: object,
    *,
    zone: tzinfo = UTC,
    default: object = None,
) -> None:
    codec = Codec(zone)
    record = _decode(_with(RECORD, name, value), codec)
    _check(record, codec.decode_record(RECORD), name, attribute, want)
    if want is UNREADABLE:
        assert getattr(record, attribute) == default
    else:
        assert codec.restore_record(codec.encode_record(record)) == record


def _check_overview(name: str, attribute: str, value: object, want: object) -> None:
    codec = Codec(UTC)
    overview = codec.decode_overview(_with(OVERVIEW, name, value))
    _check(overview, codec.decode_overview(OVERVIEW), name, attribute, want)
    if want is UNREADABLE:
        assert getattr(overview, attribute) is None
    else:
        assert codec.decode_overview(codec.encode_overview(overview)) == overview


SIZES: list[tuple[object, object]] = [
    (0, 0),
    ("0", 0),
    (188978561024, 188978561024),
    ("188978561024", 188978561024),
    (" 188978561024 ", 188978561024),
    (1.5e9, 1_500_000_000),
    (1.88978561024e11, 188978561024),
    ("1.5E+9", 1_500_000_000),
    (1023.6, 1024),
    ("+7", 7),
    (2**63 - 1, 2**63 - 1),
    (str(2**63 - 1), 2**63 - 1),
    ("7".rjust(128), 7),
    ("7".rjust(129), UNREADABLE),
    *(
        (value, UNREADABLE)
        for value in (
            MISSING,
            None,
            True,
            False,
            "",
            "many",
            "1_000",
            "1,234",
            "0x10",
            "١٢٣",
            "1e999999999",
            "1 GiB",
            "NaN",
            float("nan"),
            float("inf"),
            "-Infinity",
            2**63,
            10**400,
            [],
            {},
        )
    ),
]


@pytest.mark.parametrize(("value", "want"), [*SIZES, (-1, UNREADABLE), ("-1", -1)])
@pytest.mark.parametrize("name", ["totalTraffic", "traffic", "trafficUsed", "total"])
def test_sizes(name: str, value: object, want: object) -> None:
    """A size may be a number or text; anything else costs this figure alone."""
    if want == -1:
        want = UNREADABLE
    if name == "totalTraffic":
        _check_overview(name, "total_traffic", value, want)
    elif name == "traffic":
        # Its use would be too much for a smaller size.
        row = {**RECORD, "trafficUsed": 0}
        record = _decode(_with(row, name, value), Codec(UTC))
        usual = Codec(UTC).decode_record(row)
        _check(record, usual, name, "traffic", want)
        if want is UNREADABLE:
            assert record.traffic == 0
    elif name == "trafficUsed":
        row = _with({**RECORD, "traffic": 0}, name, value)
        record = _decode(row, Codec(UTC))
        usual = Codec(UTC).decode_record({**RECORD, "traffic": 0})
        _check(record, usual, name, "traffic_used", want)
        if want is UNREADABLE:
            assert record.traffic_used == 0
    else:
        page = Codec(UTC).decode_page(_with({"records": []}, name, value))
        assert page.total == (None if want is UNREADABLE else want)


@pytest.mark.parametrize(("value", "want"), [*SIZES, (-5, -5), ("-5", -5)])
def test_available_traffic(value: object, want: object) -> None:
    """What is available may be overdrawn."""
    _check_overview("dynamicTraffic", "available_traffic", value, want)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (0.0, Decimal("0.0")),
        (12.5, Decimal("12.5")),
        ("12.50", Decimal("12.50")),
        (-3, Decimal(-3)),
        (None, None),
        (MISSING, None),
        ("", UNREADABLE),
        ("1,234.56", UNREADABLE),
        ("$12.50", UNREADABLE),
        ("a lot", UNREADABLE),
        (True, UNREADABLE),
        (float("nan"), UNREADABLE),
        (float("-inf"), UNREADABLE),
        ([1], UNREADABLE),
    ],
)
def test_balance(value: object, want: object) -> None:
    """A balance may be negative, or missing."""
    _check_overview("balance", "balance", value, want)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("USD", "USD"),
        (" CNY ", "CNY"),
        ("x" * 16, "x" * 16),
        ("点", "点"),
        ("", None),
        (None, None),
        (MISSING, None),
        ("x" * 17, UNREADABLE),
        (1.5, UNREADABLE),
        (840, UNREADABLE),
        (True, UNREADABLE),
        (["USD"], UNREADABLE),
        ("\ud800", UNREADABLE),
    ],
)
def test_currency(value: object, want: object) -> None:
    """A currency may be missing, and is short."""
    _check_overview("currency", "currency", value, want)


@pytest.mark.parametrize(
    ("total", "available", "used", "percentage"),
    [
        (400, 100, 300, 25.0),
        (400, 500, -100, 125.0),
        (400, -1, 401, 0.0),
        (0, 0, 0, None),
        (0, -1, 1, None),
        (None, 100, None, None),
        (400, None, None, None),
        (2**63 - 1, 2**63 - 2, 1, 100.0),
    ],
)
def test_used_and_percentage(
    total: int | None,
    available: int | None,
    used: int | None,
    percentage: float | None,
) -> None:
    """Both follow from total and available traffic, if these are known."""
    overview = Overview(total_traffic=total, available_traffic=available)
    assert overview.used_traffic == used
    assert overview.available_percentage == percentage


@pytest.mark.parametrize("data", [None, [], "", 0, [OVERVIEW]])
def test_no_overview(data: object) -> None:
    """An overview has to be an object."""
    with pytest.raises(BytesFlowsParseError) as error:
        Codec(UTC).decode_overview(data)
    assert error.value.field == "data"


def test_everything_of_an_overview_unreadable() -> None:
    """Each unreadable field is named."""
    overview = Codec(UTC).decode_overview({"balance": "", "currency": 1})
    assert overview == Overview(unreadable=frozenset(OVERVIEW))


IDS: list[tuple[object, object]] = [
    ("123456", "123456"),
    (123456, "123456"),
    (" a ", "a"),
    ("点" * 128, "点" * 128),
    ("x" * 129, UNREADABLE),
    (10**128, UNREADABLE),
    (True, UNREADABLE),
    (1.5, UNREADABLE),
    ([], UNREADABLE),
    ({}, UNREADABLE),
    ("\udfff", UNREADABLE),
]
NO_ID: list[object] = [MISSING, None, "", "  "]


@pytest.mark.parametrize(("value", "want"), [*IDS, *((value, None) for value in NO_ID)])
def test_order_ids(value: object, want: object) -> None:
    """A record may belong to no order."""
    _check_record("orderId", "order_id", value, want)


@pytest.mark.parametrize(
    ("value", "want"), [*IDS, *((value, UNREADABLE) for value in NO_ID)]
)
def test_ids(value: object, want: object) -> None:
    """A row without a readable id is no record, and is counted on its page."""
    row = _with(RECORD, "id", value)
    page = Codec(UTC).decode_page({"records": [RECORD, row], "total": 2})
    if want is UNREADABLE:
        assert len(page.records) == page.unidentified == 1
        with pytest.raises(BytesFlowsParseError) as error:
            Codec(UTC).decode_record(row)
        assert error.value.field == "id"
    else:
        assert page.records[1].id == Codec(UTC).decode_record(row).id == want


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("order", Source.ORDER),
        (" sign ", Source.SIGN),
        ("gift", Source.OTHER),
        ("", Source.OTHER),
        (None, Source.OTHER),
        (MISSING, Source.OTHER),
        (7, UNREADABLE),
        (True, UNREADABLE),
        (["order"], UNREADABLE),
        ("x" * 129, UNREADABLE),
    ],
)
def test_sources(value: object, want: object) -> None:
    """Sources that are not known are kept as `OTHER`."""
    _check_record("sourceType", "source", value, want, default=Source.OTHER)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (1, 1),
        ("1", 1),
        (1.0, 1),
        (0, 0),
        (2, 2),
        (-1, -1),
        ("1e0", 1),
        (" 1 ", 1),
        (None, UNREADABLE),
        (MISSING, UNREADABLE),
        ("null", UNREADABLE),
        ("\uff11", UNREADABLE),
        ("0x1", UNREADABLE),
        (1.5, UNREADABLE),
        (2**63, UNREADABLE),
        (True, UNREADABLE),
        ("", UNREADABLE),
        ("active", UNREADABLE),
        ([1], UNREADABLE),
    ],
)
def test_statuses(value: object, want: object) -> None:
    """Anything but 1 is inactive."""
    _check_record("status", "status", value, want)
    record = Codec(UTC).decode_record(_with(RECORD, "status", value))
    assert record.is_active is (want == 1)


NO_TIMES: list[object] = [
    MISSING,
    None,
    "",
    "  ",
    "-",
    0,
    "0",
    -1,
    "0000-00-00 00:00:00",
    "0001-01-01 00:00:00",
    "0001-01-01T00:00:00Z",
    "1970-01-01 08:00:00",
    "2099-01-01T00:00:00Z",
    "2099-12-31 00:00:00",
    "9999-12-31 23:59:59",
    "9999-12-31T23:59:59-12:00",
    4102444800,
    "4102444800000",
    4102444800_000_000,
    253402300799,
    999_999_999_999,
    "253402300799000",
    "99991231235959",
    99991231,
    "00000000",
    "00010101000000",
    "20261301",
    -62135596800,
    2**63 - 1,
    -(2**63 - 1),
]
UNREADABLE_TIMES: list[object] = [
    "永久",
    "soon",
    "2026-02-30 00:00:00",
    "2026-03-21 25:00:00",
    "2026-03-21 20:00:60",
    "\uff12\uff10\uff12\uff16-03-21 20:00:00",
    "0x10",
    [2026, 3, 21],
    "2026-03-21 20:00:00" + " " * 128,
    True,
    float("nan"),
    2**63,
    [],
    {},
]
NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ["createTime", "expireTime"])
@pytest.mark.parametrize(
    ("zone", "value", "want"),
    [
        (UTC, "2026-03-21 12:00:00", NOON),
        (SHANGHAI, "2026-03-21 20:00:00", NOON),
        (SHANGHAI, "2026/03/21 20:00:00", NOON),
        (SHANGHAI, "2026-03-21T20:00:00", NOON),
        (SHANGHAI, " 2026-03-21T20:00:00.5 ", NOON + timedelta(seconds=0.5)),
        (SHANGHAI, "2026-03-21T12:00:00Z", NOON),
        (SHANGHAI, "2026-03-21T12:00:00.000+00:00", NOON),
        (SHANGHAI, "2026-03-21 09:00:00-03:00", NOON),
        (SHANGHAI, "2026-03-21", NOON - timedelta(hours=20)),
        (SHANGHAI, 1774094400, NOON),
        (SHANGHAI, "1774094400", NOON),
        (SHANGHAI, 1774094400.5, NOON + timedelta(seconds=0.5)),
        (SHANGHAI, 1774094400000, NOON),
        (SHANGHAI, "1774094400500", NOON + timedelta(seconds=0.5)),
        (SHANGHAI, 1774094400_500_000, NOON + timedelta(seconds=0.5)),
        (SHANGHAI, "1774094400000000000", NOON),
        (SHANGHAI, "1.7740944e9", NOON),
        (SHANGHAI, 1.7740944e12, NOON),
        (SHANGHAI, "20260321200000", NOON),
        (SHANGHAI, 20260321200000, NOON),
        (SHANGHAI, "20260321T200000", NOON),
        (SHANGHAI, "20260321", NOON - timedelta(hours=20)),
        # As many characters as a usual time.
        (UTC, "202601011234556.123", None),
        (UTC, "2026-02-21T2000/+08", UNREADABLE),
        # The clocks go forward: the time does not exist.
        (BERLIN, "2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # The clocks go back: the earlier of two.
        (BERLIN, "2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        # The later one has to say so.
        (BERLIN, "2026-10-25T01:30:00Z", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        *(
            (zone, value, None)
            for zone in (SHANGHAI, LOS_ANGELES)
            for value in NO_TIMES
        ),
        # Already 2099 where the API is.
        (SHANGHAI, "2098-12-31T20:00:00Z", None),
        *((SHANGHAI, value, UNREADABLE) for value in UNREADABLE_TIMES),
    ],
)
def test_times(name: str, zone: tzinfo, value: object, want: object) -> None:
    """Times are read in the time zone of the API, and are in UTC."""
    attribute = {"createTime": "created", "expireTime": "expires"}[name]
    _check_record(name, attribute, value, want, zone=zone)
    time = getattr(Codec(zone).decode_record(_with(RECORD, name, value)), attribute)
    assert time is None or time.tzinfo is UTC


def test_time_zone() -> None:
    """The codec's time zone is the one in which it writes."""
    codec = Codec(SHANGHAI)
    record = Record("1", created=NOON)
    assert codec.time_zone is SHANGHAI
    assert codec.encode_record(record)["createTime"] == "2026-03-21 20:00:00"
    assert format_time(SHANGHAI, NOON) == "2026-03-21 20:00:00"
    assert format_time(SHANGHAI, None) is None
    assert parse_time(SHANGHAI, None) is None


@pytest.mark.parametrize("value", [datetime, True, [], "soon", 2**64])
def test_unreadable_time(value: object) -> None:
    """A value that is no time raises."""
    with pytest.raises((TypeError, ValueError)):
        parse_time(UTC, value)


@pytest.mark.parametrize(
    ("size", "used", "readable"),
    [
        (1000, 1000, True),
        (1000, 1100, True),
        (1000, 1101, False),
        (1, 2, False),
        (0, 10**12, True),
        ("much", 10**12, True),
        (1000, 10**18, False),
    ],
)
def test_use_beyond_size(size: object, used: int, readable: bool) -> None:
    """A use of more than 110% of a size is not believed."""
    row = {**RECORD, "traffic": size, "trafficUsed": used}
    record = Codec(UTC).decode_record(row)
    assert record.traffic_used == (used if readable else 0)
    assert ("trafficUsed" not in record.unreadable) is readable


def test_many_digits() -> None:
    """An integer that cannot even be written as text is unreadable."""
    record = Codec(UTC).decode_record(dict.fromkeys(RECORD, 10**5_000) | {"id": "1"})
    assert record.unreadable == set(RECORD) - {"id"}
    assert Codec(UTC).decode_page({"records": [{"id": 10**5_000}]}).unidentified == 1


def test_example() -> None:
    """The example of the API document is written as it stands there."""
    codec = Codec(SHANGHAI)
    assert codec.encode_record(codec.decode_record(RECORD)) == RECORD
    assert codec.encode_overview(codec.decode_overview(OVERVIEW)) == {
        **OVERVIEW,
        "balance": "0.0",
    }
    assert codec.encode_overview(Overview()) == dict.fromkeys(OVERVIEW)


def test_completed_by() -> None:
    """Unreadable fields are taken from the previous record, and stay named."""
    codec = Codec(UTC)
    previous = codec.decode_record(RECORD)
    odd: dict[str, Any] = {name: ["odd"] for name in RECORD}
    record = codec.decode_record({**odd, "id": "123456", "status": 0})
    assert record.unreadable == set(RECORD) - {"id", "status"}

    completed = record.completed_by(previous)

    assert completed.unreadable == record.unreadable
    assert codec.encode_record(completed) == {
        **codec.encode_record(previous),
        "status": 0,
    }
    assert previous.completed_by(record) is previous


@pytest.mark.parametrize("data", [[], "", 0, False])
def test_no_page(data: object) -> None:
    """A page has to be an object."""
    with pytest.raises(BytesFlowsParseError) as error:
        Codec(UTC).decode_page(data)
    assert error.value.field == "data"


@pytest.mark.parametrize(
    ("data", "total"),
    [
        (None, 0),
        ({"records": None, "total": 0}, 0),
        ({"total": "0"}, 0),
        ({"records": []}, None),
        ({"records": [], "total": 3}, 3),
    ],
)
def test_empty_page(data: object, total: int | None) -> None:
    """A page without records is empty unless its total contradicts."""
    page = Codec(UTC).decode_page(data)
    assert page == RecordsPage(records=(), total=total)


@pytest.mark.parametrize(
    "data",
    [
        {"records": None, "total": 1},
        {"records": None, "total": "many"},
        {"total": 1},
        {"list": [], "count": 0},
        {},
        {"records": {}, "total": 0},
        {"records": "", "total": 0},
        {"records": 1},
        {"records": False},
    ],
)
def test_no_list_of_records(data: object) -> None:
    """The rows have to be a list."""
    with pytest.raises(BytesFlowsParseError) as error:
        Codec(UTC).decode_page(data)
    assert error.value.field == "records"


@pytest.mark.parametrize("row", [None, 1, "abc", [], True])
def test_no_record(row: object) -> None:
    """A row that is no object is counted and costs nothing else."""
    page = Codec(UTC).decode_page({"records": [row, RECORD, row], "total": 3})
    assert page.records == (Codec(UTC).decode_record(RECORD),)
    assert page.unidentified == 2
    with pytest.raises(BytesFlowsParseError):
        Codec(UTC).decode_record(row)


def test_too_many_rows() -> None:
    """A page has at most as many rows as allowed."""
    data = {"records": [RECORD] * 3, "total": 3}
    assert len(Codec(UTC).decode_page(data, max_rows=3).records) == 3
    with pytest.raises(BytesFlowsParseError) as error:
        Codec(UTC).decode_page(data, max_rows=2)
    assert error.value.field == "records"


def test_errors_quote_nothing() -> None:
    """An error shows none of the values."""
    with pytest.raises(BytesFlowsParseError) as error:
        Codec(UTC).decode_record({**RECORD, "id": ["a secret"]})
    assert error.value.__cause__ is None
    assert error.value.__context__ is None
    assert "secret" not in repr(error.value)


def _page(codec: Codec, *rows: dict[str, Any]) -> tuple[Record, ...]:
    return codec.decode_page({"records": list(rows), "total": len(rows)}).records


@pytest.mark.parametrize(
    "fields",
    [
        {"traffic": 5, "traffic_used": 2**40},
        {"traffic": 1, "traffic_used": 2**63 - 1},
        {"status": None},
        {"status": -7, "source": Source.SIGN},
        {"created": None, "expires": None, "order_id": None},
        {"traffic": 0, "traffic_used": 7},
    ],
)
def test_restored_record(fields: dict[str, Any]) -> None:
    """A record that was put together from several readings is restored as it was."""
    codec = Codec(UTC)
    record = replace(codec.decode_record(RECORD), **fields)
    assert codec.restore_record(codec.encode_record(record)) == record


@pytest.mark.parametrize("id_", [None, "", "  ", True, [], "x" * 129])
def test_restored_record_without_an_id(id_: object) -> None:
    """A record without a readable id cannot be restored."""
    with pytest.raises((TypeError, ValueError)):
        Codec(UTC).restore_record({**RECORD, "id": id_})


def test_rows_are_reused() -> None:
    """A row that did not change gives the same record, also without new fields."""
    codec = Codec(UTC)
    other = {**RECORD, "id": 7}
    first = _page(codec, RECORD, other)

    again = _page(codec, {**RECORD, "new": 1}, {**other, "trafficUsed": 1})

    assert again[0] is first[0]
    assert again[1].traffic_used == 1
    assert again[1].created is first[1].created
    assert again[1].expires is first[1].expires
    assert _page(codec, other)[0] == first[1]


@given(
    rows=st.lists(
        st.builds(
            lambda id_, name, value: {**RECORD, "id": id_, name: value},
            st.integers(1, 3) | st.sampled_from(["1", "2", "", None, True]),
            st.sampled_from(list(RECORD)),
            st.sampled_from([RECORD["traffic"], 0, 7, 2**40, "7", 7.5, None, [], "x"]),
        ),
        max_size=4,
    )
)
def test_rows_read_alike(rows: list[dict[str, Any]]) -> None:
    """A row gives the same record, whichever rows are on its page."""
    codec = Codec(UTC)
    alone = [_page(Codec(UTC), row) for row in rows]
    assert _page(codec, *rows) == sum(alone, ())
    assert _page(codec, *rows) == sum(alone, ())


@pytest.mark.parametrize(
    ("name", "value"), [("orderId", None), ("expireTime", "9999-12-31 23:59:59")]
)
def test_usual_rows_are_read_at_once(name: str, value: object) -> None:
    """Rows that are new and usual are read by column, also without optional values."""
    codec = Codec(UTC)
    rows = [RECORD, {**RECORD, "id": "2", name: value}]
    with patch.object(codec, "_decode_row") as decode_row:
        records = _page(codec, *rows)
    decode_row.assert_not_called()
    assert records == (Codec(UTC).decode_record(rows[0]), codec.decode_record(rows[1]))
    assert records[1] == Codec(UTC).decode_page({"records": rows[1:] * 2}).records[0]


def test_repeated_row_is_reused() -> None:
    """A row that repeats on its page gives the same record."""
    first, again = _page(Codec(UTC), RECORD, RECORD)
    assert first is again


def test_balance_is_reused() -> None:
    """The same balance is not read again; that of zero keeps its sign."""
    codec = Codec(UTC)

    def balance(value: object) -> Decimal | None:
        return codec.decode_overview({"balance": value}).balance

    assert balance(12.5) is balance(12.5)
    assert str(balance(-0.0)) == "-0.0"
    assert str(balance(0.0)) == "0.0"


@pytest.mark.parametrize(
    ("name", "value", "odd"),
    [("status", 1, True), ("traffic", 0, False), ("trafficUsed", 1, True)],
)
def test_reuse_knows_booleans(name: str, value: object, odd: object) -> None:
    """A boolean equals a number, but is unreadable."""
    codec = Codec(UTC)
    row = {**RECORD, "trafficUsed": 0, name: value}
    assert _page(codec, row)[0].unreadable == frozenset()
    assert _page(codec, {**row, name: odd})[0].unreadable == {name}
    assert _page(codec, row)[0].unreadable == frozenset()


def test_reuse_knows_ids() -> None:
    """An id with a fraction equals one without, but is unreadable."""
    codec = Codec(UTC)
    assert len(_page(codec, {**RECORD, "id": 7})) == 1
    assert _page(codec, {**RECORD, "id": 7.0}) == ()


@pytest.mark.parametrize(
    ("rows", "turns"), [(0, 0), (200, 0), (201, 1), (1_000, 4), (20_001, 0)]
)
async def test_large_pages_leave_turns(rows: int, turns: int) -> None:
    """Others have a turn while a large page is decoded."""
    codec = Codec(UTC)
    data = {"records": [{**RECORD, "id": number} for number in range(rows)]}
    others = 0

    async def take_turns() -> None:
        nonlocal others
        while True:
            await asyncio.sleep(0)
            others += 1

    other = asyncio.create_task(take_turns())
    await asyncio.sleep(0)
    await codec.decode_ahead(data)
    other.cancel()

    assert others == turns
    assert len(codec.decode_page({**data, "total": rows}).records) == rows


@pytest.mark.parametrize("data", [None, [], {}, {"records": None}, {"records": "x"}])
async def test_nothing_to_decode_ahead(data: object) -> None:
    """Other responses are left to the decoder."""
    await Codec(UTC).decode_ahead(data)


def test_reuse_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are kept if they could be read; too many of them begin again."""
    monkeypatch.setattr(models, "MAX_CACHED_ROWS", 3)
    codec = Codec(UTC)
    rows = [{**RECORD, "id": number} for number in range(5)]
    first = _page(codec, *rows)
    _page(codec, {**RECORD, "id": 9, "orderId": ["x" * 1000]})

    assert list(codec._rows) == list(codec._records) == [3, 4]
    assert _page(codec, rows[3])[0] is first[3]
    _page(codec, rows[0])
    assert list(codec._rows) == list(codec._records) == [3, 4, 0]


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"expires": None}, True),
        ({"expires": NOON + timedelta(seconds=1)}, True),
        ({"expires": NOON}, False),
        ({"traffic_used": 2**30}, False),
        ({"traffic_used": 2**30 + 1}, False),
        ({"traffic": 0}, True),
        ({"traffic": 0, "traffic_used": 5}, True),
        ({"traffic": 0, "expires": NOON}, False),
        ({"status": 0}, False),
        ({"status": None}, False),
    ],
)
def test_usable(changes: dict[str, Any], usable: bool) -> None:
    """Usable is what is active, not expired, and not used up."""
    example: dict[str, Any] = {
        "id": "1",
        "traffic": 2**30,
        "traffic_used": 0,
        "expires": NOON + timedelta(days=1),
        "status": 1,
    }
    record = Record(**{**example, **changes})
    assert record.is_usable(NOON) is usable
    assert record.remaining == max(0, record.traffic - record.traffic_used)
    assert record.is_unlimited is (record.traffic == 0)
    assert record.is_depleted is (0 < record.traffic <= record.traffic_used)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes().map(str)
    | st.integers(-(2**63), 2**63).map(str)
    | st.sampled_from(["order", "sign", "1", "-", "0"]),
    lambda value: st.lists(value) | st.dictionaries(st.text(), value),
    max_leaves=4,
)
ROWS = st.dictionaries(st.sampled_from(list(RECORD)) | st.text(), JSON)
TIMES = st.builds(
    datetime.fromtimestamp,
    st.floats(0, 4_100_000_000),
    st.timezones(),
)


@given(
    row=ROWS,
    usual=st.sets(st.sampled_from(list(RECORD))),
    created=st.none() | TIMES.map(str),
    zone=st.timezones(),
)
def test_any_row(
    row: dict[str, Any], usual: set[str], created: str | None, zone: tzinfo
) -> None:
    """A row is a record that can be written and read again, or has no id."""
    row |= {name: RECORD[name] for name in usual}
    if created is not None:
        row["createTime"] = created
    codec = Codec(zone)
    page = codec.decode_page({"records": [row, row], "total": 2})
    if page.unidentified:
        assert page.records == ()
        with pytest.raises(BytesFlowsParseError):
            codec.decode_record(row)
        return

    record = codec.decode_record(row)
    assert page.records == (record, record)
    assert record.unreadable <= set(RECORD)
    again = codec.restore_record(codec.encode_record(record))
    assert again == replace(record, unreadable=frozenset())


@given(data=st.dictionaries(st.sampled_from(list(OVERVIEW)) | st.text(), JSON))
def test_any_overview(data: dict[str, Any]) -> None:
    """Any object is an overview that can be written and read again."""
    codec = Codec(UTC)
    overview = codec.decode_overview(data)
    again = codec.decode_overview(codec.encode_overview(overview))
    missing = {"totalTraffic", "dynamicTraffic"} & overview.unreadable
    assert again.unreadable == missing
    assert again.balance == overview.balance
    assert again.used_traffic == overview.used_traffic
