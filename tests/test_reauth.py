"""Every path of logging in to an account again, against the simulated API."""

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.api import client as client_module
from dev.simulated_api import EXAMPLE_TOKEN, Account, Fault, SimulatedApi
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .helpers.common import pass_time, set_up, state
from .helpers.flows import FAULTS, OTHER_TOKEN, submit, suggestions


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
    assert (result["description_placeholders"] or {})["name"] == "BytesFlows"
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
