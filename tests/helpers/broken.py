"""A Home Assistant whose unstable classes for entities have changed.

Needs nothing of ours, so that a copy of the package can bring it along into another
process.
"""

from collections.abc import Callable
from importlib import import_module
import inspect
import re
import sys
from types import ModuleType
from typing import Any

HELPERS = ("condition", "trigger")
"""The modules of `homeassistant.helpers` from which integrations take the classes."""

type Set = Callable[[object, str, Any], None]


def lose_classes(delete: Callable[[object, str], None] = delattr) -> None:
    """Take the classes away, as if they had other names now."""
    for name in HELPERS:
        helper = import_module(f"homeassistant.helpers.{name}")
        for attribute in _classes(helper):
            delete(helper, attribute)


def rename_specs(set_: Set = setattr) -> None:
    """Give the classes another name for what tells them which entities are meant."""
    for name in HELPERS:
        helper = import_module(f"homeassistant.helpers.{name}")
        for source in [
            module
            for full, module in sys.modules.items()
            if f"{full}.".startswith(f"{helper.__name__}.")
        ]:
            changed = _with_other_specs(source)
            for attribute in _classes(helper):
                if vars(helper)[attribute].__module__ == source.__name__:
                    set_(helper, attribute, vars(changed)[attribute])


def _with_other_specs(module: ModuleType) -> ModuleType:
    """Return a module again, in which the attribute has another name."""
    text = re.sub(r"\b_domain_specs\b", "_entity_specs", inspect.getsource(module))
    changed = ModuleType(module.__name__)
    vars(changed).update(vars(module))
    exec(compile(text, str(module.__file__), "exec"), vars(changed))  # noqa: S102
    return changed


def _classes(module: ModuleType) -> list[str]:
    """Return the names of the classes for entities."""
    return [
        name
        for name, value in vars(module).items()
        if name.startswith("Entity") and inspect.isclass(value)
    ]
