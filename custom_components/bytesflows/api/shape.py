"""The shape of a response, without its values."""

from itertools import islice
import json
import re
from typing import Final

MAX_DEPTH: Final = 4
MAX_NAMES: Final = 20
MAX_LENGTH: Final = 600

# IDs, tokens, and URLs have other characters, or are longer.
_NAME: Final = re.compile(r"[A-Za-z_]{1,32}")

_TYPES: Final = {
    bool: "boolean",
    float: "number",
    int: "number",
    str: "text",
    type(None): "null",
}


def describe_shape(body: bytes) -> str:
    """Return the names and types in a JSON text, or the kind of another body.

    Values are left out, and names that could be some.
    """
    try:
        shape = _shape(json.loads(body), 0)
    except ValueError, RecursionError:
        if not body:
            return "empty"
        return "HTML" if body.lstrip().startswith(b"<") else "not JSON"
    return shape if len(shape) <= MAX_LENGTH else f"{shape[:MAX_LENGTH]}…"


def _shape(value: object, depth: int) -> str:
    """Return the shape of a value."""
    if isinstance(value, dict):
        items = [
            f"{name if _NAME.fullmatch(name) else '…'}: {_shape(item, depth + 1)}"
            for name, item in islice(
                value.items(), MAX_NAMES if depth < MAX_DEPTH else 0
            )
        ]
        return f"{{{', '.join(items + ['…'] * (len(items) < len(value)))}}}"
    if isinstance(value, list):
        first = _shape(value[0], depth + 1) if value and depth < MAX_DEPTH else "…"
        return f"[{len(value)} of {first}]" if value else "[]"
    return _TYPES[type(value)]
