"""The error of the forecast, compared with that of a plain average."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Final, NamedTuple

from custom_components.bytesflows.account import Consumption, Ledger
from custom_components.bytesflows.account.consumption import rounded_down
from custom_components.bytesflows.account.forecast import forecast_at
from custom_components.bytesflows.account.rate import PastRate, current_rate
from custom_components.bytesflows.account.reading import Reading
from custom_components.bytesflows.api import Listing, RecordsPage

from .accounts import DAY, START, Draw, Pattern, SimulatedAccount, accounts

DAYS: Final = (0, 1, 3, 7, 14)
"""Days after the set-up at which the forecast is looked at."""
_LIMIT: Final = timedelta(days=200)


class Setting(NamedTuple):
    """The accounts and the server."""

    is_kept: bool
    """Whether the server lists packages that have ended."""
    pattern: Pattern
    draw: Draw


@dataclass(slots=True)
class Errors:
    """Errors of a figure in percent, by day; None where it was unknown."""

    now: dict[int, list[float | None]] = field(default_factory=dict)
    before: dict[int, list[float | None]] = field(default_factory=dict)
    """By the rule of before."""

    def add(self, day: int, now: float | None, before: float | None) -> None:
        """Add the errors of an account."""
        self.now.setdefault(day, []).append(now)
        self.before.setdefault(day, []).append(before)


@dataclass(slots=True)
class Watcher:
    """What the integration knows of an account."""

    is_kept: bool
    ledger: Ledger = field(default_factory=Ledger)
    consumption: Consumption = field(default_factory=Consumption)
    past: PastRate = field(default_factory=PastRate)

    def poll(self, account: SimulatedAccount) -> None:
        """Read the records."""
        rows = tuple(
            item for item in account.records.values() if self.is_kept or item.is_active
        )
        listing = Listing(RecordsPage(records=rows, total=len(rows)))
        reading = Reading(listing, is_complete=True, adds_up=True)
        used = self.ledger.apply(reading, account.now).used
        if account.now == START:
            self.consumption.start(used, account.now)
        else:
            self.consumption.add(used, account.now)

    def rates(self, now: datetime) -> tuple[float | None, float | None]:
        """Return the rate, and that of the rule of before."""
        hour = rounded_down(now)
        return (
            current_rate(self.consumption, self.ledger, self.past, hour),
            self.consumption.rate(hour),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """The errors of the accounts in one setting."""

    rate: Errors = field(default_factory=Errors)
    """With their sign: below zero is too low."""
    end: Errors = field(default_factory=Errors)

    def note(self, account: SimulatedAccount, watcher: Watcher, day: int) -> None:
        """Compare the forecast of an account with what comes."""
        rates = watcher.rates(account.now)
        self.rate.add(day, *(_rate_error(rate, account.a_day) for rate in rates))
        if (end := account.end(_LIMIT)) is None or end - account.now < DAY:
            return
        foretold = (
            None
            if rate is None
            else forecast_at(account.usable, rate, account.now).depletion
            for rate in rates
        )
        self.end.add(day, *(_end_error(found, end, account.now) for found in foretold))


def simulate(count: int) -> dict[Setting, Result]:
    """Return the errors of so many accounts in each setting."""
    found: dict[Setting, Result] = {}
    for pattern in Pattern:
        for draw in Draw:
            results = {is_kept: Result() for is_kept in (True, False)}
            for account in accounts(count, pattern, draw):
                _watch(account, results)
            for is_kept, result in results.items():
                found[Setting(is_kept, pattern, draw)] = result
    return found


def _watch(account: SimulatedAccount, results: dict[bool, Result]) -> None:
    """Watch an account for two weeks, by a server that keeps its past and another."""
    watchers = [Watcher(is_kept) for is_kept in results]
    while True:
        days = (account.now - START) / DAY
        for watcher in watchers:
            watcher.poll(account)
            if days in DAYS:
                results[watcher.is_kept].note(account, watcher, int(days))
        if days >= max(DAYS):
            return
        account.live()


def _rate_error(rate: float | None, a_day: float) -> float | None:
    """Return by how many percent a rate is too high."""
    return None if rate is None else (rate * DAY.total_seconds() / a_day - 1) * 100


def _end_error(found: datetime | None, end: datetime, now: datetime) -> float | None:
    """Return by how many percent of the time left an end is off."""
    return None if found is None else (found - end) / (end - now) * 100


def typical(errors: list[float | None]) -> float | None:
    """Return the median with its sign, or None if most are unknown."""
    return _quantile(errors, 50)


def spread(errors: list[float | None]) -> tuple[float | None, float | None]:
    """Return median and 90th percentile of how far it is off."""
    sizes = [None if error is None else abs(error) for error in errors]
    return _quantile(sizes, 50), _quantile(sizes, 90)


def _quantile(errors: list[float | None], percent: int) -> float | None:
    """Return a percentile of the known errors, or None if fewer than half are known."""
    known = [error for error in errors if error is not None]
    if 2 * len(known) < len(errors) or len(known) < 2:
        return None
    return quantiles(known, n=100, method="inclusive")[percent - 1]


def lines(results: dict[Setting, Result]) -> Iterator[str]:
    """Write the tables, in which parentheses have the rule of before."""
    rates = {key: item.rate for key, item in results.items()}
    ends = {key: item.end for key, item in results.items()}
    yield from _table("Error of the average", rates, _off)
    yield from _table("Error of the depletion", ends, _off)
    yield from _table("Average too high or low", rates, _bias)


def _table(
    title: str, found: dict[Setting, Errors], cell: Callable[[list[float | None]], str]
) -> Iterator[str]:
    """Write a table, records that are kept first."""
    days = " | ".join(f"Day {day}" for day in DAYS)
    yield f"| {title} | Packages used | {days} |"
    yield "| --- " * (len(DAYS) + 2) + "|"
    for setting in sorted(found, key=lambda item: not item.is_kept):
        errors = found[setting]
        kept = "kept" if setting.is_kept else "removed"
        cells = [
            f"{cell(errors.now[day])} ({cell(errors.before[day])})" for day in DAYS
        ]
        yield f"| {setting.pattern}, {kept} | {setting.draw} | {' | '.join(cells)} |"
    yield ""


def _off(errors: list[float | None]) -> str:
    """Return median and 90th percentile."""
    return " / ".join(_percent(item) for item in spread(errors))


def _bias(errors: list[float | None]) -> str:
    """Return the median with its sign."""
    return _percent(typical(errors), "+")


def _percent(error: float | None, sign: str = "-") -> str:
    """Return a rounded percentage, or a question mark."""
    return "?" if error is None else f"{round(error):{sign}}"
