"""Every path of logging in to an account again, against the simulated API."""

from datetime import timedelta

from aiohttp import ClientTimeout
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.api import client as client_module
from custom_components.bytesflows.rejections import async_get_rejections
from dev.simulated_api import (
    EXAMPLE_TOKEN,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    SimulatedApi,
)
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir

from .helpers.common import make_entry, set_up
from .helpers.flows import (
    FAULTS,
    OTHER_TOKEN,
    add_packages,
    choose,
    replace_packages,
    submit,
    suggestions,
)
from .helpers.home import Home

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
THIRD_TOKEN = "a-third-token"

REJECTIONS = [
    pytest.param(Fault.refuse(401), id="401"),
    pytest.param(Fault.html(401), id="401 as a page"),
    pytest.param(Fault.refuse(403), id="403"),
    pytest.param(Fault.code(401), id="401 in body"),
    pytest.param(Fault.code("40103"), id="own code"),
]


def flows(home: Home) -> list[ConfigFlowResult]:
    """Return the flows that wait for somebody."""
    return home.hass.config_entries.flow.async_progress()


def issues(home: Home) -> list[str]:
    """Return the ids of all issues."""
    return [issue_id for _, issue_id in ir.async_get(home.hass).issues]


async def poll_twice(home: Home) -> None:
    """Let time pass until a rejection is confirmed or was an error."""
    await home.poll()
    await home.pass_time(MINUTE)


async def reject(home: Home) -> ConfigFlowResult:
    """Let the token be rejected, and return the form with which people are asked."""
    home.account.token = OTHER_TOKEN
    await poll_twice(home)
    (flow,) = flows(home)
    result = await home.hass.config_entries.flow.async_configure(flow["flow_id"])
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reauth_confirm"
    assert (result["description_placeholders"] or {})["name"] == "BytesFlows"
    return result


async def reject_at_start(home: Home) -> ConfigFlowResult:
    """Let the token be rejected at a start, and return the form."""
    await home.set_up()
    await home.unload()
    home.account.token = OTHER_TOKEN
    assert not await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.pass_time(2 * MINUTE)
    (flow,) = flows(home)
    return await home.hass.config_entries.flow.async_configure(flow["flow_id"])


async def test_reauth(home: Home) -> None:
    """A token that was rejected twice is asked for, and a new one brings all back."""
    await home.set_up()
    result = await reject(home)
    assert home.state("total_traffic").state == "unavailable"
    assert suggestions(result) == {}
    assert len(issues(home)) == 1

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
    assert [*flows(home), *issues(home)] == []


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
@pytest.mark.parametrize("fault", REJECTIONS)
async def test_one_rejection_costs_nothing(
    home: Home, fault: Fault, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A token that is accepted again a minute later was never in question."""
    await home.set_up()
    states = {state.entity_id: state.state for state in home.hass.states.async_all()}
    home.account.figures = (188978561024, 188944515071)
    home.api.break_(fault, path)
    await home.poll()
    assert states == {
        state.entity_id: state.state for state in home.hass.states.async_all()
    }
    home.api.heal()
    await home.pass_time(MINUTE)
    assert home.api.count(OVERVIEW) == 3
    await home.poll(2)
    assert home.state("total_traffic").state == "176.0"
    assert [*flows(home), *issues(home)] == []
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []


async def test_rejections_with_a_good_poll_between(home: Home) -> None:
    """Only rejections in a row count."""
    await home.set_up()
    for _ in range(3):
        home.api.break_(Fault.refuse(401))
        await home.poll()
        home.api.heal()
        await home.pass_time(MINUTE)
    assert home.state("total_traffic").state == "176.0"
    assert flows(home) == []


async def test_rejection_for_five_minutes(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """A token that is accepted again needs nobody: its form closes within an hour."""
    await home.set_up()
    home.api.break_(Fault.refuse(401))
    await poll_twice(home)
    assert len(flows(home)) == len(issues(home)) == 1
    assert home.state("total_traffic").state == "unavailable"
    await home.pass_time(3 * MINUTE)
    home.api.heal()

    await home.poll(12)
    assert home.state("total_traffic").state == "176.0"
    assert [*flows(home), *issues(home)] == []
    errors = [line for line in caplog.records if line.levelname == "ERROR"]
    assert len(errors) == 1
    assert caplog.text.count("Fetching BytesFlows data recovered") == 1

    await home.poll(276)
    assert home.state("total_traffic").state == "176.0"
    assert [*flows(home), *issues(home)] == []


async def test_two_rejections_days_apart(home: Home) -> None:
    """Two odd rejections with an outage between them ask nobody for a token."""
    await home.set_up()
    home.api.break_(Fault.refuse(401))
    await home.poll()
    home.api.heal()
    home.api.break_(Fault.refuse(502))
    for _ in range(48):
        await home.pass_time(HOUR)
    home.api.heal()
    home.api.break_(Fault.refuse(401))
    await home.poll()
    home.api.heal()
    assert flows(home) == []


async def test_one_request_an_hour_while_somebody_is_asked(home: Home) -> None:
    """A rejected token is tried once an hour, whoever wants a refresh."""
    await home.set_up()
    await reject(home)
    for _ in range(3):
        asked = len(home.api.requests)
        await home.poll(6)
        await home.entry.runtime_data.async_request_refresh()
        await home.poll(6)
        assert len(home.api.requests) == asked + 1
    assert len(flows(home)) == 1


async def test_outage_between_two_rejections(home: Home) -> None:
    """An outage is neither: the token was rejected twice without being accepted."""
    await home.set_up()
    home.api.break_(Fault.refuse(401))
    await home.poll()
    home.api.break_(Fault.refuse(502))
    await home.pass_time(MINUTE)
    assert home.state("total_traffic").state == "unavailable"
    assert flows(home) == []
    home.api.break_(Fault.refuse(401))
    await home.poll()
    assert len(flows(home)) == 1


async def test_rejection_during_an_outage(home: Home) -> None:
    """A first rejection does not bring entities back."""
    await home.set_up()
    home.api.break_(Fault.refuse(502))
    await home.poll()
    home.api.break_(Fault.refuse(401))
    await home.poll()
    assert home.state("total_traffic").state == "unavailable"
    assert flows(home) == []
    home.api.heal()
    await home.pass_time(MINUTE)
    assert home.state("total_traffic").state == "176.0"


async def test_start(home: Home) -> None:
    """A token rejected at a start is tried again, then asked for."""
    home.account.token = OTHER_TOKEN
    assert not await set_up(home.hass, home.entry)
    states = [home.entry.state]
    assert flows(home) == []
    assert home.api.count(OVERVIEW) == 1

    await home.pass_time(2 * MINUTE)
    states.append(home.entry.state)
    assert states == [ConfigEntryState.SETUP_RETRY] * 2
    (flow,) = flows(home)
    assert home.api.count(OVERVIEW) == 2

    result = await submit(home.hass, flow, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"
    states.append(home.entry.state)
    assert states[2] is ConfigEntryState.LOADED
    assert [*flows(home), *issues(home)] == []


async def test_accepted_again_after_a_start(home: Home) -> None:
    """An account that could not be set up is, once its token is accepted again."""
    await reject_at_start(home)
    asked = len(home.api.requests)
    await home.poll(11)
    assert len(home.api.requests) == asked
    home.account.token = EXAMPLE_TOKEN
    await home.poll(4)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.state("total_traffic").state == "176.0"
    assert [*flows(home), *issues(home)] == []


async def test_same_token_again(home: Home) -> None:
    """Who enters the same token, which is accepted again, need not wait an hour."""
    result = await reject_at_start(home)
    home.account.token = EXAMPLE_TOKEN
    result = await submit(home.hass, result, api_token=EXAMPLE_TOKEN)
    assert result["reason"] == "reauth_successful"
    assert home.entry.state is ConfigEntryState.LOADED


async def test_reload(home: Home) -> None:
    """Who reloads an account does not wait until its token is tried again."""
    await home.set_up()
    await reject(home)
    home.account.token = EXAMPLE_TOKEN
    assert await home.reload()
    await home.hass.async_block_till_done()
    assert home.state("total_traffic").state == "176.0"
    assert [*flows(home), *issues(home)] == []


async def test_reload_after_one_rejection(home: Home) -> None:
    """Two rejections within a minute are not enough, whatever makes for the second."""
    await home.set_up()
    home.api.break_(Fault.refuse(401))
    await home.poll()
    asked = home.api.count(OVERVIEW)
    assert not await home.reload()
    assert home.api.count(OVERVIEW) == asked + 1
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert flows(home) == []
    await home.pass_time(2 * MINUTE)
    assert len(flows(home)) == 1


async def test_removal(home: Home) -> None:
    """A rejected token is not remembered after its account was removed."""
    await home.set_up()
    await reject(home)
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert [*flows(home), *issues(home)] == []
    assert not async_get_rejections(home.hass).forget(home.entry.entry_id)


async def test_rejections_keep_tokens_to_themselves(home: Home) -> None:
    """A rejection that is logged by mistake has no token."""
    await home.set_up()
    await reject(home)
    rejection = async_get_rejections(home.hass).current(home.entry)
    assert "is_confirmed=True" in repr(rejection)
    assert EXAMPLE_TOKEN not in repr(rejection)


@pytest.mark.parametrize(("fault", "errors"), FAULTS)
async def test_errors(
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
        monkeypatch.setattr(client_module, "TIMEOUT", ClientTimeout(total=0.1))
    api.break_(fault)

    result = await submit(hass, result, api_token=OTHER_TOKEN)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert entry.data["api_token"] == EXAMPLE_TOKEN

    monkeypatch.setattr(client_module, "TIMEOUT", ClientTimeout(total=30))
    api.heal()
    result = await submit(hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"
    assert entry.data["api_token"] == OTHER_TOKEN


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("", "invalid_auth"),
        (" ", "invalid_auth"),
        ("Bearer", "invalid_auth"),
        ("two words", "invalid_characters"),
        ("•••", "invalid_characters"),
    ],
)
async def test_no_tokens(home: Home, token: str, error: str) -> None:
    """An empty field does not keep the rejected token, and no request is sent."""
    await home.set_up()
    result = await reject(home)
    asked = len(home.api.requests)
    result = await submit(home.hass, result, api_token=token)
    assert result["errors"] == {"api_token": error}
    assert len(home.api.requests) == asked
    assert len(flows(home)) == 1


@pytest.mark.parametrize(
    ("new", "page_cap"),
    [(12, 10), (25, 20), (101, 100), (99, 10), (199, 20), (999, None)],
)
async def test_new_packages(home: Home, new: int, page_cap: int | None) -> None:
    """An account is recognized by an old package among any number of new ones."""
    home.api.page_cap = page_cap
    result = await reject_at_start(home)
    add_packages(home.account, new)
    before = home.api.count(RECORDS)

    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"
    # The pages of the form, and those of the first reading after it, which looks for
    # more if the last one is full and the packages do not explain the overview.
    pages, rest = divmod(new + 1, page_cap or 100)
    in_form = pages + (rest > 0)
    assert home.api.count(RECORDS) - before == in_form + pages + 1


async def test_question_after_ten_pages(home: Home) -> None:
    """People are asked when the first 10 pages have no package that is known."""
    home.api.page_cap = 10
    result = await reject_at_start(home)
    add_packages(home.account, 100)
    before = home.api.count(RECORDS)
    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert home.api.count(RECORDS) - before == 10
    result = await choose(home.hass, result, "same_account")
    assert result["reason"] == "reauth_successful"


@pytest.mark.parametrize("total", [None, 1, 10**6])
async def test_question_whatever_the_total(home: Home, total: object) -> None:
    """The search for a known package ends, even if the server does not say where."""
    result = await reject_at_start(home)
    replace_packages(home.account, 3)
    home.api.break_(Fault.data(total=total), RECORDS)
    before = home.api.count(RECORDS)
    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert home.api.count(RECORDS) - before <= 2
    await choose(home.hass, result, "other_account")


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_same_account(home: Home, is_loaded: bool) -> None:
    """Who says that it is the same account gets no events, and keeps consumption."""
    home.account.packages[0].used = 2 * 2**30
    home.account.packages[0].traffic = 3 * 2**30
    if is_loaded:
        await home.set_up()
        result = await reject(home)
    else:
        result = await reject_at_start(home)
    replace_packages(home.account, 40)

    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert home.entry.data["api_token"] == EXAMPLE_TOKEN
    result = await choose(home.hass, result, "same_account")
    assert result["reason"] == "reauth_successful"
    assert home.entry.data["api_token"] == OTHER_TOKEN
    assert home.state("lifetime_consumption").state == "2.0"
    assert home.state("active_packages").state == "40"

    home.account.packages[0].used += 2**30
    await home.poll(2)
    assert home.state("lifetime_consumption").state == "3.0"
    event = home.hass.states.get("event.bytesflows_package")
    assert event is not None
    assert event.state == "unknown"

    # And it is no first reading forever.
    add_packages(home.account, 1)
    await home.poll(2)
    event = home.hass.states.get("event.bytesflows_package")
    assert event is not None
    assert event.attributes["event_type"] == "purchased"


async def test_same_account_with_little_left(home: Home) -> None:
    """The first reading of a new token starts no automation on low traffic."""
    await home.set_up()
    result = await reject(home)
    replace_packages(home.account, 1)
    home.account.packages[0].used = home.account.packages[0].traffic - 1
    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    await choose(home.hass, result, "same_account")
    low = home.hass.states.get("binary_sensor.bytesflows_traffic_low")
    assert low is not None
    assert low.state == "on"
    assert home.entry.runtime_data.account.state.marks.low.since is None


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_other_account(home: Home, is_loaded: bool) -> None:
    """Who says that it is another account is asked for another token."""
    home.api.accounts.append(Account.with_packages(5))
    home.api.accounts[1].token = THIRD_TOKEN
    if is_loaded:
        await home.set_up()
        result = await reject(home)
    else:
        result = await reject_at_start(home)

    result = await submit(home.hass, result, api_token=THIRD_TOKEN)
    result = await choose(home.hass, result, "other_account")
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"api_token": "wrong_account"}
    assert home.entry.data["api_token"] == EXAMPLE_TOKEN
    assert len(flows(home)) == 1

    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"
    assert home.state("total_traffic").state == "176.0"


async def test_question_when_the_page_is_loaded_again(home: Home) -> None:
    """The question can be asked again, and goes when the token is accepted again."""
    await home.set_up()
    home.api.break_(Fault.refuse(401))
    await poll_twice(home)
    home.api.heal()
    home.api.accounts.append(Account.with_packages(5))
    home.api.accounts[1].token = OTHER_TOKEN
    (result,) = flows(home)
    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert result["type"] is FlowResultType.MENU
    again = await home.hass.config_entries.flow.async_configure(result["flow_id"])
    assert again["type"] is FlowResultType.MENU

    await home.poll(12)
    assert flows(home) == []
    assert home.state("total_traffic").state == "176.0"


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_account_of_another_entry(home: Home, is_loaded: bool) -> None:
    """A token of an account that another entry has is refused in the form."""
    home.api.accounts.append(Account.with_packages(5))
    home.api.accounts[1].token = THIRD_TOKEN
    other = make_entry(home.api, token=THIRD_TOKEN, entry_id="01JOTHER")
    await home.set_up()
    assert await set_up(home.hass, other)
    if not is_loaded:
        await home.hass.config_entries.async_unload(other.entry_id)
    result = await reject(home)

    asked = len(home.api.requests)
    result = await submit(home.hass, result, api_token=THIRD_TOKEN)
    assert result["errors"] == {"api_token": "already_configured"}
    assert len(home.api.requests) == asked

    home.api.accounts[1].token = "a-fourth-token"
    result = await submit(home.hass, result, api_token="a-fourth-token")
    assert result["errors"] == {"api_token": "already_configured"}

    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"


async def test_account_that_was_added_during_the_question(home: Home) -> None:
    """An account that another entry has got meanwhile is not taken."""
    home.api.accounts.append(Account.with_packages(5))
    home.api.accounts[1].token = THIRD_TOKEN
    await home.set_up()
    result = await reject(home)
    result = await submit(home.hass, result, api_token=THIRD_TOKEN)
    other = make_entry(home.api, token=THIRD_TOKEN, entry_id="01JOTHER")
    assert await set_up(home.hass, other)
    result = await choose(home.hass, result, "same_account")
    assert result["errors"] == {"api_token": "already_configured"}
    assert home.entry.data["api_token"] == EXAMPLE_TOKEN


@pytest.mark.parametrize("is_empty_first", [True, False])
async def test_without_packages(home: Home, is_empty_first: bool) -> None:
    """Accounts without packages, then or now, cannot be distinguished."""
    packages = list(home.account.packages)
    if is_empty_first:
        home.account.packages.clear()
    await home.set_up()
    result = await reject(home)
    home.account.packages = packages if is_empty_first else []

    result = await submit(home.hass, result, api_token=OTHER_TOKEN)
    assert result["reason"] == "reauth_successful"
