"""One odd thing in the very reading in which something is decided: nothing comes of it.

Each kind has its neighbors, and goes through a config entry and the simulated server.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import gzip
import json
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bytesflows.const import DOMAIN
from dev.simulated_api import GIB, MIB, OVERVIEW, RECORDS, Account, Fault, Package
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event
from homeassistant.helpers import issue_registry as ir

from .helpers.clock import NOW
from .helpers.home import Home

ENTITY = "event.bytesflows_package"
DAY = timedelta(days=1)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("now")]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
RIGHT = json.dumps(
    {
        "code": 200,
        "data": {
            "totalTraffic": GIB,
            "dynamicTraffic": 3 * GIB // 4,
            "records": None,
            "total": 0,
            "balance": 1,
        },
    }
)

type Events = list[Event[Any]]


@pytest.fixture
def account() -> Account:
    """Return an account with a package that is in use."""
    return Account(packages=[_package("1", used=GIB // 4)])


@pytest.fixture
def events(home: Home) -> Events:
    """Return the states that will be written."""
    return async_capture_events(home.hass, EVENT_STATE_CHANGED)


def _package(id_: str, **fields: Any) -> Package:  # noqa: ANN401
    """Return a package of 1 GiB."""
    given = {
        "traffic": GIB,
        "order_id": f"ORD-{id_}",
        "created": NOW - DAY,
        "expires": NOW + 20 * DAY,
        **fields,
    }
    return Package(id=id_, **given)


def _reported(events: Events) -> list[tuple[str, str]]:
    """Return the changes that were reported and not restored, with their orders."""
    found = [
        (event.data["old_state"], event.data["new_state"])
        for event in events
        if event.data["entity_id"] == ENTITY
    ]
    return [
        (new.attributes["event_type"], new.attributes["order_id"])
        for old, new in found
        if None not in {old, new} and "unavailable" not in {old.state, new.state}
    ]


def _consumed(home: Home) -> int:
    """Return the lifetime consumption in bytes."""
    return round(float(home.state("lifetime_consumption").state) * GIB)


async def _poll_once_with(home: Home, fault: Fault, *, polls: int = 1) -> None:
    """Poll while the records are odd, and twice afterward."""
    home.api.break_(fault, RECORDS)
    home.entry.runtime_data.account.records.request()
    await home.poll(polls)
    home.api.heal()
    home.entry.runtime_data.account.records.request()
    await home.poll(2)


@pytest.mark.parametrize(
    "fields",
    [
        {"expireTime": None},
        {"expireTime": ""},
        {"expireTime": 0},
        {"expireTime": "soon"},
        {"expireTime": "2099-12-31 00:00:00"},
        {"expireTime": "2026-02-28 00:00:00"},
        {"traffic": GIB // 2},
        {"traffic": 0},
        {"traffic": None},
        {"orderId": None},
        {"createTime": "-"},
    ],
)
async def test_odd_in_the_reading_of_a_flip(
    home: Home, events: Events, fields: dict[str, object]
) -> None:
    """A package that flips back together with an odd value is not renewed."""
    await home.set_up()
    home.account.packages[0].status = 0
    await home.poll(2)
    assert _reported(events) == [("expired", "ORD-1")]
    home.account.packages[0].status = 1
    await _poll_once_with(home, Fault.odd_row(0, **fields))
    assert _reported(events) == [("expired", "ORD-1")]
    # What is odd for good is the new state of things.
    home.account.packages[0].expires = NOW + 40 * DAY
    await home.poll(13)
    assert _reported(events) == [("expired", "ORD-1"), ("renewed", "ORD-1")]


@pytest.mark.parametrize("status", [None, "", "unknown", True, 1.5, [1], {}, "0x0"])
async def test_status_that_cannot_be_read(
    home: Home, events: Events, status: object
) -> None:
    """A status that cannot be read, however often, keeps the last readable one."""
    await home.set_up()
    home.account.use(MIB)
    await _poll_once_with(home, Fault.odd_row(0, status=status), polls=4)
    assert _reported(events) == []
    assert home.state("active_packages").state == "1"
    home.api.break_(Fault.without("status"), RECORDS)
    await home.poll(15)
    assert _reported(events) == []
    assert home.state("active_packages").state == "1"
    home.api.heal()
    home.account.packages[0].status = 0
    await home.poll(3)
    assert _reported(events) == [("expired", "ORD-1")]


def _twice(*uses: int) -> Callable[[dict[str, Any]], None]:
    """Return a change that lists the first row several times, with other uses."""

    def change(answer: dict[str, Any]) -> None:
        first, *others = answer["data"]["records"]
        copies = [{**first, "trafficUsed": used} for used in uses]
        answer["data"]["records"] = [*copies, *others]
        answer["data"]["total"] = len(copies) + len(others)

    return change


@pytest.mark.parametrize(
    "uses", [(5, 3), (3, 5), (MIB, 0), (0, MIB), (0, MIB, 0), (MIB, MIB)]
)
async def test_row_twice(home: Home, events: Events, uses: tuple[int, ...]) -> None:
    """A row that is listed twice with different use counts once, in any order."""
    home.account.packages[0].used = 0
    await home.set_up()
    for _ in range(4):
        for order in (uses, uses[::-1]):
            home.api.break_(Fault(change=_twice(*order)), RECORDS)
            home.entry.runtime_data.account.records.request()
            await home.poll()
            assert _consumed(home) == max(uses)
    assert _reported(events) == []


@pytest.mark.parametrize("size", [GIB // 4, GIB // 5, GIB // 4 + 1, GIB // 4 - 1])
async def test_size_that_is_odd_once(home: Home, events: Events, size: int) -> None:
    """A size that falls to the use for a reading does not use a package up."""
    await home.set_up()
    await _poll_once_with(home, Fault.odd_row(0, traffic=size))
    assert _reported(events) == []
    await _poll_once_with(home, Fault.odd_row(0, traffic=size), polls=3)
    reported = _reported(events)
    if size > GIB // 4:
        assert reported == []
    else:
        # It was used up, and was topped up.
        assert reported == [("depleted", "ORD-1"), ("renewed", "ORD-1")]
    assert _consumed(home) == GIB // 4


@pytest.mark.parametrize("size", [MIB, GIB // 5, GIB // 4, 1])
async def test_smaller_size_over_a_restart(
    home: Home, events: Events, size: int
) -> None:
    """A use above 110% of a size that was corrected is known after a restart."""
    await home.set_up()
    home.account.packages[0].traffic = size
    home.account.figures = (size, 0)
    await home.poll(3)
    home.api.break_(Fault.refuse(500), RECORDS)
    assert await home.reload()
    await home.hass.async_block_till_done()
    ledger = home.entry.runtime_data.account.state.ledger
    record = ledger.packages.get("1").record
    assert (record.traffic, record.traffic_used) == (size, GIB // 4)
    assert not record.unreadable
    home.api.heal()
    await home.poll(3)
    assert _consumed(home) == GIB // 4
    assert _reported(events) == [("depleted", "ORD-1")]


def _total(value: Callable[[dict[str, Any]], int]) -> Fault:
    """Return a fault that makes a total out of the data of a page."""

    def change(answer: dict[str, Any]) -> None:
        answer["data"]["total"] = value(answer["data"])

    return Fault(change=change)


@pytest.mark.parametrize(
    ("known", "page_cap"), [(True, None), (True, 30), (False, None)]
)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(_total(lambda data: len(data["records"])), id="of the page"),
        pytest.param(_total(lambda _: 100), id="100"),
        pytest.param(_total(lambda _: 30), id="30"),
        pytest.param(_total(lambda _: 1), id="1"),
        pytest.param(_total(lambda _: 0), id="0"),
        pytest.param(_total(lambda data: data["total"] - 1), id="one less"),
    ],
)
async def test_total_that_is_too_low(
    home: Home, events: Events, fault: Fault, page_cap: int | None, known: bool
) -> None:
    """A total below the number of rows hides no package behind a full page."""
    home.account.packages = [
        _package(str(number), created=NOW - number * DAY / 24) for number in range(150)
    ]
    home.api.page_cap = page_cap
    if known:
        await home.set_up()
        home.api.break_(fault, RECORDS)
    else:
        home.api.break_(fault, RECORDS)
        await home.set_up()
    for number in range(15):
        home.account.use(MIB)
        if number == 7:
            home.account.packages.append(_package("new", created=NOW))
        await home.poll()
    await home.pass_time(DAY)
    await home.poll(2)
    assert home.state("active_packages").state == "151"
    assert _consumed(home) == 15 * MIB
    assert _reported(events) == [("purchased", "ORD-new")]


async def test_total_that_is_too_low_and_a_package_that_goes(
    home: Home, events: Events
) -> None:
    """What is really gone is reported, even where the total cannot be believed."""
    home.account.packages = [
        _package(str(number), created=NOW - number * DAY / 24) for number in range(40)
    ]
    home.api.break_(_total(lambda data: len(data["records"])), RECORDS)
    await home.set_up()
    del home.account.packages[5]
    await home.poll(4)
    assert _reported(events) == [("expired", "ORD-5")]
    assert home.state("active_packages").state == "39"


@pytest.mark.parametrize("minutes", [3, 180, 14_400, 600_000])
async def test_date_that_stands_still(home: Home, events: Events, minutes: int) -> None:
    """The `Date` of a cache moves no time, and proves nothing about the time zone."""
    cached = datetime.now(UTC) - timedelta(minutes=minutes)
    home.api.clock = lambda: cached
    await home.set_up()
    clock = home.entry.runtime_data.account.clock
    for number in range(30):
        now = datetime.now(UTC)
        if number % 6 == 0:
            home.account.packages.append(_package(f"new {number}", created=now))
        await home.poll()
        await home.pass_time(DAY / 24)
        assert not clock.is_in_doubt
        assert abs(clock.now() - datetime.now(UTC)) <= timedelta(minutes=2)
    registry = ir.async_get(home.hass)
    assert [issue for issue in registry.issues if issue[0] == DOMAIN] == []
    assert [kind for kind, _ in _reported(events)] == ["purchased"] * 5


def _raw(head: bytes, body: bytes = b"") -> Fault:
    """Send bytes instead of an answer, and reset the connection."""
    return Fault(raw=head + body)


def _zipped(times: int) -> Fault:
    """Send a body that was packed several times."""
    body = b" " * 2**24
    for _ in range(times):
        body = gzip.compress(body)
    return Fault(body=body, headers={"Content-Encoding": ", ".join(["gzip"] * times)})


def _with_code(code: object) -> Callable[[dict[str, Any]], None]:
    """Return a change of the code of an answer."""

    def change(answer: dict[str, Any]) -> None:
        answer["code"] = code

    return change


REFUSED: dict[str, Fault] = {
    **{
        f"HTTP {status}": Fault.refuse(status)
        for status in (207, 226, 300, 305, 307, 308, 408, 421, 425, 426, 431, 444)
    },
    **{f"HTTP {status}": Fault.refuse(status) for status in (505, 507, 511, 530, 999)},
    **{
        f"code {code!r}": Fault.code(code)
        for code in ("\uff12\uff10\uff10", "0xC8", [200], {"code": 200}, "200 OK", -200)
    },
    "HTTP 204 with a body": Fault(status=204),
    "HTTP 205": Fault(status=205, body=b""),
    "HTTP 304 with a body": Fault(status=304),
    "two bodies": Fault(body=2 * RIGHT.encode()),
    "a body that ends with zero": Fault(body=RIGHT.encode() + b"\0"),
    "Latin": Fault(body=RIGHT.replace("null", '"\xe9"').encode("latin-1")),
    "the wrong code last": Fault(body=RIGHT[:-1].encode() + b', "code": 500}'),
    "zipped twice": _zipped(2),
    "zipped": _zipped(1),
    "an unknown encoding": Fault(
        body=b"\0\1\2", headers={"Content-Encoding": "br, zstd, what"}
    ),
    "chunks that end early": _raw(CHUNKED, b"20\r\n" + RIGHT.encode()[:20]),
    "chunks without an end": _raw(
        CHUNKED, b"%x\r\n%s\r\n" % (len(RIGHT), RIGHT.encode())
    ),
    "chunks of a wrong size": _raw(CHUNKED, b"zz\r\n" + RIGHT.encode()),
    "a negative length": _raw(HEAD + b"Content-Length: -5\r\n\r\n", RIGHT.encode()),
    "two lengths": _raw(
        HEAD + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n", RIGHT.encode()
    ),
    "a length that is too short": _raw(
        HEAD + b"Content-Length: 9\r\n\r\n", RIGHT.encode()
    ),
    "a long header": _raw(HEAD + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n"),
    "no header": _raw(b"HTTP/1.1 200\r\n\r\n"),
    "another protocol": _raw(b"HTTP/9.9 200 OK\r\n\r\n"),
    "only a continue": _raw(b"HTTP/1.1 100 Continue\r\n\r\n"),
}
ACCEPTED: dict[str, Fault] = {
    "HTTP 203": Fault(status=203),
    "HTTP 206": Fault(status=206),
    "a byte order mark": Fault(body=b"\xef\xbb\xbf" + RIGHT.encode()),
    "UTF-16": Fault(body=RIGHT.encode("utf-16")),
    "blanks around it": Fault(body=b"\r\n\t " + RIGHT.encode() + b"\n\n"),
    "the right code last": Fault(body=b'{"code": 500, ' + RIGHT.encode()[1:]),
    "another type": Fault(headers={"Content-Type": "text/html; charset=nonsense"}),
    "chunks": _raw(CHUNKED, b"%x\r\n%s\r\n0\r\n\r\n" % (len(RIGHT), RIGHT.encode())),
    **{
        f"code {code!r}": Fault(change=_with_code(code))
        for code in (" 200 ", 200.0, "2e2", "+200", "0200")
    },
    **{
        f"Date {date!r}": Fault(headers={"Date": date})
        for date in (
            "",
            "garbage",
            "Mon, 01 Jan 0001 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "Sun, 32 Mar 2026 25:61:61 GMT",
            "Sun, 01 Mar 99999999999 12:00:00 GMT",
            "Sun, 01 Mar 2026 12:00:00 +99999999999",
            "1772366400",
            "\xff\xfe",
        )
    },
}
PAUSES = (
    "-5",
    "1e3",
    "0x10",
    "",
    "\xb2",
    "inf",
    "nan",
    "3600, 7200",
    "soon",
    "9" * 400,
)


def _tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what people would see in the log with a traceback."""
    return [
        item.getMessage()
        for item in caplog.records
        if item.exc_info and item.levelno >= logging.WARNING
    ]


async def test_neighbors_of_what_is_refused(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no answer of the API costs one poll, and leaves nothing behind."""
    await home.set_up()
    for name, fault in REFUSED.items():
        for paths in ((), (RECORDS,)):
            home.api.break_(fault, *paths)
            home.entry.runtime_data.account.records.request()
            await home.poll()
            coordinator = home.entry.runtime_data
            assert coordinator.last_update_success is bool(paths), name
            error = coordinator.account.records.error
            assert (error is not None) is bool(paths), name
            home.api.heal()
            await home.poll()
            assert coordinator.last_update_success, name
            assert home.state("active_packages").state == "1", name
    assert _tracebacks(caplog) == []


async def test_neighbors_of_what_is_accepted(
    home: Home, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    """What is odd and means something is understood."""
    await home.set_up()
    coordinator = home.entry.runtime_data
    for name, fault in ACCEPTED.items():
        home.api.break_(fault, OVERVIEW)
        await home.poll()
        assert coordinator.last_update_success, name
        assert home.state("available_traffic").state == "0.75", name
        home.api.heal()
    assert _reported(events) == []
    assert home.state("active_packages").state == "1"
    assert _tracebacks(caplog) == []


@pytest.mark.parametrize("pause", PAUSES, ids=lambda pause: ascii(pause[:9]))
async def test_odd_pauses(home: Home, pause: str) -> None:
    """A pause that cannot be read costs at most a minute, or a day if it is long."""
    await home.set_up()
    home.api.break_(Fault.refuse(429, Retry_After=pause))
    await home.poll()
    assert not home.entry.runtime_data.last_update_success
    left = max(home.entry.runtime_data.account.client._pauses._ends.values(), default=0)
    is_long = pause.isascii() and pause.isdigit()
    assert (left > 0) is is_long
    home.api.heal()
    await home.poll(2)
    assert home.entry.runtime_data.last_update_success is not is_long


@pytest.mark.parametrize("used", [GIB // 2, GIB])
async def test_use_that_cannot_be_read_at_first(
    home: Home, events: Events, used: int
) -> None:
    """A new package is new once its use can be read, also after the next one came."""
    await home.set_up()
    before = _consumed(home)
    item = _package("2", created=NOW + timedelta(minutes=4))
    home.account.packages.append(item)

    def change(answer: dict[str, Any]) -> None:
        for row in answer["data"]["records"]:
            if row["id"] == "2":
                row["trafficUsed"] = "?"

    home.api.break_(Fault(change=change), RECORDS)
    await home.poll(2)
    home.account.packages.append(_package("3", created=NOW + timedelta(minutes=11)))
    await home.poll(2)
    item.used, item.status = used, int(used < GIB)
    home.api.heal()
    await home.poll(2)
    assert _consumed(home) - before == used
    reported = [("purchased", "ORD-3"), ("purchased", "ORD-2")]
    ends = [("depleted", "ORD-2")] if used == GIB else []
    assert _reported(events) == reported + ends


@pytest.mark.parametrize("is_reloaded", [False, True])
async def test_use_that_cannot_be_read_in_the_first_reading(
    home: Home, events: Events, is_reloaded: bool
) -> None:
    """A package of the first reading is no news once its use can be read."""
    item = _package("2", used=GIB // 2)
    home.account.packages.append(item)
    home.api.break_(Fault.odd_row(0, trafficUsed="?"), RECORDS)
    await home.set_up()
    before = _consumed(home)
    if is_reloaded:
        await home.reload()
        await home.poll()
    home.api.heal()
    item.used += MIB
    await home.poll(2)
    assert _reported(events) == []
    assert _consumed(home) - before == MIB


@pytest.mark.parametrize("is_reloaded", [False, True])
async def test_end_without_expiry_over_a_reload(
    home: Home, events: Events, is_reloaded: bool
) -> None:
    """An expiry that is missing in the reading of an end is no renewal later."""
    item = _package("2")
    home.account.packages.append(item)
    await home.set_up()
    item.used, item.expires = GIB, None
    await home.poll()
    if is_reloaded:
        await home.reload()
    await home.poll(3)
    item.used = GIB - MIB
    await home.poll(4)
    assert _reported(events) == [("depleted", "ORD-2")]
