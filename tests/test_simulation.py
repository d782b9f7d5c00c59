"""Simulated accounts: a small run of scripts/simulate holds what the page promises."""

from statistics import median
import sys

import pytest

from dev import ROOT
from dev.simulation.__main__ import main
from dev.simulation.accounts import Pattern
from dev.simulation.errors import DAYS, Result, Setting, simulate, spread, typical

# In one process, since the results take longer than all else.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("simulation")]

COUNT = 40


@pytest.fixture(scope="module")
def results() -> dict[Setting, Result]:
    """Return the errors of a few accounts in each setting."""
    return simulate(COUNT)


def test_kept_records(results: dict[Setting, Result]) -> None:
    """Where records are kept, the rate is right at first, and no worse than before."""
    for setting, result in results.items():
        if not setting.is_kept:
            continue
        limit = 15 if setting.pattern is Pattern.BURSTS else 10
        for day in DAYS:
            now, _ = spread(result.rate.now[day])
            before, _ = spread(result.rate.before[day])
            assert now is not None
            # What was watched for 7 days is all that both rules know.
            assert day >= 7 or now <= limit
            assert before is None or now <= before + 1, (setting, day)


def test_removed_records(results: dict[Setting, Result]) -> None:
    """Where records are removed, the rate is too low on average, and not too high."""
    found = [
        typical(result.rate.now[0])
        for setting, result in results.items()
        if not setting.is_kept
    ]
    known = [error for error in found if error is not None]
    assert len(known) == len(found)
    assert -40 < median(known) < 0


def test_script(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script prints tables like those on the page."""
    monkeypatch.setattr(sys, "argv", ["simulate", "--accounts", "2"])
    main()
    printed = capsys.readouterr().out.splitlines()
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    headings = [line for line in printed if "Day 0" in line]
    assert len(headings) == 3
    for heading in headings:
        assert heading in page
    assert {line.count("|") for line in printed if line} == {len(DAYS) + 3}
