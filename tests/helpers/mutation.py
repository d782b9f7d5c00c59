"""JSON that was right before something happened to it, for Hypothesis."""

import copy
from typing import Any, Final

from hypothesis import strategies as st

# What is near to something that means something is worth more than any other value.
_ODD: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [
        -1,
        0,
        1,
        2**31,
        2**53 + 1,
        2**63 - 1,
        2**63,
        10**30,
        -(2**70),
        1e18,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "0",
        "7",
        "-7",
        "1e5",
        "٣",
        "\x00",
        "\ud800",
        "0000-00-00 00:00:00",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "2026-02-30 00:00:00",
        "2026-03-08 02:30:00",
        "2026-03-01T12:00:00Z",
        "sign",
        "order",
        None,
        True,
        False,
        [],
        {},
    ]
)
JSON: Final = st.recursive(
    _ODD | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(value: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401
    """Return every place in a value: what it is in, and its key or number there."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [place for key, inner in items for place in ((value, key), *_places(inner))]


@st.composite
def mutated(draw: st.DrawFn, original: object) -> Any:  # noqa: ANN401
    """Draw a copy in which a few things were replaced, removed or doubled."""
    value = {"all": copy.deepcopy(original)}
    for _ in range(draw(st.integers(1, 4))):
        if not (places := _places(value)):
            break
        inside, key = draw(st.sampled_from(places))
        change = draw(st.sampled_from(["replace", "remove", "double"]))
        if change == "replace" or inside is value:
            inside[key] = draw(JSON)
        elif change == "remove":
            del inside[key]
        elif isinstance(inside, list):
            inside.insert(key, copy.deepcopy(inside[key]))
    return value["all"]
