"""Modules of ours in a Home Assistant that has changed."""

from importlib import import_module
import sys

import pytest

from custom_components import bytesflows


def forget(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have modules of ours imported again, until the end of the test."""
    for name in names:
        full = f"{bytesflows.__name__}.{name}"
        monkeypatch.setattr(bytesflows, name, import_module(full))
        monkeypatch.delitem(sys.modules, full)


def lose_entity_classes(monkeypatch: pytest.MonkeyPatch, helper: str) -> None:
    """Take away the classes for entities from a helper of Home Assistant."""
    module = import_module(f"homeassistant.helpers.{helper}")
    for name in [name for name in vars(module) if name.startswith("Entity")]:
        monkeypatch.delattr(module, name)
