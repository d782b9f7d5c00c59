"""A BytesFlows API to test against: as documented, alive, and able to misbehave."""

from .account import (
    EXAMPLE_TOKEN,
    EXAMPLE_ZONE,
    GIB,
    MIB,
    Account,
    Clock,
    Life,
    Package,
)
from .certificate import write_certificate
from .server import OVERVIEW, RECORDS, Fault, Request, SimulatedApi

__all__ = [
    "EXAMPLE_TOKEN",
    "EXAMPLE_ZONE",
    "GIB",
    "MIB",
    "OVERVIEW",
    "RECORDS",
    "Account",
    "Clock",
    "Fault",
    "Life",
    "Package",
    "Request",
    "SimulatedApi",
    "write_certificate",
]
