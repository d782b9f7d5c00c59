"""Responses of the BytesFlows API as immutable, typed values.

Sizes are bytes, times are aware and in UTC, percentages range from 0 to 100. The API
document is the vendor's "Traffic Query API". What it leaves open is settled here:
numbers may arrive as text, times have no time zone, and unknown values are kept. A
value that cannot be read makes its own field unknown and is named in `unreadable`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
import re
from typing import Any, Final, NamedTuple

from .exceptions import BytesFlowsParseError

MAX_CACHED_ROWS: Final = 20_000
"""Rows that are kept as they were read; beyond that, it starts over."""
ROWS_AT_ONCE: Final = 200
"""Rows that are decoded before others have a turn, in a millisecond or two."""

# The largest number that a 64-bit server can send.
_MAX_INTEGER: Final = 2**63 - 1
_MAX_TEXT: Final = 128
_MAX_CURRENCY: Final = 16
_MAX_USE: Final = 110
"""Percent of a package's size, above which its use is not believed."""
_NUMBER: Final = re.compile(
    r"[+-]?\d{1,30}+(\.\d{1,30}+)?([eE][+-]?\d{1,2}+)?", re.ASCII
)
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
# Each unit with the number from which on times are in the next smaller one: seconds
# reach it in the year 33658, milliseconds reached it in 2001.
_UNITS: Final = (
    (10**12, Decimal(1_000_000)),
    (10**15, Decimal(1_000)),
    (10**18, Decimal(1)),
)
_NANOSECOND: Final = Decimal("0.001")
# As Unix times these would be in 1970, or centuries ahead.
_COMPACT: Final = re.compile(r"\d{8}(\d{6})?", re.ASCII)
_USUAL_LENGTH: Final = len("2026-02-21 20:00:00")
# Servers write "no date" as the start of their calendar or as its end.
_FIRST_YEAR: Final = 1971
_LAST_YEAR: Final = 2098
_ACTIVE: Final = 1

_ODD: Final = frozenset({bool, float})

type _Reader = Callable[[object], object]


class Source(StrEnum):
    """How a package was acquired (API document, section 2, `sourceType`)."""

    ORDER = "order"
    SIGN = "sign"
    OTHER = "other"


_SOURCES: Final[dict[str | None, Source]] = {source.value: source for source in Source}


def _read_decimal(value: object) -> Decimal:
    """Read a number that arrived as a number or as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("not a number")
    return _decimal(str(value).strip())


# Most polls have the same balance.
@lru_cache(maxsize=4)
def _decimal(text: str) -> Decimal:
    """Return the number in a text."""
    if not _NUMBER.fullmatch(text) or abs(Decimal(text)) > _MAX_INTEGER:
        raise ValueError("not a finite number of at most 64 bits")
    return Decimal(text)


def _read_amount(value: object) -> int:
    """Read a number of bytes, rounded to whole ones, which may be negative."""
    # The usual case, ten times as fast.
    if type(value) is int and -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return value
    return round(_read_decimal(value))


def _read_size(value: object) -> int:
    """Read a number of bytes that cannot be negative."""
    # The usual case, twice as fast.
    if type(value) is int and 0 <= value <= _MAX_INTEGER:
        return value
    size = _read_amount(value)
    if size < 0:
        raise ValueError("negative")
    return size


def read_integer(value: object) -> int:
    """Read an integer of at most 64 bits.

    Raise ValueError or TypeError if the value is anything else.
    """
    if type(value) is int and -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return value
    number = _read_decimal(value)
    if number != int(number):
        raise ValueError("not an integer")
    return int(number)


def _read_text(value: object, max_length: int = _MAX_TEXT) -> str | None:
    """Read a short text; an empty one means that there is none."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    if len(value) > max_length:
        raise ValueError("too long")
    text = value.strip()
    if not text.isascii():
        text.encode()  # Half a surrogate pair could be neither stored nor shown.
    return text or None


def _read_currency(value: object) -> str | None:
    """Read a currency."""
    return _read_text(value, _MAX_CURRENCY)


def _read_id(value: object) -> str | None:
    """Read an id, which may arrive as a number."""
    return _read_text(str(value) if type(value) is int else value)


def _read_own_id(value: object) -> str:
    """Read the id of a record, without which it is none."""
    if (text := _read_id(value)) is None:
        raise ValueError("no id")
    return text


def _read_source(value: object) -> Source:
    """Read a source; one that the API document does not know is `OTHER`."""
    # The usual case, twice as fast.
    if type(value) is str and (source := _SOURCES.get(value)) is not None:
        return source
    return _SOURCES.get(_read_text(value), Source.OTHER)


class _Field(NamedTuple):
    """A field of an object of the API."""

    attribute: str
    name: str
    """The name in the API document."""
    read: _Reader
    is_required: bool = False
    """Whether the field counts as unreadable if it is missing or null."""


_OVERVIEW_FIELDS: Final = (
    _Field("total_traffic", "totalTraffic", _read_size, is_required=True),
    _Field("available_traffic", "dynamicTraffic", _read_amount, is_required=True),
    _Field("balance", "balance", _read_decimal),
    _Field("currency", "currency", _read_currency),
)


def _record_fields(read_time: _Reader) -> tuple[_Field, ...]:
    """Return the fields of a record, in the order of its attributes."""
    return (
        _Field("id", "id", _read_own_id, is_required=True),
        _Field("order_id", "orderId", _read_id),
        _Field("source", "sourceType", _read_source),
        _Field("traffic", "traffic", _read_size, is_required=True),
        _Field("traffic_used", "trafficUsed", _read_size, is_required=True),
        _Field("created", "createTime", read_time),
        _Field("expires", "expireTime", read_time),
        _Field("status", "status", read_integer, is_required=True),
    )


_RECORD_ATTRIBUTES: Final = {
    field.name: field.attribute for field in _record_fields(_read_text)
}
_RECORD_NAMES: Final = tuple(_RECORD_ATTRIBUTES)
_documented_values: Final = itemgetter(*_RECORD_NAMES)


class Overview(NamedTuple):
    """Traffic and balance of an account (API document, section 1)."""

    total_traffic: int | None = None
    """Total traffic quota, in bytes; None if it could not be read."""
    available_traffic: int | None = None
    """Available traffic, in bytes, negative if overdrawn; None if unreadable."""
    balance: Decimal | None = None
    """Account balance in `currency`; it may be negative."""
    currency: str | None = None
    """Currency of the balance, up to 16 characters."""
    unreadable: frozenset[str] = frozenset()
    """The API document's names of the fields that could not be read."""

    @property
    def used_traffic(self) -> int | None:
        """Bytes used, calculated as the API document says; None if unknown."""
        if self.total_traffic is None or self.available_traffic is None:
            return None
        return self.total_traffic - self.available_traffic

    @property
    def available_percentage(self) -> float | None:
        """Percentage of the total that is available, 0 if overdrawn.

        None if the total is zero or one of both is unknown.
        """
        if not self.total_traffic or self.available_traffic is None:
            return None
        return max(0.0, self.available_traffic / self.total_traffic * 100)


class Record(NamedTuple):
    """A package of traffic that the account acquired (API document, section 2).

    There can be thousands, and a tuple is made in a quarter of the time of a dataclass.
    """

    id: str
    order_id: str | None = None
    """Order or task that the package belongs to."""
    source: Source = Source.OTHER
    traffic: int = 0
    """Size of the package, in bytes; 0 for an unlimited package."""
    traffic_used: int = 0
    """Bytes used of the package; servers may report more than its size."""
    created: datetime | None = None
    """Time of creation, in UTC."""
    expires: datetime | None = None
    """Time of expiry, in UTC; None for a package that never expires."""
    status: int | None = None
    """1 for active; everything else counts as inactive."""
    unreadable: frozenset[str] = frozenset()
    """The API document's names of the fields that could not be read."""

    @property
    def is_active(self) -> bool:
        """Whether the server calls the package active."""
        return self.status == _ACTIVE

    @property
    def remaining(self) -> int:
        """Remaining bytes, never negative; 0 for an unlimited package."""
        return max(0, self.traffic - self.traffic_used)

    @property
    def is_unlimited(self) -> bool:
        """Whether the package has no size."""
        return self.traffic == 0

    @property
    def is_depleted(self) -> bool:
        """Whether a package with a size has no bytes remaining."""
        return 0 < self.traffic <= self.traffic_used

    def is_usable(self, now: datetime) -> bool:
        """Return whether traffic can be drawn from the package at an aware time."""
        return (
            self.status == _ACTIVE
            and (self.expires is None or self.expires > now)
            and not 0 < self.traffic <= self.traffic_used
        )

    def completed_by(self, previous: Record) -> Record:
        """Return the record with its unreadable fields taken from a previous one.

        `unreadable` stays as it is.
        """
        if not self.unreadable:
            return self
        attributes = [_RECORD_ATTRIBUTES[name] for name in self.unreadable]
        # The table names the attributes, so their types cannot be checked here.
        changes: dict[str, Any] = {name: getattr(previous, name) for name in attributes}
        return self._replace(**changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsPage:
    """One page of the records (API document, section 2)."""

    records: tuple[Record, ...]
    """The rows in the server's order, including repeated ones."""
    total: int | None
    """Number of rows on all pages; None if it could not be read."""
    unidentified: int = 0
    """Number of rows that are no objects or have no readable id."""


type _Cached = tuple[tuple[object, ...], Record]
"""The values of a row, and the record that they were read as."""


class Codec:
    """Convert between the API's objects and ours, with times in one time zone."""

    def __init__(self, time_zone: tzinfo) -> None:
        """Set the time zone in which the API writes times."""
        self.time_zone: Final = time_zone
        self._record_fields = _record_fields(self.parse_time)
        self._readers = [field.read for field in self._record_fields]
        # Most rows are the same at the next reading. Bounded by `MAX_CACHED_ROWS`, and
        # by the limits of every text of a row that can be read.
        self._cached: dict[object, _Cached] = {}

    def decode_overview(self, data: object) -> Overview:
        """Return the overview in `data` (API document, section 1).

        Raise `BytesFlowsParseError` if it is not an object.
        """
        if not isinstance(data, dict):
            raise _unexpected("data")
        values, unreadable = _read_fields(
            _OVERVIEW_FIELDS, [data.get(field.name) for field in _OVERVIEW_FIELDS]
        )
        return Overview(**values, unreadable=unreadable)

    def encode_overview(self, overview: Overview) -> dict[str, Any]:
        """Return an overview as the API writes it (API document, section 1)."""
        balance = overview.balance
        return {
            "totalTraffic": overview.total_traffic,
            "dynamicTraffic": overview.available_traffic,
            "balance": None if balance is None else str(balance),
            "currency": overview.currency,
        }

    def decode_page(self, data: object, *, max_rows: int | None = None) -> RecordsPage:
        """Return the page in `data` (API document, section 2); None is an empty page.

        A row that equals the last readable one of the same id gives the same `Record`.
        Raise `BytesFlowsParseError` if `data` is no object, has no list without a
        total of 0, or has more than `max_rows` rows.
        """
        if data is None:
            return RecordsPage(records=(), total=0)
        if not isinstance(data, dict):
            raise _unexpected("data")
        total = _read_total(data.get("total"))
        rows = data.get("records")
        if rows is None and total == 0:
            rows = []
        if not isinstance(rows, list):
            raise _unexpected("records")
        if max_rows is not None and len(rows) > max_rows:
            raise BytesFlowsParseError("the page has too many rows", field="records")
        decoded = map(self._decode_row, rows)
        records = tuple([record for record in decoded if record is not None])
        return RecordsPage(
            records=records, total=total, unidentified=len(rows) - len(records)
        )

    async def decode_ahead(self, data: object) -> None:
        """Decode the rows of a large page in parts, between which others have a turn.

        `decode_page` then finds them decoded.
        """
        rows = data.get("records") if isinstance(data, dict) else None
        if not isinstance(rows, list) or len(rows) > MAX_CACHED_ROWS:
            return
        for first in range(0, len(rows) - ROWS_AT_ONCE, ROWS_AT_ONCE):
            for row in rows[first : first + ROWS_AT_ONCE]:
                self._decode_row(row)
            await asyncio.sleep(0)

    def decode_record(self, row: object) -> Record:
        """Return the record in a row (API document, section 2).

        Raise `BytesFlowsParseError` if it is no object or has no readable id.
        """
        if (record := self._decode_row(row)) is None:
            raise _unexpected("id")
        return record

    def encode_record(self, record: Record) -> dict[str, Any]:
        """Return a record as the API writes it (API document, section 2)."""
        return {
            "id": record.id,
            "orderId": record.order_id,
            "sourceType": record.source.value,
            "traffic": record.traffic,
            "trafficUsed": record.traffic_used,
            "createTime": self.format_time(record.created),
            "expireTime": self.format_time(record.expires),
            "status": record.status,
        }

    def restore_record(self, row: Mapping[str, object]) -> Record:
        """Return the record that `encode_record` wrote, whose values were believed.

        A status may be unknown, and a use higher than a size that was corrected.
        Raise ValueError if it has no readable id.
        """
        fields = [item._replace(is_required=False) for item in self._record_fields]
        values, unreadable = _read_fields(fields, [row.get(it.name) for it in fields])
        if "id" not in values:
            raise ValueError("no id")
        return Record(**values, unreadable=unreadable)

    def parse_time(self, value: object) -> datetime | None:
        """Return a time in UTC, or None for a value that means "no date".

        A time without an offset is read in the API's time zone; if a change of the
        clocks makes it ambiguous, as the earlier one. Numbers are Unix times, in
        seconds or a smaller unit, or dates without separators. Raise ValueError or
        TypeError if the value cannot be read.
        """
        if value is None:
            return None
        if (
            type(value) is str
            and len(value) == _USUAL_LENGTH
            and value[4] == "-"
            and value[13] == ":"
            and value.isascii()
        ):
            # The usual case, twice as fast.
            try:
                return _to_utc(datetime.fromisoformat(value), self.time_zone)
            except ValueError:
                pass
        text = _read_text(str(value) if type(value) in {int, float} else value)
        if text is None or text == "-" or text.startswith("0000"):
            return None
        if _COMPACT.fullmatch(text):
            with suppress(ValueError):
                compact = f"{text[:8]}T{text[8:]:0<6}"
                return _to_utc(datetime.fromisoformat(compact), self.time_zone)
        if _NUMBER.fullmatch(text):
            return _from_unix(_read_decimal(text), self.time_zone)
        return _to_utc(datetime.fromisoformat(text.replace("/", "-")), self.time_zone)

    def format_time(self, time: datetime | None) -> str | None:
        """Return an aware time as the API writes it: local, without a time zone.

        The later one of two ambiguous times keeps its offset.
        """
        if time is None:
            return None
        local = time.astimezone(self.time_zone)
        return (local if local.fold else local.replace(tzinfo=None)).isoformat(" ")

    def _decode_row(self, row: object) -> Record | None:
        """Return the record in a row, or None if it has no readable id."""
        if not isinstance(row, dict):
            return None
        try:
            values = _documented_values(row)
        except KeyError:
            values = tuple(map(row.get, _RECORD_NAMES))
        try:
            cached = self._cached.get(values[0])
        except TypeError:
            return None
        # Booleans equal 0 and 1, but cannot be read; nor can ids with a fraction.
        if cached and cached[0] == values and _ODD.isdisjoint(map(type, values)):
            return cached[1]
        record = self._decode_fields(values, cached)
        if record is not None and not record.unreadable:
            if len(self._cached) >= MAX_CACHED_ROWS:
                self._cached.clear()
            self._cached[values[0]] = values, record
        return record

    def _decode_fields(
        self, row: tuple[object, ...], cached: _Cached | None
    ) -> Record | None:
        """Return the record of the values of a row, or None without a readable id."""
        try:
            # The usual case, and the fastest: all of them can be read.
            record = Record(*_read_values(self._readers, row, cached))
        except TypeError, ValueError:
            values, unreadable = _read_fields(self._record_fields, row)
            if "id" in unreadable:
                return None
            record = Record(**values, unreadable=unreadable)
        size = record.traffic
        if size and record.traffic_used * 100 > size * _MAX_USE:
            unreadable = record.unreadable | {"trafficUsed"}
            record = record._replace(traffic_used=0, unreadable=unreadable)
        return record


def _to_utc(time: datetime, zone: tzinfo) -> datetime | None:
    """Return a time in UTC, or None for a year that means "no date".

    One without an offset is in the time zone.
    """
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        return None
    if time.tzinfo is None:
        offset = zone.utcoffset(time) or timedelta(0)
        return (time - offset).replace(tzinfo=UTC)
    if not _FIRST_YEAR <= time.astimezone(zone).year <= _LAST_YEAR:
        return None
    return time.astimezone(UTC)


def _from_unix(number: Decimal, zone: tzinfo) -> datetime | None:
    """Return the time of a Unix time in UTC."""
    unit = next((unit for limit, unit in _UNITS if abs(number) < limit), _NANOSECOND)
    try:
        return _to_utc(_EPOCH + timedelta(microseconds=int(number * unit)), zone)
    except OverflowError:
        return None


def _read_values(
    readers: Iterable[_Reader], row: tuple[object, ...], cached: _Cached | None
) -> list[Any]:
    """Return the values of a row, reusing those that equal the cached row's.

    Raise TypeError or ValueError if one of them cannot be read.
    """
    if cached is None:
        return [read(it) for read, it in zip(readers, row, strict=True)]
    before, known = cached
    # All but the names of unreadable fields, of which a cached row has none.
    return [
        value if it == was and type(it) is type(was) else read(it)
        for read, it, was, value in zip(readers, row, before, known[:-1], strict=True)
    ]


def _read_fields(
    fields: Iterable[_Field], values: Iterable[object]
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the values by attribute, and the names of the unreadable fields."""
    readable: dict[str, Any] = {}
    unreadable = []
    for (attribute, name, read, is_required), value in zip(fields, values, strict=True):
        if value is None:
            if is_required:
                unreadable.append(name)
            continue
        try:
            readable[attribute] = read(value)
        except TypeError, ValueError:
            unreadable.append(name)
    return readable, frozenset(unreadable)


def _read_total(value: object) -> int | None:
    """Return the total of a page, or None if it cannot be read."""
    try:
        return _read_size(value)
    except TypeError, ValueError:
        return None


def _unexpected(field: str) -> BytesFlowsParseError:
    """Return the error for a part of a response that has the wrong type."""
    return BytesFlowsParseError("the response is not as documented", field=field)
