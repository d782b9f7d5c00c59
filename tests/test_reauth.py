"""Every path of logging in to an account again, against the simulated API."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.api import client as client_module
from dev.simulated_api import EXAMPLE_TOKEN, Account, Fault, SimulatedApi
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .helpers.common import set_up
from .helpers.flows import FAULTS, OTHER_TOKEN, submit, suggestions
from .helpers.home import Home


async def revoke_and_poll(home: Home) -> ConfigFlowResult:
    """Revoke the token, and return the form that Home Assistant asks with."""
    home.account.token = OTHER_TOKEN
    await home.poll()
    (flow,) = home.hass.config_entries.flow.async_progress()
    result = await home.hass.config_entries.flow.async_configure(flow["flow_id"])
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reauth_confirm"
    assert (result["description_placeholders"] or {})["name"] == "BytesFlows"
    return result


async def test_reauth(home: Home) -> None:
    """A revoked token is asked for again, and a new one brings all back."""
    await home.set_up()
    result = await revoke_and_poll(home)
    assert home.state("total_traffic").state == "unavailable"
    assert suggestions(result) == {}

    result = await submit(home.hass, result, api_token=f"Bearer {OTHER_TOKEN}")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert result.get("translation_domain") is None  # So that the text is ours.
    assert dict(home.entry.data) == {
        "api_token": OTHER_TOKEN,
        "url": home.api.url,
        "verify_ssl": True,
    }
    assert home.state("total_traffic").state == "176.0"


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


async def test_reauth_with_another_account(home: Home) -> None:
    """A token of an account with other packages is refused."""
    home.api.accounts.append(Account.with_packages(5))
    home.api.accounts[1].token = "a-third-token"
    await home.set_up()
    result = await revoke_and_poll(home)

    result = await submit(home.hass, result, api_token="a-third-token")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_account"
    assert home.entry.data["api_token"] == EXAMPLE_TOKEN

    result = await home.entry.start_reauth_flow(home.hass)
    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"


async def test_reauth_without_packages(home: Home) -> None:
    """Where the packages are all gone, the account cannot be told from another."""
    await home.set_up()
    result = await revoke_and_poll(home)
    home.account.packages.clear()

    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
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
