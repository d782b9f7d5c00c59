"""All that an API can do wrong, and what is to come of it: see tests/test_faults.py."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import gzip
import json
from typing import Any, Final, NamedTuple

from dev.simulated_api import Fault

FINE: Final = "fine"
"""Everything is known."""
UNKNOWN: Final = "unknown"
"""A value is unknown or stays as it was, and the rest goes on."""
AUTH: Final = "invalid_auth"
CONNECTION: Final = "cannot_connect"
TIMEOUT: Final = "timeout_connect"
LIMITED: Final = "rate_limited"
RESPONSE: Final = "invalid_response"

MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault, and the outcome that the design names.

    A key of the texts if the whole response is refused, else UNKNOWN or FINE.
    """

    name: str
    fault: Fault
    outcome: str


def _body(body: bytes, **headers: str) -> Fault:
    """Answer with a body."""
    return Fault(
        body=body, headers={key.replace("_", "-"): val for key, val in headers.items()}
    )


TROUBLES: Final = (
    # The connection.
    Trouble("dropped before the head", Fault(drop=True), CONNECTION),
    Trouble("reset before the head", Fault(raw=b""), CONNECTION),
    Trouble("reset in the head", Fault(raw=b"HTTP/1.1 200 OK\r\nContent-"), CONNECTION),
    Trouble(
        "reset after the head",
        Fault(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        CONNECTION,
    ),
    Trouble("cut in the body", Fault(cut=True), CONNECTION),
    Trouble("no HTTP", Fault(raw=b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), CONNECTION),
    Trouble("hangs before the head", Fault(hang=True), TIMEOUT),
    Trouble("hangs in the body", Fault(stall=True), TIMEOUT),
    Trouble("drips", Fault(drip=0.05), TIMEOUT),
    # The status.
    *(
        Trouble(f"HTTP {status}", Fault.refuse(status), outcome)
        for status, outcome in {
            206: RESPONSE,
            301: RESPONSE,
            400: RESPONSE,
            401: AUTH,
            402: RESPONSE,
            403: AUTH,
            404: RESPONSE,
            405: RESPONSE,
            409: RESPONSE,
            410: RESPONSE,
            418: RESPONSE,
            422: RESPONSE,
            429: LIMITED,
            451: RESPONSE,
            500: CONNECTION,
            501: CONNECTION,
            502: CONNECTION,
            503: CONNECTION,
            504: CONNECTION,
            520: CONNECTION,
            599: CONNECTION,
        }.items()
    ),
    Trouble("HTTP 204", Fault(status=204, body=b""), RESPONSE),
    Trouble("HTTP 304", Fault(status=304, body=b""), RESPONSE),
    *(
        Trouble(f"code {code}", Fault.code(code), outcome)
        for code, outcome in {
            -1: RESPONSE,
            0: RESPONSE,
            400: RESPONSE,
            401: AUTH,
            "403": AUTH,
            429: LIMITED,
            500: CONNECTION,
            599: CONNECTION,
            600: RESPONSE,
            40001: RESPONSE,
            "40101": AUTH,
            50008: RESPONSE,
            2**70: RESPONSE,
            "ok": RESPONSE,
            None: RESPONSE,
            True: RESPONSE,
            1.5: RESPONSE,
        }.items()
    ),
    Trouble("moved elsewhere", Fault.redirect("https://192.0.2.1/"), RESPONSE),
    Trouble("moved to http", Fault.redirect("http://127.0.0.1:9/"), RESPONSE),
    Trouble("firewall", Fault.html(403), CONNECTION),
    Trouble("firewall with 401", Fault.html(401), AUTH),
    Trouble("firewall with 200", Fault.html(200), RESPONSE),
    Trouble("wait an hour", Fault.refuse(429, Retry_After="3600"), LIMITED),
    Trouble("wait forever", Fault.refuse(429, Retry_After="9" * 9), LIMITED),
    Trouble("wait until yesterday", Fault.refuse(429, Retry_After="-1"), LIMITED),
    # The body.
    Trouble("empty", _body(b""), RESPONSE),
    Trouble("truncated JSON", _body(b'{"code": 200, "data": {'), RESPONSE),
    Trouble("too large", _body(b" " * (9 * MIB)), RESPONSE),
    Trouble(
        "huge when unpacked",
        _body(gzip.compress(b" " * (64 * MIB)), Content_Encoding="gzip"),
        RESPONSE,
    ),
    Trouble("no gzip", _body(b"no gzip", Content_Encoding="gzip"), CONNECTION),
    Trouble("no UTF-8", _body(b'{"code": 200, "data": "\xff\xfe"}'), RESPONSE),
    Trouble("nested", _body(b"[" * 100_000), RESPONSE),
    Trouble("long number", _body(b"9" * 5_000), RESPONSE),
    Trouble("list", _body(b"[]"), RESPONSE),
    Trouble("null", _body(b"null"), RESPONSE),
    Trouble("text", _body(b'"fine"'), RESPONSE),
    Trouble("no data", Fault.without("data"), RESPONSE),
    Trouble("data is a list", _body(b'{"code": 200, "data": []}'), RESPONSE),
    Trouble(
        "data twice",
        _body(b'{"code": 200, "data": {}, "data": 1}'),
        RESPONSE,
    ),
)

NULL: Final = _body(b'{"code": 200, "data": null}')

MISSING: Final = object()
NOTHING: Final = (MISSING, None)
NO_SIZE: Final[tuple[object, ...]] = (
    True,
    "",
    "many",
    float("nan"),
    float("inf"),
    -1,
    2**63,
    1e300,
    [],
    {},
)
NO_TEXT: Final[tuple[object, ...]] = (True, 1.5, [], {}, "\ud800")
NO_TIME: Final[tuple[object, ...]] = (
    True,
    "soon",
    "永久",
    "2026-02-30 00:00:00",
    "2026-01-01 25:00:00",
    [],
    {},
)
ODD_TIME: Final = (
    "",
    "-",
    0,
    7,
    1772366400,
    "1772366400000",
    "2026/03/01 20:00:00",
    "2026-03-01T12:00:00.5Z",
    "0000-00-00 00:00:00",
    "2099-12-31 23:59:59",
)
LONG: Final = "x" * 5_000


class Values(NamedTuple):
    """Odd values of a field, by their outcome."""

    refused: tuple[object, ...] = ()
    unknown: tuple[object, ...] = ()
    fine: tuple[object, ...] = ()


OVERVIEW_FIELDS: Final = {
    "totalTraffic": Values(unknown=(*NOTHING, *NO_SIZE), fine=("7", 1e9, 0)),
    "dynamicTraffic": Values(
        unknown=(*NOTHING, *(value for value in NO_SIZE if value != -1)),
        fine=("7", 1e9, 0, -5_000_000),
    ),
    "balance": Values(
        unknown=(True, "", "a lot", "1,234.56", "$12.50", float("nan"), 1e300, []),
        fine=(*NOTHING, "-1.5", -3),
    ),
    "currency": Values(unknown=(*NO_TEXT, 7, LONG), fine=(*NOTHING, "", " EUR ")),
}
RECORD_FIELDS: Final = {
    "id": Values(unknown=(*NOTHING, "", *NO_TEXT, LONG), fine=(123456,)),
    "orderId": Values(unknown=(*NO_TEXT, LONG), fine=(*NOTHING, "", 7)),
    "sourceType": Values(unknown=(7, *NO_TEXT), fine=(*NOTHING, "", "gift")),
    "traffic": Values(unknown=(*NOTHING, *NO_SIZE), fine=("2147483648", 1e9, 0)),
    "trafficUsed": Values(
        unknown=(*NOTHING, *NO_SIZE, 10**15), fine=("600000", 1e9, 0)
    ),
    "createTime": Values(unknown=NO_TIME, fine=(*NOTHING, *ODD_TIME)),
    "expireTime": Values(unknown=NO_TIME, fine=(*NOTHING, *ODD_TIME)),
    "status": Values(
        unknown=(*NOTHING, True, "", "on", 1.5, [], {}), fine=("1", 7, -1)
    ),
}
PAGE_FIELDS: Final = {
    "total": Values(fine=(*NOTHING, *NO_SIZE)),
    "records": Values(refused=(*NOTHING, True, "", 7, {}), unknown=([7], [None], [[]])),
}
# What is to be found by comparing the pages: less than there is, or more.
PAGING_FIELDS: Final = {
    "total": Values(fine=(0, 7)),
    "records": Values(fine=([],)),
}


def _changed(name: str, value: object, rows: str | None) -> Callable[[Any], None]:
    """Return what puts a value into a field of the data, or of each row."""

    def change(answer: Any) -> None:  # noqa: ANN401
        data = answer["data"]
        for place in data[rows] if rows else (data,):
            if value is MISSING:
                place.pop(name, None)
            else:
                place[name] = value

    return change


def _fields(fields: Mapping[str, Values], rows: str | None = None) -> Iterator[Trouble]:
    """Yield a trouble for each odd value of each field."""
    for name, values in fields.items():
        for outcome, group in zip((RESPONSE, UNKNOWN, FINE), values, strict=True):
            for value in group:
                shown = "missing" if value is MISSING else json.dumps(value)[:20]
                fault = Fault(change=_changed(name, value, rows))
                yield Trouble(f"{name}: {shown}", fault, outcome)


OVERVIEW_TROUBLES: Final = (
    *TROUBLES,
    Trouble("data is null", NULL, RESPONSE),
    *_fields(OVERVIEW_FIELDS),
)
PAGE_TROUBLES: Final = (
    *TROUBLES,
    Trouble("data is null", NULL, FINE),
    *_fields(RECORD_FIELDS, "records"),
    *_fields(PAGE_FIELDS),
)
PAGING_TROUBLES: Final = tuple(_fields(PAGING_FIELDS))
# Only a first reading looks for the pages that are not there.
ENDLESS: Final = tuple(_fields({"total": Values(fine=(10**9,))}))
