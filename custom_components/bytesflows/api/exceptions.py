"""What can go wrong between us and the BytesFlows API.

Every exception that leaves this package is one of these. None of them holds the token
or any text that the server sent.
"""

from http import HTTPStatus


class BytesFlowsError(Exception):
    """Root of everything that the client raises."""

    retry_after: float | None
    """Seconds after which the server allows the next request, where it said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Say what happened, and for how long the server wants to be left alone."""
        super().__init__(message)
        self.retry_after = retry_after


class BytesFlowsConnectionError(BytesFlowsError):
    """The server could not be reached, or the connection broke."""


class BytesFlowsTimeoutError(BytesFlowsConnectionError):
    """The server did not answer completely in time."""


class BytesFlowsAuthenticationError(BytesFlowsError):
    """The token is not, or no longer, accepted."""


class BytesFlowsResponseError(BytesFlowsError):
    """The server answered, but with a refusal or a failure."""

    status: int
    """The HTTP status."""
    code: int | None
    """The `code` of the body, where the HTTP status was a good one."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Keep the numbers that tell a failure of the server from a wrong address."""
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.code = code

    @property
    def is_temporary(self) -> bool:
        """Whether the server, or a firewall before it, is only out of order now."""
        reason = self.status if self.code is None else self.code
        return (
            reason == HTTPStatus.FORBIDDEN or reason >= HTTPStatus.INTERNAL_SERVER_ERROR
        )


class BytesFlowsRateLimitError(BytesFlowsResponseError):
    """The server wants fewer requests."""


class BytesFlowsParseError(BytesFlowsError):
    """The answer is not what the API document describes."""

    field: str | None
    """The field that was not understood, by the name that the document gives it."""
    shape: str | None
    """The names and types that the answer has, without values; None where the answers
    are understood one by one, and do not fit together."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        """Name the field, where it is known."""
        super().__init__(message if field is None else f"{message}: {field}")
        self.field = field
        self.shape = None
