"""Texts, comments, and docstrings follow the style guide.

Only phrases that are never right are forbidden: see the house form in CONTRIBUTING.md.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import tokenize
from typing import Final

import pytest

from dev import PACKAGE, ROOT

PLACES: Final = (
    "custom_components/bytesflows/**/*.py",
    "custom_components/bytesflows/**/*.js",
    "custom_components/bytesflows/*.yaml",
    "custom_components/bytesflows/translations/en.json",
    ".github/**/*.yml",
    "blueprints/**/*.yaml",
    "*.md",
    "docs/**/*.md",
)

PHRASES: Final = {
    r"figures|the rest|amounts? of traffic": "traffic, values, others",
    r"past ones (too|as well|also)": "including past ones",
    r"(has|have|with) something left": "with traffic left",
    r"(?<!time )(?<!time-)zones?": "time zone",
    r"(?<!IP )(?<!email )address(es)?": "URL",
    r"(comes?|came) on": "turns on",
    r"(go|goes|went) off": "turns off",
    r"(is|are|was) over(?! [\d{])": "ends, is resolved",
    r"(falls?|fell) (again|below|under)": "drops below, goes down",
    r"told": "notified, reported",
    r"left alone": "not requested",
    r"answered": "responded",
    r"(choose|press|push) the button": "select the button",
    r"switch(ed|es)? (it )?(on|off)": "turn on, turn off",
    r"out of order|on (its|their) way|in hand": "unavailable, sent",
    r"at first": "by default",
    r"at the (least|most)|\d+ \w+ at (least|most)": "at least 5 minutes",
    r"also (across|during|in) an?": "even during an outage",
    r"(once|twice|times|requests?|used?|GiB) an? (hour|day|week|month)": "per day",
    r"anew|beside|for ever": "again, next to, forever",
    r"\d+ %(?!\})": "10%",
    r"advanced settings|licence": "Connection, license",
}
FORBIDDEN: Final = re.compile(
    "|".join(rf"(?<!\w)(?:{phrase})(?!\w)" for phrase in PHRASES), re.IGNORECASE
)
_PROSE: Final = {tokenize.COMMENT, tokenize.STRING, tokenize.FSTRING_MIDDLE}


def prose(file: Path) -> str:
    """Return the text of a file in one line; of a module, comments and strings."""
    if file.suffix == ".py":
        with tokenize.open(file) as lines:
            tokens = tokenize.generate_tokens(lines.readline)
            text = "\n".join(token.string for token in tokens if token.type in _PROSE)
    else:
        text = file.read_text(encoding="utf-8")
    text = text.replace("\\n", "\n")
    return " ".join(re.sub(r"(?m)^\s*(#|//|\*)+", " ", text).split())


def forbidden(text: str) -> list[str]:
    """Return the forbidden phrases in a text, with the words around them."""
    return [
        text[max(0, match.start() - 30) : match.end() + 30]
        for match in FORBIDDEN.finditer(text)
    ]


def docstrings(file: Path) -> Iterator[str]:
    """Yield the first line of each docstring, and of each description of a name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value.partition("\n")[0]


@pytest.mark.parametrize("place", PLACES)
def test_no_forbidden_phrase(place: str) -> None:
    """No text has a phrase that reads like a translation."""
    files = list(ROOT.glob(place))
    assert files
    assert {
        str(file.relative_to(ROOT)): found
        for file in files
        if (found := forbidden(prose(file)))
    } == {}


def test_docstrings_name_things() -> None:
    """A docstring has a verb and an object, not a clause that begins with "what"."""
    wrong = [
        line
        for file in PACKAGE.rglob("*.py")
        for line in docstrings(file)
        if re.search(r"\bwhat\b", line, re.IGNORECASE)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("People are told when it comes on, 5 minutes at least.", 3),
        ("The zone is shown beside the address.", 3),
        ("An alarm at first, 3 times a day, below 10 %.", 3),
        ("The time zone and the IP addresses go on besides.", 0),
        ("Over 10% of the requests in a day are over 5 s. {% if x < 10 %}", 0),
        ("It is over {limit}.", 0),
    ],
)
def test_phrases(text: str, count: int) -> None:
    """Forbidden phrases are found, and nothing that is similar."""
    assert len(forbidden(text)) == count
