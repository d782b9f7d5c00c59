"""Every path of setting an account up, against the simulated API."""

import asyncio
from unittest.mock import patch

from aiohttp import ClientTimeout
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
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData

from .helpers.common import COOKIE, OPTIONS, set_up, state
from .helpers.flows import (
    FAULTS,
    OTHER_TOKEN,
    add_packages,
    advanced,
    submit,
    suggestions,
)
from .helpers.home import Home


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
    """An account is set up with its token and URL."""
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
    """Without the section it is the vendor's URL."""
    with patch.object(
        BytesFlowsClient, "get_overview", autospec=True, side_effect=OSError
    ) as get_overview:
        result = await submit(hass, await start(hass), api_token=EXAMPLE_TOKEN)
    (client,) = get_overview.call_args.args
    assert str(client._url) == "https://bytesflows.com"
    assert result["errors"] == {"base": "unknown"}


PASTED = [
    f"  {EXAMPLE_TOKEN}\n",
    f"\t{EXAMPLE_TOKEN}\r\n\r\n",
    f"\u3000{EXAMPLE_TOKEN}\xa0",
    f"{EXAMPLE_TOKEN[:7]}\n{EXAMPLE_TOKEN[7:]}",
    f"{EXAMPLE_TOKEN[:7]} \r\n  {EXAMPLE_TOKEN[7:]}",
    f"\u200b{EXAMPLE_TOKEN}\u200d",
    f"\ufeff{EXAMPLE_TOKEN}",
    f"\u202a{EXAMPLE_TOKEN}\u202c\ufe0f",
    f"{EXAMPLE_TOKEN[:7]}\xad{EXAMPLE_TOKEN[7:]}\x00",
    f'"{EXAMPLE_TOKEN}"',
    f"'{EXAMPLE_TOKEN}',",
    f"`{EXAMPLE_TOKEN}`",
    f"\u201c{EXAMPLE_TOKEN}\u201d",
    f"\u300c{EXAMPLE_TOKEN}\u300d",
    f"Bearer {EXAMPLE_TOKEN}",
    f" bearer   {EXAMPLE_TOKEN} ",
    f"BEARER\n{EXAMPLE_TOKEN}",
    f"Bearer: {EXAMPLE_TOKEN}",
    f"Bearer Bearer {EXAMPLE_TOKEN}",
    f'"Bearer {EXAMPLE_TOKEN}"',
    f'Bearer "{EXAMPLE_TOKEN}"',
    f"Bearer\u200b \u200b{EXAMPLE_TOKEN}",
    f"Authorization: {EXAMPLE_TOKEN}",
    f"Authorization: Bearer {EXAMPLE_TOKEN}",
    f"authorization:bearer {EXAMPLE_TOKEN}",
    f"Authorization Bearer {EXAMPLE_TOKEN}",
    f"Authorization\uff1aBearer\u3000{EXAMPLE_TOKEN}",
    f"Authorization: Bearer {EXAMPLE_TOKEN}\r\nAccept: */*\r\n",
    f"Accept: */*\nAuthorization: Bearer {EXAMPLE_TOKEN}",
    f"Authorization: Bearer {EXAMPLE_TOKEN[:7]}\n {EXAMPLE_TOKEN[7:]}",
    f'"Authorization": "Bearer {EXAMPLE_TOKEN}",',
    f"{{'Authorization': 'Bearer {EXAMPLE_TOKEN}'}}",
    f"-H 'Authorization: Bearer {EXAMPLE_TOKEN}'",
    f"-H 'Authorization: Bearer {EXAMPLE_TOKEN}' \\",
    f"curl -H 'Authorization: Bearer {EXAMPLE_TOKEN}' https://bytesflows.com",
    f'curl --header "authorization: {EXAMPLE_TOKEN}" -H "Accept: */*"',
    f"Bearer%20{EXAMPLE_TOKEN}",
    f"Authorization=Bearer%20{EXAMPLE_TOKEN}",
    f"Authorization: Token {EXAMPLE_TOKEN}",
    f'Authorization: Token token="{EXAMPLE_TOKEN}"',
    f"Token {EXAMPLE_TOKEN}",
    f"token={EXAMPLE_TOKEN}",
    f"token: {EXAMPLE_TOKEN}",
    f"API token: {EXAMPLE_TOKEN}",
    f"BytesFlows API Token\uff1a{EXAMPLE_TOKEN}",
    f"api_token: {EXAMPLE_TOKEN}",
    f"api_token: Bearer {EXAMPLE_TOKEN}",
    f"apiKey = '{EXAMPLE_TOKEN}';",
    f"access-token={EXAMPLE_TOKEN}&lang=en",
    f"export BYTESFLOWS_API_TOKEN={EXAMPLE_TOKEN}",
    f"BYTESFLOWS_TOKEN={EXAMPLE_TOKEN}\nBYTESFLOWS_URL=https://bytesflows.com",
    f"X-API-Key: {EXAMPLE_TOKEN}",
    f"x-auth-token: {EXAMPLE_TOKEN}\r\nAccept: */*\r\n",
    f"curl -H 'X-API-Key: {EXAMPLE_TOKEN}' https://bytesflows.com",
    f"https://bytesflows.com/?lang=en&token={EXAMPLE_TOKEN}#top",
    f'{{"token":"{EXAMPLE_TOKEN}"}}',
    f'{{"code": 200, "data": {{"access_token": "{EXAMPLE_TOKEN}", "id": 1}}}}',
    f"{{'api_token': '{EXAMPLE_TOKEN}'}}",
    f"{{token: {EXAMPLE_TOKEN}}}",
    f"```\n{EXAMPLE_TOKEN}\n```",
    f"({EXAMPLE_TOKEN})",
    f"[{EXAMPLE_TOKEN}]",
    f'["{EXAMPLE_TOKEN}"]',
    f"**{EXAMPLE_TOKEN}**",
    f"token   = {EXAMPLE_TOKEN}",
    f"?token={EXAMPLE_TOKEN}",
    f"token={EXAMPLE_TOKEN}; path=/",
]


@pytest.mark.parametrize("pasted", PASTED, ids=ascii)
async def test_pasted_tokens(
    hass: HomeAssistant, api: SimulatedApi, pasted: str
) -> None:
    """Whatever surrounds a pasted token is removed."""
    with patch("custom_components.bytesflows.async_setup_entry", return_value=True):
        result = await submit(
            hass, await start(hass), api_token=pasted, advanced=advanced(api.url)
        )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["api_token"] == EXAMPLE_TOKEN


@pytest.mark.parametrize(
    "token",
    [
        "a.b-c_d~e+f/g==",
        "12|abcdef",
        "key:secret",
        "bearer-of-news",
        "bearer.abc",
        "authorization-7",
        "-authorization:x",
        "!#$%&()*,;=?@[]^",
        "token-7.abc==",
        "tokens=7",
        "mytoken=7",
        "abc/token=7",
        "abc+token=7~",
        "api.token=7",
        "api_tokens",
        "x-api-key-7",
        "bearer%2Fabc",
        "(abc",
        "a(b)[c]",
    ],
)
async def test_unusual_tokens(
    hass: HomeAssistant, api: SimulatedApi, token: str
) -> None:
    """A token that looks like something else is sent as it is."""
    api.accounts[0].token = token
    with patch("custom_components.bytesflows.async_setup_entry", return_value=True):
        result = await submit(
            hass, await start(hass), api_token=token, advanced=advanced(api.url)
        )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["api_token"] == token


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("", "invalid_auth"),
        ("   ", "invalid_auth"),
        ("\u200b", "invalid_auth"),
        ("Bearer ", "invalid_auth"),
        ("Authorization: Bearer", "invalid_auth"),
        ("''", "invalid_auth"),
        ("two words", "invalid_characters"),
        ("Bearer two words", "invalid_characters"),
        ("non\xa0breaking", "invalid_characters"),
        ("t\xf6k\xe9n", "invalid_characters"),
        ("cafe\u0301", "invalid_characters"),
        ("\u2022\u2022\u2022\u2022", "invalid_characters"),
        ("abcd\u2026wxyz", "invalid_characters"),
        ("\uff41\uff42\uff43", "invalid_characters"),
        ("<token>", "invalid_characters"),
        ("api_token:", "invalid_auth"),
        ('{"token": ""}', "invalid_auth"),
        ("()", "invalid_auth"),
        ("*", "invalid_auth"),
        ("(" * 50_000 + ")" * 50_000, "invalid_auth"),
        ("token: two words", "invalid_characters"),
        ('{"name": "value"}', "invalid_characters"),
        ("'token" * 50_000, "invalid_characters"),
        ("api_" * 100_000 + "\xe9", "invalid_characters"),
        ("{" * 100_000, "invalid_characters"),
        ("{{ token }}", "invalid_characters"),
        ('to"ken', "invalid_characters"),
        ("to\\ken", "invalid_characters"),
        ("\ud800", "invalid_characters"),
        ("a " * 100_000, "invalid_characters"),
        (" " * 100_000 + "\xe9" + "\n" * 100_000, "invalid_characters"),
    ],
    ids=lambda value: ascii(value)[:30],
)
async def test_no_tokens(
    hass: HomeAssistant, api: SimulatedApi, token: str, error: str
) -> None:
    """What cannot be a token is refused without a request; the next try succeeds."""
    result = await submit(
        hass, await start(hass), api_token=token, advanced=advanced(api.url)
    )
    assert result["errors"] == {"api_token": error}
    assert api.requests == []

    result = await submit(
        hass, result, api_token=EXAMPLE_TOKEN, advanced=advanced(api.url)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"api_token": None},
        {"api_token": 5},
        {"api_token": {"token": EXAMPLE_TOKEN}},
        {"api_token": EXAMPLE_TOKEN, "advanced": None},
        {"api_token": EXAMPLE_TOKEN, "advanced": {"url": None}},
        {"api_token": EXAMPLE_TOKEN, "url": "https://bytesflows.com"},
    ],
    ids=str,
)
async def test_wrong_types(
    hass: HomeAssistant, api: SimulatedApi, form: dict[str, object]
) -> None:
    """What no form sends is refused by the form."""
    result = await start(hass)
    with pytest.raises(InvalidData):
        await submit(hass, result, **form)


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
        monkeypatch.setattr(client_module, "TIMEOUT", ClientTimeout(total=0.1))
    api.break_(fault, path)
    form = {"api_token": EXAMPLE_TOKEN, "advanced": advanced(api.url, verify_ssl=False)}

    result = await submit(hass, await start(hass), **form)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert suggestions(result) == {"url": api.url, "verify_ssl": False}

    monkeypatch.setattr(client_module, "TIMEOUT", ClientTimeout(total=30))
    api.heal()
    result = await submit(hass, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["verify_ssl"] is False


async def test_user_unexpected_error(
    hass: HomeAssistant, api: SimulatedApi, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours is an error in the form, with the details in the log."""
    form = {"api_token": EXAMPLE_TOKEN, "advanced": advanced(api.url)}
    with patch.object(BytesFlowsClient, "get_overview", side_effect=RuntimeError):
        result = await submit(hass, await start(hass), **form)
    assert result["errors"] == {"base": "unknown"}
    assert "Unexpected error while calling the BytesFlows API" in caplog.text
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
        ("https://xn--.example", "invalid_url"),
        ("https://", "invalid_url"),
        ("https://:443", "invalid_url"),
        ("https://[::1", "invalid_url"),
        ("https://bytesflows.com:port", "invalid_url"),
        ("//bytesflows.com", "invalid_url"),
        ("javascript:alert(1)", "invalid_url"),
        ("https://\ud800.com", "invalid_url"),
        ("https://" + "a." * 200 + "com", "invalid_url"),
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
    ids=lambda value: ascii(value)[:30],
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
        ("\thttps://bytes\nflows.com ", "https://bytesflows.com"),
        ("https://流量.example", "https://xn--qzwu39e.example"),
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


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_same_token(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry, is_enabled: bool
) -> None:
    """The same token at the same URL is refused without a request."""
    entry.add_to_hass(hass)
    if not is_enabled:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    result = await submit(
        hass,
        await start(hass),
        api_token=f"Bearer {EXAMPLE_TOKEN}",
        advanced=advanced(f"{api.url}/"),
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert api.requests == []


@pytest.mark.parametrize("token", [EXAMPLE_TOKEN, OTHER_TOKEN])
async def test_same_account_at_once(
    hass: HomeAssistant, api: SimulatedApi, token: str
) -> None:
    """Of two flows for one account, one is refused, whatever the tokens."""
    api.accounts.append(Account.example())
    api.accounts[1].token = OTHER_TOKEN
    flows = [await start(hass), await start(hass)]
    results = await asyncio.gather(
        *(
            submit(hass, flow, api_token=token, advanced=advanced(api.url))
            for flow, token in zip(flows, (EXAMPLE_TOKEN, token), strict=True)
        )
    )
    assert {result["type"] for result in results} == {
        FlowResultType.CREATE_ENTRY,
        FlowResultType.ABORT,
    }


@pytest.mark.parametrize(
    ("new", "page_cap"), [(0, None), (12, 10), (25, 20), (101, None), (99, 10)]
)
@pytest.mark.parametrize("is_loaded", [True, False])
async def test_same_account(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    is_loaded: bool,
    new: int,
    page_cap: int | None,
) -> None:
    """Another token of an account is refused, by its packages, loaded or not."""
    assert await set_up(hass, entry)
    if not is_loaded:
        await hass.config_entries.async_unload(entry.entry_id)
    api.accounts.append(Account.example())
    api.accounts[1].token = OTHER_TOKEN
    add_packages(api.accounts[1], new)
    api.page_cap = page_cap

    result = await submit(
        hass, await start(hass), api_token=OTHER_TOKEN, advanced=advanced(api.url)
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_same_account_after_a_rejection(home: Home, is_loaded: bool) -> None:
    """Who adds an account again instead of entering its new token is refused."""
    await home.set_up()
    if not is_loaded:
        await home.unload()
    home.account.token = OTHER_TOKEN
    if is_loaded:
        await home.poll(2)
    else:
        assert not await home.reload()
        assert home.entry.state is ConfigEntryState.SETUP_RETRY
    result = await submit(
        home.hass,
        await start(home.hass),
        api_token=OTHER_TOKEN,
        advanced=advanced(home.api.url),
    )
    assert result["reason"] == "already_configured"


async def test_same_numbers_at_another_url(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """Two servers may number their packages alike, and accept the same token."""
    assert await set_up(hass, entry)
    other = SimulatedApi(Account.example())
    await other.start()
    result = await submit(
        hass, await start(hass), api_token=EXAMPLE_TOKEN, advanced=advanced(other.url)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.config_entries.async_unload(result["result"].entry_id)
    await other.stop()


async def test_account_without_a_file(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """An entry whose packages were never read cannot be recognized by them."""
    api.break_(Fault.refuse(502))
    assert not await set_up(hass, entry)
    api.heal()
    api.accounts.append(Account.example())
    api.accounts[1].token = OTHER_TOKEN
    result = await submit(
        hass, await start(hass), api_token=OTHER_TOKEN, advanced=advanced(api.url)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


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
    assert result["title"] == "BytesFlows 2"
    assert len(hass.config_entries.async_loaded_entries(DOMAIN)) == 2
    assert hass.states.get("sensor.bytesflows_2_total_traffic") is not None


async def test_titles(hass: HomeAssistant, api: SimulatedApi) -> None:
    """Each account has the lowest number that is free, also two at once."""
    api.accounts = [Account(token=f"token-{number}") for number in range(6)]

    async def add(number: int) -> ConfigFlowResult:
        return await submit(
            hass,
            await start(hass),
            api_token=f"token-{number}",
            advanced=advanced(api.url),
        )

    results = await asyncio.gather(add(0), add(1), add(2))
    entries = {result["title"]: result["result"] for result in results}
    assert set(entries) == {"BytesFlows", "BytesFlows 2", "BytesFlows 3"}
    await hass.config_entries.async_remove(entries["BytesFlows 2"].entry_id)
    assert (await add(3))["title"] == "BytesFlows 2"
    hass.config_entries.async_update_entry(entries["BytesFlows"], title="Scrapers")
    assert (await add(4))["title"] == "BytesFlows"
    assert (await add(5))["title"] == "BytesFlows 4"


async def test_pause(home: Home) -> None:
    """A pause that the server asked for is kept by the form, for this token only."""
    home.api.accounts.append(Account(token=OTHER_TOKEN))
    form = {"api_token": EXAMPLE_TOKEN, "advanced": advanced(home.api.url)}
    home.api.break_(Fault.refuse(429, Retry_After="600"), RECORDS)
    result = await submit(home.hass, await start(home.hass), **form)
    assert result["errors"] == {"base": "rate_limited"}
    home.api.heal()
    result = await submit(home.hass, result, **form)
    assert result["errors"] == {"base": "rate_limited"}
    assert home.api.count(RECORDS) == 1

    other = await submit(
        home.hass, await start(home.hass), **{**form, "api_token": OTHER_TOKEN}
    )
    assert other["type"] is FlowResultType.CREATE_ENTRY
    home.freezer.tick(601)
    result = await submit(home.hass, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


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
