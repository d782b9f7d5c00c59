"""Errors of the client as exceptions of Home Assistant."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import callback
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers.translation import async_get_exception_message
from homeassistant.helpers.update_coordinator import UpdateFailed
from homeassistant.util import dt as dt_util

from .api import (
    BytesFlowsAuthenticationError,
    BytesFlowsConnectionError,
    BytesFlowsError,
    BytesFlowsRateLimitError,
    BytesFlowsResponseError,
    BytesFlowsTimeoutError,
)
from .const import DOMAIN

TIMER_SLACK: Final = timedelta(seconds=1)
"""How early Home Assistant may call back: it counts from whole seconds."""


def error_key(error: BytesFlowsError) -> str:
    """Return the translation key of an error in a form."""
    match error:
        case BytesFlowsAuthenticationError():
            return "invalid_auth"
        case BytesFlowsRateLimitError():
            return "rate_limited"
        case BytesFlowsTimeoutError():
            return "timeout_connect"
        case BytesFlowsConnectionError() | BytesFlowsResponseError(is_temporary=True):
            return "cannot_connect"
        case _:
            return "invalid_response"


def reason_of(error: BytesFlowsError, now: datetime) -> tuple[str, dict[str, str]]:
    """Return the translation key of an exception, and its placeholders."""
    match error:
        case BytesFlowsRateLimitError(retry_after=float(wait)):
            end = dt_util.as_local(now + timedelta(seconds=wait))
            return "paused", {"time": f"{end:%Y-%m-%d %H:%M}"}
        case BytesFlowsRateLimitError():
            return "rate_limited", {}
        case BytesFlowsResponseError(is_temporary=True):
            return "server_error", {"status": str(error)}
        case BytesFlowsResponseError():
            return "unexpected_status", {"status": str(error)}
        case _:
            return error_key(error), {}


@callback
def update_error(error: BytesFlowsError, now: datetime) -> UpdateFailed:
    """Return an error of the client as an error of a poll or an action.

    People read it in their language; the log has the details, which are English.
    """
    key, placeholders = reason_of(error, now)
    message = async_get_exception_message(DOMAIN, key, placeholders)
    wait = error.retry_after
    return UpdateFailed(
        message if placeholders else f"{message}: {error}",
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
        retry_after=None if wait is None else wait + TIMER_SLACK.total_seconds(),
    )


def setup_error(error: ConfigEntryNotReady) -> ConfigEntryNotReady:
    """Return a failed first poll with its details, which Home Assistant leaves out."""
    return ConfigEntryNotReady(
        str(error.__cause__),
        translation_domain=error.translation_domain,
        translation_key=error.translation_key,
        translation_placeholders=error.translation_placeholders,
    )
