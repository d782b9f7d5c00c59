"""Errors of the client as Home Assistant wants to have them."""

from datetime import datetime, timedelta
from typing import Final

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
"""By how much Home Assistant may wake us too early: it counts from whole seconds."""


def error_key(error: BytesFlowsError) -> str:
    """Return the translation key of an error, for forms and exceptions alike."""
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


def update_error(error: BytesFlowsError, now: datetime) -> UpdateFailed:
    """Return an error of the client as an error of a poll or an action."""
    detail, wait = str(error), error.retry_after
    if wait is not None:
        end = now + timedelta(seconds=wait)
        detail += f", until {dt_util.as_local(end):%Y-%m-%d %H:%M}"
        wait += TIMER_SLACK.total_seconds()
    return UpdateFailed(
        translation_domain=DOMAIN,
        translation_key=error_key(error),
        translation_placeholders={"detail": detail},
        retry_after=wait,
    )
