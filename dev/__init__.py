"""Tools for development: a simulated API, a demo, a benchmark and pictures.

The scripts in `scripts/` start them; nothing in here is released.
"""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "custom_components" / "bytesflows"
