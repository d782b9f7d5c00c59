"""Names and defaults that several modules of the BytesFlows integration use."""

import logging
from typing import Final

DOMAIN: Final = "bytesflows"
LOGGER: Final = logging.getLogger(__package__)

ATTR_CONFIG_ENTRY_ID: Final = "config_entry_id"

CONF_API_TOKEN: Final = "api_token"  # noqa: S105
CONF_EXPIRING_SOON_DAYS: Final = "expiring_soon_days"
CONF_LOW_TRAFFIC_THRESHOLD: Final = "low_traffic_threshold"

DEFAULT_EXPIRING_SOON_DAYS: Final = 3
DEFAULT_LOW_TRAFFIC_THRESHOLD: Final = 10
# The vendor's team works in UTC+8, and an expiry shown too early costs less than one
# shown too late.
DEFAULT_TIME_ZONE: Final = "Asia/Shanghai"
