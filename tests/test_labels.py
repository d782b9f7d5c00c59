"""Labels that texts name are those that people see, in their language.

A label is marked: in italics, or in the quotation marks of the language.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
import json
from pathlib import Path
import re
from typing import Final

import pytest

from dev import PACKAGE, ROOT

from .helpers.translations import ENGLISH, LANGUAGES, TEXTS, flat

type Place = tuple[str, ...]
type Places = Mapping[str, set[Place]]

ENVIRONMENTS: Final = ("dev", "latest")
"""The floor, and the release that people install today."""
DOCUMENTS: Final = ("blueprints/**/*.yaml", ".github/*/*.yml", "*.md", "docs/**/*.md")
"""English texts besides the translations."""

SCREENS: Final = (
    "ui.panel.config.repairs.dialog.",
    "ui.panel.config.integrations.config_entry.",
    "ui.panel.config.integrations.config_flow.",
)
"""Where people are when they read a text: a label that is there as well as elsewhere
is meant to be there."""

_ITALICS: Final = re.compile(
    r"(?<![*a-z0-9])\*(?![*\s])([^*]+)(?<!\s)\*(?![*a-z0-9])", re.IGNORECASE
)
_QUOTED: Final = re.compile(
    "„([^“”]+)[“”]|“([^”]+)”|«\xa0?([^»\xa0]+)\xa0?»|「([^」]+)」|\u2018([^\u2019]+)\u2019"
)
_CODE: Final = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
# States in prose have the same markup.
_STATES: Final = {"unavailable", "unknown"}
# On the floor, where Home Assistant has no Marketplace.
_HACS: Final = {"Custom repositories"}


@cache
def packages(environment: str) -> Path:
    """Return the packages that are installed in an environment."""
    (folder,) = (ROOT / ".dev" / environment).glob("lib/python3.*/site-packages")
    return folder


@cache
def places(environment: str, language: str) -> Places:
    """Return where each text stands: in the interface of a release, or in ours."""
    found: defaultdict[str, set[Place]] = defaultdict(set)
    folder = packages(environment) / "hass_frontend" / "static" / "translations"
    files = list(folder.rglob(f"{language}-{'[0-9a-f]' * 32}.json"))
    assert len(files) > 10
    for file in files:
        for path, text in flat(json.loads(file.read_text(encoding="utf-8"))):
            found[text].add(path)
    for path, text in flat(TEXTS[language]):
        found[text].add(("bytesflows", *path))
    return found


@cache
def is_in_an_integration(environment: str, label: str) -> bool:
    """Return whether an integration of Home Assistant has a label, in English."""
    files = (packages(environment) / "homeassistant" / "components").glob(
        "*/translations/en.json"
    )
    return any(json.dumps(label) in file.read_text(encoding="utf-8") for file in files)


def meant(places: set[Place]) -> set[Place]:
    """Return the places that a text means by a label."""
    return {place for place in places if ".".join(place).startswith(SCREENS)} or places


def italics(text: str) -> Iterator[str]:
    """Yield the labels in italics; a path to a page has several."""
    for match in _ITALICS.findall(_CODE.sub("", text)):
        yield from re.split(r" > ", " ".join(match.split()))


def quoted(text: str) -> list[str]:
    """Return the labels in quotation marks."""
    return ["".join(groups) for groups in _QUOTED.findall(_CODE.sub("", text))]


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    """Return an environment with an interface."""
    name: str = request.param
    assert (ROOT / ".dev" / name).exists(), f"scripts/setup {name} installs it"
    return name


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Go to *Settings >\n Tools*, then **all**.", ["Settings", "Tools"]),
        ("`*.py`, *.md and 2 * 3 * 4", []),
        ("请选择*了解更多*进行", ["了解更多"]),
        ("„Verbindung“ und „Połączenie”", ["Verbindung", "Połączenie"]),
        ("«\xa0Réseau\xa0», «Conexión»", ["Réseau", "Conexión"]),
        ("“连接”「接続」", ["连接", "接続"]),
        ("\u2018연결\u2019, l\u2019URL", ["연결"]),
    ],
)
def test_markup(text: str, labels: list[str]) -> None:
    """Labels are found by their markup, and nothing else is."""
    assert [*italics(text), *quoted(text)] == labels


def test_labels_in_english(environment: str) -> None:
    """Each label is in the interface, or is one of ours."""
    known = places(environment, "en")
    named = {label for _, text in flat(ENGLISH) for label in italics(text)}
    assert {"Learn more", "Reconfigure", "Submit"} <= named
    assert named <= set(known)


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels(environment: str, language: str) -> None:
    """Each label is the translation of the English one at the same place."""
    english, known = places(environment, "en"), places(environment, language)
    translated = dict(flat(TEXTS[language]))
    for path, original in flat(ENGLISH):
        text = translated[path]
        expected = [meant(english[label]) for label in italics(original)]
        found = [known.get(label, set()) for label in italics(text)]
        assert len(found) == len(expected), path
        for here in found:
            assert any(here & there for there in expected), path
        for there in expected:
            assert any(here & there for here in found), path
        assert set(quoted(text)) <= set(known), path


def blueprint_labels() -> Iterator[str]:
    """Yield the names of the blueprints, and of their inputs."""
    for file in (ROOT / "blueprints").rglob("*.yaml"):
        for name in re.findall(
            r"^ +name: (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield name.strip('"').removeprefix("BytesFlows: ").capitalize()


def test_labels_in_documents(environment: str) -> None:
    """So is each label that blueprints, forms, and documents name."""
    title = json.loads((PACKAGE / "manifest.json").read_text(encoding="utf-8"))["name"]
    known = {*places(environment, "en"), title, *blueprint_labels(), *_STATES, *_HACS}
    files = [file for pattern in DOCUMENTS for file in ROOT.glob(pattern)]
    named = {
        (label, file)
        for file in files
        for label in italics(file.read_text(encoding="utf-8"))
    }
    assert named
    for label, file in named:
        assert label in known or is_in_an_integration(environment, label), (file, label)
