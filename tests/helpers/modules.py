"""Modules of ours in a Home Assistant that has changed."""

from importlib import import_module
import sys

import pytest

from custom_components import bytesflows

from . import broken


def forget(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have modules of ours imported again, until the end of the test."""
    for name in names:
        full = f"{bytesflows.__name__}.{name}"
        monkeypatch.setattr(bytesflows, name, import_module(full))
        monkeypatch.delitem(sys.modules, full)


def change_entity_classes(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Have Home Assistant's classes for entities changed, until the end of the test."""
    if change == "lost":
        broken.lose_classes(monkeypatch.delattr)
    else:
        broken.rename_specs(monkeypatch.setattr)
