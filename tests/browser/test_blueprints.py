"""The form of each blueprint, and the messages that they send."""

import asyncio
from typing import Any

from playwright.async_api import ViewportSize
import pytest
import pytest_asyncio
import yaml

from dev import ROOT
from dev.browser.browser import DESKTOP, PHONE, Browser
from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import SimulatedApi

from .dashboard import ONE_RELEASE

BLUEPRINTS = ROOT / "blueprints" / "automation" / "bytesflows"
NAMES = sorted(path.stem for path in BLUEPRINTS.glob("*.yaml"))
WIDE = ViewportSize(width=DESKTOP["width"], height=3200)
LONG = ViewportSize(width=PHONE["width"], height=4200)

pytestmark = [
    ONE_RELEASE["latest"],
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("socket_enabled", "account"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def account(home: HomeAssistant, simulated: SimulatedApi) -> None:
    """Set up the account, a phone, and an automation of each blueprint."""
    for _ in range(240):
        if "mobile_app" in (await home.call("GET", "/api/config"))["components"]:
            break
        await asyncio.sleep(0.5)
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
        values = {"account": device_id, "phones": [phone]}
        inputs = {key: values[key] for key in blueprint(name) if key in values}
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


def blueprint(name: str) -> dict[str, Any]:
    """Return the inputs of a blueprint."""
    text = (BLUEPRINTS / f"{name}.yaml").read_text(encoding="utf-8")
    yaml.SafeLoader.add_constructor("!input", lambda _, node: f"!{node.value}")
    inputs: dict[str, Any] = yaml.safe_load(text)["blueprint"]["input"]
    return inputs


def is_own(problem: str, name: str) -> bool:
    """Return whether a problem is none in the text of a blueprint that has braces.

    They are no lost placeholders, and long lines scroll in the editor for YAML.
    """
    kind, _, shown = problem.partition(": ")
    texts = blueprint(name) if kind == "raw key" else blueprint(name).get("words", {})
    return shown.strip("\"'") in " ".join(yaml.dump(texts, width=9999).split())


def labels(name: str) -> list[str]:
    """Return the names of the inputs of a blueprint."""
    return [
        field["name"]
        for item in blueprint(name).values()
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
        await view.see(next(iter(blueprint(name).values()))["name"])
        view.page.set_default_timeout(30_000)
        if "texts" in blueprint(name):
            message = view.page.get_by_text("Message", exact=True)
            await message.locator("visible=true").first.click()
        for label in labels(name):
            found = view.page.get_by_text(label, exact=True)
            await found.locator("visible=true").first.wait_for()
        problems = await view.problems()
        assert [problem for problem in problems if not is_own(problem, name)] == []


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
        # Behind them is a page of Home Assistant, which cuts texts of its own.
        sent = await home.command("persistent_notification/get")
        texts = " ".join(f"{item['title']} {item['message']}" for item in sent)
        problems = await view.problems()
        assert [item for item in problems if item.partition(": ")[2] in texts] == []
