"""The WebSocket command: the packages of an account, from memory."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from dev.simulated_api import GIB, RECORDS, Account, Fault, Package
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .helpers.clock import NOW
from .helpers.home import Home

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def account() -> Account:
    """Return an account with packages of every kind."""
    return Account(
        packages=[
            Package(id="1", order_id="ORD-1", traffic=9 * GIB, used=GIB),
            Package(
                id="2",
                order_id=MARKUP,
                source="sign",
                traffic=GIB,
                created=NOW - timedelta(days=1),
                expires=NOW + timedelta(days=5),
            ),
            Package(
                id="3",
                source="gift",
                traffic=GIB,
                expires=NOW + timedelta(days=2),
            ),
            Package(id="empty", traffic=GIB, used=GIB),
            Package(id="past", traffic=GIB, status=0),
            Package(id="over", traffic=GIB, expires=NOW - timedelta(minutes=1)),
        ]
    )


def device_id(hass: HomeAssistant) -> str:
    """Return the id of the account's device."""
    entity = er.async_get(hass).async_get("sensor.bytesflows_total_traffic")
    assert entity is not None
    assert entity.device_id is not None
    return entity.device_id


async def ask(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, device: str | None = None
) -> Any:  # noqa: ANN401
    """Ask for the packages of a device; return the answer."""
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {"type": "bytesflows/packages", "device_id": device or device_id(hass)}
    )
    return await client.receive_json()


async def test_packages(home: Home, hass_ws_client: WebSocketGenerator) -> None:
    """The usable packages come, soonest expiry first, without a request."""
    await home.set_up()
    home.api.requests.clear()
    answer = await ask(home.hass, hass_ws_client)
    assert home.api.requests == []
    packages = answer["result"].pop("packages")
    assert answer["result"] == {
        "expiring_soon_days": 3,
        "unreachable_since": None,
        "outdated_since": None,
    }
    assert [item["source"] for item in packages] == ["other", "sign", "order"]
    assert packages[1] == {
        "order_id": MARKUP,
        "source": "sign",
        "status": "active",
        "usable": True,
        "size": GIB,
        "used": 0,
        "remaining": GIB,
        "created": "2026-02-28T12:00:00+00:00",
        "expires": "2026-03-06T12:00:00+00:00",
    }
    assert packages[2]["expires"] is None


async def test_outage(home: Home, hass_ws_client: WebSocketGenerator) -> None:
    """In an outage the packages stay, with the time of the last response."""
    await home.set_up()
    home.api.break_(Fault.refuse(500))
    await home.poll(3)
    result = (await ask(home.hass, hass_ws_client))["result"]
    assert len(result["packages"]) == 3
    assert result["unreachable_since"] == "2026-03-01T12:00:00+00:00"
    assert result["outdated_since"] == "2026-03-01T12:00:00+00:00"

    home.api.heal()
    await home.poll()
    result = (await ask(home.hass, hass_ws_client))["result"]
    assert result["unreachable_since"] is result["outdated_since"] is None


async def test_outage_of_the_records(
    home: Home, hass_ws_client: WebSocketGenerator
) -> None:
    """When only the records are out of reach, the account is not."""
    await home.set_up()
    home.api.break_(Fault.refuse(500), RECORDS)
    home.account.use(GIB)
    await home.poll()
    result = (await ask(home.hass, hass_ws_client))["result"]
    assert result["unreachable_since"] is None
    assert result["outdated_since"] == "2026-03-01T12:00:00+00:00"


async def test_not_loaded(home: Home, hass_ws_client: WebSocketGenerator) -> None:
    """An account that is not loaded says so, and answers again once it is."""
    await home.set_up()
    assert await home.unload()
    answer = await ask(home.hass, hass_ws_client)
    assert answer["error"]["code"] == "not_loaded"
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    assert (await ask(home.hass, hass_ws_client))["success"]


async def test_not_found(home: Home, hass_ws_client: WebSocketGenerator) -> None:
    """A device that is not an account is not found."""
    await home.set_up()
    answer = await ask(home.hass, hass_ws_client, "none")
    assert answer["error"]["code"] == "not_found"
