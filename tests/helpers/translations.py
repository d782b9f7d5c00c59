"""The texts of the integration, and what a form needs of them."""

from collections.abc import Iterator, Mapping
import json
from string import Formatter
from typing import Any

from dev import PACKAGE
from homeassistant.data_entry_flow import FlowResult, FlowResultType, section

TEXTS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted((PACKAGE / "translations").glob("*.json"))
}
ENGLISH = TEXTS["en"]
LANGUAGES = [language for language in TEXTS if language != "en"]


def text(*path: str) -> str:
    """Return an English text, which has to exist."""
    node: Any = ENGLISH
    for key in path:
        assert key in node, f"no text for {'.'.join(path)}"
        node = node[key]
    assert isinstance(node, str)
    assert node
    return node


def flat(
    node: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text with its path, in the order of the file."""
    for key, value in node.items():
        if isinstance(value, str):
            yield (*path, key), value
        else:
            yield from flat(value, (*path, key))


def placeholders(message: str) -> set[str]:
    """Return the names in braces of a text."""
    return {name for _, name, _, _ in Formatter().parse(message) if name}


def check_flow_result(kind: str, result: FlowResult[Any, Any]) -> None:
    """Assert that all that a result of a flow shows has a text."""
    given = set(result.get("description_placeholders") or ())
    if result["type"] is FlowResultType.ABORT:
        assert placeholders(text("config", "abort", result["reason"])) <= given
    elif result["type"] is FlowResultType.MENU:
        _check_menu(kind, result, given)
    elif result["type"] is FlowResultType.FORM:
        step = (kind, "step", result["step_id"])
        for error in (result.get("errors") or {}).values():
            assert placeholders(text(kind, "error", error)) <= given
        text(*step, "title")
        for path in _form_texts(step, result["data_schema"]):
            assert placeholders(text(*path)) <= given
        if "description" in ENGLISH[kind]["step"][result["step_id"]]:
            assert placeholders(text(*step, "description")) <= given


def _check_menu(kind: str, result: FlowResult[Any, Any], given: set[str]) -> None:
    """Assert that a menu and all its options have a text."""
    step = (kind, "step", result["step_id"])
    text(*step, "title")
    assert placeholders(text(*step, "description")) <= given
    options = result["menu_options"]
    assert isinstance(options, list)
    for option in options:
        assert placeholders(text(*step, "menu_options", option)) <= given
        assert placeholders(text(*step, "menu_option_descriptions", option)) <= given


def _form_texts(step: tuple[str, ...], schema: Any) -> Iterator[tuple[str, ...]]:  # noqa: ANN401
    """Yield the paths of the texts that a form needs."""
    fields: Mapping[Any, Any] = schema.schema
    for key, value in fields.items():
        if isinstance(value, section):
            inner = (*step, "sections", str(key))
            yield (*inner, "name")
            yield from _form_texts(inner, value.schema)
        else:
            yield (*step, "data", str(key))
            yield (*step, "data_description", str(key))
