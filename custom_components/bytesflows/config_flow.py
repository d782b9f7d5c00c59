"""Config flow and options flow of a BytesFlows account."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, override
import zoneinfo

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.const import (
    CONF_TIME_ZONE,
    CONF_URL,
    CONF_VERIFY_SSL,
    PERCENTAGE,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .api import (
    DEFAULT_URL,
    BytesFlowsAuthenticationError,
    BytesFlowsError,
)
from .const import (
    CONF_API_TOKEN,
    CONF_EXPIRING_SOON_DAYS,
    CONF_LOW_TRAFFIC_THRESHOLD,
    DEFAULT_EXPIRING_SOON_DAYS,
    DEFAULT_LOW_TRAFFIC_THRESHOLD,
    DEFAULT_TIME_ZONE,
    DOMAIN,
    LOGGER,
)
from .coordinator import BytesFlowsConfigEntry
from .credentials import clean_token, is_confidential, is_possible_token, parse_url
from .errors import error_key
from .identity import (
    KnownPackages,
    async_fetch_package_ids,
    async_get_known_packages,
    async_is_token_taken,
    async_require_baseline,
)
from .rejections import async_get_rejections

SECTION_ADVANCED: Final = "advanced"
ALREADY_CONFIGURED: Final = {CONF_API_TOKEN: "already_configured"}

_TOKEN_SELECTOR: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)

DEFAULT_DATA: Final = {
    CONF_API_TOKEN: "",
    CONF_URL: DEFAULT_URL,
    CONF_VERIFY_SSL: True,
}
DEFAULT_OPTIONS: Final = {
    CONF_TIME_ZONE: DEFAULT_TIME_ZONE,
    CONF_LOW_TRAFFIC_THRESHOLD: DEFAULT_LOW_TRAFFIC_THRESHOLD,
    CONF_EXPIRING_SOON_DAYS: DEFAULT_EXPIRING_SOON_DAYS,
}


class BytesFlowsConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set up an account, reauthenticate it, or change its URL or token."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._data: dict[str, Any] = dict(DEFAULT_DATA)
        """The data of an entry as entered last."""
        self._package_ids: frozenset[str] = frozenset()
        """Packages of the account that it leads to."""
        self._known = KnownPackages()

    @staticmethod
    @callback
    @override
    def async_get_options_flow(
        config_entry: BytesFlowsConfigEntry,
    ) -> BytesFlowsOptionsFlow:
        """Return the flow for the options."""
        return BytesFlowsOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Set up an account."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._data = _entry_data(user_input, DEFAULT_DATA)
            errors = await self._async_validate()
            if errors == ALREADY_CONFIGURED:
                return self.async_abort(reason="already_configured")
            if not errors:
                return self.async_create_entry(
                    title=self._free_title(),
                    data=self._data,
                    options=dict(DEFAULT_OPTIONS),
                )
        return self._async_show_form("user", errors)

    def _free_title(self) -> str:
        """Return a title that no other account has; entities are named after it."""
        taken = {entry.title for entry in self._async_current_entries()}
        titles = ("BytesFlows", *(f"BytesFlows {n}" for n in range(2, len(taken) + 2)))
        return next(title for title in titles if title not in taken)

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Ask for a token, because the API rejected the current one."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Accept another token for the account."""
        return await self._async_update_entry(user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the URL or the token of the account."""
        return await self._async_update_entry(user_input)

    async def async_step_account_question(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether an account with other packages is the same one."""
        return self.async_show_menu(
            step_id="account_question", menu_options=["same_account", "other_account"]
        )

    async def async_step_same_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Accept the account, and let its next reading be a first one."""
        # Another flow may have been faster than the user.
        if errors := await self._async_find_duplicate():
            return self._async_show_token_form(errors)
        await async_require_baseline(self.hass, self._entry)
        return self._async_take()

    async def async_step_other_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a token again, because this one belongs to another account."""
        return self._async_show_token_form({CONF_API_TOKEN: "wrong_account"})

    @property
    def _entry(self) -> BytesFlowsConfigEntry:
        """The entry that is changed."""
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        return self._get_reconfigure_entry()

    async def _async_update_entry(
        self, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Change an entry if the entered data leads to its account."""
        old = self._entry.data
        if user_input is None:
            self._data = dict(old)
            return self._async_show_token_form({})
        # A rejected token is not kept by leaving the field empty.
        kept = {CONF_API_TOKEN: ""} if self.source == SOURCE_REAUTH else {}
        self._data = _entry_data(user_input, {**old, **kept})
        if errors := await self._async_validate():
            return self._async_show_token_form(errors)
        is_new = any(self._data[key] != old[key] for key in (CONF_API_TOKEN, CONF_URL))
        if is_new and self._known.all_differ(self._package_ids):
            return await self.async_step_account_question()
        return self._async_take()

    @callback
    def _async_take(self) -> ConfigFlowResult:
        """Save the entered data, and reload the account."""
        async_get_rejections(self.hass).forget(self._entry.entry_id)
        # Home Assistant's own reasons have another text in each release.
        return self.async_update_reload_and_abort(
            self._entry, data=self._data, reason=f"{self.source}_successful"
        )

    async def _async_validate(self) -> dict[str, str]:
        """Return the errors by field; without any, the data is fit for an entry."""
        if errors := _clean(self._data):
            return errors
        self._package_ids = frozenset()
        if errors := await self._async_find_duplicate():
            return errors
        try:
            self._package_ids = await async_fetch_package_ids(
                self.hass, self._data, self._known
            )
        except BytesFlowsAuthenticationError as err:
            return {CONF_API_TOKEN: error_key(err)}
        except BytesFlowsError as err:
            return {"base": error_key(err)}
        except Exception:  # noqa: BLE001
            LOGGER.exception("Unexpected error while calling the BytesFlows API")
            return {"base": "unknown"}
        # Another flow may have been faster.
        return await self._async_find_duplicate()

    async def _async_find_duplicate(self) -> dict[str, str]:
        """Return an error if another entry has the account.

        Entries whose packages are not known, and accounts without any, pass.
        """
        entry_id = None if self.source == SOURCE_USER else self._entry.entry_id
        self._known = await async_get_known_packages(
            self.hass, self._data[CONF_URL], entry_id
        )
        if async_is_token_taken(
            self.hass, self._data, entry_id
        ) or self._known.belong_to_other(self._package_ids):
            return ALREADY_CONFIGURED
        return {}

    @callback
    def _async_show_token_form(self, errors: dict[str, str]) -> ConfigFlowResult:
        """Show the form with which an entry is changed."""
        if self.source == SOURCE_REAUTH:
            return self._async_show_form("reauth_confirm", errors)
        return self._async_show_form("reconfigure", errors, self._entry.data)

    @callback
    def _async_show_form(
        self,
        step_id: str,
        errors: dict[str, str],
        defaults: Mapping[str, Any] = DEFAULT_DATA,
    ) -> ConfigFlowResult:
        """Show a form with the entered values, except for the token."""
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                _token_schema(step_id, defaults), {SECTION_ADVANCED: self._data}
            ),
            errors=errors,
            description_placeholders={"url": DEFAULT_URL},
        )


class BytesFlowsOptionsFlow(OptionsFlowWithReload):
    """Change the options of an account."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the options, or save them."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        zones = await self.hass.async_add_executor_job(zoneinfo.available_timezones)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _options_schema(zones), {**DEFAULT_OPTIONS, **self.config_entry.options}
            ),
        )


def _token_schema(step_id: str, defaults: Mapping[str, Any]) -> vol.Schema:
    """Return the form of a step, whose token is optional if an entry has one."""
    if step_id == "reauth_confirm":
        return vol.Schema({vol.Required(CONF_API_TOKEN): _TOKEN_SELECTOR})
    marker = vol.Optional if step_id == "reconfigure" else vol.Required
    return vol.Schema(
        {
            marker(CONF_API_TOKEN): _TOKEN_SELECTOR,
            vol.Optional(SECTION_ADVANCED): section(
                vol.Schema(
                    {
                        vol.Required(CONF_URL, default=defaults[CONF_URL]): (
                            TextSelector(
                                TextSelectorConfig(
                                    type=TextSelectorType.URL, autocomplete="url"
                                )
                            )
                        ),
                        vol.Required(
                            CONF_VERIFY_SSL, default=defaults[CONF_VERIFY_SSL]
                        ): BooleanSelector(),
                    }
                ),
                {"collapsed": True},
            ),
        }
    )


def _options_schema(zones: Iterable[str]) -> vol.Schema:
    """Return the form of the options."""
    return vol.Schema(
        {
            vol.Required(CONF_LOW_TRAFFIC_THRESHOLD): vol.All(
                NumberSelector(
                    NumberSelectorConfig(
                        min=1,
                        max=99,
                        mode=NumberSelectorMode.BOX,
                        unit_of_measurement=PERCENTAGE,
                    )
                ),
                vol.Coerce(int),
            ),
            vol.Required(CONF_EXPIRING_SOON_DAYS): vol.All(
                NumberSelector(
                    NumberSelectorConfig(
                        min=1,
                        max=60,
                        mode=NumberSelectorMode.BOX,
                        unit_of_measurement="days",
                        translation_key=CONF_EXPIRING_SOON_DAYS,
                    )
                ),
                vol.Coerce(int),
            ),
            vol.Required(CONF_TIME_ZONE): SelectSelector(
                SelectSelectorConfig(
                    options=sorted(zones), mode=SelectSelectorMode.DROPDOWN
                )
            ),
        }
    )


def _entry_data(
    user_input: Mapping[str, Any], old: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the data of an entry; a token field left empty keeps the old token."""
    data = {**old, **user_input.get(SECTION_ADVANCED, {})}
    if pasted := user_input.get(CONF_API_TOKEN, "").strip():
        data[CONF_API_TOKEN] = clean_token(pasted)
    return data


def _clean(data: dict[str, Any]) -> dict[str, str]:
    """Normalize the URL, and return the errors of URL and token by field."""
    errors: dict[str, str] = {}
    url = parse_url(data[CONF_URL])
    if url is None:
        errors[SECTION_ADVANCED] = "invalid_url"
    elif not is_confidential(url):
        errors[SECTION_ADVANCED] = "insecure_url"
    else:
        data[CONF_URL] = str(url).rstrip("/")
    if not data[CONF_API_TOKEN]:
        errors[CONF_API_TOKEN] = "invalid_auth"
    elif not is_possible_token(data[CONF_API_TOKEN]):
        errors[CONF_API_TOKEN] = "invalid_characters"
    return errors
