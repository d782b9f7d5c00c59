"""Exceptions of the BytesFlows API.

Every exception that leaves this package is one of these. None of them contains the
token or any text that the server sent.
"""

from http import HTTPStatus

_SERVER_ERRORS = range(500, 600)


class BytesFlowsError(Exception):
    """Base class of the client's exceptions."""

    retry_after: float | None
    """Seconds after which the server allows the next request, if it said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Set the message and the pause that the server asked for, in seconds."""
        super().__init__(message)
        self.retry_after = retry_after


class BytesFlowsConnectionError(BytesFlowsError):
    """The server could not be reached, or the connection broke."""


class BytesFlowsTimeoutError(BytesFlowsConnectionError):
    """The server did not respond completely in time."""


class BytesFlowsAuthenticationError(BytesFlowsError):
    """The server rejected the token."""


class BytesFlowsResponseError(BytesFlowsError):
    """The server rejected the request or failed."""

    status: int
    """The HTTP status."""
    code: int | None
    """The `code` in the body if the HTTP status was a success."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Set the message, the HTTP status, and the `code` in the body."""
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.code = code

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may succeed later.

        True for a failing server and for a firewall in front of it. A `code` over 599
        is defined by the server, and its meaning is unknown.
        """
        if self.code is not None:
            return self.code in _SERVER_ERRORS
        return (
            self.status == HTTPStatus.FORBIDDEN
            or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )


class BytesFlowsRateLimitError(BytesFlowsResponseError):
    """The server wants fewer requests, or a pause that it asked for still lasts."""


class BytesFlowsParseError(BytesFlowsError):
    """The response is not the one in the API document."""

    field: str | None
    """The API document's name of the field that could not be read, if it is one."""
    shape: str | None
    """The names and types in the response, without values; None if there was none."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        """Set the message and the field."""
        super().__init__(message if field is None else f"{message}: {field}")
        self.field = field
        self.shape = None
