"""Start Home Assistant as `python -m homeassistant` does, without long pauses.

Home Assistant asks for an update at most once in 10 seconds, and a rejected token is
tried again a minute later: tests of what people see have no use for either pause.
"""

from datetime import timedelta
from importlib import import_module
from pathlib import Path
import runpy
import sys

from homeassistant.helpers import update_coordinator

update_coordinator.REQUEST_REFRESH_DEFAULT_COOLDOWN = 0
# The integration is in the folder that this process runs in, not beside this file.
sys.path[0] = str(Path.cwd())
rejections = import_module("custom_components.bytesflows.rejections")
rejections.CONFIRM_AFTER = timedelta(seconds=1)  # type: ignore[attr-defined]
runpy.run_module("homeassistant", run_name="__main__", alter_sys=True)
