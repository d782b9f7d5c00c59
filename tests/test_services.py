"""The action, and what it says when it cannot be done."""

from datetime import timedelta
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from dev.simulated_api import GIB, RECORDS, Account, Fault, Package
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .helpers.clock import NOW
from .helpers.common import set_up
from .helpers.home import Home
from .helpers.lifecycle import until

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


async def get_packages(
    hass: HomeAssistant,
    **data: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Call the action as an automation does."""
    return await hass.services.async_call(
        "bytesflows",
        "get_packages",
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
        ({"source": "order"}, 2, ["1", "old"]),
        ({"source": "sign"}, 1, ["2"]),
        ({"status": "active"}, 3, ["1", "2", "gift"]),
        ({"status": "inactive"}, 1, ["old"]),
        ({"status": "inactive", "source": "sign"}, 0, []),
        ({"order": "newest"}, 4, ["1", "2", "gift", "old"]),
        ({"order": "expiry"}, 4, ["2", "1", "gift", "old"]),
        ({"order": "expiry", "limit": 1}, 4, ["2"]),
    ],
)
async def test_get_packages(
    home: Home, data: dict[str, Any], total: int, ids: list[str]
) -> None:
    """Each filter takes what it says, and the source is filtered by the server."""
    await home.set_up()
    home.api.requests.clear()
    answer = await get_packages(home.hass, **data)
    assert answer["total"] == total
    assert [item["id"] for item in answer["packages"]] == ids
    assert len(home.api.requests) == 1
    assert home.api.requests[0].query.get("sourceType") == data.get("source")


async def test_record(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Sizes are whole bytes, times have a zone, and all of it is fit for JSON."""
    assert await set_up(hass, entry)
    answer = await get_packages(hass)
    assert json.loads(json.dumps(answer))["packages"][0] == {
        "id": "1",
        "order_id": "ORD-1",
        "source": "order",
        "status": "active",
        "usable": True,
        "size": 2 * GIB,
        "used": GIB // 2,
        "remaining": 2 * GIB - GIB // 2,
        "created": "2026-02-28T12:00:00+00:00",
        "expires": "2026-03-06T12:00:00+00:00",
    }
    _, check_in, gift, _ = answer["packages"]
    assert (check_in["usable"], gift["source"]) == (False, "other")
    assert gift["expires"] is None


@pytest.mark.parametrize(
    "data",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"source": "other"},
        {"status": 1},
        {"order": "oldest"},
        {"page": 2},
    ],
)
async def test_bad_values(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]
) -> None:
    """What the form does not offer is refused."""
    assert await set_up(hass, entry)
    with pytest.raises(vol.Invalid):
        await get_packages(hass, **data)


async def test_unknown_or_unloaded(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """An account that is not there is a mistake of the caller."""
    assert await set_up(hass, entry)
    with pytest.raises(ServiceValidationError):
        await get_packages(hass, config_entry_id="none")
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError):
        await get_packages(hass)


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Fault.refuse(401), "invalid_auth"),
        (Fault(drop=True), "cannot_connect"),
        (Fault.refuse(500), "server_error"),
        (Fault.html(), "server_error"),
        (Fault.refuse(429), "rate_limited"),
        (Fault.refuse(429, **{"Retry-After": "90"}), "paused"),
        (Fault.refuse(404), "unexpected_status"),
        (Fault.data(records="none"), "invalid_response"),
    ],
)
async def test_failures(home: Home, fault: Fault, key: str) -> None:
    """Each failure has its text, and the token is not in it."""
    await home.set_up()
    home.api.break_(fault)
    with pytest.raises(HomeAssistantError) as caught:
        await get_packages(home.hass)
    assert caught.value.translation_key == key
    assert home.entry.data["api_token"] not in str(caught.value)

    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert home.state("active_packages").state == "2"
    home.api.requests.clear()
    with pytest.raises(HomeAssistantError):
        await get_packages(home.hass)
    assert bool(home.api.requests) is (key != "paused")


async def test_rejected_token(home: Home) -> None:
    """The action alone asks for no token: a second rejection a minute later does."""
    await home.set_up()
    home.api.break_(Fault.refuse(401))
    with pytest.raises(HomeAssistantError):
        await get_packages(home.hass)
    await home.pass_time(timedelta(seconds=30))
    assert home.hass.config_entries.flow.async_progress() == []
    assert home.state("active_packages").state == "2"
    await home.pass_time(timedelta(seconds=40))
    (flow,) = home.hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == "reauth"


async def test_pause(home: Home) -> None:
    """A refusal for a day says until when, and takes no entity down at once."""
    await home.hass.config.async_set_time_zone("Europe/Berlin")
    await home.set_up()
    home.api.break_(Fault.refuse(429, Retry_After="86400"), RECORDS)
    for _ in range(2):
        with pytest.raises(HomeAssistantError) as caught:
            await get_packages(home.hass)
        assert caught.value.translation_key == "paused"
        given = {"time": "2026-03-02 13:00"}
        assert caught.value.translation_placeholders == given
    assert home.api.count(RECORDS) == 2
    home.api.heal()
    await home.poll(11)
    assert home.api.count(RECORDS) == 2
    assert home.state("available_traffic").state == "3.5"
    assert home.state("active_packages").state == "2"


async def test_odd_values(home: Home) -> None:
    """What cannot be read is as it was, and a new package without a use is left out."""
    await home.set_up()
    home.account.packages.append(Package(id="new", traffic=GIB))
    home.api.break_(Fault.record(traffic="much", trafficUsed=None), RECORDS)
    answer = await get_packages(home.hass)
    found = {item["id"]: (item["size"], item["used"]) for item in answer["packages"]}
    assert found == {
        "1": (2 * GIB, GIB // 2),
        "2": (GIB, 0),
        "gift": (GIB, 0),
        "old": (GIB, 1),
    }
    assert answer["total"] == 4


async def test_unloaded_meanwhile(home: Home) -> None:
    """An action that is under way when the account is unloaded ends with an error."""
    await home.set_up()
    home.api.break_(Fault(hang=True), RECORDS)
    action = home.hass.async_create_task(get_packages(home.hass))
    await until(lambda: home.api.under_way)
    assert await home.unload()
    with pytest.raises(HomeAssistantError) as caught:
        await action
    assert caught.value.translation_key == "request_canceled"
