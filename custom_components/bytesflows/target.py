"""Accounts of a target.

`homeassistant.helpers.target` is not documented, so it is used here and nowhere else.
If it is missing or has changed, devices and entities still work.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import DOMAIN, LOGGER

# Without it, `_expanded` fails, as it does if the helper has changed.
with suppress(ImportError):
    from homeassistant.helpers import target as target_helper


@callback
def async_get_accounts(hass: HomeAssistant, target: Mapping[str, Any]) -> set[str]:
    """Return the ids of the config entries that a target means.

    An account is meant by its device, by any of its entities, and by the areas, floors,
    and labels of these.
    """
    try:
        device_ids, entity_ids = _expanded(hass, target)
    except Exception as err:  # noqa: BLE001
        LOGGER.debug("Targets are devices and entities only: %r", err)
        device_ids, entity_ids = set(), set()
    device_ids.update(_listed(target, ATTR_DEVICE_ID))
    entity_ids.update(_listed(target, ATTR_ENTITY_ID))
    return {
        entry_id
        for entry_id in (
            *_of_devices(hass, device_ids),
            *_of_entities(hass, entity_ids),
        )
        if hass.config_entries.async_get_entry(entry_id) is not None
    }


def _expanded(
    hass: HomeAssistant, target: Mapping[str, Any]
) -> tuple[set[str], set[str]]:
    """Return the devices and entities of a target, including areas and labels."""
    selected = target_helper.async_extract_referenced_entity_ids(
        hass,
        target_helper.TargetSelection(dict(target)),
        primary_entities_only=False,
    )
    return (
        set(selected.referenced_devices),
        selected.referenced | selected.indirectly_referenced,
    )


def _listed(target: Mapping[str, Any], key: str) -> list[str]:
    """Return the ids of a kind that a target names."""
    ids: str | list[str] = target.get(key) or []
    return [ids] if isinstance(ids, str) else ids


def _of_devices(hass: HomeAssistant, device_ids: Iterable[str]) -> Iterable[str]:
    """Yield the accounts of some devices."""
    registry = dr.async_get(hass)
    for device_id in device_ids:
        if (device := registry.async_get(device_id)) is not None:
            yield from (
                entry_id for domain, entry_id in device.identifiers if domain == DOMAIN
            )


def _of_entities(hass: HomeAssistant, entity_ids: Iterable[str]) -> Iterable[str]:
    """Yield the accounts of some entities."""
    registry = er.async_get(hass)
    for entity_id in entity_ids:
        entity = registry.async_get(entity_id)
        if (
            entity is not None
            and entity.platform == DOMAIN
            and entity.config_entry_id is not None
        ):
            yield entity.config_entry_id
