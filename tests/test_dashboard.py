"""The module of the dashboard: how it is served, and that it has all its texts."""

import re

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bytesflows import dashboard
from custom_components.bytesflows.dashboard import MODULE, MODULE_URL
from custom_components.bytesflows.sensor import (
    BALANCE_SENSOR,
    OVERVIEW_SENSORS,
    PACKAGES_SENSORS,
)
from dev import ROOT
from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .helpers.home import Home
from .helpers.translations import ENGLISH, LANGUAGES, TEXTS, placeholders

SOURCE = MODULE.read_text(encoding="utf-8")


def module_urls(hass: HomeAssistant) -> list[str]:
    """Return the modules that the frontend loads."""
    return [*hass.data[DATA_EXTRA_MODULE_URL].urls]


@pytest.fixture
async def frontend(hass: HomeAssistant) -> None:
    """Set up Home Assistant's frontend, where it is installed."""
    pytest.importorskip("hass_frontend")
    assert await async_setup_component(hass, "frontend", {})


@pytest.mark.usefixtures("frontend")
async def test_served(home: Home, hass_client: ClientSessionGenerator) -> None:
    """The frontend loads the module once, whatever happens to the account."""
    await home.set_up()
    await home.reload()
    (url,) = [url for url in module_urls(home.hass) if "bytesflows" in url]
    response = await (await hass_client()).get(url)
    assert await response.text() == SOURCE
    assert response.content_type == "text/javascript"
    assert "max-age" in response.headers["Cache-Control"]


@pytest.mark.usefixtures("frontend")
async def test_version(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another content has another URL: browsers keep the module for a month."""
    path = ROOT / "pyproject.toml"
    before = dashboard._fingerprint()
    monkeypatch.setattr(dashboard, "MODULE", path)
    await home.set_up()
    (url,) = [url for url in module_urls(home.hass) if "bytesflows" in url]
    assert re.fullmatch(rf"{MODULE_URL}\?v=[0-9a-f]{{12}}", url)
    assert before not in url


async def test_no_frontend(home: Home, hass_client: ClientSessionGenerator) -> None:
    """Without the frontend everything else works, and nothing is served."""
    await home.set_up()
    assert DATA_EXTRA_MODULE_URL not in home.hass.data
    assert (await (await hass_client()).get(MODULE_URL)).status == 404


def test_size() -> None:
    """The module stays small."""
    assert MODULE.stat().st_size < 20_000


def test_no_markup() -> None:
    """What the server sent cannot become markup, nor what a person typed."""
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
        assert name not in SOURCE


def _named() -> set[str]:
    """Return the texts that the module names."""
    keys = set(re.findall(r'"((?:card|dashboard)_\w+|outage(?:_since)?)"', SOURCE))
    for names in re.findall(r'(?:pair|alarm|tiles)\(account, ("[^)]*)\)', SOURCE):
        keys |= {f"dashboard_{key}" for key in re.findall(r'"(\w+)"', names)}
    parts = re.findall(r'(?:title|total)\("(\w+)"|chart\(entity, "(\w+)"', SOURCE)
    keys |= {f"dashboard_{first or second}" for first, second in parts}
    fields = re.findall(r'{ name: "(\w+)"', SOURCE)
    return keys | {f"card_{field}" for field in fields}


def test_every_text_is_there() -> None:
    """The module names exactly the texts that there are, with their placeholders."""
    sources = {
        f"card_source_{key}": name
        for key, name in ENGLISH["entity"]["event"]["package"]["state_attributes"][
            "source"
        ]["state"].items()
    }
    common = ENGLISH["common"]
    ours = {key for key in common if key.startswith(("card_", "dashboard_", "outage"))}
    assert _named() | set(sources) == ours
    for key in ours:
        given = {"card_as_of": {"time"}, "outage_since": {"time"}}
        given["card_more"] = {"count"}
        assert placeholders(common[key]) == given.get(key, set()), key


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_one_name(language: str) -> None:
    """A source is called the same in the card and in the event."""
    texts = TEXTS[language]
    attributes = texts["entity"]["event"]["package"]["state_attributes"]
    for source, name in attributes["source"]["state"].items():
        assert texts["common"][f"card_source_{source}"] == name


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_no_account_is_not_no_limit(language: str) -> None:
    """A package without a limit does not ask for an account, and vice versa."""
    texts = TEXTS[language]["common"]
    assert "BytesFlows" in texts["card_no_account"]
    assert "BytesFlows" not in texts["card_unlimited"]


def test_every_entity_is_known() -> None:
    """The dashboard names no entity that does not exist, or will not."""
    sensors = (*OVERVIEW_SENSORS, BALANCE_SENSOR, *PACKAGES_SENSORS)
    known = {item.key for item in sensors}
    known |= {"traffic_low", "expiring_soon", "expected_unused_traffic"}
    for names in re.findall(r'(?:pair|alarm|tiles)\(account, ("[^)]*)\)', SOURCE):
        assert set(re.findall(r'"(\w+)"', names)) <= known
    for looks in re.findall(
        r"const (?:COLORS|WARNINGS) = {(.*?)\n}", SOURCE, re.DOTALL
    ):
        assert set(re.findall(r"^  (\w+):", looks, re.MULTILINE)) <= known
        assert set(re.findall(r'", "(\w+)"', looks)) <= known
    assert set(re.findall(r"\bids\.(\w+)\b(?!\()", SOURCE)) <= known
