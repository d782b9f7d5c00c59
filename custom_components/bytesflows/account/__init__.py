"""One account: its state and the conclusions from it. Pure Python.

It uses the client in `api/`, but neither Home Assistant nor the system's time: it gets
a `Clock`.
"""

from .account import Account, Options
from .clock import Clock
from .consumption import Consumption
from .forecast import Summary
from .ledger import Ledger
from .marks import LowMark, LowScale, Mark, Marks, PackageMark, Passed, Places
from .newcomers import FirstSeen
from .package import Change, ChangeKind, Life, Package, describe
from .publisher import AccountData, Publisher
from .scales import Due, Scales
from .state import AccountState
from .time_zone import Evidence, fitting_zones, offset_at, shifted
from .today import Today
from .trouble import Trouble
from .zone_watch import Arrivals, Verdict, ZoneWatch

__all__ = [
    "Account",
    "AccountData",
    "AccountState",
    "Arrivals",
    "Change",
    "ChangeKind",
    "Clock",
    "Consumption",
    "Due",
    "Evidence",
    "FirstSeen",
    "Ledger",
    "Life",
    "LowMark",
    "LowScale",
    "Mark",
    "Marks",
    "Options",
    "Package",
    "PackageMark",
    "Passed",
    "Places",
    "Publisher",
    "Scales",
    "Summary",
    "Today",
    "Trouble",
    "Verdict",
    "ZoneWatch",
    "describe",
    "fitting_zones",
    "offset_at",
    "shifted",
]
