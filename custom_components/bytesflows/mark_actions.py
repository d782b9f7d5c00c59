"""Starting automations with a mark that an account has passed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.translation import async_get_cached_translations

from .account import Account, Mark, PackageMark, describe
from .const import DOMAIN
from .registrations import MarkKind, Registration

_LOW_KINDS: Final = {True: MarkKind.LOW, False: MarkKind.NOT_LOW}
_TRIGGERS: Final = {
    MarkKind.LOW: "traffic_became_low",
    MarkKind.NOT_LOW: "traffic_no_longer_low",
    MarkKind.PACKAGE: "package_expiring",
}


type MarkKey = tuple[MarkKind, timedelta, str | datetime]


def mark_key(mark: Mark) -> MarkKey:
    """Return the key of a mark: its place, and its package or its scale's start."""
    return *mark_place(mark), (
        mark.record.id if isinstance(mark, PackageMark) else mark.since
    )


def mark_place(mark: Mark) -> tuple[MarkKind, timedelta]:
    """Return the scale of a mark, and the place on it."""
    if isinstance(mark, PackageMark):
        return MarkKind.PACKAGE, mark.lead_time
    return _LOW_KINDS[mark.is_low], mark.duration


@callback
def _description(hass: HomeAssistant, title: str, kind: MarkKind) -> str:
    """Return the account and the name of the trigger, in the server's language."""
    trigger, language = _TRIGGERS[kind], hass.config.language
    texts = async_get_cached_translations(hass, language, "triggers", DOMAIN)
    # A language that was selected a moment ago may not be loaded yet.
    name = texts.get(f"component.{DOMAIN}.triggers.{trigger}.name", trigger)
    return f"{title}: {name}"


def _variables(account: Account, mark: Mark) -> dict[str, Any]:
    """Return the package or the traffic: bytes, percent, and times in UTC."""
    if isinstance(mark, PackageMark):
        return describe(mark.record, account.clock.now())
    overview = account.overview
    if TYPE_CHECKING:
        # Marks of the traffic pass in a good poll only.
        assert overview is not None
    before = (
        {} if mark.is_low else {"low_since": mark.before and mark.before.isoformat()}
    )
    return {
        "available": overview.available_traffic,
        "total": overview.total_traffic,
        "percentage": overview.available_percentage,
        "threshold": account.options.low_traffic_threshold,
        "since": mark.since.isoformat(),
        **before,
    }


@callback
def async_fire_mark(
    hass: HomeAssistant,
    config_entry: ConfigEntry[Any],
    account: Account,
    mark: Mark,
    waiting: Iterable[Registration],
) -> None:
    """Start the automations that waited for a mark."""
    entry_id, title = config_entry.entry_id, config_entry.title
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, entry_id), entry_id
    )
    variables = {
        **_variables(account, mark),
        "account": title,
        "device_id": device and device.id,
    }
    for item in waiting:
        item.run(dict(variables), _description(hass, title, mark_place(mark)[0]))
