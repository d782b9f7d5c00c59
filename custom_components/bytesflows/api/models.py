"""Responses of the BytesFlows API as immutable, typed values.

Sizes are bytes, times are aware and in UTC, percentages range from 0 to 100. The API
document is the vendor's "Traffic Query API". What it leaves open is settled here, in
`values`, and in `times`: numbers may arrive as text, times have no time zone, and
unknown values are kept. A value that cannot be read makes its own field unknown and is
named in `unreadable`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple

from .exceptions import BytesFlowsParseError
from .times import format_time, parse_time
from .values import (
    read_amount,
    read_currency,
    read_decimal,
    read_id,
    read_integer,
    read_size,
    read_text,
)

MAX_CACHED_ROWS: Final = 20_000
"""Rows that are kept as they were read; beyond that, it starts over."""
ROWS_AT_ONCE: Final = 200
"""Rows that are decoded before others have a turn, in a millisecond or two."""

_MAX_USE: Final = 110
"""Percent of a package's size, above which its use is not believed."""
_ACTIVE: Final = 1

_ODD: Final = frozenset({bool, float})

type _Reader = Callable[[object], object]


class Source(StrEnum):
    """How a package was acquired (API document, section 2, `sourceType`)."""

    ORDER = "order"
    SIGN = "sign"
    OTHER = "other"


_SOURCES: Final[dict[str | None, Source]] = {source.value: source for source in Source}


def _read_own_id(value: object) -> str:
    """Read the id of a record, without which it is none."""
    if (text := read_id(value)) is None:
        raise ValueError("no id")
    return text


def _read_source(value: object) -> Source:
    """Read a source; one that the API document does not know is `OTHER`."""
    # The usual case, twice as fast.
    if type(value) is str and (source := _SOURCES.get(value)) is not None:
        return source
    return _SOURCES.get(read_text(value), Source.OTHER)


class _Field(NamedTuple):
    """A field of an object of the API."""

    attribute: str
    name: str
    """The name in the API document."""
    read: _Reader
    is_required: bool = False
    """Whether the field counts as unreadable if it is missing or null."""


_OVERVIEW_FIELDS: Final = (
    _Field("total_traffic", "totalTraffic", read_size, is_required=True),
    _Field("available_traffic", "dynamicTraffic", read_amount, is_required=True),
    _Field("balance", "balance", read_decimal),
    _Field("currency", "currency", read_currency),
)


def _record_fields(read_time: _Reader) -> tuple[_Field, ...]:
    """Return the fields of a record, in the order of its attributes."""
    return (
        _Field("id", "id", _read_own_id, is_required=True),
        _Field("order_id", "orderId", read_id),
        _Field("source", "sourceType", _read_source),
        _Field("traffic", "traffic", read_size, is_required=True),
        _Field("traffic_used", "trafficUsed", read_size, is_required=True),
        _Field("created", "createTime", read_time),
        _Field("expires", "expireTime", read_time),
        _Field("status", "status", read_integer, is_required=True),
    )


_RECORD_ATTRIBUTES: Final = {
    field.name: field.attribute for field in _record_fields(read_text)
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


type _Values = tuple[object, ...]
"""The values of a row, in the order of the fields of a record."""


class Codec:
    """Convert between the API's objects and ours, with times in one time zone."""

    def __init__(self, time_zone: tzinfo) -> None:
        """Set the time zone in which the API writes times."""
        self.time_zone: Final = time_zone
        self._record_fields = _record_fields(partial(parse_time, time_zone))
        self._readers = [field.read for field in self._record_fields]
        # Most rows are the same at the next reading. Bounded by `MAX_CACHED_ROWS`, and
        # by the limits of every text of a row that can be read. Two dicts, because the
        # garbage collector would scan the pairs of a single one.
        self._rows: dict[object, _Values] = {}
        self._records: dict[object, Record] = {}

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
        records = tuple(self._decode_rows(rows))
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
            self._decode_rows(rows[first : first + ROWS_AT_ONCE])
            await asyncio.sleep(0)

    def decode_record(self, row: object) -> Record:
        """Return the record in a row (API document, section 2).

        Raise `BytesFlowsParseError` if it is no object or has no readable id.
        """
        if not (records := self._decode_rows([row])):
            raise _unexpected("id")
        return records[0]

    def encode_record(self, record: Record) -> dict[str, Any]:
        """Return a record as the API writes it (API document, section 2)."""
        return {
            "id": record.id,
            "orderId": record.order_id,
            "sourceType": record.source.value,
            "traffic": record.traffic,
            "trafficUsed": record.traffic_used,
            "createTime": format_time(self.time_zone, record.created),
            "expireTime": format_time(self.time_zone, record.expires),
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

    def _decode_rows(self, rows: list[Any]) -> list[Record]:
        """Return the records in rows, but none for a row without a readable id."""
        try:
            table = [*map(_documented_values, rows)]
        except KeyError, TypeError:
            objects = (row for row in rows if isinstance(row, dict))
            table = [tuple(map(row.get, _RECORD_NAMES)) for row in objects]
        if (records := self._decode_new(table)) is None:
            decoded = map(self._decode_row, table)
            records = [record for record in decoded if record is not None]
        return records

    def _decode_new(self, table: list[_Values]) -> list[Record] | None:
        """Return the records of new rows, or None if they must be read one by one.

        New and usual rows are read column by column, which takes two thirds of the
        time.
        """
        try:
            if not self._rows.keys().isdisjoint(row[0] for row in table):
                return None
            ids = [row[0] for row in table]
            if len(set(ids)) < len(ids) or len(self._rows) + len(ids) > MAX_CACHED_ROWS:
                return None
            records = _read_columns(self._readers, table)
        except TypeError, ValueError:
            return None
        if any(map(_is_overused, records)):
            return None
        self._rows.update(zip(ids, table, strict=True))
        self._records.update(zip(ids, records, strict=True))
        return records

    def _decode_row(self, row: _Values) -> Record | None:
        """Return the record in a row, or None if it has no readable id."""
        try:
            is_known = self._rows.get(row[0]) == row
        except TypeError:
            return None
        # Booleans equal 0 and 1, but cannot be read; nor can ids with a fraction.
        if is_known and _ODD.isdisjoint(map(type, row)):
            return self._records[row[0]]
        record = self._decode_fields(row)
        if record is not None and not record.unreadable:
            if len(self._rows) >= MAX_CACHED_ROWS:
                self._rows.clear()
                self._records.clear()
            self._rows[row[0]], self._records[row[0]] = row, record
        return record

    def _decode_fields(self, row: _Values) -> Record | None:
        """Return the record of a row, or None if it has no readable id."""
        try:
            # The usual case, and the fastest: all of them can be read.
            record = Record(*self._read_values(row))
        except TypeError, ValueError:
            values, unreadable = _read_fields(self._record_fields, row)
            if "id" in unreadable:
                return None
            record = Record(**values, unreadable=unreadable)
        if _is_overused(record):
            unreadable = record.unreadable | {"trafficUsed"}
            record = record._replace(traffic_used=0, unreadable=unreadable)
        return record

    def _read_values(self, row: _Values) -> list[Any]:
        """Return the values of a row, reusing those of the last row of the same id.

        Raise TypeError or ValueError if one of them cannot be read.
        """
        before = self._rows.get(row[0])
        if before is None:
            return [read(it) for read, it in zip(self._readers, row, strict=True)]
        # All but the names of unreadable fields, of which a row that is kept has none.
        known = self._records[row[0]][:-1]
        values = zip(self._readers, row, before, known, strict=True)
        return [
            value if it == was and type(it) is type(was) else read(it)
            for read, it, was, value in values
        ]


def _is_overused(record: Record) -> bool:
    """Return whether the use of a package is too high to be believed."""
    size, used = record.traffic, record.traffic_used
    return 0 < size < used and used * 100 > size * _MAX_USE


def _read_columns(readers: Iterable[_Reader], table: Iterable[_Values]) -> list[Record]:
    """Return the records of some rows.

    Raise TypeError or ValueError if any value cannot be read.
    """
    columns = [
        map(read, values)
        for read, values in zip(readers, zip(*table, strict=True), strict=True)
    ]
    return [*map(Record._make, zip(*columns, repeat(frozenset())))]


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
        return read_size(value)
    except TypeError, ValueError:
        return None


def _unexpected(field: str) -> BytesFlowsParseError:
    """Return the error for a part of a response that has the wrong type."""
    return BytesFlowsParseError("the response is not as documented", field=field)
