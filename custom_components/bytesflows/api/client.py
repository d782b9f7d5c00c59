"""Client for the BytesFlows Traffic Query API."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import batched
import json
import logging
import math
import re
from typing import Any, Final

import aiohttp
from yarl import URL

from .exceptions import (
    BytesFlowsAuthenticationError,
    BytesFlowsConnectionError,
    BytesFlowsError,
    BytesFlowsParseError,
    BytesFlowsRateLimitError,
    BytesFlowsResponseError,
    BytesFlowsTimeoutError,
)
from .models import Codec, Overview, Record, RecordsPage, Source
from .shape import describe_shape

DEFAULT_URL: Final = "https://bytesflows.com"

TIMEOUT: Final = 30.0
"""Seconds that one request may take altogether."""
MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of a body, unpacked, beyond which it is not read."""
MAX_PARALLEL_REQUESTS: Final = 4
PAGE_SIZE: Final = 100
"""Rows asked for on a page. The server may have a smaller limit of its own."""
MAX_PAGES: Final = 2_000
"""Pages beyond which a `total` is taken for nonsense."""

_LOGGER: Final = logging.getLogger(__name__)
_SENDABLE_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_CODE: Final = re.compile(r"\d{1,9}", re.ASCII)
# What aiohttp raises where its session is closed before or during a request.
_CLOSED: Final = (AssertionError, RuntimeError)
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d+)?", re.ASCII)


class BytesFlowsClient:
    """Ask the API for the account's overview and its records.

    Everything that leaves the client is a `BytesFlowsError`. It never retries, never
    follows a redirect with the token in hand, and has at most
    `MAX_PARALLEL_REQUESTS` requests under way.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: str,
        *,
        time_zone: tzinfo,
        url: str = DEFAULT_URL,
    ) -> None:
        """Set up the client.

        The session should not keep cookies: the API takes them for a login, and two
        accounts must not be mixed up. The zone is the one in which the API writes its
        times, which the document does not name.
        """
        self._session = session
        self._token = token
        self._url = URL(url)
        self._codec = Codec(time_zone)
        self._slots = asyncio.Semaphore(MAX_PARALLEL_REQUESTS)

    @property
    def time_zone(self) -> tzinfo:
        """The zone in which the API's times are read."""
        return self._codec.time_zone

    async def get_overview(self) -> Overview:
        """Return the account's figures (document, section 1)."""
        return await self._request("api/v1/dashboard/asset", self._codec.overview)

    async def get_records_page(
        self, page: int = 1, *, page_size: int = PAGE_SIZE, source: Source | None = None
    ) -> RecordsPage:
        """Return one page of the records (document, section 2), counted from 1.

        The server may put fewer rows on a page than asked for. `source` has the server
        filter: `Source.ORDER` for purchases, `Source.SIGN` for check-ins.
        """
        params = {"pageNo": str(page), "pageSize": str(page_size)}
        if source is not None:
            params["sourceType"] = source
        return await self._request(
            "api/v1/user/traffic/records", self._codec.page, params
        )

    async def get_records_pages(
        self,
        numbers: Iterable[int],
        *,
        page_size: int = PAGE_SIZE,
        source: Source | None = None,
    ) -> list[RecordsPage]:
        """Return some pages of the records, in the order of their numbers.

        When one cannot be read, those under way are waited for, and no more is asked.
        """
        pages: list[RecordsPage] = []
        for batch in batched(numbers, MAX_PARALLEL_REQUESTS, strict=False):
            answers = await asyncio.gather(
                *(
                    self.get_records_page(number, page_size=page_size, source=source)
                    for number in batch
                ),
                return_exceptions=True,
            )
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
                pages.append(answer)
        return pages

    async def get_records(self, source: Source | None = None) -> tuple[Record, ...]:
        """Return all records, each once, in the server's order.

        Rows can move from page to page while they are read. Where the rows and the
        `total` do not add up, everything is read once more; when they still do not,
        `BytesFlowsParseError` is raised for `total`. What cannot be seen is a row that
        takes the very place of one that goes meanwhile; the next reading has it.
        """
        for _ in range(2):
            if (records := await self._read_all(source)) is not None:
                return records
        raise BytesFlowsParseError(
            "the records do not add up to the number that the server gives",
            field="total",
        )

    async def _read_all(self, source: Source | None) -> tuple[Record, ...] | None:
        """Read every page, or return None where the pages contradict each other."""
        page = await self.get_records_page(source=source)
        total = page.total
        records = {record.id: record for record in page.records}
        # What the first page holds is what the server is willing to put on one.
        page_size = len(page.records)
        pages = math.ceil(total / page_size) if page_size else 0
        if pages > MAX_PAGES:
            return None
        for first in range(2, pages + 1, MAX_PARALLEL_REQUESTS):
            numbers = range(first, min(first + MAX_PARALLEL_REQUESTS, pages + 1))
            for page in await self.get_records_pages(
                numbers, page_size=page_size, source=source
            ):
                known = len(records)
                records.update((record.id, record) for record in page.records)
                if page.total != total or len(records) == known:
                    return None
        return tuple(records.values()) if len(records) == total else None

    async def _request[ModelT](
        self,
        path: str,
        decode: Callable[[dict[str, Any]], ModelT],
        params: Mapping[str, str] | None = None,
    ) -> ModelT:
        """Send a GET request and return the `data` of the answer, decoded."""
        if not _SENDABLE_TOKEN.fullmatch(self._token):
            raise BytesFlowsAuthenticationError(
                "the token is empty or has characters that no token has"
            )
        failure: BytesFlowsError
        try:
            async with (
                self._slots,
                self._session.get(
                    self._url / path,
                    params=params,
                    headers={
                        "Accept": "application/json",
                        "Authorization": f"Bearer {self._token}",
                    },
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                ) as response,
            ):
                body = await _read(response)
        except TimeoutError:
            failure = BytesFlowsTimeoutError(f"no complete answer in {TIMEOUT:.0f} s")
        except (aiohttp.ClientError, OSError, UnicodeError, *_CLOSED) as err:
            failure = BytesFlowsConnectionError(_describe(err))
        else:
            _LOGGER.debug("GET %s %s: HTTP %s", path, params or "", response.status)
            try:
                return decode(_unwrap(response.status, response.headers, body))
            except BytesFlowsParseError as err:
                err.shape = describe_shape(body)
                raise
        # Raised out here because aiohttp's exceptions can hold the request's headers.
        _LOGGER.debug("GET %s %s: %s", path, params or "", failure)
        raise failure


def _describe(error: Exception) -> str:
    """Say what happened, without the parts of the answer that some errors quote."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error)
    if isinstance(error, _CLOSED):
        return "the session is closed"
    return type(error).__name__


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read a body of bounded size."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise BytesFlowsParseError(f"the answer is larger than {MAX_BODY} bytes")
    return bytes(body)


def _unwrap(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the `data` of an answer, or raise what its status or `code` says."""
    envelope = _parse(body)
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(status, None, headers, body, is_json=envelope is not None)
    if envelope is None:
        raise BytesFlowsParseError("the answer is not a JSON object")
    code = envelope.get("code")
    if isinstance(code, str) and _CODE.fullmatch(code):
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool):
        raise BytesFlowsParseError(
            "the answer has no number where one belongs", field="code"
        )
    if code != HTTPStatus.OK:
        raise _refusal(status, code, headers, body, is_json=True)
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise BytesFlowsParseError(
            "the answer has no object where one belongs", field="data"
        )
    return data


def _parse(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a body holds, if it holds one."""
    try:
        value = json.loads(body)
    except ValueError, RecursionError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(
    status: int,
    code: int | None,
    headers: Mapping[str, str],
    body: bytes,
    *,
    is_json: bool,
) -> BytesFlowsError:
    """Return the error that an HTTP status, or the `code` of a good answer, stands for.

    A page of HTML with 401 or 403 comes from a firewall or a proxy, not from the API,
    and says nothing about the token.
    """
    reason = status if code is None else code
    retry_after = _retry_after(headers)
    message = f"HTTP {status}" if code is None else f"HTTP {status}, code {code}"
    is_html = body.lstrip().startswith(b"<")
    if (reason == HTTPStatus.UNAUTHORIZED and not is_html) or (
        reason == HTTPStatus.FORBIDDEN and is_json
    ):
        return BytesFlowsAuthenticationError(message, retry_after=retry_after)
    error = (
        BytesFlowsRateLimitError
        if reason == HTTPStatus.TOO_MANY_REQUESTS
        else BytesFlowsResponseError
    )
    return error(message, status=status, code=code, retry_after=retry_after)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or as a date."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError, OverflowError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
