"""Client for the BytesFlows Traffic Query API, without Home Assistant.

It needs aiohttp and nothing else.
"""

from .client import DEFAULT_URL, MAX_PARALLEL_REQUESTS, BytesFlowsClient
from .exceptions import (
    BytesFlowsAuthenticationError,
    BytesFlowsConnectionError,
    BytesFlowsError,
    BytesFlowsParseError,
    BytesFlowsRateLimitError,
    BytesFlowsResponseError,
    BytesFlowsTimeoutError,
)
from .listing import PAGE_SIZE, Listing
from .models import Codec, Overview, Record, RecordsPage, Source
from .pauses import Pauses
from .times import format_time, parse_time

__all__ = [
    "DEFAULT_URL",
    "MAX_PARALLEL_REQUESTS",
    "PAGE_SIZE",
    "BytesFlowsAuthenticationError",
    "BytesFlowsClient",
    "BytesFlowsConnectionError",
    "BytesFlowsError",
    "BytesFlowsParseError",
    "BytesFlowsRateLimitError",
    "BytesFlowsResponseError",
    "BytesFlowsTimeoutError",
    "Codec",
    "Listing",
    "Overview",
    "Pauses",
    "Record",
    "RecordsPage",
    "Source",
    "format_time",
    "parse_time",
]
