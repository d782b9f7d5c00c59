"""Measure all of it, print it, and write docs/performance.md: scripts/benchmark."""

from datetime import UTC, datetime
import json
import os
import platform
import subprocess
import sys
from typing import Any, Final, NamedTuple

from dev import ROOT
from homeassistant.const import __version__

PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- measured -->\n"
HISTORIES: Final = (10, 10_000)
MANY: Final = 100
MOMENTS: Final = {
    "first": "First sync",
    "full": "Poll that reads everything again",
    "idle": "Poll, nothing happens",
    "busy": "Poll, traffic is used",
}
POLLS: Final = ("idle", "busy")
WAYS: Final = {"floor": "floor", "bare": "bare", "rest": "REST", "integration": "this"}
type Costs = dict[str, dict[str, dict[str, float]]]
"""By moment, way, and column."""
type Ratios = dict[str, dict[str, float]]
"""The integration per another way, by moment and way."""

COLUMNS: Final = {
    "requests": ("Requests", ".0f"),
    "bytes": ("Bytes", ",.0f"),
    "cpu": ("CPU ms", ".2f"),
    "blocked": ("Longest ms", ".2f"),
    "states": ("States", ".0f"),
    "rows": ("Rows", ".0f"),
}


class Aim(NamedTuple):
    """A limit, and the measured value."""

    title: str
    limit: float
    value: float
    unit: str = ""

    def row(self) -> str:
        """Return it as a row of a table."""
        verdict = "yes" if self.value <= self.limit else "**no**"
        limit, value = f"{self.limit:g}{self.unit}", f"{self.value:.2f}{self.unit}"
        return _row([self.title, limit, value, verdict])


def main() -> None:
    """Measure, print and write."""
    lines = []
    for line in (*_about(), *_histories(), *_accounts()):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        lines.append(line)
    intro = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(f"{intro}{BEGIN}\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _about() -> list[str]:
    """Return the date, the versions, and the machine."""
    machine = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores"
    return [
        (
            f"Measured on {datetime.now(UTC):%Y-%m-%d}: Home Assistant {__version__}, "
            f"Python {platform.python_version()}, {machine}, shared with other work."
        ),
        "",
    ]


def _histories() -> list[str]:
    """Return the aims and the tables of polls."""
    found = _run("history", *map(str, HISTORIES))
    costs, ratios = (
        dict(zip(HISTORIES, [item[part] for item in found], strict=True))
        for part in ("costs", "ratios")
    )
    return [
        *_aims(costs, ratios, _run("history", "largest")),
        *(line for moment in MOMENTS for line in _table(moment, costs)),
    ]


def _aims(
    costs: dict[int, Costs], ratios: dict[int, Ratios], largest: dict[str, float]
) -> list[str]:
    """Return the aims with what was reached."""
    few, many = HISTORIES[0], HISTORIES[-1]
    aims = []
    for records, share in ((few, 1.0), (many, 0.1)):
        busy, idle = ratios[records]["busy"], ratios[records]["idle"]
        title = f"with {records:,} records"
        aims += [
            Aim(f"Busy poll {title}, this / bare", 1.3, busy["bare"]),
            Aim(f"Idle poll {title}, this / bare", 1.5, idle["bare"]),
            Aim(f"Busy poll {title}, this / REST", share, busy["rest"]),
        ]
    for moment in POLLS:
        more, less = (costs[records][moment]["integration"] for records in (many, few))
        title = f"{MOMENTS[moment]}, {many:,} records / {few}"
        aims.append(Aim(title, 1.1, more["cpu"] / less["cpu"]))
    title = f"First sync of {many:,} records, this / floor"
    aims += [
        Aim(title, 4, ratios[many]["first"]["floor"]),
        Aim("Longest stretch in a poll", 5, _longest(costs, *POLLS), " ms"),
        Aim("The same, everything read again", 5, _longest(costs, "full"), " ms"),
        Aim("The same, with the largest page", 5, largest["busy"], " ms"),
        Aim("Longest stretch in a first sync", 20, _longest(costs, "first"), " ms"),
        Aim("The same, with the largest pages", 20, largest["first"], " ms"),
    ]
    head = _head(["Aim", "At most", "Measured", "Reached"])
    return ["### Aims", "", *head, *(aim.row() for aim in aims), ""]


def _table(moment: str, costs: dict[int, Costs]) -> list[str]:
    """Return the table of a moment."""
    headings = ["Records", "Way", *(heading for heading, _ in COLUMNS.values())]
    lines = [f"### {MOMENTS[moment]}", "", *_head(headings)]
    for records, found in costs.items():
        for way, name in WAYS.items():
            if cost := found[moment].get(way):
                values = [format(cost[key], form) for key, (_, form) in COLUMNS.items()]
                lines.append(_row([f"{records:,}", name, *values]))
    return [*lines, ""]


def _longest(costs: dict[int, Costs], *moments: str) -> float:
    """Return the longest time that the integration kept the event loop busy."""
    return max(
        found[moment]["integration"]["blocked"]
        for found in costs.values()
        for moment in moments
    )


def _accounts() -> list[str]:
    """Return the tables of many accounts, and of the import."""
    one, many = (_run("accounts", str(count)) for count in (1, MANY))
    memory = {count: _run("accounts", "memory", str(count)) for count in (1, MANY)}
    imported = _run("accounts", "import")
    return [
        "### Many accounts",
        "",
        *_head(["", "1 account", f"{MANY} accounts", "for each"]),
        *(
            _row([name, f"{single:.2f}", f"{all_:.2f}", f"{all_ / MANY:.2f}"])
            for name, single, all_ in (
                ("Setup, CPU ms", one["first"]["cpu"], many["first"]["cpu"]),
                ("Poll, nothing happens, CPU ms", one["idle"], many["idle"]),
                ("Memory, MiB", memory[1], memory[MANY]),
            )
        ),
        _row(
            [
                "Requests in 5 minutes",
                str(one["polls"]),
                str(many["polls"]),
                f"{many['polls'] / MANY:.2f}",
            ]
        ),
        _row(
            [
                "Most requests within 10 seconds",
                str(one["together"]),
                str(many["together"]),
                "",
            ]
        ),
        "",
        "### Import",
        "",
        f"{imported['cpu']:.0f} ms of CPU and {imported['memory']:.1f} MiB, once.",
    ]


def _run(module: str, *arguments: str) -> Any:  # noqa: ANN401
    """Measure in a process of its own."""
    sys.stderr.write(f"benchmark: {module} {' '.join(arguments)}\n")
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.{module}", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def _head(headings: list[str]) -> list[str]:
    """Return the head of a table, with numbers to the right."""
    marks = [
        "---" if heading in {"", "Aim", "Way", "Moment", "Reached"} else "---:"
        for heading in headings
    ]
    return [_row(headings), _row(marks)]


def _row(cells: list[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
