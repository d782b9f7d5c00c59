"""The response to a request: its `data`, or the error for which it stands."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
import json
from typing import Any, Final, NamedTuple

from .exceptions import (
    BytesFlowsAuthenticationError,
    BytesFlowsError,
    BytesFlowsParseError,
    BytesFlowsRateLimitError,
    BytesFlowsResponseError,
)
from .headers import read_retry_after
from .values import read_integer

_MAX_DIGITS: Final = 100

type Loads = Callable[[bytes], object]


class Response(NamedTuple):
    """A response whose body was read to its end.

    The body of a good one is an envelope around `data`, as in the response examples
    (API document, sections 1 and 2).
    """

    status: int
    """The HTTP status."""
    headers: Mapping[str, str]
    """The headers, by names in any case."""
    body: bytes
    """The body, uncompressed."""

    def unwrap(self, loads: Loads) -> object:
        """Return the `data` in the envelope, which `loads` parses.

        Without a successful HTTP status and a `code` of 200, raise

        - `BytesFlowsAuthenticationError` if the token is rejected
        - `BytesFlowsRateLimitError` if the server wants fewer requests
        - `BytesFlowsResponseError` for any other refusal

        Raise `BytesFlowsParseError` if the body is not an envelope.
        """
        envelope = _parse(self.body, loads)
        if not HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._refusal(None, is_json=envelope is not None)
        if envelope is None:
            raise BytesFlowsParseError("the response is not a JSON object")
        if (code := _read_code(envelope)) is None:
            raise BytesFlowsParseError("expected a number", field="code")
        if code != HTTPStatus.OK:
            raise self._refusal(code, is_json=True)
        if "data" not in envelope:
            raise BytesFlowsParseError(
                "the response is not as documented", field="data"
            )
        return envelope["data"]

    def _refusal(self, code: int | None, *, is_json: bool) -> BytesFlowsError:
        """Return the error for the HTTP status, or for the `code` of a successful one.

        HTML with 403 comes from a firewall or a proxy, and says nothing about the
        token.
        """
        status, retry_after = self.status, read_retry_after(self.headers)
        message = f"HTTP {status}" if code is None else f"HTTP {status}, code {code}"
        reason = status if code is None else code
        if (
            reason == HTTPStatus.UNAUTHORIZED
            or (reason == HTTPStatus.FORBIDDEN and is_json)
            or (code is not None and str(code).startswith("401"))
        ):
            return BytesFlowsAuthenticationError(message, retry_after=retry_after)
        error = (
            BytesFlowsRateLimitError
            if reason == HTTPStatus.TOO_MANY_REQUESTS
            else BytesFlowsResponseError
        )
        return error(message, status=status, code=code, retry_after=retry_after)


def _read_code(envelope: dict[str, Any]) -> int | None:
    """Return the `code` in an envelope, or None if it cannot be read."""
    try:
        return read_integer(envelope.get("code"))
    except TypeError, ValueError:
        return None


def _parse(body: bytes, loads: Loads) -> dict[str, Any] | None:
    """Return the JSON object in a body, or None if it is something else."""
    for attempt in (loads, _load_leniently):
        try:
            value = attempt(body)
        except ValueError, RecursionError:
            continue
        return value if isinstance(value, dict) else None
    return None


def _load_leniently(body: bytes) -> object:
    """Parse JSON with numbers that fast parsers and `int` do not accept."""
    return json.loads(body, parse_int=_parse_int)


def _parse_int(text: str) -> float:
    """Return an integer, or a float if it has so many digits that `int` refuses it."""
    return int(text) if len(text) <= _MAX_DIGITS else float(text)
