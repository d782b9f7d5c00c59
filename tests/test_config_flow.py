"""Every path of every flow, against the simulated API."""

import asyncio
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.api import (
    BytesFlowsClient,
    RecordsPage,
    client as client_module,
)
from custom_components.bytesflows.const import DOMAIN
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData

from .common import COOKIE, OPTIONS, make_entry, pass_time, set_up, state
from .simulated_api import (
    EXAMPLE_TOKEN,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    SimulatedApi,
)

OTHER_TOKEN = "other-token-9c41"

FAULTS = [
    pytest.param(Fault.refuse(401), {"api_token": "invalid_auth"}, id="token"),
    pytest.param(Fault.code(401), {"api_token": "invalid_auth"}, id="token in body"),
    pytest.param(Fault(drop=True), {"base": "cannot_connect"}, id="dropped"),
    pytest.param(Fault(cut=True), {"base": "cannot_connect"}, id="cut"),
    pytest.param(Fault.html(403), {"base": "cannot_connect"}, id="firewall"),
    pytest.param(Fault.refuse(502), {"base": "cannot_connect"}, id="server error"),
    pytest.param(Fault.code(500), {"base": "cannot_connect"}, id="error in body"),
    pytest.param(Fault(hang=True), {"base": "timeout_connect"}, id="hangs"),
    pytest.param(
        Fault.refuse(429, Retry_After="60"), {"base": "rate_limited"}, id="limited"
    ),
    pytest.param(Fault.html(200), {"base": "invalid_response"}, id="page"),
    pytest.param(Fault.refuse(404), {"base": "invalid_response"}, id="not found"),
    pytest.param(
        Fault.redirect("http://127.0.0.1:9/"), {"base": "invalid_response"}, id="moved"
    ),
    pytest.param(Fault.without("data"), {"base": "invalid_response"}, id="wrong shape"),
]


async def start(hass: HomeAssistant) -> ConfigFlowResult:
    """Open the form for a new account."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert not result["errors"]
    return result


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, **user_input: object
) -> ConfigFlowResult:
    """Submit a form."""
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], user_input
    )
    await hass.async_block_till_done()
    return result


def advanced(url: str, *, verify_ssl: bool = True) -> dict[str, object]:
    """Return the section of advanced settings, filled in."""
    return {"url": url, "verify_ssl": verify_ssl}


def suggestions(result: ConfigFlowResult) -> dict[str, object]:
    """Return what a form suggests, flat."""
    found: dict[str, object] = {}

    def collect(fields: dict[Any, Any]) -> None:
        for key, value in fields.items():
            if hasattr(value, "schema") and hasattr(value, "options"):
                collect(value.schema.schema)
            elif key.description:
                found[str(key)] = key.description["suggested_value"]

    schema = result["data_schema"]
    assert schema is not None
    collect(schema.schema)
    return found


async def test_user(hass: HomeAssistant, api: SimulatedApi) -> None:
    """An account is set up with its token and address."""
    result = await start(hass)
    result = await submit(
        hass, result, api_token=EXAMPLE_TOKEN, advanced=advanced(api.url)
    )

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "BytesFlows"
    assert result["data"] == {
        "api_token": EXAMPLE_TOKEN,
        "url": api.url,
        "verify_ssl": True,
    }
    assert result["options"] == OPTIONS
    assert result["result"].state is ConfigEntryState.LOADED
    assert state(hass, "total_traffic").state == "176.0"


async def test_user_form(hass: HomeAssistant) -> None:
    """The token is a password field, and the section is closed."""
    result = await start(hass)
    schema = result["data_schema"]
    assert schema is not None
    token, section = schema.schema.values()
    assert [str(key) for key in schema.schema] == ["api_token", "advanced"]
    assert token.config["type"] == "password"
    assert section.options == {"collapsed": True}
    assert section({}) == advanced("https://bytesflows.com")


async def test_user_without_section(hass: HomeAssistant) -> None:
    """Who leaves the section alone gets the vendor's address."""
    with patch.object(
        BytesFlowsClient, "get_overview", autospec=True, side_effect=OSError
    ) as get_overview:
        result = await submit(hass, await start(hass), api_token=EXAMPLE_TOKEN)
    (client,) = get_overview.call_args.args
    assert str(client._url) == "https://bytesflows.com"
    assert result["errors"] == {"base": "unknown"}


@pytest.mark.parametrize(
    "pasted",
    [
        f"  {EXAMPLE_TOKEN}\n",
        f"Bearer {EXAMPLE_TOKEN}",
        f" bearer   {EXAMPLE_TOKEN} ",
        f"Authorization: Bearer {EXAMPLE_TOKEN}",
    ],
)
async def test_pasted_tokens(
    hass: HomeAssistant, api: SimulatedApi, pasted: str
) -> None:
    """What surrounds a pasted token is removed."""
    result = await submit(
        hass, await start(hass), api_token=pasted, advanced=advanced(api.url)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["api_token"] == EXAMPLE_TOKEN


@pytest.mark.parametrize("token", ["", "   ", "Bearer ", "two words", "tökén"])
async def test_no_tokens(hass: HomeAssistant, api: SimulatedApi, token: str) -> None:
    """What cannot be a token is refused without asking the server."""
    result = await submit(
        hass, await start(hass), api_token=token, advanced=advanced(api.url)
    )
    assert result["errors"] == {"api_token": "invalid_auth"}
    assert api.requests == []

    result = await submit(
        hass, result, api_token=EXAMPLE_TOKEN, advanced=advanced(api.url)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
@pytest.mark.parametrize(("fault", "errors"), FAULTS)
async def test_user_errors(
    hass: HomeAssistant,
    api: SimulatedApi,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    fault: Fault,
    errors: dict[str, str],
) -> None:
    """Each failure of each endpoint has its text, and the next try succeeds."""
    if fault.hang:
        monkeypatch.setattr(client_module, "TIMEOUT", 0.1)
    api.break_(fault, path)
    form = {"api_token": EXAMPLE_TOKEN, "advanced": advanced(api.url, verify_ssl=False)}

    result = await submit(hass, await start(hass), **form)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert suggestions(result) == {"url": api.url, "verify_ssl": False}

    api.heal()
    result = await submit(hass, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["verify_ssl"] is False


async def test_user_unexpected_error(
    hass: HomeAssistant, api: SimulatedApi, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours is told, with the details in the log, and is no dead end."""
    form = {"api_token": EXAMPLE_TOKEN, "advanced": advanced(api.url)}
    with patch.object(BytesFlowsClient, "get_overview", side_effect=RuntimeError):
        result = await submit(hass, await start(hass), **form)
    assert result["errors"] == {"base": "unknown"}
    assert "Unexpected error while asking the BytesFlows API" in caplog.text
    assert EXAMPLE_TOKEN not in caplog.text

    result = await submit(hass, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", "invalid_url"),
        ("bytesflows.com", "invalid_url"),
        ("not a url", "invalid_url"),
        ("https://not a url", "invalid_url"),
        ("https://", "invalid_url"),
        ("https://:443", "invalid_url"),
        ("https://bytesflows.com:99999", "invalid_url"),
        ("ftp://bytesflows.com", "invalid_url"),
        ("https://user@bytesflows.com", "invalid_url"),
        ("https://user:pass@bytesflows.com", "invalid_url"),
        ("https://bytesflows.com/?a=b", "invalid_url"),
        ("https://bytesflows.com/#top", "invalid_url"),
        ("http://bytesflows.com", "insecure_url"),
        ("http://8.8.8.8", "insecure_url"),
        ("http://2130706433", "insecure_url"),
        ("http://localhost.example.com", "insecure_url"),
        ("http://[2001:db8::1]:80", "insecure_url"),
    ],
)
async def test_user_wrong_address(
    hass: HomeAssistant, api: SimulatedApi, url: str, error: str
) -> None:
    """What is no address, or lets the token be read, is refused at once."""
    result = await submit(
        hass, await start(hass), api_token=EXAMPLE_TOKEN, advanced=advanced(url)
    )
    assert result["errors"] == {"advanced": error}
    assert suggestions(result)["url"] == url

    result = await submit(
        hass, result, api_token=EXAMPLE_TOKEN, advanced=advanced(f" {api.url}/ ")
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["url"] == api.url


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://BytesFlows.com:443/", "https://bytesflows.com"),
        (
            "https://proxy.example.com/bytesflows/",
            "https://proxy.example.com/bytesflows",
        ),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://192.168.1.5", "http://192.168.1.5"),
        ("http://10.0.0.1/api", "http://10.0.0.1/api"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[fd00::1]", "http://[fd00::1]"),
    ],
)
async def test_user_address(hass: HomeAssistant, url: str, stored: str) -> None:
    """Addresses are kept in one way of writing them; plain http only at home."""
    with (
        patch("custom_components.bytesflows.async_setup_entry", return_value=True),
        patch.object(BytesFlowsClient, "get_overview"),
        patch.object(
            BytesFlowsClient,
            "get_records_page",
            return_value=RecordsPage(records=(), total=0),
        ),
    ):
        result = await submit(
            hass, await start(hass), api_token=EXAMPLE_TOKEN, advanced=advanced(url)
        )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["url"] == stored


async def test_user_self_signed_certificate(
    hass: HomeAssistant, tls_api: SimulatedApi
) -> None:
    """A server that nobody vouches for gets the token only when that is allowed."""
    result = await submit(
        hass, await start(hass), api_token=EXAMPLE_TOKEN, advanced=advanced(tls_api.url)
    )
    assert result["errors"] == {"base": "cannot_connect"}
    assert tls_api.requests == []

    result = await submit(
        hass,
        result,
        api_token=EXAMPLE_TOKEN,
        advanced=advanced(tls_api.url, verify_ssl=False),
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["verify_ssl"] is False


async def test_same_token(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """The same token at the same address is refused without asking the server."""
    entry.add_to_hass(hass)
    result = await submit(
        hass,
        await start(hass),
        api_token=f"Bearer {EXAMPLE_TOKEN}",
        advanced=advanced(f"{api.url}/"),
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert api.requests == []


async def test_same_token_at_once(hass: HomeAssistant, api: SimulatedApi) -> None:
    """Of two flows for one account, one is refused."""
    form = {"api_token": EXAMPLE_TOKEN, "advanced": advanced(api.url)}
    flows = [await start(hass), await start(hass)]
    results = await asyncio.gather(*(submit(hass, flow, **form) for flow in flows))
    assert {result["type"] for result in results} == {
        FlowResultType.CREATE_ENTRY,
        FlowResultType.ABORT,
    }


async def test_same_account(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """Another token of an account that is set up is refused, by its packages."""
    api.accounts.append(Account.example())
    api.accounts[1].token = OTHER_TOKEN
    assert await set_up(hass, entry)

    result = await submit(
        hass, await start(hass), api_token=OTHER_TOKEN, advanced=advanced(api.url)
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


@pytest.mark.parametrize("packages", [0, 5])
async def test_second_account(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry, packages: int
) -> None:
    """Another account becomes another entry, with packages or without."""
    api.accounts.append(Account.with_packages(packages))
    api.accounts[1].token = OTHER_TOKEN
    assert await set_up(hass, entry)

    result = await submit(
        hass, await start(hass), api_token=OTHER_TOKEN, advanced=advanced(api.url)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(hass.config_entries.async_loaded_entries(DOMAIN)) == 2
    assert hass.states.get("sensor.bytesflows_total_traffic_2") is not None


async def test_cookies_are_not_kept(
    hass: HomeAssistant, named_api: SimulatedApi
) -> None:
    """The API takes cookies for a login, so what one flow gets no request may have."""
    named_api.accounts.append(Account.with_packages(5))
    named_api.accounts[1].token = OTHER_TOKEN
    named_api.break_(Fault(headers=COOKIE))
    for token in (EXAMPLE_TOKEN, OTHER_TOKEN):
        result = await submit(
            hass, await start(hass), api_token=token, advanced=advanced(named_api.url)
        )
        assert result["type"] is FlowResultType.CREATE_ENTRY
    # Each flow asks for both answers, and so does the setup that follows it.
    assert [request.cookies for request in named_api.requests] == [{}] * 8


async def revoke_and_poll(
    hass: HomeAssistant, api: SimulatedApi, now: FrozenDateTimeFactory
) -> ConfigFlowResult:
    """Revoke the token, and return the form that Home Assistant asks with."""
    api.accounts[0].token = OTHER_TOKEN
    await pass_time(hass, now)
    (flow,) = hass.config_entries.flow.async_progress()
    result = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reauth_confirm"
    assert result["description_placeholders"] == {"name": "BytesFlows"}
    return result


async def test_reauth(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    now: FrozenDateTimeFactory,
) -> None:
    """A revoked token is asked for again, and a new one brings all back."""
    assert await set_up(hass, entry)
    result = await revoke_and_poll(hass, api, now)
    assert state(hass, "total_traffic").state == "unavailable"
    assert suggestions(result) == {}

    result = await submit(hass, result, api_token=f"Bearer {OTHER_TOKEN}")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert result.get("translation_domain") is None  # So that the text is ours.
    assert dict(entry.data) == {
        "api_token": OTHER_TOKEN,
        "url": api.url,
        "verify_ssl": True,
    }
    assert state(hass, "total_traffic").state == "176.0"


@pytest.mark.parametrize(("fault", "errors"), FAULTS)
async def test_reauth_errors(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    errors: dict[str, str],
) -> None:
    """A new token that cannot be checked is not taken, and the next try succeeds."""
    assert await set_up(hass, entry)
    api.accounts[0].token = OTHER_TOKEN
    result = await entry.start_reauth_flow(hass)
    if fault.hang:
        monkeypatch.setattr(client_module, "TIMEOUT", 0.1)
    api.break_(fault)

    result = await submit(hass, result, api_token=OTHER_TOKEN)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert entry.data["api_token"] == EXAMPLE_TOKEN

    api.heal()
    result = await submit(hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"
    assert entry.data["api_token"] == OTHER_TOKEN


async def test_reauth_with_another_account(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    now: FrozenDateTimeFactory,
) -> None:
    """A token of an account with other packages is refused."""
    api.accounts.append(Account.with_packages(5))
    api.accounts[1].token = "a-third-token"
    assert await set_up(hass, entry)
    result = await revoke_and_poll(hass, api, now)

    result = await submit(hass, result, api_token="a-third-token")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_account"
    assert entry.data["api_token"] == EXAMPLE_TOKEN

    result = await entry.start_reauth_flow(hass)
    result = await submit(hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"


async def test_reauth_without_packages(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    now: FrozenDateTimeFactory,
) -> None:
    """Where the packages are all gone, the account cannot be told from another."""
    assert await set_up(hass, entry)
    result = await revoke_and_poll(hass, api, now)
    api.accounts[0].packages.clear()

    result = await submit(hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"


async def test_reauth_after_restart(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """A token that is refused at the start is asked for, too."""
    api.accounts[0].token = OTHER_TOKEN
    assert not await set_up(hass, entry)
    first_state = entry.state
    assert first_state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_confirm"

    result = await submit(hass, flow, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_address(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """The address changes; an empty token field keeps the token."""
    moved = SimulatedApi(Account.example())
    await moved.start()
    assert await set_up(hass, entry)

    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    assert suggestions(result) == {"url": api.url, "verify_ssl": True}

    result = await submit(hass, result, advanced=advanced(moved.url, verify_ssl=False))
    assert result["reason"] == "reconfigure_successful"
    assert dict(entry.data) == {
        "api_token": EXAMPLE_TOKEN,
        "url": moved.url,
        "verify_ssl": False,
    }
    assert entry.state is ConfigEntryState.LOADED
    assert moved.count(OVERVIEW) == 2
    await hass.config_entries.async_unload(entry.entry_id)
    await moved.stop()


async def test_reconfigure_token(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """The token changes; a section that is not sent keeps the address."""
    api.accounts.append(Account.example())
    api.accounts[1].token = OTHER_TOKEN
    assert await set_up(hass, entry)

    result = await submit(
        hass, await entry.start_reconfigure_flow(hass), api_token=OTHER_TOKEN
    )
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["api_token"] == OTHER_TOKEN
    assert entry.data["url"] == api.url


@pytest.mark.parametrize(
    ("url", "errors"),
    [
        ("nowhere", {"advanced": "invalid_url"}),
        ("http://example.com", {"advanced": "insecure_url"}),
        ("http://127.0.0.1:9", {"base": "cannot_connect"}),
    ],
)
async def test_reconfigure_errors(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    url: str,
    errors: dict[str, str],
) -> None:
    """A wrong address is not taken, and the next try succeeds."""
    assert await set_up(hass, entry)
    result = await submit(
        hass, await entry.start_reconfigure_flow(hass), advanced=advanced(url)
    )
    assert result["errors"] == errors
    assert suggestions(result)["url"] == url
    assert entry.data["url"] == api.url

    result = await submit(hass, result, advanced=advanced(api.url))
    assert result["reason"] == "reconfigure_successful"


async def test_reconfigure_to_another_account(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """A token of another account is refused, whether that is set up or not."""
    api.accounts.append(Account.with_packages(5))
    api.accounts[1].token = OTHER_TOKEN
    assert await set_up(hass, entry)
    result = await submit(
        hass, await entry.start_reconfigure_flow(hass), api_token=OTHER_TOKEN
    )
    assert result["reason"] == "wrong_account"

    other = make_entry(api, token=OTHER_TOKEN, entry_id="01JOTHER")
    assert await set_up(hass, other)
    result = await submit(
        hass, await entry.start_reconfigure_flow(hass), api_token=OTHER_TOKEN
    )
    assert result["reason"] == "already_configured"
    assert entry.data["api_token"] == EXAMPLE_TOKEN


async def test_sessions_are_not_left_open(
    hass: HomeAssistant, api: SimulatedApi
) -> None:
    """The flow's own session is given up, whatever came of it."""
    with patch.object(
        BytesFlowsClient, "__init__", autospec=True, return_value=None
    ) as client:
        await submit(
            hass,
            await start(hass),
            api_token=EXAMPLE_TOKEN,
            advanced=advanced(api.url),
        )
    session = client.call_args.args[1]
    assert session.closed


async def test_options(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    now: FrozenDateTimeFactory,
) -> None:
    """The options are shown as they are, and apply at once."""
    assert await set_up(hass, entry)
    assert state(hass, "next_expiry").state == "2026-03-21T12:00:00+00:00"

    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["type"] is FlowResultType.FORM
    assert suggestions(result) == OPTIONS

    changed = {
        "time_zone": "Europe/Berlin",
        "low_traffic_threshold": 25.0,
        "expiring_soon_days": 7,
    }
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], changed
    )
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert dict(entry.options) == changed
    assert isinstance(entry.options["low_traffic_threshold"], int)
    assert state(hass, "next_expiry").state == "2026-03-21T19:00:00+00:00"


@pytest.mark.parametrize(
    "changed",
    [
        {"low_traffic_threshold": 0},
        {"low_traffic_threshold": 100},
        {"low_traffic_threshold": "many"},
        {"expiring_soon_days": 0},
        {"expiring_soon_days": 61},
        {"time_zone": "Mars/Olympus"},
        {"unknown": 1},
    ],
)
async def test_wrong_options(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    changed: dict[str, object],
) -> None:
    """Options out of range are refused by the form; the next try succeeds."""
    assert await set_up(hass, entry)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            result["flow_id"], {**OPTIONS, **changed}
        )
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], OPTIONS
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
