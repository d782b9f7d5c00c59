"""Measure all of it, print it, and write docs/performance.md: scripts/benchmark."""

from datetime import UTC, datetime
import json
import os
import platform
import subprocess
import sys
from typing import Any, Final

from dev import ROOT
from homeassistant.const import __version__

PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- measured -->\n"
HISTORIES: Final = (10, 100, 1_000, 10_000)
MANY: Final = 100
MOMENTS: Final = {
    "first": "First sync",
    "idle": "Poll, nothing happens",
    "busy": "Poll, traffic is used",
}
WAYS: Final = {"floor": "floor", "rest": "REST", "integration": "this"}
COLUMNS: Final = {
    "requests": ("Requests", ".0f"),
    "bytes": ("Bytes", ",.0f"),
    "cpu": ("CPU ms", ".2f"),
    "blocked": ("Longest ms", ".2f"),
    "states": ("States", ".0f"),
    "rows": ("Rows", ".0f"),
}


def main() -> None:
    """Measure, print and write."""
    lines = []
    for line in (*_about(), *_histories(), *_accounts()):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        lines.append(line)
    said = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(f"{said}{BEGIN}\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _about() -> list[str]:
    """Say what was measured, where and when."""
    machine = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores"
    return [
        (
            f"Measured on {datetime.now(UTC):%Y-%m-%d}: Home Assistant {__version__}, "
            f"Python {platform.python_version()}, {machine}, shared with other work."
        ),
        "",
    ]


def _histories() -> list[str]:
    """Return the tables of polls, and the ratios."""
    measured = {records: _run("history", str(records)) for records in HISTORIES}
    lines = []
    for moment, title in MOMENTS.items():
        headings = ["Records", "Way", *(heading for heading, _ in COLUMNS.values())]
        lines += [f"### {title}", "", *_head(headings)]
        for records, costs in measured.items():
            for way, name in WAYS.items():
                if cost := costs[moment].get(way):
                    values = [
                        format(cost[key], form) for key, (_, form) in COLUMNS.items()
                    ]
                    lines.append(_row([f"{records:,}", name, *values]))
        lines.append("")
    lines += ["### Ratios of CPU", ""]
    lines += _head(["Records", "Moment", "this / floor", "this / REST"])
    for records, costs in measured.items():
        for moment, title in MOMENTS.items():
            cpu = {way: cost["cpu"] for way, cost in costs[moment].items()}
            # REST sensors do the same at first as at any other poll.
            rest = cpu.get("rest", costs["busy"]["rest"]["cpu"])
            ratios = (cpu["integration"] / cpu["floor"], cpu["integration"] / rest)
            lines.append(
                _row(
                    [f"{records:,}", title, *(format(ratio, ".2f") for ratio in ratios)]
                )
            )
    smallest, largest = measured[HISTORIES[0]], measured[HISTORIES[-1]]
    lines += ["", *_head(["Moment", f"{HISTORIES[-1]:,} records / {HISTORIES[0]}"])]
    for moment in ("idle", "busy"):
        ratio = (
            largest[moment]["integration"]["cpu"]
            / smallest[moment]["integration"]["cpu"]
        )
        lines.append(_row([MOMENTS[moment], format(ratio, ".2f")]))
    return [*lines, ""]


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
        "---" if heading in {"", "Way", "Moment"} else "---:" for heading in headings
    ]
    return [_row(headings), _row(marks)]


def _row(cells: list[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
