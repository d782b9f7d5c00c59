"""Client for the BytesFlows Traffic Query API, without Home Assistant.

It needs aiohttp and mashumaro and nothing else.
"""

from .client import DEFAULT_URL, BytesFlowsClient
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

__all__ = [
    "DEFAULT_URL",
    "BytesFlowsAuthenticationError",
    "BytesFlowsClient",
    "BytesFlowsConnectionError",
    "BytesFlowsError",
    "BytesFlowsParseError",
    "BytesFlowsRateLimitError",
    "BytesFlowsResponseError",
    "BytesFlowsTimeoutError",
    "Codec",
    "Overview",
    "Record",
    "RecordsPage",
    "Source",
]
