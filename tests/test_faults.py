"""Every fault at every moment: the outcome that the design names, and then recovery."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from traceback import format_exception

from aiohttp import ClientTimeout
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.api import Pauses, client as client_module
from custom_components.bytesflows.connection import _PAUSES
from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.errors import error_key
from custom_components.bytesflows.rejections import async_get_rejections
from dev.simulated_api import (
    EXAMPLE_TOKEN,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Request,
    SimulatedApi,
)
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.dt import utcnow

from .helpers.common import FIGURES, make_entry, set_up, state
from .helpers.faults import (
    AUTH,
    CONNECTION,
    ENDLESS,
    FINE,
    LIMITED,
    OVERVIEW_TROUBLES,
    PAGE_TROUBLES,
    PAGING_TROUBLES,
    RESPONSE,
    TIMEOUT,
    UNKNOWN,
    Trouble,
)
from .helpers.flows import advanced, submit
from .helpers.tokens import TokenWatch, has_token

NO_PACKAGES = "no packages"
# Exceptions say more than forms do.
KINDS = {"paused": LIMITED, "server_error": CONNECTION, "unexpected_status": RESPONSE}
# Enough for the answers that come, even on a busy machine.
TIME_TO_ANSWER = ClientTimeout(total=1)

ANSWERS = [
    *((OVERVIEW, trouble) for trouble in OVERVIEW_TROUBLES),
    *((RECORDS, trouble) for trouble in PAGE_TROUBLES),
]
READINGS = [*ANSWERS, *((RECORDS, trouble) for trouble in PAGING_TROUBLES)]
RECORD_READINGS = [(path, trouble) for path, trouble in READINGS if path == RECORDS]
# Forms look at one page, and take what can be read of it.
FORMS = [
    *(
        (
            path,
            replace(trouble, outcome=FINE) if trouble.outcome == UNKNOWN else trouble,
        )
        for path, trouble in ANSWERS
    ),
    *((RECORDS, replace(trouble, outcome=FINE)) for trouble in PAGING_TROUBLES),
]
# All forms ask in the same way: one has every fault, the others one of each outcome.
EACH_OUTCOME = [
    (path, trouble)
    for (path, _), trouble in {
        (path, trouble.outcome): trouble for path, trouble in FORMS
    }.items()
]

pytestmark = pytest.mark.slow


@pytest.fixture
def account() -> Account:
    """Return the example's account as if today: with a stopped clock nothing hangs."""
    account = Account.example()
    account.packages[0].created = utcnow() - timedelta(days=9)
    account.packages[0].expires = utcnow() + timedelta(days=19)
    return account


class Suite:
    """A moment at which all faults are tried."""

    def __init__(
        self,
        hass: HomeAssistant,
        api: SimulatedApi,
        monkeypatch: pytest.MonkeyPatch,
        token_watch: TokenWatch,
        record_property: Callable[[str, object], None],
    ) -> None:
        """Begin."""
        self.hass = hass
        self.api = api
        self._monkeypatch = monkeypatch
        self._watch = token_watch
        token_watch.watch(hass)
        self._record_property = record_property

    async def run(
        self,
        name: str,
        troubles: Iterable[tuple[str, Trouble]],
        attempt: Callable[[str, Trouble], Awaitable[str]],
        recover: Callable[[], Awaitable[str]],
    ) -> None:
        """Try each, and compare; afterwards all has to be well again."""
        wrong: list[str] = []
        count = 0
        for path, trouble in troubles:
            count += 1
            self._forget()
            self.api.break_(trouble.fault, path)
            with self._monkeypatch.context() as patch:
                if trouble.outcome == TIMEOUT:
                    patch.setattr(client_module, "TIMEOUT", TIME_TO_ANSWER)
                got = await attempt(path, trouble)
            self.api.heal()
            self._forget()
            if got != trouble.outcome:
                wrong.append(f"{path} {trouble.name}: {got}, not {trouble.outcome}")
            elif (then := await recover()) != FINE:
                wrong.append(f"{path} {trouble.name}: afterwards {then}")
            for seen in (self._watch.tracebacks, self._watch.found):
                wrong += [f"{path} {trouble.name}: logged {line}" for line in seen]
                seen.clear()
        self._record_property(
            FIGURES, f"Faults, {name}: {count} combinations, {count - len(wrong)} held"
        )
        assert not wrong, "\n".join(wrong)

    def _forget(self) -> None:
        """Forget pauses and rejected tokens: other tests are about these."""
        self.hass.data.setdefault(_PAUSES, Pauses())._ends.clear()
        async_get_rejections(self.hass)._items.clear()

    async def is_quiet(self) -> None:
        """Wait until nothing is under way; those kept for the next request may stay."""
        for _ in range(30_000):
            if self.api.under_way:
                await asyncio.sleep(0.01)
        assert not self.api.under_way
        assert self.api.connections <= client_module.MAX_PARALLEL_REQUESTS


@pytest.fixture
def suite(
    hass: HomeAssistant,
    api: SimulatedApi,
    monkeypatch: pytest.MonkeyPatch,
    token_watch: TokenWatch,
    record_property: Callable[[str, object], None],
) -> Suite:
    """Return the suite."""
    return Suite(hass, api, monkeypatch, token_watch, record_property)


def outcome_of(entry: MockConfigEntry) -> str:
    """Return what became of a setup."""
    if entry.state is ConfigEntryState.LOADED:
        return UNKNOWN if entry.runtime_data.account.unreadable else FINE
    assert entry.error_reason_translation_key is not None
    return kind_of(entry.error_reason_translation_key)


def kind_of(key: str | None) -> str:
    """Return the key of a form for the key of an exception."""
    return KINDS.get(str(key), str(key))


def end_flows(hass: HomeAssistant) -> int:
    """Close the flows that are open, and return how many there were."""
    flows = hass.config_entries.flow.async_progress()
    for flow in flows:
        hass.config_entries.flow.async_abort(flow["flow_id"])
    return len(flows)


async def test_setup(hass: HomeAssistant, suite: Suite, entry: MockConfigEntry) -> None:
    """An account that is being set up waits, and then loads."""
    entry.add_to_hass(hass)

    async def attempt(path: str, trouble: Trouble) -> str:
        if entry.state is ConfigEntryState.NOT_LOADED:
            await hass.config_entries.async_setup(entry.entry_id)
        else:
            await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        # A rejection has to be confirmed.
        assert end_flows(hass) == 0
        # Records alone do not keep an account from being set up.
        if path == RECORDS and trouble.outcome not in {FINE, UNKNOWN, AUTH}:
            assert entry.state is ConfigEntryState.LOADED
            assert state(hass, "total_traffic").state == "176.0"
            assert state(hass, "active_packages").state == "unavailable"
            return trouble.outcome
        return outcome_of(entry)

    async def recover() -> str:
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        return NO_PACKAGES if no_packages(hass) else outcome_of(entry)

    readings = [*READINGS, *((RECORDS, trouble) for trouble in ENDLESS)]
    await suite.run("setup", readings, attempt, recover)
    await hass.config_entries.async_unload(entry.entry_id)
    await suite.is_quiet()


def no_packages(hass: HomeAssistant) -> bool:
    """Return whether what follows from the packages is not there."""
    return state(hass, "active_packages").state in {"unavailable", "unknown"}


async def test_poll(hass: HomeAssistant, suite: Suite, entry: MockConfigEntry) -> None:
    """Entities of an account go away, and come back; what was used never falls."""
    assert await set_up(hass, entry)
    coordinator = entry.runtime_data

    async def attempt(path: str, trouble: Trouble) -> str:
        await coordinator.async_request_refresh()
        await coordinator.async_refresh()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert end_flows(hass) == 0
        if async_get_rejections(hass).current(entry) is not None:
            assert state(hass, "total_traffic").state == "176.0"
            return AUTH
        if path == RECORDS and trouble.outcome != FINE:
            # The last values stay: for an hour, or as long as they cannot be read.
            assert coordinator.last_update_success
            assert state(hass, "active_packages").state == "1"
        if coordinator.account.records.error is not None:
            return error_key(coordinator.account.records.error)
        if coordinator.last_update_success:
            return outcome_of(entry)
        assert state(hass, "total_traffic").state == "unavailable"
        assert isinstance(coordinator.last_exception, HomeAssistantError)
        assert not has_token("".join(format_exception(coordinator.last_exception)))
        return kind_of(coordinator.last_exception.translation_key)

    async def recover() -> str:
        await coordinator.async_request_refresh()
        await coordinator.async_refresh()
        await hass.async_block_till_done(wait_background_tasks=True)
        if state(hass, "active_packages").state != "1":
            return "not back"
        return outcome_of(entry)

    await suite.run("poll", READINGS, attempt, recover)
    assert coordinator.account.state.consumption.total >= 524288
    await hass.config_entries.async_unload(entry.entry_id)
    await suite.is_quiet()


async def test_action(
    hass: HomeAssistant, suite: Suite, entry: MockConfigEntry
) -> None:
    """The action says what is wrong, and touches nothing."""
    assert await set_up(hass, entry)

    async def attempt(_: str, trouble: Trouble) -> str:
        try:
            await hass.services.async_call(
                DOMAIN,
                "get_packages",
                {"config_entry_id": entry.entry_id},
                blocking=True,
                return_response=True,
            )
        except HomeAssistantError as err:
            found = has_token("".join(format_exception(err)))
            await hass.async_block_till_done()
            assert end_flows(hass) == 0
            assert state(hass, "active_packages").state == "1"
            return "token" if found else kind_of(err.translation_key)
        return trouble.outcome if trouble.outcome == UNKNOWN else FINE

    async def recover() -> str:
        return await attempt(RECORDS, replace(PAGE_TROUBLES[0], outcome=FINE))

    await suite.run("action", RECORD_READINGS, attempt, recover)
    await hass.config_entries.async_unload(entry.entry_id)
    await suite.is_quiet()


async def test_paging(
    hass: HomeAssistant, suite: Suite, api: SimulatedApi, account: Account
) -> None:
    """A reading that fails at its second page is as if nothing had been read."""
    account.packages = Account.with_packages(250).packages
    entry = make_entry(api)
    fault: Fault | None = None

    def spoil(request: Request) -> None:
        api.heal()
        if fault is not None and request.query.get("pageNo") == "2":
            api.break_(fault, RECORDS)

    api.before = spoil

    async def read() -> str:
        if hass.config_entries.async_entries(DOMAIN):
            await hass.config_entries.async_remove(entry.entry_id)
        if not await set_up(hass, entry):
            return outcome_of(entry)
        return NO_PACKAGES if no_packages(hass) else outcome_of(entry)

    async def attempt(_: str, trouble: Trouble) -> str:
        nonlocal fault
        fault = trouble.fault
        got = await read()
        assert end_flows(hass) == 0
        if got == NO_PACKAGES and trouble.outcome != FINE:
            return trouble.outcome
        return got

    async def recover() -> str:
        nonlocal fault
        fault = None
        return await read()

    # An id that all rows of a page have is none.
    troubles = [item for item in RECORD_READINGS if item[1].name != "id: 123456"]
    await suite.run("paging", troubles, attempt, recover)
    await hass.config_entries.async_unload(entry.entry_id)
    await suite.is_quiet()


def error_of(result: ConfigFlowResult) -> str:
    """Return the error that a form shows, if it does."""
    errors = list((result.get("errors") or {}).values())
    assert len(errors) <= 1
    return errors[0] if errors else FINE


async def test_user_step(hass: HomeAssistant, suite: Suite, api: SimulatedApi) -> None:
    """The form says what is wrong, keeps what was entered, and takes it afterwards."""
    result: ConfigFlowResult | None = None

    async def enter() -> str:
        nonlocal result
        if result is None:
            result = await hass.config_entries.flow.async_init(
                DOMAIN, context={"source": SOURCE_USER}
            )
        result = await submit(
            hass, result, api_token=EXAMPLE_TOKEN, advanced=advanced(api.url)
        )
        if "result" in result:
            await hass.config_entries.async_remove(result["result"].entry_id)
            result = None
            return FINE
        return error_of(result)

    await suite.run("user step", FORMS, lambda *_: enter(), enter)
    await suite.is_quiet()


@pytest.mark.parametrize("step", ["reconfigure", "reauth"])
async def test_other_steps(
    hass: HomeAssistant,
    suite: Suite,
    entry: MockConfigEntry,
    api: SimulatedApi,
    step: str,
) -> None:
    """So do the forms for an account that is there already."""
    assert await set_up(hass, entry)
    result: ConfigFlowResult | None = None

    async def enter() -> str:
        nonlocal result
        if result is None and step == "reauth":
            entry.async_start_reauth(hass)
            await hass.async_block_till_done()
            (flow,) = hass.config_entries.flow.async_progress()
            result = await hass.config_entries.flow.async_configure(flow["flow_id"])
        elif result is None:
            result = await entry.start_reconfigure_flow(hass)
        entered: dict[str, object] = {"api_token": EXAMPLE_TOKEN}
        if step == "reconfigure":
            entered["advanced"] = advanced(api.url)
        result = await submit(hass, result, **entered)
        if result["type"] == "abort":
            assert result["reason"] == f"{step}_successful"
            result = None
            await hass.async_block_till_done(wait_background_tasks=True)
            end_flows(hass)
            return FINE
        return error_of(result)

    await suite.run(f"{step} step", EACH_OUTCOME, lambda *_: enter(), enter)
    await hass.config_entries.async_unload(entry.entry_id)
    await suite.is_quiet()


async def test_shutdown(
    hass: HomeAssistant, suite: Suite, entry: MockConfigEntry
) -> None:
    """An account that is unloaded in the middle of it leaves nothing behind."""
    assert await set_up(hass, entry)

    async def attempt(_: str, trouble: Trouble) -> str:
        poll = hass.async_create_task(entry.runtime_data.async_request_refresh())
        await asyncio.sleep(0.005)
        await hass.config_entries.async_unload(entry.entry_id)
        await poll
        await hass.async_block_till_done(wait_background_tasks=True)
        assert entry.state is ConfigEntryState.NOT_LOADED
        await suite.is_quiet()
        end_flows(hass)
        return trouble.outcome

    async def recover() -> str:
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        return outcome_of(entry)

    await suite.run("shutdown", READINGS, attempt, recover)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_server_that_is_gone(hass: HomeAssistant, api: SimulatedApi) -> None:
    """Nobody listens, and then somebody does again."""
    entry = make_entry(api)
    assert await set_up(hass, entry)
    port = int(api.url.rpartition(":")[2])
    await api.stop()
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.last_exception.translation_key == "cannot_connect"
    await hass.config_entries.async_reload(entry.entry_id)
    assert outcome_of(entry) == "cannot_connect"
    await api.start(port)
    await hass.config_entries.async_reload(entry.entry_id)
    assert outcome_of(entry) == FINE
