"""Rejected tokens: when a rejection counts, and when a token is tried again.

A rejection counts when a second request a minute later is rejected, too: a single odd
response must not cost an account. From then on, one request per hour finds out whether
the token is accepted again.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Any, Final

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .api import BytesFlowsAuthenticationError
from .const import CONF_API_TOKEN, DOMAIN

CONFIRM_AFTER: Final = timedelta(minutes=1)
RETRY_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A token that a server rejected."""

    error: str
    is_confirmed: bool
    retry_at: float
    """When it may be tried again, by the monotonic clock."""
    credentials: tuple[str, str] = field(repr=False)
    """The URL and the token."""

    @property
    def wait(self) -> timedelta:
        """How long until the token may be tried again."""
        return timedelta(seconds=max(0.0, self.retry_at - monotonic()))


class Rejections:
    """The rejected tokens of all accounts, by entry.

    They outlive the accounts, since Home Assistant soon tries again to set up what a
    rejection kept from being set up.
    """

    def __init__(self) -> None:
        """Start without rejections."""
        self._items: dict[str, Rejection] = {}

    def current(self, entry: ConfigEntry[Any]) -> Rejection | None:
        """Return the rejection of an account if it is too early to try it again."""
        rejection = self._items.get(entry.entry_id)
        if (
            rejection is None
            or rejection.credentials != _credentials(entry)
            or monotonic() >= rejection.retry_at
        ):
            return None
        return rejection

    def note(
        self, entry: ConfigEntry[Any], error: BytesFlowsAuthenticationError
    ) -> Rejection:
        """Note that a token was rejected; the second time within an hour counts."""
        credentials = _credentials(entry)
        last = self._items.get(entry.entry_id)
        is_confirmed = (
            last is not None
            and last.credentials == credentials
            and (
                last.is_confirmed
                or monotonic() < last.retry_at + RETRY_AFTER.total_seconds()
            )
        )
        wait = RETRY_AFTER if is_confirmed else CONFIRM_AFTER
        rejection = Rejection(
            str(error), is_confirmed, monotonic() + wait.total_seconds(), credentials
        )
        self._items[entry.entry_id] = rejection
        return rejection

    def retry_now(self, entry_id: str) -> None:
        """Allow a rejected token to be tried again, because a user requested it.

        Without its minute, the next rejection is no confirmation of the last one.
        """
        rejection = self._items.get(entry_id)
        if rejection is not None and rejection.is_confirmed:
            self._items[entry_id] = replace(rejection, retry_at=monotonic())
        else:
            self.forget(entry_id)

    def forget(self, entry_id: str) -> bool:
        """Forget a rejection, and return whether there was one."""
        return self._items.pop(entry_id, None) is not None

    @callback
    def async_accept(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Forget a rejection, and close the form for a new token."""
        if self.forget(entry.entry_id):
            for flow in entry.async_get_active_flows(hass, {SOURCE_REAUTH}):
                hass.config_entries.flow.async_abort(flow["flow_id"])


_REJECTIONS: HassKey[Rejections] = HassKey(f"{DOMAIN}_rejections")


@callback
def async_get_rejections(hass: HomeAssistant) -> Rejections:
    """Return the rejected tokens of all accounts."""
    return hass.data.setdefault(_REJECTIONS, Rejections())


def _credentials(entry: ConfigEntry[Any]) -> tuple[str, str]:
    """Return the URL and the token that a rejection applies to."""
    return entry.data[CONF_URL], entry.data[CONF_API_TOKEN]
