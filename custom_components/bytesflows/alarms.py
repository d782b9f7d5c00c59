"""When to be alarmed about an account.

Pure Python: no Home Assistant, no input or output, and no clock of its own.
"""

from datetime import datetime, timedelta
from typing import Final

from .api import Overview
from .forecast import Packages

CLEARANCE: Final = 2.0
"""Points of a percent above the threshold at which traffic is no longer low."""


def is_low(overview: Overview, threshold: float, *, was_low: bool | None) -> bool:
    """Return whether less than a share of the total, in percent, is left.

    Once low, it takes some more than that not to be low any more. Nothing out of
    nothing is low.
    """
    percentage = overview.available_percentage
    if percentage is None:
        return True
    if was_low:
        return percentage < min(threshold + CLEARANCE, 100)
    return percentage < threshold


def is_expiring_soon(packages: Packages, now: datetime, window: timedelta) -> bool:
    """Return whether a usable package expires within a window."""
    return packages.next_expiry is not None and packages.next_expiry - now <= window
