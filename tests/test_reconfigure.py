"""Every path of changing an account's URL or token, against the simulated API."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.identity import async_require_baseline
from dev.simulated_api import (
    EXAMPLE_TOKEN,
    OVERVIEW,
    Account,
    Fault,
    SimulatedApi,
)
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData

from .helpers.common import make_entry, set_up, state
from .helpers.flows import (
    OTHER_TOKEN,
    advanced,
    choose,
    replace_packages,
    submit,
    suggestions,
)
from .helpers.home import Home
from .helpers.lifecycle import until


async def test_url(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """The URL changes; an empty token field keeps the token."""
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


async def test_token(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """The token changes; a section that is not sent keeps the URL."""
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
    "section", [{}, {"verify_ssl": False}, {"verify_ssl": True}], ids=str
)
async def test_section_with_gaps(
    hass: HomeAssistant, api: SimulatedApi, section: dict[str, object]
) -> None:
    """What a form without everything leaves out stays as it is."""
    entry = make_entry(api, verify_ssl=False)
    assert await set_up(hass, entry)
    result = await submit(
        hass, await entry.start_reconfigure_flow(hass), advanced=section
    )
    assert result["reason"] == "reconfigure_successful"
    assert dict(entry.data) == {
        "api_token": EXAMPLE_TOKEN,
        "url": api.url,
        "verify_ssl": False,
        **section,
    }


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({"advanced": advanced("nowhere")}, {"advanced": "invalid_url"}),
        ({"advanced": advanced("http://example.com")}, {"advanced": "insecure_url"}),
        ({"advanced": advanced("http://127.0.0.1:9")}, {"base": "cannot_connect"}),
        ({"api_token": "Bearer"}, {"api_token": "invalid_auth"}),
        ({"api_token": "two words"}, {"api_token": "invalid_characters"}),
        ({"api_token": "unknown"}, {"api_token": "invalid_auth"}),
        (
            {"api_token": "tökén", "advanced": advanced("ftp://example.com")},
            {"api_token": "invalid_characters", "advanced": "invalid_url"},
        ),
    ],
)
async def test_errors(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    form: dict[str, dict[str, object]],
    errors: dict[str, str],
) -> None:
    """A mistake is not taken, and the next try succeeds."""
    assert await set_up(hass, entry)
    before = dict(entry.data)
    result = await submit(hass, await entry.start_reconfigure_flow(hass), **form)
    assert result["errors"] == errors
    url = form.get("advanced", {"url": api.url})["url"]
    assert suggestions(result) == {"url": url, "verify_ssl": True}
    assert dict(entry.data) == before

    result = await submit(
        hass, result, api_token="", advanced=advanced(api.url, verify_ssl=False)
    )
    assert result["reason"] == "reconfigure_successful"
    assert dict(entry.data) == {**before, "verify_ssl": False}


@pytest.mark.parametrize(
    "form",
    [
        {"api_token": None},
        {"api_token": 5},
        {"api_token": [EXAMPLE_TOKEN]},
        {"advanced": "https://bytesflows.com"},
        {"advanced": {"url": 5}},
        {"advanced": {"timeout": 5}},
        {"time_zone": "UTC"},
    ],
    ids=str,
)
async def test_wrong_types(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    form: dict[str, object],
) -> None:
    """What no form sends is refused by the form."""
    assert await set_up(hass, entry)
    result = await entry.start_reconfigure_flow(hass)
    with pytest.raises(InvalidData):
        await submit(hass, result, **form)
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"


async def test_token_of_another_account(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """A token of an account with other packages is asked about, or refused."""
    api.accounts.append(Account.with_packages(5))
    api.accounts[1].token = OTHER_TOKEN
    assert await set_up(hass, entry)
    result = await submit(
        hass, await entry.start_reconfigure_flow(hass), api_token=OTHER_TOKEN
    )
    result = await choose(hass, result, "other_account")
    assert result["step_id"] == "reconfigure"
    assert result["errors"] == {"api_token": "wrong_account"}
    assert suggestions(result) == {"url": api.url, "verify_ssl": True}

    other = make_entry(api, token=OTHER_TOKEN, entry_id="01JOTHER")
    assert await set_up(hass, other)
    result = await submit(hass, result, api_token=OTHER_TOKEN)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"api_token": "already_configured"}
    assert entry.data["api_token"] == EXAMPLE_TOKEN


async def test_url_with_other_packages(home: Home) -> None:
    """Another server with other packages is asked about, too."""
    moved = SimulatedApi(Account.with_packages(5))
    await moved.start()
    await home.set_up()
    result = await submit(
        home.hass,
        await home.entry.start_reconfigure_flow(home.hass),
        advanced=advanced(moved.url, verify_ssl=False),
    )
    result = await choose(home.hass, result, "other_account")
    assert suggestions(result) == {"url": moved.url, "verify_ssl": False}
    assert home.entry.data["url"] == home.api.url

    result = await submit(home.hass, result, advanced=advanced(moved.url))
    result = await choose(home.hass, result, "same_account")
    assert result["reason"] == "reconfigure_successful"
    assert home.state("active_packages").state == "5"
    await home.unload()
    await moved.stop()


async def test_url_of_another_entry(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """An account cannot move to where another entry has it."""
    moved = SimulatedApi(Account.example())
    moved.accounts[0].token = OTHER_TOKEN
    await moved.start()
    other = make_entry(moved, token=OTHER_TOKEN, entry_id="01JOTHER")
    assert await set_up(hass, entry)
    assert await set_up(hass, other)
    for form in (
        {"advanced": advanced(f"{moved.url}/"), "api_token": OTHER_TOKEN},
        {"advanced": advanced(moved.url)},
    ):
        result = await submit(hass, await entry.start_reconfigure_flow(hass), **form)
        assert result["errors"] == {"api_token": "already_configured"}
        moved.accounts[0].token = EXAMPLE_TOKEN
    await hass.config_entries.async_unload(other.entry_id)
    await moved.stop()


async def test_same_token_with_other_packages(home: Home) -> None:
    """The same token at the same URL is the same account, whatever its packages."""
    await home.set_up()
    replace_packages(home.account, 3)
    result = await submit(
        home.hass,
        await home.entry.start_reconfigure_flow(home.hass),
        api_token=EXAMPLE_TOKEN,
        advanced=advanced(home.api.url, verify_ssl=False),
    )
    assert result["reason"] == "reconfigure_successful"
    event = home.hass.states.get("event.bytesflows_package")
    assert event is not None
    assert event.attributes["event_type"] == "purchased"


async def test_poll_during_the_question(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """A poll with the old token is not taken for the first reading of the new one."""
    assert await set_up(hass, entry)
    result = await ask(hass, api, entry)
    api.break_(Fault(delay=0.1))
    poll = hass.async_create_task(entry.runtime_data.async_request_refresh())
    await until(lambda: api.under_way)
    result = await choose(hass, result, "same_account")
    await poll
    assert result["reason"] == "reconfigure_successful"
    assert_has_begun_anew(hass)


async def test_setup_during_the_answer(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> None:
    """An account that is being set up during the reply starts over as well."""
    assert await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    api.break_(Fault(delay=0.1))
    setup = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
    await until(lambda: api.under_way)
    await async_require_baseline(hass, entry)
    assert await setup
    assert entry.runtime_data.account.state.ledger.needs_baseline


async def ask(
    hass: HomeAssistant, api: SimulatedApi, entry: MockConfigEntry
) -> ConfigFlowResult:
    """Enter the token of an account with 5 other packages, which is asked about."""
    api.accounts.append(Account(token=OTHER_TOKEN))
    replace_packages(api.accounts[1], 5)
    return await submit(
        hass, await entry.start_reconfigure_flow(hass), api_token=OTHER_TOKEN
    )


def assert_has_begun_anew(hass: HomeAssistant) -> None:
    """Assert that the 5 packages are known, and were no news."""
    assert state(hass, "active_packages").state == "5"
    event = hass.states.get("event.bytesflows_package")
    assert event is not None
    assert event.state == "unknown"


async def test_baseline_without_a_file(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry
) -> None:
    """No file is made for an account whose packages were never read."""
    entry.add_to_hass(hass)
    await async_require_baseline(hass, entry)
    assert f"bytesflows.{entry.entry_id}" not in hass_storage
