"""Permission to read the packages of an account, by the action and by the card."""

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import CAT_ENTITIES, POLICY_READ
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN


class NotPermittedError(Unauthorized):
    """The user may not read an account, which Home Assistant has no text for."""

    def __init__(self, context: Context, entry_id: str) -> None:
        """Initialize the error, whose base class takes no translation."""
        super().__init__(
            context=context,
            config_entry_id=entry_id,
            perm_category=CAT_ENTITIES,
            permission=POLICY_READ,
        )
        HomeAssistantError.__init__(
            self,
            "Unauthorized",
            translation_domain=DOMAIN,
            translation_key="not_permitted",
        )


@callback
def may_read(hass: HomeAssistant, user: User, entry_id: str) -> bool:
    """Return whether a user may read all entities of an account."""
    if user.permissions.access_all_entities(POLICY_READ):
        return True
    enabled = [
        entity.entity_id
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry_id)
        if entity.disabled_by is None
    ]
    return bool(enabled) and all(
        user.permissions.check_entity(entity_id, POLICY_READ) for entity_id in enabled
    )


async def async_require_read(
    hass: HomeAssistant, context: Context, entry_id: str
) -> None:
    """Raise an error unless whoever is behind an action may read an account.

    Automations have no user, and may do everything.
    """
    if context.user_id is None:
        return
    user = await hass.auth.async_get_user(context.user_id)
    if user is None:
        raise UnknownUser(context=context)
    if not may_read(hass, user, entry_id):
        raise NotPermittedError(context, entry_id)
