"""Serve the JavaScript module with the dashboard and the card."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from homeassistant.components import frontend
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant

from .const import DOMAIN

MODULE: Final = Path(__file__).parent / "frontend" / f"{DOMAIN}.js"
MODULE_URL: Final = f"/{DOMAIN}/{MODULE.name}"


async def async_setup_dashboard(hass: HomeAssistant) -> None:
    """Have the browser load the module, if Home Assistant has a frontend.

    Browsers keep the module for a month, so its URL changes with its content.
    """
    if frontend.DOMAIN not in hass.config.components:
        return
    version = await hass.async_add_executor_job(_fingerprint)
    await hass.http.async_register_static_paths(
        [StaticPathConfig(MODULE_URL, str(MODULE), cache_headers=True)]
    )
    frontend.add_extra_js_url(hass, f"{MODULE_URL}?v={version}")


def _fingerprint() -> str:
    """Return a text that changes with the content of the module."""
    return sha256(MODULE.read_bytes()).hexdigest()[:12]
