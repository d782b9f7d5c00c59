"""Setting up a BytesFlows account, and changing how it is set up."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
import re
from typing import Any, Final, override
import zoneinfo

from aiohttp import DummyCookieJar
import voluptuous as vol
from yarl import URL

from homeassistant.config_entries import (
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
from homeassistant.data_entry_flow import AbortFlow, section
from homeassistant.helpers.aiohttp_client import async_create_clientsession
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
from homeassistant.util import dt as dt_util
from homeassistant.util.network import is_local

from .api import (
    DEFAULT_URL,
    BytesFlowsAuthenticationError,
    BytesFlowsClient,
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
from .coordinator import BytesFlowsConfigEntry, error_key

SECTION_ADVANCED: Final = "advanced"

_HOST: Final = re.compile(r"[\w.-]+|[0-9a-f:.]+(%[\w.-]+)?")
_BEARER: Final = re.compile(r"^(authorization:)?\s*bearer(\s+|$)", re.IGNORECASE)

_TOKEN_SELECTOR: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)
_ADVANCED: Final = section(
    vol.Schema(
        {
            vol.Required(CONF_URL, default=DEFAULT_URL): TextSelector(
                TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url")
            ),
            vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
        }
    ),
    {"collapsed": True},
)
REAUTH_SCHEMA: Final = vol.Schema({vol.Required(CONF_API_TOKEN): _TOKEN_SELECTOR})
USER_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_API_TOKEN): _TOKEN_SELECTOR,
        vol.Optional(SECTION_ADVANCED): _ADVANCED,
    }
)
RECONFIGURE_SCHEMA: Final = vol.Schema(
    {
        vol.Optional(CONF_API_TOKEN): _TOKEN_SELECTOR,
        vol.Optional(SECTION_ADVANCED): _ADVANCED,
    }
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
    """Set up an account, log in to it again, or change its address or token."""

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
            data = {**DEFAULT_DATA, **_entry_data(user_input)}
            if not (errors := await self._async_validate(data)):
                return self.async_create_entry(
                    title="BytesFlows", data=data, options=dict(DEFAULT_OPTIONS)
                )
        return self._async_show_step("user", USER_SCHEMA, user_input, errors)

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Ask for a token, because the API refused the one there is."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take another token for the account."""
        return await self._async_update_entry(
            "reauth_confirm", REAUTH_SCHEMA, self._get_reauth_entry(), user_input
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the address or the token of the account."""
        entry = self._get_reconfigure_entry()
        return await self._async_update_entry(
            "reconfigure", RECONFIGURE_SCHEMA, entry, user_input
        )

    async def _async_update_entry(
        self,
        step_id: str,
        schema: vol.Schema,
        entry: BytesFlowsConfigEntry,
        user_input: dict[str, Any] | None,
    ) -> ConfigFlowResult:
        """Change an entry once the account answers with what was entered."""
        errors: dict[str, str] = {}
        if user_input is not None:
            data = {**entry.data, **_entry_data(user_input)}
            if not (errors := await self._async_validate(data, entry)):
                # Home Assistant's own reasons have another text in each release.
                return self.async_update_reload_and_abort(
                    entry, data=data, reason=f"{self.source}_successful"
                )
        return self._async_show_step(
            step_id, schema, user_input or {SECTION_ADVANCED: entry.data}, errors
        )

    def _async_show_step(
        self,
        step_id: str,
        schema: vol.Schema,
        suggested: Mapping[str, Any] | None,
        errors: dict[str, str],
    ) -> ConfigFlowResult:
        """Show a form again as it was filled in, but for the token."""
        suggested = {SECTION_ADVANCED: (suggested or {}).get(SECTION_ADVANCED, {})}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders={"url": DEFAULT_URL},
        )

    async def _async_validate(
        self, data: dict[str, Any], entry: BytesFlowsConfigEntry | None = None
    ) -> dict[str, str]:
        """Return the errors by field; without any, `data` is fit for the entry.

        Aborts the flow for an account that another entry has, or the entry has not.
        """
        url = _parse_url(data[CONF_URL])
        if url is None:
            return {SECTION_ADVANCED: "invalid_url"}
        if not _is_confidential(url):
            return {SECTION_ADVANCED: "insecure_url"}
        data[CONF_URL] = str(url).rstrip("/")
        account = {key: data[key] for key in (CONF_API_TOKEN, CONF_URL)}
        self._async_abort_entries_match(account)
        try:
            package_ids = await self._async_read_package_ids(data)
        except BytesFlowsAuthenticationError as err:
            return {CONF_API_TOKEN: error_key(err)}
        except BytesFlowsError as err:
            return {"base": error_key(err)}
        except Exception:  # noqa: BLE001
            LOGGER.exception("Unexpected error while asking the BytesFlows API")
            return {"base": "unknown"}
        # Another flow may have been faster.
        self._async_abort_entries_match(account)
        self._async_abort_if_account_differs(package_ids, entry)
        return {}

    async def _async_read_package_ids(self, data: Mapping[str, Any]) -> frozenset[str]:
        """Call both endpoints, and return the ids of some of the account's packages."""
        session = async_create_clientsession(
            self.hass,
            data[CONF_VERIFY_SSL],
            auto_cleanup=False,
            cookie_jar=DummyCookieJar(),
        )
        try:
            client = BytesFlowsClient(
                session,
                data[CONF_API_TOKEN],
                time_zone=dt_util.UTC,
                url=data[CONF_URL],
            )
            await client.get_overview()
            page = await client.get_records_page()
        finally:
            session.detach()
        return frozenset(record.id for record in page.records)

    def _async_abort_if_account_differs(
        self, package_ids: frozenset[str], entry: BytesFlowsConfigEntry | None
    ) -> None:
        """Tell accounts apart by their packages, since the API has no account id.

        Entries whose packages are not known, and accounts without any, pass.
        """
        for other in self.hass.config_entries.async_loaded_entries(DOMAIN):
            known_ids = other.runtime_data.ledger.package_ids
            if entry is not None and other.entry_id == entry.entry_id:
                if package_ids and known_ids and package_ids.isdisjoint(known_ids):
                    raise AbortFlow("wrong_account")
            elif not package_ids.isdisjoint(known_ids):
                raise AbortFlow("already_configured")


class BytesFlowsOptionsFlow(OptionsFlowWithReload):
    """Change the options of an account."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the options, or take them."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        zones = await self.hass.async_add_executor_job(zoneinfo.available_timezones)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _options_schema(zones), {**DEFAULT_OPTIONS, **self.config_entry.options}
            ),
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


def _entry_data(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was entered, flat; a token that was left empty is left out."""
    data = dict(user_input.get(SECTION_ADVANCED, {}))
    token = _BEARER.sub("", user_input.get(CONF_API_TOKEN, "").strip()).strip()
    if token:
        data[CONF_API_TOKEN] = token
    return data


def _parse_url(text: str) -> URL | None:
    """Return the base address, or None for anything else than a plain web address."""
    try:
        url = URL(text.strip())
    except ValueError:
        return None
    if (
        url.scheme not in {"http", "https"}
        or not url.host
        or not _HOST.fullmatch(url.host)
        or url.user is not None
        or url.password is not None
        or url.query_string
        or url.fragment
    ):
        return None
    return url


def _is_confidential(url: URL) -> bool:
    """Return whether nobody else can read what is sent to an address."""
    if url.scheme == "https" or url.host == "localhost":
        return True
    try:
        return is_local(ip_address(url.host or ""))
    except ValueError:
        return False
