"""Client for the BytesFlows Traffic Query API."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import partial
from http import HTTPStatus
import json
import logging
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
from .headers import read_server_time
from .listing import PAGE_SIZE, Listing
from .models import Codec, Overview, RecordsPage, Source
from .paging import MAX_LARGE_PAGE, PAGES_AT_ONCE, Pager
from .pauses import Pauses
from .response import Loads, Response
from .shape import describe_shape

DEFAULT_URL: Final = "https://bytesflows.com"

TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
"""How long a whole request may take."""
MAX_BODY: Final = 1024 * 1024
"""Bytes of an uncompressed body, beyond which it is not read."""
MAX_PARALLEL_REQUESTS: Final = PAGES_AT_ONCE
"""Requests at a time: a reading of all records may use all of them."""
MAX_EXCESS: Final = 10
"""Multiple of the requested rows that the server may put on a page."""

_LOGGER: Final = logging.getLogger(__name__)
_OVERVIEW: Final = "api/v1/dashboard/asset"
_RECORDS: Final = "api/v1/user/traffic/records"
_SENDABLE_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_PAUSING: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class BytesFlowsClient:
    """Request the account's overview and its records.

    It never retries, never follows a redirect with the token, and sends at most
    `MAX_PARALLEL_REQUESTS` requests at a time. All methods raise `BytesFlowsError`:

    - `BytesFlowsConnectionError` or `BytesFlowsTimeoutError` without a response
    - `BytesFlowsAuthenticationError` if the token is rejected
    - `BytesFlowsRateLimitError` if the server wants fewer requests, and without a
      request while a pause lasts that the server asked for
    - `BytesFlowsParseError` if the response is not the one in the API document
    - `BytesFlowsResponseError` for any other refusal
    """

    server_time: datetime | None
    """`Date` of the last response, whatever its status, in UTC.

    None if it is unreadable or cannot be right.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: str,
        *,
        time_zone: tzinfo,
        url: str = DEFAULT_URL,
        pauses: Pauses | None = None,
        slots: asyncio.Semaphore | None = None,
        loads: Loads = json.loads,
    ) -> None:
        """Set up the client.

        The session should not keep cookies: the API takes them for a login, and two
        accounts must not be mixed up. The time zone is the one in which the API writes
        times. `pauses` and `slots` (for requests at a time) may be shared with other
        clients; `loads` may be a faster JSON parser that raises ValueError.
        """
        self.server_time = None
        self._session = session
        self._token = token
        self._url = URL(url)
        self._endpoints = {path: self._url / path for path in (_OVERVIEW, _RECORDS)}
        self._headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
        }
        self._codec = Codec(time_zone)
        self._pauses = pauses or Pauses()
        self._slots = slots or asyncio.Semaphore(MAX_PARALLEL_REQUESTS)
        self._loads = loads
        self._last: dict[str, tuple[tuple[int, bytes], Any]] = {}
        """By path, the last good response to a request without parameters: its status,
        its body, and what they were read as. Most polls get the same again."""

    @property
    def time_zone(self) -> tzinfo:
        """The time zone in which the API's times are read."""
        return self._codec.time_zone

    async def get_overview(self) -> Overview:
        """Return traffic, in bytes, and balance (API document, section 1).

        Raise `BytesFlowsError` as described for the class.
        """
        return await self._request(_OVERVIEW, self._codec.decode_overview)

    async def get_records_page(
        self, page: int = 1, *, page_size: int = PAGE_SIZE, source: Source | None = None
    ) -> RecordsPage:
        """Return one page of the records (API document, section 2), counted from 1.

        The server may put fewer rows on a page than requested, or up to ten times as
        many, but not over 1,000. It filters by `source`: `Source.ORDER` for purchases,
        `Source.SIGN` for check-ins. Raise `BytesFlowsError` as described for the class.
        """
        params = {"pageNo": str(page), "pageSize": str(page_size)}
        if source is not None:
            params["sourceType"] = source

        def decode(data: object) -> RecordsPage:
            max_rows = min(MAX_EXCESS * page_size, MAX_LARGE_PAGE)
            return self._codec.decode_page(data, max_rows=max_rows)

        return await self._request(_RECORDS, decode, params)

    async def get_records(
        self, source: Source | None = None, *, first: RecordsPage | None = None
    ) -> Listing:
        """Return all records that the server lists (API document, section 2).

        `first` is page 1 if it was already requested with `PAGE_SIZE`. If rows are
        missing on the pages, one large page is requested, too. Raise `BytesFlowsError`
        as described for the class, but not for a large page that the server refuses;
        and `BytesFlowsParseError` for too many pages.
        """
        listing = Listing(first or await self.get_records_page(source=source))
        await self._pager(listing, source).read_all()
        return listing

    async def read_on(self, listing: Listing, source: Source | None = None) -> None:
        """Add the pages after the last one, until one is not full or has nothing new.

        For a listing whose `total` is not to be believed. Raise `BytesFlowsError` as
        described for the class, and `BytesFlowsParseError` for too many pages.
        """
        await self._pager(listing, source).read_on()

    def _pager(self, listing: Listing, source: Source | None) -> Pager:
        """Return the reader of the pages that a listing does not have."""
        return Pager(listing, partial(self.get_records_page, source=source))

    async def _request[ModelT](
        self,
        path: str,
        decode: Callable[[object], ModelT],
        params: Mapping[str, str] | None = None,
    ) -> ModelT:
        """Send a GET request and return the decoded `data` of the response."""
        response = await self._send(path, params)
        if params is not None:
            return await self._decode(path, response, decode)
        seen, last = (response.status, response.body), self._last.get(path)
        if last is None or last[0] != seen:
            last = seen, await self._decode(path, response, decode)
            self._last[path] = last
        value: ModelT = last[1]
        return value

    async def _decode[ModelT](
        self, path: str, response: Response, decode: Callable[[object], ModelT]
    ) -> ModelT:
        """Return the decoded `data` of a response, or raise its error."""
        try:
            data = response.unwrap(self._loads)
            await self._codec.decode_ahead(data)
            return decode(data)
        except BytesFlowsParseError as err:
            err.shape = describe_shape(response.body)
            raise
        except BytesFlowsResponseError as err:
            self._keep_pause(path, err)
            raise

    async def _send(self, path: str, params: Mapping[str, str] | None) -> Response:
        """Return the response to a GET request, whatever its status.

        Nothing is sent with an impossible token, or while a pause lasts.
        """
        if not _SENDABLE_TOKEN.fullmatch(self._token):
            raise BytesFlowsAuthenticationError(
                "the token is empty or contains invalid characters"
            )
        failure: BytesFlowsError
        try:
            async with self._slots:
                self._check_pause(path)
                response = await self._get(path, params)
        except TimeoutError:
            failure = BytesFlowsTimeoutError(
                f"no complete response within {TIMEOUT.total:g} s"
            )
        except (aiohttp.ClientError, OSError, UnicodeError) as err:
            failure = BytesFlowsConnectionError(_describe(err))
        else:
            _LOGGER.debug("GET %s %s: HTTP %s", path, params or "", response.status)
            return response
        # Raised here because aiohttp's exceptions can contain the request's headers.
        _LOGGER.debug("GET %s %s: %s", path, params or "", failure)
        raise failure

    async def _get(self, path: str, params: Mapping[str, str] | None) -> Response:
        """Send a GET request, and note the time of the response."""
        async with self._session.get(
            self._endpoints[path],
            params=params,
            headers=self._headers,
            allow_redirects=False,
            timeout=TIMEOUT,
        ) as response:
            self.server_time = read_server_time(response.headers)
            return Response(
                response.status, response.headers, await _read_body(response)
            )

    def _check_pause(self, path: str) -> None:
        """Raise an error while a pause lasts that the server asked for."""
        if left := self._pauses.left(self._url, self._token, path):
            raise BytesFlowsRateLimitError(
                "the server asked for a pause",
                status=HTTPStatus.TOO_MANY_REQUESTS,
                retry_after=left,
            )

    def _keep_pause(self, path: str, error: BytesFlowsResponseError) -> None:
        """Start a pause if the server asked for one with its refusal."""
        reason = error.status if error.code is None else error.code
        if reason in _PAUSING and error.retry_after is not None:
            self._pauses.set(self._url, self._token, path, error.retry_after)


def _describe(error: Exception) -> str:
    """Describe an error without the parts of a response that some of them quote."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error)
    return type(error).__name__


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return a body of bounded size."""
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_BODY:
            raise BytesFlowsParseError(f"the response is larger than {MAX_BODY} bytes")
    return bytes(body)
