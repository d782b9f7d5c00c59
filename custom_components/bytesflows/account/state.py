"""Everything about an account that outlives a restart."""

from dataclasses import dataclass, field
from datetime import datetime

from ..api import Overview
from .consumption import Consumption
from .ledger import Ledger
from .marks import LowScale, Marks
from .package import Change
from .trouble import Trouble
from .zone_watch import ZoneWatch


@dataclass(slots=True)
class AccountState:
    """The state of an account. `storage.py` writes it."""

    ledger: Ledger = field(default_factory=Ledger)
    consumption: Consumption = field(default_factory=Consumption)
    marks: Marks = field(default_factory=Marks)
    changes: tuple[Change, ...] = ()
    """Changes that were not dispatched yet."""
    last_sync: datetime | None = None
    """When the ledger was brought up to date last."""
    is_unsettled: bool = False
    """Whether the first reading waits for a clock without doubt, to pass its marks."""
    rate: float | None = None
    """Bytes used per second, as computed last."""
    shown_overview: Overview | None = None
    """The overview that entities showed last."""
    shown_is_low: bool | None = None
    """Whether they showed traffic as low."""
    shown_is_expiring_soon: bool | None = None
    """Whether they showed that a package expires soon."""
    invalid_responses: Trouble = field(default_factory=Trouble)
    unreadable_values: Trouble = field(default_factory=Trouble)
    zone_watch: ZoneWatch = field(default_factory=ZoneWatch)

    def require_baseline(self) -> None:
        """Let the next reading be a first one, in which nothing is news."""
        self.ledger.needs_baseline = True
        self.marks.low = LowScale()
