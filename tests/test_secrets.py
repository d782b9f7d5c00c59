"""Where tokens are not: tests/conftest.py looks at the log of every test besides."""

import logging
import subprocess
from traceback import format_exception
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows.diagnostics import async_get_config_entry_diagnostics
from dev import ROOT
from dev.simulated_api import EXAMPLE_TOKEN, MIB, OVERVIEW, RECORDS, Fault
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .helpers.flows import OTHER_TOKEN, submit
from .helpers.home import Home
from .helpers.tokens import TOKENS, TokenWatch, has_token, stored_with_token

# Where the tokens of the tests are at home.
HOMES = {
    "dev/demo/account.py",
    "dev/simulated_api/account.py",
    "tests/helpers/flows.py",
}


async def test_a_life(
    home: Home, hass_storage: dict[str, Any], token_watch: TokenWatch
) -> None:
    """No event, state, file or error has a token, whatever becomes of an account."""
    token_watch.watch(home.hass)
    await home.set_up()
    shown: list[object] = []
    for fault in (
        Fault(),
        Fault.refuse(500),
        Fault.html(200),
        Fault.redirect(f"{home.api.url}/?token={EXAMPLE_TOKEN}"),
        Fault(body=EXAMPLE_TOKEN.encode()),
        Fault(status=429, body=EXAMPLE_TOKEN.encode()),
        # Last, since it asks for another token.
        Fault(status=401, body=EXAMPLE_TOKEN.encode()),
    ):
        for path in (OVERVIEW, RECORDS):
            home.api.break_(fault, path)
            home.account.use(MIB)
            await home.poll()
            shown.append(
                await async_get_config_entry_diagnostics(home.hass, home.entry)
            )
            error = home.entry.runtime_data.last_exception
            shown += format_exception(error) if error is not None else []
            shown += await _records(home.hass, home.entry)
            home.api.heal()
    home.account.token = OTHER_TOKEN
    (flow,) = home.hass.config_entries.flow.async_progress()
    shown.append(flow)
    result = await home.hass.config_entries.flow.async_configure(flow["flow_id"])
    shown.append(await submit(home.hass, result, api_token=OTHER_TOKEN))
    await home.hass.async_block_till_done(wait_background_tasks=True)
    shown += [state.as_dict() for state in home.hass.states.async_all()]
    await home.unload()
    assert home.entry.data["api_token"] == OTHER_TOKEN
    assert f"bytesflows.{home.entry.entry_id}" in hass_storage
    assert stored_with_token(hass_storage) == []
    assert [item for item in shown if has_token(item)] == []
    assert token_watch.found == []
    assert token_watch.events > 100
    assert token_watch.lines > 100


async def _records(hass: HomeAssistant, entry: MockConfigEntry) -> list[object]:
    """Return what the action answers, or the error in full."""
    try:
        answer = await hass.services.async_call(
            "bytesflows",
            "get_records",
            {"config_entry_id": entry.entry_id},
            blocking=True,
            return_response=True,
        )
    except HomeAssistantError as err:
        return list(format_exception(err))
    return [answer]


async def test_watch(hass: HomeAssistant, token_watch: TokenWatch) -> None:
    """The watch sees a token in a line, in a traceback, in an event and in a file."""
    token_watch.watch(hass)
    logger = logging.getLogger("aiohttp.somewhere")
    logger.debug("sent %s", {"Authorization": f"Bearer {EXAMPLE_TOKEN}"})
    logger.error("failed", exc_info=ValueError(OTHER_TOKEN))
    hass.bus.async_fire("said", {"data": [EXAMPLE_TOKEN]})
    assert token_watch.found == [f"logger {logger.name}"] * 2 + ["event said"]
    assert token_watch.tracebacks == ["failed"]
    token_watch.found.clear()
    assert token_watch.complaints == []
    logger.warning("Detected that custom integration 'bytesflows' calls what ends")
    assert len(token_watch.complaints) == 1
    token_watch.complaints.clear()
    stored = {"core.config_entries": EXAMPLE_TOKEN, "bytesflows.1": [EXAMPLE_TOKEN]}
    assert stored_with_token(stored) == ["bytesflows.1"]


def test_repository() -> None:
    """No file that is published has a token of the tests, but where it is given."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = {name for name in listed.stdout.decode().split("\0") if name}
    found = {
        name
        for name in names
        if (ROOT / name).is_file()
        and any(token.encode() in (ROOT / name).read_bytes() for token in TOKENS)
    }
    assert names >= HOMES
    assert found == HOMES
