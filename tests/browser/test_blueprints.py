"""The form of each blueprint, and the messages that they send."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
import tempfile
from typing import Any

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio
import yaml

from dev import ROOT
from dev.browser.browser import DESKTOP, PHONE, Browser
from dev.demo.__main__ import RUNS
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import SimulatedApi

BLUEPRINTS = ROOT / "blueprints" / "automation" / "bytesflows"
NAMES = sorted(path.stem for path in BLUEPRINTS.glob("*.yaml"))
WIDE = ViewportSize(width=DESKTOP["width"], height=3200)
LONG = ViewportSize(width=PHONE["width"], height=4200)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("socket_enabled", "account"),
    pytest.mark.xdist_group("browser"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(simulated: SimulatedApi) -> AsyncGenerator[HomeAssistant]:
    """Start a Home Assistant that has an app to register with."""
    await asyncio.to_thread(RUNS.mkdir, parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=RUNS))
    async with HomeAssistant(folder, "mobile_app:\n") as running:
        for _ in range(240):
            if "mobile_app" in await _components(running):
                break
            await asyncio.sleep(0.5)
        yield running


async def _components(home: HomeAssistant) -> list[str]:
    """Return the components that are set up so far."""
    components: list[str] = (await home.call("GET", "/api/config"))["components"]
    return components


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def account(home: HomeAssistant, simulated: SimulatedApi) -> None:
    """Set up the account, a phone, and an automation of each blueprint."""
    await home.add_account(simulated.accounts[0].token, simulated.url)
    device_id = await home.device_id()
    await home.call(
        "POST",
        "/api/mobile_app/registrations",
        {
            "app_id": "io.homeassistant",
            "app_name": "Home Assistant",
            "app_version": "2026.10",
            "app_data": {"push_websocket_channel": True},
            "device_id": "phone",
            "device_name": "Pocket phone",
            "manufacturer": "Somebody",
            "model": "Phone",
            "os_name": "Somewhat",
            "os_version": "1",
            "supports_encryption": False,
        },
    )
    [phone] = [
        item["id"]
        for item in await home.command("config/device_registry/list")
        if item["name"] == "Pocket phone"
    ]
    for name in NAMES:
        inputs: dict[str, object] = {"account": device_id, "phones": [phone]}
        await home.call(
            "POST",
            f"/api/config/automation/config/{name}",
            {
                "alias": name.replace("_", " ").capitalize(),
                "use_blueprint": {
                    "path": f"bytesflows/{name}.yaml",
                    "input": inputs,
                },
            },
        )


def labels(name: str) -> list[str]:
    """Return the names of the inputs of a blueprint."""
    text = (BLUEPRINTS / f"{name}.yaml").read_text(encoding="utf-8")
    yaml.SafeLoader.add_constructor("!input", lambda _, node: f"!{node.value}")
    inputs: dict[str, Any] = yaml.safe_load(text)["blueprint"]["input"]
    return [
        field["name"]
        for item in inputs.values()
        for field in (item, *item.get("input", {}).values())
    ]


@pytest.mark.parametrize(
    ("viewport", "is_dark"), [(WIDE, False), (LONG, True)], ids=["wide", "phone"]
)
@pytest.mark.parametrize("name", NAMES)
async def test_form(
    browser: Browser, name: str, viewport: ViewportSize, is_dark: bool
) -> None:
    """The form shows every input, the account, and the phone."""
    path = f"/config/automation/edit/{name}"
    async with browser.open(path, viewport=viewport, is_dark=is_dark) as view:
        await view.see("Other actions")
        view.page.set_default_timeout(30_000)
        message = view.page.get_by_text("Message", exact=True)
        await message.locator("visible=true").first.click()
        for label in labels(name):
            found = view.page.get_by_text(label, exact=True)
            await found.locator("visible=true").first.wait_for()
        assert await view.problems() == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["wide", "phone"])
async def test_messages(
    browser: Browser, home: HomeAssistant, viewport: ViewportSize
) -> None:
    """The messages can be read where Home Assistant shows them."""
    for name in NAMES:
        await home.call(
            "POST",
            "/api/services/automation/trigger",
            {"entity_id": f"automation.{name}", "skip_condition": True},
        )
    async with browser.open("/config/dashboard", viewport=viewport) as view:
        if viewport == PHONE:
            await view.page.locator("ha-menu-button").first.click()
        view.page.set_default_timeout(30_000)
        drawer = view.page.get_by_text("Notifications", exact=True)
        await drawer.locator("visible=true").first.click()
        for title in ("balance is not low", "about to expire"):
            found = view.page.get_by_text(title)
            await found.locator("visible=true").first.wait_for()
        assert await view.problems() == []
