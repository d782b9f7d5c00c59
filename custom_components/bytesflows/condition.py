"""Conditions of the BytesFlows integration."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import Condition

from .issues import async_report_unstable_classes

CONDITIONS: dict[str, type[Condition]] = {}
_error: Exception | None = None

try:
    from .entity_conditions import IsTrafficCondition, IsTrafficLowCondition
except Exception as err:  # noqa: BLE001
    _error = err
else:
    CONDITIONS |= {
        "is_traffic": IsTrafficCondition,
        "is_traffic_low": IsTrafficLowCondition,
    }


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions that this release of Home Assistant allows."""
    if _error is not None:
        async_report_unstable_classes(hass, _error)
    return CONDITIONS
