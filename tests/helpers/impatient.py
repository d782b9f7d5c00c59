"""Start Home Assistant as `python -m homeassistant` does, without long pauses.

Home Assistant asks for an update at most once in 10 seconds, and a rejected token is
tried again a minute later: tests of what people see have no use for either pause.
"""

from datetime import timedelta
from importlib import import_module
from pathlib import Path
import runpy
import sys

# The integration is in the folder that this process runs in, not beside this file.
sys.path[0] = str(Path.cwd())
coordinator = import_module("custom_components.bytesflows.coordinator")
rejections = import_module("custom_components.bytesflows.rejections")
polling = coordinator.BytesFlowsCoordinator
polling.async_request_refresh = polling.async_refresh
rejections.CONFIRM_AFTER = timedelta(seconds=1)  # type: ignore[attr-defined]
runpy.run_module("homeassistant", run_name="__main__", alter_sys=True)
