"""Identity of an account: its packages, because the API has no account ID."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .api import Codec, Listing
from .connection import async_create_client, async_create_session
from .const import CONF_API_TOKEN, DOMAIN
from .coordinator import BytesFlowsConfigEntry
from .storage import AccountStorage

MAX_PAGES: Final = 10
"""Pages that are read in search of a package that is known."""


@dataclass(frozen=True, slots=True)
class KnownPackages:
    """Ids of packages that entries know."""

    own: frozenset[str] = frozenset()
    """Those of the entry in question."""
    others: frozenset[str] = frozenset()
    """Those of all other entries at the same URL."""

    def belong_to_other(self, ids: Collection[str]) -> bool:
        """Return whether another entry has the account of some packages."""
        return not self.others.isdisjoint(ids)

    def all_differ(self, ids: Collection[str]) -> bool:
        """Return whether some packages may be another account's than the known ones."""
        return bool(self.own) and bool(ids) and self.own.isdisjoint(ids)


@callback
def async_is_token_taken(
    hass: HomeAssistant, data: Mapping[str, Any], entry_id: str | None
) -> bool:
    """Return whether another entry has the same token at the same URL."""
    return any(
        entry.data[CONF_API_TOKEN] == data[CONF_API_TOKEN]
        and entry.data[CONF_URL] == data[CONF_URL]
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.entry_id != entry_id
    )


async def async_get_known_packages(
    hass: HomeAssistant, url: str, entry_id: str | None
) -> KnownPackages:
    """Return the packages that entries know, loaded or not."""
    own: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.entry_id == entry_id:
            own = await _async_get_ids(hass, entry)
        elif entry.data[CONF_URL] == url:
            others |= await _async_get_ids(hass, entry)
    return KnownPackages(own, others)


async def async_fetch_package_ids(
    hass: HomeAssistant, data: Mapping[str, Any], known: KnownPackages
) -> frozenset[str]:
    """Call both endpoints, and return the ids of the account's packages.

    It stops at the first page with a known one. Raises `BytesFlowsError`.
    """
    session = async_create_session(hass, data, auto_cleanup=False)
    try:
        client = async_create_client(hass, session, data, dt_util.UTC)
        await client.get_overview()
        listing = Listing(await client.get_records_page())
        sought = known.own | known.others
        while sought and sought.isdisjoint(listing.records):
            number = len(listing.numbers) + 1
            if not _has_page(listing, number):
                break
            count = len(listing.records)
            listing.add(
                number,
                await client.get_records_page(number, page_size=listing.page_size),
            )
            if len(listing.records) == count:
                break
    finally:
        session.detach()
    return frozenset(listing.records)


async def async_require_baseline(
    hass: HomeAssistant, entry: BytesFlowsConfigEntry
) -> None:
    """Let the next reading of an account be a first one.

    Reload it at once, or a poll under way is taken for that reading.
    """
    # Home Assistant may be setting it up right now, with the old file.
    async with entry.setup_lock:
        if entry.state is ConfigEntryState.LOADED:
            entry.runtime_data.account.state.require_baseline()
        else:
            await _storage(hass, entry).async_require_baseline(dt_util.utcnow())


def _has_page(listing: Listing, number: int) -> bool:
    """Return whether another page can have packages, and may be read."""
    is_beyond = listing.total is not None and (
        (number - 1) * listing.page_size >= listing.total
    )
    return number <= MAX_PAGES and not is_beyond


async def _async_get_ids(
    hass: HomeAssistant, entry: BytesFlowsConfigEntry
) -> frozenset[str]:
    """Return the ids of the packages that an entry knows."""
    # An entry that is being set up may know some in a moment.
    async with entry.setup_lock:
        if entry.state is ConfigEntryState.LOADED:
            return frozenset(entry.runtime_data.account.state.ledger.packages)
        return await _storage(hass, entry).async_known_ids(dt_util.utcnow())


def _storage(hass: HomeAssistant, entry: BytesFlowsConfigEntry) -> AccountStorage:
    """Return the file of an account that is not loaded.

    No time is read from it, so any time zone will do.
    """
    return AccountStorage(hass, entry.entry_id, Codec(dt_util.UTC))
