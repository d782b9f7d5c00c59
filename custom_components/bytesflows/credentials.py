"""Tokens and URLs as people enter them."""

from ipaddress import ip_address
import re
from typing import Final
import unicodedata

from yarl import URL

from homeassistant.util.network import is_local

_BLANKS: Final = "".join(filter(str.isspace, map(chr, range(0x3001))))
_QUOTES: Final = (
    "\"'`\u00ab\u00b4\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"
    "\u300c\u300d\u300e\u300f\uff02\uff07"
)
_COLONS: Final = ":\uff1a"
_HEADER: Final = re.compile(
    rf".*?(?<![\w-])authorization(?![\w-])[\s{_QUOTES}]*[={_COLONS}]?[\s{_QUOTES}]*",
    re.IGNORECASE | re.DOTALL,
)
_SCHEME: Final = re.compile(
    rf"(?:bearer(?:(?:[\s{_COLONS}{_QUOTES}]|%20)+|$)|token\s++(?![={_COLONS}]))+",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    rf"(?:[{{?&\s{_QUOTES}]*+|.*?[{_QUOTES}]|(?:export|set)\s++|https?://\S*?[?&])"
    r"(?:(?:x[-_])?(?:(?:bytesflows|api|auth|access|bearer)[-_ ]?)+(?:token|key)|token)"
    rf"[\s{_QUOTES}]*+[={_COLONS}][\s{_QUOTES}]*+",
    re.IGNORECASE | re.DOTALL,
)
"""A token with its name before it, as in a header, a file, or the query of a URL."""
_END_OF_HEADER: Final = re.compile(rf"[{_QUOTES}]|[\r\n]\s*+[\w-]+:\s")
_END_OF_NAMED: Final = re.compile(rf"[{_QUOTES}&#;}}]|[\r\n]\s*+[\w-]+[:=]")
_BRACKETS: Final = {"()", "[]", "**"}
_TOKEN: Final = re.compile(r"[!#-&(-;=?-\[\]-_a-z|~]*")
"""Visible ASCII but for quotes, backslashes, angle brackets, and braces."""
_VARIATION_SELECTORS: Final = "\ufe0e\ufe0f"

_MAX_HOST: Final = 253
_HOST: Final = re.compile(r"[\w.-]+|[0-9a-f:.]+(%[\w.-]+)?")


def clean_token(text: str) -> str:
    """Return the token in a pasted text, without the header or command around it."""
    text = "".join(character for character in text if _is_visible(character))
    header = _HEADER.match(text)
    rest = text[header.end() :] if header else text.strip(_BLANKS + _QUOTES)
    rest = rest.removeprefix(_matched(_SCHEME, rest))
    if name := _matched(_NAMED, rest):
        rest = rest.removeprefix(name)
        rest = rest.removeprefix(_matched(_SCHEME, rest))
        rest = _END_OF_NAMED.split(rest, maxsplit=1)[0]
    elif header:
        rest = _END_OF_HEADER.split(rest, maxsplit=1)[0]
    rest = rest.rstrip(_BLANKS + _QUOTES + ",;\\").lstrip(_BLANKS + _QUOTES)
    token = "".join(line.strip() for line in rest.splitlines())
    while token[:1] + token[-1:] in _BRACKETS:
        token = token[1:-1].strip(_BLANKS + _QUOTES)
    return token


def is_possible_token(token: str) -> bool:
    """Return whether a token has only valid characters."""
    return _TOKEN.fullmatch(token) is not None


def parse_url(text: str) -> URL | None:
    """Return a base URL, or None for anything but a plain URL."""
    try:
        url = URL(text.strip())
        # Only this decodes it.
        _ = url.host
    except ValueError:
        return None
    if (
        url.scheme not in {"http", "https"}
        or not url.host
        or len(url.host) > _MAX_HOST
        or not _HOST.fullmatch(url.host)
        or url.user is not None
        or url.password is not None
        or url.query_string
        or url.fragment
    ):
        return None
    return url


def is_confidential(url: URL) -> bool:
    """Return whether requests to a URL are safe from eavesdropping."""
    if url.scheme == "https" or url.host == "localhost":
        return True
    try:
        return is_local(ip_address(url.host or ""))
    except ValueError:
        return False


def _is_visible(character: str) -> bool:
    """Return whether a character is a space or visible."""
    return character.isspace() or (
        unicodedata.category(character) not in {"Cc", "Cf"}
        and character not in _VARIATION_SELECTORS
    )


def _matched(pattern: re.Pattern[str], text: str) -> str:
    """Return the part of a text that a pattern matches at its start."""
    found = pattern.match(text)
    return found[0] if found else ""
