"""A page and an automation that pictures and tests share."""

from typing import Final

ADD: Final = "/config/integrations/dashboard/add?domain=bytesflows"


def ours(entry_id: str) -> dict[str, object]:
    """Return an automation of what we have."""
    low = {"entity_id": "binary_sensor.bytesflows_traffic_low"}
    available = {"entity_id": "sensor.bytesflows_available_traffic"}
    value = {"number": 25, "unit_of_measurement": "GiB"}
    below = {"threshold": {"type": "below", "value": value}}
    return {
        "alias": "BytesFlows",
        "triggers": [
            {"trigger": "bytesflows.traffic_became_low", "target": low},
            {
                "trigger": "bytesflows.traffic_crossed_threshold",
                "target": available,
                "options": below,
            },
            {
                "trigger": "bytesflows.package_expiring",
                "target": low,
                "options": {"before": {"days": 1}},
            },
        ],
        "conditions": [
            {"condition": "bytesflows.is_traffic_low", "target": low},
            {
                "condition": "bytesflows.is_traffic",
                "target": available,
                "options": below,
            },
        ],
        "actions": [
            {
                "action": "bytesflows.get_packages",
                "data": {"config_entry_id": entry_id},
                "response_variable": "packages",
            }
        ],
    }
