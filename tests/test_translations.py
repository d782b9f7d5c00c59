"""The texts of all languages have the same keys, parts, and widths."""

import re
import unicodedata

import pytest

from .helpers.translations import ENGLISH, LANGUAGES, TEXTS, flat, placeholders

# Texts that are the same word in the language.
SAME: dict[str, set[str]] = {
    "de": {"Check-in", "Limit", "Status", "Traffic", "URL"},
    "es": {"Check-in", "Total", "URL"},
    "fr": {"Check-in", "Source", "Total", "URL"},
    "it": {"Account", "Check-in", "URL"},
    "ja": {"URL"},
    "nl": {"Account", "Accounts", "Check-in", "Status", "URL"},
    "pl": {"Check-in", "Limit", "Status", "URL"},
    "pt-BR": {"Check-in", "Status", "Total", "URL"},
}
MARKS = re.compile(r"\*\*|```|\n+|https?://(?:[a-zA-Z0-9./-]*[a-zA-Z0-9/])?")
# Columns that fit between an icon and a value on a phone, and in its list of repairs.
LONGEST_NAME = 30
LONGEST_TITLE = 42
# The editor of automations has them as headings in one line.
HEADINGS = {"conditions", "services", "triggers"}


def _columns(text: str) -> int:
    """Return the width of a text: East Asian characters take two columns."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Return a language."""
    code: str = request.param
    return code


@pytest.fixture
def translated(language: str) -> dict[tuple[str, ...], str]:
    """Return the texts in that language."""
    return dict(flat(TEXTS[language]))


def test_languages() -> None:
    """All promised languages exist."""
    others = "de es fr it ja ko nl pl pt-BR ru zh-Hans zh-Hant"
    assert " ".join(LANGUAGES) == others


def test_sameflat(translated: dict[tuple[str, ...], str]) -> None:
    """No text is missing, and none is unused."""
    assert list(translated) == [path for path, _ in flat(ENGLISH)]


def test_same_parts(translated: dict[tuple[str, ...], str]) -> None:
    """Each text has the placeholders and the markup of the English one."""
    for path, english in flat(ENGLISH):
        text = translated[path]
        assert placeholders(text) == placeholders(english), path
        assert sorted(MARKS.findall(text)) == sorted(MARKS.findall(english)), path
        assert text == text.strip(), path
        assert not set("!\uff01¡") & set(text), path


def test_nothing_left_in_english(
    language: str, translated: dict[tuple[str, ...], str]
) -> None:
    """Only texts that are the same word in the language equal the English ones."""
    same = {text for path, text in flat(ENGLISH) if translated[path] == text}
    assert same == SAME.get(language, set())


@pytest.mark.parametrize("code", TEXTS)
def test_what_hassfest_refuses(code: str) -> None:
    """No URL, no HTML, no loose spaces, and placeholders that are plain names."""
    for path, message in flat(TEXTS[code]):
        assert not re.search(r"(\w+://|www\.)[\w.-]*\.[a-zA-Z]{2}", message), path
        assert not re.search(r"<[a-z/!]", message), path
        assert not re.search(r"'\{\w+\}'", message), path
        assert message == message.strip(), path
        assert all(name.isidentifier() for name in placeholders(message)), path


def test_width(translated: dict[tuple[str, ...], str]) -> None:
    """Names fit next to their values, and headings and titles into their line."""
    for path, text in translated.items():
        is_heading = path[0] in HEADINGS and path[2:] == ("name",)
        if is_heading or (path[0] == "entity" and path[-1] == "name"):
            assert _columns(text) <= LONGEST_NAME, text
        if path[0] == "issues" and path[2:] == ("title",):
            assert _columns(text.format(name="BytesFlows")) <= LONGEST_TITLE, text
