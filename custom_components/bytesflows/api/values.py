"""Values of responses: numbers and short texts, which may arrive as one another.

All readers raise ValueError or TypeError if a value cannot be read.
"""

from decimal import Decimal
from functools import lru_cache
import re
from typing import Final

# The largest number that a 64-bit server can send.
_MAX_INTEGER: Final = 2**63 - 1
_MAX_TEXT: Final = 128
_MAX_CURRENCY: Final = 16
NUMBER: Final = re.compile(
    r"[+-]?\d{1,30}+(\.\d{1,30}+)?([eE][+-]?\d{1,2}+)?", re.ASCII
)


def read_decimal(value: object) -> Decimal:
    """Read a number that arrived as a number or as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("not a number")
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        raise ValueError("too long")
    return _decimal(str(value).strip())


# Most polls have the same balance.
@lru_cache(maxsize=4)
def _decimal(text: str) -> Decimal:
    """Return the number in a text."""
    if not NUMBER.fullmatch(text) or abs(Decimal(text)) > _MAX_INTEGER:
        raise ValueError("not a finite number of at most 64 bits")
    return Decimal(text)


def read_amount(value: object) -> int:
    """Read a number of bytes, rounded to whole ones, which may be negative."""
    # The usual case, ten times as fast.
    if type(value) is int and -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return value
    return round(read_decimal(value))


def read_size(value: object) -> int:
    """Read a number of bytes that cannot be negative."""
    # The usual case, twice as fast.
    if type(value) is int and 0 <= value <= _MAX_INTEGER:
        return value
    size = read_amount(value)
    if size < 0:
        raise ValueError("negative")
    return size


def read_integer(value: object) -> int:
    """Read an integer of at most 64 bits."""
    if type(value) is int and -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return value
    number = read_decimal(value)
    if number != int(number):
        raise ValueError("not an integer")
    return int(number)


def read_text(value: object, max_length: int = _MAX_TEXT) -> str | None:
    """Read a short text; an empty one means that there is none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("not a text")
    if len(value) > max_length:
        raise ValueError("too long")
    text = value.strip()
    if not text.isascii():
        text.encode()  # Half a surrogate pair could be neither stored nor shown.
    return text or None


def read_currency(value: object) -> str | None:
    """Read a currency."""
    return read_text(value, _MAX_CURRENCY)


def read_id(value: object) -> str | None:
    """Read an id, which may arrive as a number."""
    return read_text(str(value) if type(value) is int else value)
