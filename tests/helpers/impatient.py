"""Start Home Assistant as `python -m homeassistant` does, without long pauses.

Home Assistant asks for an update at most once in 10 seconds, a rejected token is tried
again a minute later, and a time zone is in doubt an hour later: tests of what people
see have no use for these pauses.
"""

from datetime import timedelta
from importlib import import_module
from pathlib import Path
import runpy
import sys
from typing import Any

# The integration is in the folder that this process runs in, not beside this file.
sys.path[0] = str(Path.cwd())
coordinator = import_module("custom_components.bytesflows.coordinator")
rejections: Any = import_module("custom_components.bytesflows.rejections")
polling = coordinator.BytesFlowsCoordinator


async def refresh(self: Any) -> None:  # noqa: ANN401
    """Read the packages, too, but at once."""
    self.account.records.request()
    await self.async_refresh()


polling.async_request_refresh = refresh
zone_watch: Any = import_module("custom_components.bytesflows.account.zone_watch")
zone_watch.STILL_THERE_AFTER = timedelta(seconds=1)
rejections.CONFIRM_AFTER = timedelta(seconds=1)
runpy.run_module("homeassistant", run_name="__main__", alter_sys=True)
