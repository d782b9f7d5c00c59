"""Every path of setting an account up, against the simulated API."""

import asyncio
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.api import (
    BytesFlowsClient,
    RecordsPage,
    client as client_module,
)
from custom_components.bytesflows.const import DOMAIN
from dev.simulated_api import (
    EXAMPLE_TOKEN,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    SimulatedApi,
)
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .helpers.common import COOKIE, OPTIONS, set_up, state
from .helpers.flows import FAULTS, OTHER_TOKEN, advanced, submit, suggestions


async def start(hass: HomeAssistant) -> ConfigFlowResult:
    """Open the form for a new account."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert not result["errors"]
    return result


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
