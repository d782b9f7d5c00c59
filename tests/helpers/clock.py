"""The moment at which the tests begin."""

from datetime import UTC, datetime
from typing import Final

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""A time at which the package of the document's example is usable."""
