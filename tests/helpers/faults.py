"""All that an API can do wrong, and what is to come of it: see tests/test_faults.py."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import gzip
import json
from typing import Any, Final

from dev.simulated_api import Fault

FINE: Final = "fine"
AUTH: Final = "invalid_auth"
CONNECTION: Final = "cannot_connect"
TIMEOUT: Final = "timeout_connect"
LIMITED: Final = "rate_limited"
RESPONSE: Final = "invalid_response"

MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault, and the outcome that the design names: a key of the texts, or FINE."""

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
            200: RESPONSE,
            400: RESPONSE,
            401: AUTH,
            "403": AUTH,
            429: LIMITED,
            500: CONNECTION,
            40001: CONNECTION,
            2**70: CONNECTION,
            "ok": RESPONSE,
            None: RESPONSE,
            True: RESPONSE,
            1.5: RESPONSE,
        }.items()
    ),
    Trouble("moved elsewhere", Fault.redirect("https://192.0.2.1/"), RESPONSE),
    Trouble("moved to http", Fault.redirect("http://127.0.0.1:9/"), RESPONSE),
    Trouble("firewall", Fault.html(403), CONNECTION),
    Trouble("firewall with 401", Fault.html(401), RESPONSE),
    Trouble("firewall with 200", Fault.html(200), RESPONSE),
    Trouble("wait an hour", Fault.refuse(429, Retry_After="3600"), LIMITED),
    Trouble("wait for ever", Fault.refuse(429, Retry_After="9" * 9), LIMITED),
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
    Trouble("data is null", _body(b'{"code": 200, "data": null}'), RESPONSE),
    Trouble("data is a list", _body(b'{"code": 200, "data": []}'), RESPONSE),
    Trouble(
        "data twice",
        _body(b'{"code": 200, "data": {}, "data": 1}'),
        RESPONSE,
    ),
)

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
    7,
    True,
    "soon",
    "2026-02-30 00:00:00",
    "2026-01-01 25:00:00",
    [],
    {},
)
ODD_TIME: Final = ("", "0000-00-00 00:00:00", "2099-12-31 23:59:59")

# For each field what is refused, and what is odd and still fine.
OVERVIEW_FIELDS: Final[dict[str, tuple[tuple[object, ...], tuple[object, ...]]]] = {
    "totalTraffic": ((*NOTHING, *NO_SIZE), ("7", 1e9, 0)),
    "dynamicTraffic": ((*NOTHING, *NO_SIZE), ("7", 1e9, 0)),
    "balance": ((True, "a lot", float("nan"), 1e300, []), (*NOTHING, "-1.5", -3)),
    "currency": (NO_TEXT, (*NOTHING, "", 7, " EUR ")),
}
RECORD_FIELDS: Final[dict[str, tuple[tuple[object, ...], tuple[object, ...]]]] = {
    "id": ((*NOTHING, "", *NO_TEXT), (123456,)),
    "orderId": (NO_TEXT, (*NOTHING, "", 7)),
    "sourceType": ((), (*NOTHING, "", "gift", 7)),
    "traffic": ((*NOTHING, *NO_SIZE), ("7", 1e9, 0)),
    "trafficUsed": ((*NOTHING, *NO_SIZE), ("7", 1e9, 0)),
    "createTime": (NO_TIME, (*NOTHING, *ODD_TIME)),
    "expireTime": (NO_TIME, (*NOTHING, *ODD_TIME)),
    "status": ((), (*NOTHING, True, "", "1", "on", 7, -1, 1.5, [], {})),
}
PAGE_FIELDS: Final[dict[str, tuple[tuple[object, ...], tuple[object, ...]]]] = {
    "total": ((*NOTHING, *NO_SIZE), ()),
    "records": ((*NOTHING, True, "", 7, {}, [7], [None], [[]]), ()),
}
# What is to be found by comparing the pages: less than there is, more, endlessly many.
PAGING_FIELDS: Final[dict[str, tuple[tuple[object, ...], tuple[object, ...]]]] = {
    "total": ((0, 7, 10**9), ()),
    "records": (([],), ()),
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


def _fields(
    fields: dict[str, tuple[tuple[object, ...], tuple[object, ...]]],
    rows: str | None = None,
) -> Iterator[Trouble]:
    """Yield a trouble for each odd value of each field."""
    for name, (refused, fine) in fields.items():
        for values, outcome in ((refused, RESPONSE), (fine, FINE)):
            for value in values:
                shown = "missing" if value is MISSING else json.dumps(value)[:20]
                fault = Fault(change=_changed(name, value, rows))
                yield Trouble(f"{name}: {shown}", fault, outcome)


OVERVIEW_TROUBLES: Final = (*TROUBLES, *_fields(OVERVIEW_FIELDS))
PAGE_TROUBLES: Final = (
    *TROUBLES,
    *_fields(RECORD_FIELDS, "records"),
    *_fields(PAGE_FIELDS),
)
PAGING_TROUBLES: Final = tuple(_fields(PAGING_FIELDS))
