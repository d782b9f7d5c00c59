"""The pages of the documentation."""

from collections.abc import Iterable, Sequence
from pathlib import Path
import re
import sys

import pytest


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def print_table(
    capsys: pytest.CaptureFixture[str], title: str, rows: Iterable[Sequence[str]]
) -> None:
    """Print a table whose first row has its headings."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    with capsys.disabled():
        sys.stdout.write(f"\n{title}\n")
        for row in zip(*columns, strict=True):
            cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write("  ".join(cells) + "\n")
