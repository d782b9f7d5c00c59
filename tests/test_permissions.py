"""Permissions: users get the packages of an account only if they may read it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import CLIENT_ID, MockGroup
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.core import Context
from homeassistant.exceptions import UnknownUser
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component

from .helpers.home import Home

OURS = ("binary_sensor", "calendar", "event", "sensor")
DATA = {"config_entry_id": "01JEXAMPLE"}
SCRIPT = {
    "ask": {
        "sequence": [
            {
                "action": "bytesflows.get_packages",
                "data": DATA,
                "response_variable": "found",
            },
            {"variables": {"result": {"total": "{{ found.total }}"}}},
            {"stop": "", "response_variable": "result"},
        ]
    }
}


@dataclass
class Guest:
    """A user of Home Assistant with a token, who asks as the frontend does."""

    home: Home
    token: str
    http: ClientSessionGenerator
    websocket: WebSocketGenerator

    async def ask_rest(self, action: str = "bytesflows/get_packages") -> HTTPStatus:
        """Call an action by REST; return the status."""
        client = await self.http(self.token)
        data = DATA if action.startswith("bytesflows") else {}
        path = f"/api/services/{action}?return_response"
        return HTTPStatus((await client.post(path, json=data)).status)

    async def ask_action(self, entry_id: str = "01JEXAMPLE") -> dict[str, Any]:
        """Call the action by WebSocket; return the answer."""
        return await self._ask(
            type="call_service",
            domain="bytesflows",
            service="get_packages",
            service_data={"config_entry_id": entry_id},
            return_response=True,
        )

    async def ask_card(self) -> dict[str, Any]:
        """Ask as the card does; return the answer."""
        (device,) = dr.async_entries_for_config_entry(
            dr.async_get(self.home.hass), "01JEXAMPLE"
        )
        return await self._ask(type="bytesflows/packages", device_id=device.id)

    async def _ask(self, **message: Any) -> dict[str, Any]:  # noqa: ANN401
        client = await self.websocket(self.home.hass, self.token)
        await client.send_json_auto_id(message)
        answer: dict[str, Any] = await client.receive_json()
        return answer


@pytest.fixture
async def guest(
    request: pytest.FixtureRequest,
    home: Home,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> Guest:
    """Return a user with the policy, or in the group, of the test."""
    hass = home.hass
    given = getattr(request, "param", {})
    group = given if isinstance(given, str) else "guests"
    if group == "guests":
        MockGroup(group).add_to_hass(hass).policy = given
    user = await hass.auth.async_create_user("Guest", group_ids=[group])
    refresh_token = await hass.auth.async_create_refresh_token(user, CLIENT_ID)
    token = hass.auth.async_create_access_token(refresh_token)
    assert await async_setup_component(hass, "api", {})
    assert await async_setup_component(hass, "script", {"script": SCRIPT})
    await home.set_up()
    return Guest(home, token, hass_client, hass_ws_client)


@pytest.mark.parametrize(
    "guest",
    [
        GROUP_ID_ADMIN,
        GROUP_ID_USER,
        GROUP_ID_READ_ONLY,
        {"entities": {"all": {"read": True}}},
        {"entities": {"domains": {key: {"read": True} for key in OURS}}},
    ],
    ids=["admin", "user", "read-only", "all", "domains"],
    indirect=True,
)
async def test_permitted(guest: Guest) -> None:
    """Who may read all entities of an account gets its packages."""
    assert await guest.ask_rest() is HTTPStatus.OK
    assert await guest.ask_rest("script/ask") is HTTPStatus.OK
    answer = await guest.ask_action()
    assert answer["result"]["response"]["total"] == 1
    assert (await guest.ask_card())["success"]


@pytest.mark.parametrize(
    "guest",
    [
        {},
        {"entities": {"domains": {"light": True}}},
        {"entities": {"domains": {"sensor": True}}},
        {"entities": {"domains": {key: {"control": True} for key in OURS}}},
    ],
    ids=["nothing", "other", "some", "control-only"],
    indirect=True,
)
async def test_not_permitted(guest: Guest) -> None:
    """Nobody else does, nor learns which accounts there are."""
    guest.home.api.requests.clear()
    assert await guest.ask_rest() is HTTPStatus.UNAUTHORIZED
    assert await guest.ask_rest("script/ask") is HTTPStatus.UNAUTHORIZED
    for entry_id in ("01JEXAMPLE", "none"):
        error = (await guest.ask_action(entry_id))["error"]
        assert error["translation_domain"] == "bytesflows"
        assert error["translation_key"] == "not_permitted"
        assert error["message"] == "Unauthorized"
    assert (await guest.ask_card())["error"]["code"] == "not_found"
    assert guest.home.api.requests == []


@pytest.mark.parametrize(
    "guest",
    [{"entities": {"entity_ids": {"sensor.bytesflows_balance": {"read": True}}}}],
    indirect=True,
)
async def test_disabled_entities(guest: Guest) -> None:
    """Entities that are disabled need no permission, but are not enough either."""
    assert await guest.ask_rest() is HTTPStatus.UNAUTHORIZED
    registry = er.async_get(guest.home.hass)
    for entity in er.async_entries_for_config_entry(registry, "01JEXAMPLE"):
        if entity.entity_id != "sensor.bytesflows_balance":
            registry.async_update_entity(
                entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER
            )
    assert await guest.ask_rest() is HTTPStatus.OK
    assert (await guest.ask_card())["success"]
    registry.async_update_entity(
        "sensor.bytesflows_balance", disabled_by=er.RegistryEntryDisabler.USER
    )
    assert await guest.ask_rest() is HTTPStatus.UNAUTHORIZED
    assert not (await guest.ask_card())["success"]


async def test_automations_and_unknown_users(home: Home) -> None:
    """Without a user everything is permitted, and with one that is gone nothing."""
    await home.set_up()
    for user_id, error in ((None, None), ("gone", UnknownUser)):
        call = home.hass.services.async_call(
            "bytesflows",
            "get_packages",
            DATA,
            blocking=True,
            context=Context(user_id=user_id),
            return_response=True,
        )
        if error is None:
            answer = await call
            assert answer is not None
            assert answer["total"] == 1
        else:
            with pytest.raises(error):
                await call
