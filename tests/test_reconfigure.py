"""Every path of changing an account's address or token, against the simulated API."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from dev.simulated_api import EXAMPLE_TOKEN, OVERVIEW, Account, SimulatedApi
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .helpers.common import make_entry, set_up
from .helpers.flows import OTHER_TOKEN, advanced, submit, suggestions


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
