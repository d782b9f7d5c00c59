"""From a drained account to a notification, in a real Home Assistant."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import GIB, OVERVIEW, Account, Package, SimulatedApi
from tests.helpers.demo import until, with_account

AUTOMATION = {
    "alias": "Tell me",
    "triggers": [
        {
            "trigger": "bytesflows.traffic_became_low",
            "target": {"entity_id": "binary_sensor.bytesflows_traffic_low"},
        }
    ],
    "actions": [
        {
            "action": "persistent_notification.create",
            "data": {
                "message": "{{ states('sensor.bytesflows_available_traffic') }} left"
            },
        }
    ],
}
DEBOUNCE = 11
"""Seconds after which Home Assistant asks for another update at once."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("socket_enabled"),
]


@pytest.fixture
def account() -> Account:
    """Return an account with a package that is half used."""
    now = datetime.now(UTC)
    return Account(
        packages=[
            Package(
                id="1",
                traffic=100 * GIB,
                used=50 * GIB,
                created=now - timedelta(days=1),
                expires=now + timedelta(days=30),
            )
        ]
    )


async def notifications(home_assistant: HomeAssistant) -> list[Any]:
    """Return what the notifications say."""
    found = await home_assistant.command("persistent_notification/get")
    return [item["message"] for item in found]


async def test_notification(api: SimulatedApi) -> None:
    """It comes with the first poll that sees little traffic, and only once."""
    overviews = 0

    def count(request: Any) -> None:  # noqa: ANN401
        nonlocal overviews
        overviews += request.path == OVERVIEW

    async with with_account(api) as home_assistant:
        path = "/api/config/automation/config/tell_me"
        await home_assistant.call("POST", path, AUTOMATION)
        # Until it listens to what the account tells.
        await asyncio.sleep(DEBOUNCE)
        await home_assistant.poll()
        assert await notifications(home_assistant) == []
        await asyncio.sleep(DEBOUNCE)

        api.before = count
        api.accounts[0].use(45 * GIB)
        await home_assistant.poll()
        await until(lambda: notifications(home_assistant))
        await asyncio.sleep(2)
        assert overviews == 1
        assert await notifications(home_assistant) == ["5.0 left"]

        for _ in range(2):
            await asyncio.sleep(DEBOUNCE)
            api.accounts[0].use(GIB)
            await home_assistant.poll()
        await until(lambda: overviews == 3)
        await asyncio.sleep(2)
        assert await notifications(home_assistant) == ["5.0 left"]
        log = home_assistant.log.read_text(encoding="utf-8")
    assert "Traceback" not in log.partition("custom_components/bytesflows")[2]
