"""The action, and what it says when it cannot be done."""

from datetime import timedelta
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from dev.simulated_api import GIB, Account, Fault, Package
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .helpers.clock import NOW
from .helpers.common import set_up
from .helpers.home import Home

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with a purchase, a check-in, a gift and a past purchase."""
    return Account(
        packages=[
            Package(id="old", traffic=GIB, used=1, status=0),
            Package(
                id="gift",
                source="gift",
                traffic=GIB,
                created=NOW - timedelta(days=3),
            ),
            Package(
                id="1",
                order_id="ORD-1",
                traffic=2 * GIB,
                used=GIB // 2,
                created=NOW - timedelta(days=1),
                expires=NOW + timedelta(days=5),
            ),
            Package(
                id="2",
                source="sign",
                traffic=GIB,
                created=NOW - timedelta(days=2),
                expires=NOW - timedelta(hours=1),
            ),
        ]
    )


async def get_records(
    hass: HomeAssistant,
    **data: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Call the action as an automation does."""
    return await hass.services.async_call(
        "bytesflows",
        "get_records",
        {"config_entry_id": "01JEXAMPLE", **data},
        blocking=True,
        return_response=True,
    )


@pytest.mark.parametrize(
    ("data", "total", "ids"),
    [
        ({}, 4, ["1", "2", "gift", "old"]),
        ({"limit": 2}, 4, ["1", "2"]),
        ({"limit": "1"}, 4, ["1"]),
        ({"source_type": "order"}, 2, ["1", "old"]),
        ({"source_type": "sign"}, 1, ["2"]),
        ({"status": "active"}, 3, ["1", "2", "gift"]),
        ({"status": "inactive"}, 1, ["old"]),
        ({"status": "inactive", "source_type": "sign"}, 0, []),
    ],
)
async def test_get_records(
    home: Home, data: dict[str, Any], total: int, ids: list[str]
) -> None:
    """Each filter takes what it says, and the source is filtered by the server."""
    await home.set_up()
    home.api.requests.clear()
    answer = await get_records(home.hass, **data)
    assert answer["total"] == total
    assert [record["id"] for record in answer["records"]] == ids
    assert len(home.api.requests) == 1
    assert home.api.requests[0].query.get("sourceType") == data.get("source_type")


async def test_record(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Sizes are whole bytes, times have a zone, and all of it is fit for JSON."""
    assert await set_up(hass, entry)
    answer = await get_records(hass)
    assert json.loads(json.dumps(answer))["records"][0] == {
        "id": "1",
        "order_id": "ORD-1",
        "source_type": "order",
        "status": "active",
        "usable": True,
        "size": 2 * GIB,
        "used": GIB // 2,
        "remaining": 2 * GIB - GIB // 2,
        "created": "2026-02-28T12:00:00+00:00",
        "expires": "2026-03-06T12:00:00+00:00",
    }
    _, check_in, gift, _ = answer["records"]
    assert (check_in["usable"], gift["source_type"]) == (False, "other")
    assert gift["expires"] is None


@pytest.mark.parametrize(
    "data",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"source_type": "other"},
        {"status": 1},
        {"page": 2},
    ],
)
async def test_bad_values(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]
) -> None:
    """What the form does not offer is refused."""
    assert await set_up(hass, entry)
    with pytest.raises(vol.Invalid):
        await get_records(hass, **data)


async def test_unknown_or_unloaded(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """An account that is not there is a mistake of the caller."""
    assert await set_up(hass, entry)
    with pytest.raises(ServiceValidationError):
        await get_records(hass, config_entry_id="none")
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError):
        await get_records(hass)


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Fault.refuse(401), "invalid_auth"),
        (Fault.refuse(500), "cannot_connect"),
        (Fault.html(), "cannot_connect"),
        (Fault.refuse(429, **{"Retry-After": "90"}), "rate_limited"),
        (Fault.refuse(404), "invalid_response"),
        (Fault.record(traffic="much"), "invalid_response"),
    ],
)
async def test_failures(home: Home, fault: Fault, key: str) -> None:
    """Each failure has its text, and the token is not in it."""
    await home.set_up()
    home.api.break_(fault)
    with pytest.raises(HomeAssistantError) as caught:
        await get_records(home.hass)
    assert caught.value.translation_key == key
    assert home.entry.data["api_token"] not in str(caught.value)
    await home.hass.async_block_till_done()
    flows = [
        flow["context"]["source"]
        for flow in home.hass.config_entries.flow.async_progress()
    ]
    assert flows == (["reauth"] if key == "invalid_auth" else [])

    home.api.requests.clear()
    with pytest.raises(HomeAssistantError):
        await get_records(home.hass)
    assert bool(home.api.requests) is (key != "rate_limited")
