"""The answers of the BytesFlows API as immutable, typed values.

Sizes are bytes, times are aware and in UTC, percentages run from 0 to 100. The document
is the vendor's "Traffic Query API"; what it leaves open is settled here, at the edge:
numbers may come as strings, times carry no zone, unknown values are kept and counted.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
import re
from typing import Any, Final, override

from mashumaro import field_options
from mashumaro.codecs import BasicDecoder
from mashumaro.exceptions import InvalidFieldValue, MissingField

from .exceptions import BytesFlowsParseError

# The largest number that a 64-bit server can mean.
_MAX_INTEGER: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?", re.ASCII)
# Servers write "no date" as the start of their calendar or as its end.
_YEARS_WITH_MEANING: Final = range(1971, 2099)

_OVER: Final = 0
_ACTIVE: Final = 1

# The zone in which the answer at hand is written: mashumaro hands nothing through.
_time_zone: ContextVar[tzinfo] = ContextVar("time_zone")


def _decimal(value: object) -> Decimal:
    """Read a number that came as a number or as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("not a number")
    text = str(value).strip()
    if not _NUMBER.fullmatch(text) or abs(Decimal(text)) > _MAX_INTEGER:
        raise ValueError("not a finite number of at most 64 bits")
    return Decimal(text)


def _size(value: object) -> int:
    """Read a number of bytes, rounded to whole ones."""
    # As it nearly always is, and ten times as fast.
    if type(value) is int and 0 <= value <= _MAX_INTEGER:
        return value
    number = round(_decimal(value))
    if number < 0:
        raise ValueError("a size below zero")
    return number


def _status(value: object) -> int | None:
    """Read a status; one that is no number is unknown, and so not active."""
    if type(value) is int and 0 <= value <= _MAX_INTEGER:
        return value
    try:
        number = _decimal(value)
    except TypeError, ValueError:
        return None
    return int(number) if number == int(number) else None


def _text(value: object) -> str | None:
    """Read a short text that may be sent as a number; an empty one is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a text")
    text = str(value).strip()
    if not text.isascii():
        text.encode()  # Half a surrogate pair could not be stored or shown anywhere.
    return text or None


def _identifier(value: object) -> str:
    """Read a text that has to be there."""
    if (text := _text(value)) is None:
        raise ValueError("empty")
    return text


def _time(value: object) -> datetime | None:
    """Read a time, which is written without a zone, as a moment in UTC.

    An empty text and what stands for "no date" are none. A time that a change of the
    clocks makes ambiguous is read as the earlier one.
    """
    if not isinstance(value, str):
        raise TypeError("not a time")
    return _moment(value.strip(), _time_zone.get())


@lru_cache(maxsize=1024)  # Poll after poll has the same times.
def _moment(text: str, time_zone: tzinfo) -> datetime | None:
    """Read a time of a zone."""
    if not text or text.startswith("0000-"):
        return None
    time = datetime.fromisoformat(text)
    if time.year not in _YEARS_WITH_MEANING:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=time_zone)
    return time.astimezone(UTC)


class Source(StrEnum):
    """How a package was acquired (`sourceType`)."""

    ORDER = "order"
    SIGN = "sign"
    OTHER = "other"

    @classmethod
    @override
    def _missing_(cls, value: object) -> Source:
        """Accept sources that the document does not know yet."""
        return cls.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The account's figures (document, section 1)."""

    total_traffic: int = field(
        metadata=field_options(alias="totalTraffic", deserialize=_size)
    )
    """Total traffic quota, in bytes."""
    available_traffic: int = field(
        metadata=field_options(alias="dynamicTraffic", deserialize=_size)
    )
    """Current available traffic, in bytes."""
    balance: Decimal | None = field(
        default=None, metadata=field_options(deserialize=_decimal)
    )
    """Account balance in `currency`; it may be negative."""
    currency: str | None = field(
        default=None, metadata=field_options(deserialize=_text)
    )
    """ISO 4217 code of the balance."""

    @property
    def used_traffic(self) -> int:
        """Bytes used, calculated as the document says."""
        return self.total_traffic - self.available_traffic

    @property
    def available_percentage(self) -> float | None:
        """Available share of the total in percent, or None where the total is zero."""
        if self.total_traffic == 0:
            return None
        return self.available_traffic / self.total_traffic * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A package of traffic that the account acquired (document, section 2)."""

    id: str = field(metadata=field_options(deserialize=_identifier))
    traffic: int = field(metadata=field_options(deserialize=_size))
    """Size of the package, in bytes."""
    traffic_used: int = field(
        metadata=field_options(alias="trafficUsed", deserialize=_size)
    )
    """Bytes of it that are used; servers may report more than its size."""
    order_id: str | None = field(
        default=None, metadata=field_options(alias="orderId", deserialize=_text)
    )
    """Order or task that it came from."""
    source: Source = field(
        default=Source.OTHER, metadata=field_options(alias="sourceType")
    )
    created: datetime | None = field(
        default=None, metadata=field_options(alias="createTime", deserialize=_time)
    )
    expires: datetime | None = field(
        default=None, metadata=field_options(alias="expireTime", deserialize=_time)
    )
    """Moment of expiry, or None for a package that never expires."""
    status: int | None = field(
        default=None, metadata=field_options(deserialize=_status)
    )
    """1 for active; everything else counts as inactive."""

    @property
    def is_active(self) -> bool:
        """Whether the server calls the package active."""
        return self.status == _ACTIVE

    @property
    def is_over(self) -> bool:
        """Whether the server calls the package expired or invalid."""
        return self.status == _OVER

    @property
    def remaining(self) -> int:
        """Bytes that are left, never below zero."""
        return max(0, self.traffic - self.traffic_used)

    @property
    def is_depleted(self) -> bool:
        """Whether nothing is left of a package that had something."""
        return self.traffic > 0 and self.remaining == 0

    def is_usable(self, now: datetime) -> bool:
        """Return whether traffic can be drawn from it at an (aware) moment."""
        expired = self.expires is not None and self.expires <= now
        return self.is_active and not expired and self.remaining > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsPage:
    """One page of the records (document, section 2)."""

    records: tuple[Record, ...]
    total: int = field(metadata=field_options(deserialize=_size))
    """Number of records on all pages."""


_OVERVIEW: Final = BasicDecoder(Overview)
_PAGE: Final = BasicDecoder(RecordsPage)
_RECORD: Final = BasicDecoder(Record)


class Codec:
    """Turn what the API writes into models, and back, with times in one zone."""

    def __init__(self, time_zone: tzinfo) -> None:
        """Keep the zone in which the API writes its times."""
        self.time_zone = time_zone

    def overview(self, data: dict[str, Any]) -> Overview:
        """Read an overview; raise `BytesFlowsParseError` naming the field."""
        return self._decode(_OVERVIEW, data)

    def figures(self, overview: Overview) -> dict[str, Any]:
        """Write an overview as the API does (document, section 1)."""
        balance = overview.balance
        return {
            "totalTraffic": overview.total_traffic,
            "dynamicTraffic": overview.available_traffic,
            "balance": None if balance is None else str(balance),
            "currency": overview.currency,
        }

    def page(self, data: dict[str, Any]) -> RecordsPage:
        """Read a page of records; raise `BytesFlowsParseError` naming the field."""
        if not isinstance(data.get("records"), list):
            raise BytesFlowsParseError(
                "the answer has no list where one belongs", field="records"
            )
        return self._decode(_PAGE, data)

    def record(self, row: dict[str, Any]) -> Record:
        """Read a record; raise `BytesFlowsParseError` naming the field."""
        return self._decode(_RECORD, row)

    def row(self, record: Record) -> dict[str, Any]:
        """Write a record as the API does (document, section 2)."""
        return {
            "id": record.id,
            "orderId": record.order_id,
            "sourceType": record.source.value,
            "traffic": record.traffic,
            "trafficUsed": record.traffic_used,
            "createTime": self.text(record.created),
            "expireTime": self.text(record.expires),
            "status": record.status,
        }

    def time(self, text: str) -> datetime | None:
        """Read a time; raise ValueError for anything else."""
        token = _time_zone.set(self.time_zone)
        try:
            return _time(text)
        finally:
            _time_zone.reset(token)

    def text(self, time: datetime | None) -> str | None:
        """Write a time as the API does: in its zone, without naming it."""
        if time is None:
            return None
        return time.astimezone(self.time_zone).replace(tzinfo=None).isoformat(" ")

    def _decode[ModelT](
        self, decoder: BasicDecoder[ModelT], data: dict[str, Any]
    ) -> ModelT:
        """Decode, and name the innermost field that did not fit."""
        token = _time_zone.set(self.time_zone)
        try:
            return decoder.decode(data)
        except (LookupError, TypeError, ValueError) as err:
            field_name = _innermost_field(err)
        finally:
            _time_zone.reset(token)
        # Raised out here because mashumaro's exceptions hold the values themselves.
        raise BytesFlowsParseError(
            "a field of the answer is missing or was not understood", field=field_name
        )


def _innermost_field(error: BaseException) -> str | None:
    """Return the document's name of the field in which decoding stopped."""
    name = None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MissingField | InvalidFieldValue):
            options = {item.name: item.metadata for item in fields(cause.holder_class)}
            name = options[cause.field_name].get("alias") or cause.field_name
        cause = cause.__cause__ or cause.__context__
    return name
