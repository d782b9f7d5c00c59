"""Helpers that the tests of the flows share."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dev.simulated_api import GIB, Account, Fault, Package
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .clock import NOW

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
    pytest.param(Fault.code(40101), {"api_token": "invalid_auth"}, id="own code"),
    pytest.param(Fault.refuse(429), {"base": "rate_limited"}, id="limited"),
    pytest.param(Fault.html(200), {"base": "invalid_response"}, id="page"),
    pytest.param(Fault.refuse(404), {"base": "invalid_response"}, id="not found"),
    pytest.param(
        Fault.redirect("http://127.0.0.1:9/"), {"base": "invalid_response"}, id="moved"
    ),
    pytest.param(Fault.without("code"), {"base": "invalid_response"}, id="wrong shape"),
    pytest.param(Fault.code(50008), {"base": "invalid_response"}, id="odd code"),
]


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, **user_input: object
) -> ConfigFlowResult:
    """Submit a form."""
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], user_input
    )
    await hass.async_block_till_done()
    return result


async def choose(
    hass: HomeAssistant, result: ConfigFlowResult, option: str
) -> ConfigFlowResult:
    """Choose an option of the question about the account."""
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "account_question"
    assert result["menu_options"] == ["same_account", "other_account"]
    return await submit(hass, result, next_step_id=option)


def replace_packages(account: Account, count: int) -> None:
    """Replace all packages of an account by others, a third of each used."""
    account.packages = [
        Package(id=f"9{number:05}", traffic=3 * GIB, used=GIB, created=package_time(0))
        for number in range(count)
    ]
    account.figures = None


def add_packages(account: Account, count: int) -> None:
    """Add packages that are newer than all others."""
    account.packages += [
        Package(id=f"8{number:05}", traffic=GIB, created=package_time(number))
        for number in range(count)
    ]


def package_time(minutes: int) -> datetime:
    """Return a time of creation after those of all other packages."""
    return NOW - timedelta(days=1) + timedelta(minutes=minutes)


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
