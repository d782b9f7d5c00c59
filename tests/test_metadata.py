"""Checks that texts, icons, rules, and URLs match the code."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from graphlib import TopologicalSorter
import json
from pathlib import Path
import re
import sys
import tomllib
from typing import Any

from PIL import Image
import pytest
import yaml

from custom_components.bytesflows import PLATFORMS, config_flow
from custom_components.bytesflows.account import ChangeKind
from custom_components.bytesflows.api import (
    BytesFlowsAuthenticationError,
    BytesFlowsConnectionError,
    BytesFlowsError,
    BytesFlowsParseError,
    BytesFlowsRateLimitError,
    BytesFlowsResponseError,
    BytesFlowsTimeoutError,
    Source,
    exceptions,
)
from custom_components.bytesflows.binary_sensor import ALARMS
from custom_components.bytesflows.calendar import PACKAGE_EXPIRIES
from custom_components.bytesflows.condition import CONDITIONS
from custom_components.bytesflows.config_flow import DEFAULT_OPTIONS
from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.errors import error_key, reason_of
from custom_components.bytesflows.event import PACKAGE_EVENT
from custom_components.bytesflows.sensor import (
    BALANCE_SENSOR,
    LAST_UPDATE_SENSOR,
    OVERVIEW_SENSORS,
    PACKAGES_SENSORS,
)
from custom_components.bytesflows.services import GET_PACKAGES_SCHEMA
from custom_components.bytesflows.trigger import TRIGGERS
from dev import PACKAGE, ROOT
import homeassistant.components
from homeassistant.const import EntityCategory
from homeassistant.helpers.entity import EntityDescription

from .helpers.common import OPTIONS
from .helpers.pages import headings
from .helpers.translations import ENGLISH, placeholders, text

ENTITIES: dict[str, tuple[EntityDescription, ...]] = {
    "binary_sensor": ALARMS,
    "calendar": (PACKAGE_EXPIRIES,),
    "event": (PACKAGE_EVENT,),
    "sensor": (
        *OVERVIEW_SENSORS,
        BALANCE_SENSOR,
        *PACKAGES_SENSORS,
        LAST_UPDATE_SENSOR,
    ),
}

ERRORS: list[BytesFlowsError] = [
    BytesFlowsAuthenticationError(""),
    BytesFlowsConnectionError(""),
    BytesFlowsTimeoutError(""),
    BytesFlowsRateLimitError("", status=429),
    BytesFlowsRateLimitError("", status=429, retry_after=60.0),
    BytesFlowsResponseError("", status=404),
    BytesFlowsResponseError("", status=500),
    BytesFlowsParseError(""),
]


def _json(path: Path) -> Any:  # noqa: ANN401
    return json.loads(path.read_text(encoding="utf-8"))


def _project() -> Any:  # noqa: ANN401
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in the package's source, with the module's name."""
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path.stem, node


def test_every_entity_has_a_name_and_an_icon() -> None:
    """Names, icons, and entities are the same sets."""
    icons = _json(PACKAGE / "icons.json")["entity"]
    assert set(ENTITIES) == set(ENGLISH["entity"]) == set(icons)
    assert set(ENTITIES) == {platform.value for platform in PLATFORMS}
    for platform, descriptions in ENTITIES.items():
        keys = {description.key for description in descriptions}
        assert keys == set(ENGLISH["entity"][platform]) == set(icons[platform])
        for key in keys:
            assert text("entity", platform, key, "name")
            assert icons[platform][key]["default"].startswith("mdi:")


@pytest.mark.parametrize(
    ("kind", "names"), [("triggers", TRIGGERS), ("conditions", CONDITIONS)]
)
def test_every_trigger_and_condition_is_described(
    kind: str, names: dict[str, object]
) -> None:
    """The editor has a form, texts for all of it, and an icon for each."""
    described = {
        name: description
        for name, description in yaml.safe_load(
            (PACKAGE / f"{kind}.yaml").read_text(encoding="utf-8")
        ).items()
        if not name.startswith(".")
    }
    icons = _json(PACKAGE / "icons.json")[kind]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = {path.stem for path in (ROOT / "docs" / kind).glob("*.md")}
    assert set(names) == pages == set(described) == set(ENGLISH[kind]) == set(icons)
    for name, description in described.items():
        assert icons[name][kind.removesuffix("s")].startswith("mdi:")
        assert text(kind, name, "description")
        label = text(kind, name, "name")
        assert f"[{label}](docs/{kind}/{name}.md)" in readme
        page = (ROOT / "docs" / kind / f"{name}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {kind.removesuffix('s').title()}: {label.lower()}\n")
        fields = ENGLISH[kind][name]["fields"]
        assert set(fields) == set(description["fields"])
        for field in fields:
            assert text(kind, name, "fields", field, "name")
            assert f"| `{field}` | " in page


def test_every_action_is_described() -> None:
    """The form, the schema, the texts, the icons and the README agree."""
    described = yaml.safe_load((PACKAGE / "services.yaml").read_text(encoding="utf-8"))
    services = ENGLISH["services"]
    assert {"get_packages"} == set(described) == set(services)
    assert set(services) == set(_json(PACKAGE / "icons.json")["services"])
    fields = described["get_packages"]["fields"]
    assert set(fields) == {str(key) for key in GET_PACKAGES_SCHEMA.schema}
    assert set(fields) == set(services["get_packages"]["fields"])
    page = ROOT / "docs" / "actions" / "get_packages.md"
    for name, field in fields.items():
        row = f"| `{name}` | {'yes' if field.get('required') else 'no'} | "
        assert row in page.read_text(encoding="utf-8")
        if (select := field["selector"].get("select")) is not None:
            options = ENGLISH["selector"][select["translation_key"]]["options"]
            assert set(options) == set(select["options"])


def test_every_event_has_a_text() -> None:
    """Event types and sources are the same sets as their texts."""
    attributes = ENGLISH["entity"]["event"]["package"]["state_attributes"]
    assert set(attributes["event_type"]["state"]) == set(ChangeKind)
    assert set(attributes["source"]["state"]) == set(Source)
    for source in Source:
        assert placeholders(text("common", f"expiry_{source}")) == {"size"}


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_every_error_has_texts(error: BytesFlowsError) -> None:
    """Each exception of the client has a text in forms and one in exceptions."""
    assert placeholders(text("config", "error", error_key(error))) == set()
    key, given = reason_of(error, datetime.now(UTC))
    assert placeholders(text("exceptions", key, "message")) == set(given)


def test_every_exception_of_the_client_is_mapped() -> None:
    """The list above leaves none out."""
    ours = {
        item
        for item in vars(exceptions).values()
        if isinstance(item, type) and issubclass(item, BytesFlowsError)
    }
    assert {type(error) for error in ERRORS} == ours - {BytesFlowsError}


def test_every_translated_exception_has_a_text() -> None:
    """Each exception raised for Home Assistant has a text with its placeholders."""
    used = {reason_of(error, datetime.now(UTC))[0] for error in ERRORS}
    for module, call in _calls():
        keywords = {item.arg: item.value for item in call.keywords}
        if "translation_domain" not in keywords or module == "errors":
            continue
        key = keywords["translation_key"]
        assert isinstance(key, ast.Constant)
        used.add(str(key.value))
        given = keywords.get("translation_placeholders", ast.Dict())
        assert isinstance(given, ast.Dict)
        names = {item.value for item in given.keys if isinstance(item, ast.Constant)}
        assert placeholders(text("exceptions", str(key.value), "message")) == names
    assert used == set(ENGLISH["exceptions"])


def test_every_abort_and_error_has_a_text() -> None:
    """Aborts and errors of the flows and their texts are the same sets."""
    aborts = {"reauth_successful", "reconfigure_successful"}
    for module, call in _calls():
        for item in call.keywords if module == "config_flow" else ():
            if item.arg == "reason" and isinstance(item.value, ast.Constant):
                aborts.add(str(item.value.value))
    assert aborts == set(ENGLISH["config"]["abort"])
    assert "already_configured" in aborts

    errors = {error_key(error) for error in ERRORS}
    source = Path(config_flow.__file__).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        values: list[ast.expr] = []
        if isinstance(node, ast.Dict) and len(node.values) == 1:
            values = node.values
        elif isinstance(node, ast.Assign) and isinstance(
            node.targets[0], ast.Subscript
        ):
            values = [node.value]
        errors |= {
            item.value
            for item in values
            if isinstance(item, ast.Constant)
            and isinstance(item.value, str)
            and item.value
        }
    assert errors == set(ENGLISH["config"]["error"])
    assert {"wrong_account", "invalid_characters", "unknown"} < errors


def test_every_unit_of_a_form_has_a_text() -> None:
    """Units that a form shows in words are translated."""
    found = {
        (selector.config["translation_key"], selector.config["unit_of_measurement"])
        for validators in config_flow._options_schema(["UTC"]).schema.values()
        for selector in getattr(validators, "validators", ())
        if "translation_key" in getattr(selector, "config", {})
    }
    assert found == {("expiring_soon_days", "days")}
    for key, unit in found:
        text("selector", key, "unit_of_measurement", unit)


def test_texts_are_plain() -> None:
    """Texts are resolved as they stand: no references, no exclamation marks."""

    def texts(node: Any) -> Iterator[str]:  # noqa: ANN401
        if isinstance(node, str):
            yield node
        else:
            for child in node.values():
                yield from texts(child)

    for message in texts(ENGLISH):
        assert "[%key" not in message
        assert "!" not in message
        assert message == message.strip()


def test_no_strings_json() -> None:
    """Custom integrations load translations only."""
    assert not (PACKAGE / "strings.json").exists()


def test_options() -> None:
    """The defaults of the options are the ones that are documented."""
    assert DEFAULT_OPTIONS == OPTIONS


def _imports(path: Path) -> Iterator[str]:
    """Yield what a module imports, with dots where that is relative."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize(
    ("folder", "others"),
    [("api", {"aiohttp", "yarl"}), ("account", {"..api"})],
)
def test_floors(folder: str, others: set[str]) -> None:
    """The client knows no account, and neither of them Home Assistant."""
    own = {f".{path.stem}" for path in (PACKAGE / folder).glob("*.py")}
    found = {
        name for path in (PACKAGE / folder).glob("*.py") for name in _imports(path)
    }
    foreign = {
        name
        for name in found
        if name.partition(".")[0] not in sys.stdlib_module_names and name not in own
    }
    assert foreign == others


def test_no_import_circle() -> None:
    """No module imports itself through others, not even for types only."""
    graph: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        package = path.relative_to(PACKAGE).parent.parts
        graph[_module(*package, path.stem)] = {
            _module(*package[: len(package) - level + 1], *rest)
            for name in _imports(path)
            if (level := len(name) - len(name.lstrip(".")))
            for rest in [[part for part in name.lstrip(".").split(".") if part]]
        }
    assert {"coordinator", "api.client", "account", "account.ledger"} <= graph.keys()
    assert set().union(*graph.values()) <= graph.keys()
    TopologicalSorter(graph).prepare()


def _module(*parts: str) -> str:
    """Return the name of a module, with a package's own `__init__` left out."""
    return ".".join(part for part in parts if part != "__init__")


def test_quality_scale() -> None:
    """Every rule is there, done or exempt, the latter with a reason."""
    rules = yaml.safe_load((PACKAGE / "quality_scale.yaml").read_text())["rules"]
    (components,) = homeassistant.components.__path__
    reference = Path(components) / "trmnl" / "quality_scale.yaml"
    assert set(rules) == set(yaml.safe_load(reference.read_text())["rules"])
    assert len(rules) == 54
    for rule in rules.values():
        if rule != "done":
            assert rule["status"] in {"done", "exempt"}
            assert rule["comment"].endswith(".")


SECTIONS = {
    "docs-actions": "docs/actions/get_packages.md#response-data",
    "docs-conditions": "docs/conditions/is_traffic.md#in-yaml",
    "docs-configuration-parameters": "README.md#options",
    "docs-data-update": "README.md#how-data-is-updated",
    "docs-examples": "README.md#blueprints",
    "docs-high-level-description": "README.md#bytesflows-for-home-assistant",
    "docs-installation-instructions": "README.md#install",
    "docs-installation-parameters": "README.md#set-up",
    "docs-known-limitations": "README.md#known-limitations",
    "docs-removal-instructions": "README.md#remove",
    "docs-supported-functions": "README.md#entities",
    "docs-triggers": "docs/triggers/package_expiring.md#in-yaml",
    "docs-troubleshooting": "docs/troubleshooting.md#error-messages",
    "docs-use-cases": "README.md#bytesflows-for-home-assistant",
}


def test_every_rule_about_documentation_has_its_section() -> None:
    """Each documentation rule of the quality scale has a heading."""
    rules = yaml.safe_load((PACKAGE / "quality_scale.yaml").read_text())["rules"]
    assert set(SECTIONS) == {
        name
        for name, rule in rules.items()
        if name.startswith("docs-") and (rule == "done" or rule["status"] == "done")
    }
    for section in SECTIONS.values():
        page, _, heading = section.partition("#")
        assert heading in headings(ROOT / page), section


def test_brand() -> None:
    """The images have the sizes that Home Assistant wants, and no margins."""
    names = {
        f"{prefix}{name}{suffix}.png"
        for prefix in ("", "dark_")
        for name in ("icon", "logo")
        for suffix in ("", "@2x")
    }
    assert {path.name for path in (PACKAGE / "brand").iterdir()} == names
    sizes = {}
    for name in names:
        with Image.open(PACKAGE / "brand" / name) as file:
            image = file.convert("RGBA")
        sizes[name] = image.size
        assert image.getchannel("A").getbbox() == (0, 0, *image.size), name
        assert image.getpixel((0, 0)) == (0, 0, 0, 0), name
        assert len(image.getcolors(100_000) or ()) > 16, name
    for name, (width, height) in sizes.items():
        factor = 2 if name.endswith("@2x.png") else 1
        # The shortest side of a logo may have 128 to 256 pixels.
        assert height == (256 if "icon" in name else 128) * factor, name
        assert width == height or ("logo" in name and width > height), name
        single = sizes[name.replace("@2x", "")]
        assert (width, height) == (single[0] * factor, single[1] * factor), name


def test_manifest() -> None:
    """The manifest has the designed values, in the order of hassfest."""
    manifest = _json(PACKAGE / "manifest.json")
    address = _project()["project"]["urls"]["repository"]
    assert list(manifest) == [
        "domain",
        "name",
        *sorted(set(manifest) - {"domain", "name"}),
    ]
    assert manifest["domain"] == DOMAIN == PACKAGE.name
    assert manifest["version"] == "0.0.0" == _project()["project"]["version"]
    assert manifest["requirements"] == []
    assert manifest["documentation"] == address
    assert manifest["issue_tracker"] == f"{address}/issues"
    owner = address.split("/")[-2]
    assert manifest["codeowners"] == [f"@{owner}"]


def test_addresses() -> None:
    """Every URL of the repository is the one in pyproject.toml."""
    address = _project()["project"]["urls"]["repository"]
    owner, name = address.split("/")[-2:]
    found = 0
    for path in _texts():
        content = path.read_text(encoding="utf-8")
        for match in re.findall(r"github\.com/([\w.-]+/[\w.-]+)", content):
            if "bytesflows" in match.lower():
                assert match.removesuffix(".git") == f"{owner}/{name}", path
                found += 1
        for query in re.findall(
            r"my\.home-assistant\.io/redirect/\S*owner=\S*", content
        ):
            assert f"owner={owner}&repository={name}" in query, path
            found += 1
    assert found > 3


def test_no_addresses_of_registries() -> None:
    """No file names a package registry: each machine has its own."""
    pattern = re.compile(r"https?://\S*(pypi|pythonhosted|debian\.org|npmjs)")
    for path in _texts():
        assert not pattern.search(path.read_text(encoding="utf-8")), path


def _texts() -> Iterator[Path]:
    """Yield the project's own text files."""
    for folder in (
        "blueprints",
        "custom_components",
        "dev",
        "docs",
        "tests",
        "scripts",
        "requirements",
        ".github",
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in {".png", ".pyc"}:
                yield path
    for kind in ("*.json", "*.md", "*.toml", ".*.yaml"):
        yield from ROOT.glob(kind)


def test_floor() -> None:
    """Every file names the same oldest Home Assistant."""
    hacs = _json(ROOT / "hacs.json")
    assert hacs["homeassistant"] == "2026.10.0"
    assert hacs["filename"] == f"{DOMAIN}.zip"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Home Assistant 2026.10 or later" in readme
    blueprints = [*(ROOT / "blueprints").rglob("*.yaml")]
    assert blueprints
    for path in blueprints:
        assert "    min_version: 2026.10.0\n" in path.read_text(encoding="utf-8"), path


def test_readme_lists_every_entity() -> None:
    """The README's tables have each entity, option, field and message."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for step in ("config", "options"):
        labels = [
            *ENGLISH[step]["step"].get("user", {}).get("data", {}).values(),
            *ENGLISH[step]["step"].get("init", {}).get("data", {}).values(),
        ]
        for label in labels:
            assert f"| {label} |" in readme
    for label in ENGLISH["config"]["step"]["user"]["sections"]["advanced"][
        "data"
    ].values():
        assert f"| {label} |" in readme
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    for message in ENGLISH["config"]["error"].values():
        assert f"| {re.split(r'[.,]', message)[0]} |" in page
    for platform, descriptions in ENTITIES.items():
        for description in descriptions:
            name = text("entity", platform, description.key, "name")
            enabled = "yes" if description.entity_registry_enabled_default else "no"
            assert f"| {name} | {enabled} | " in readme


def test_disabled_entities() -> None:
    """The README quotes how many disabled entities the device page counts."""
    disabled = [
        description.entity_category
        for descriptions in ENTITIES.values()
        for description in descriptions
        if not description.entity_registry_enabled_default
    ]
    quoted = re.findall(
        r"\+(\d+)\s+disabled", (ROOT / "README.md").read_text(encoding="utf-8")
    )
    counted = [disabled.count(None), disabled.count(EntityCategory.DIAGNOSTIC)]
    assert list(map(int, quoted)) == counted


def test_readme_is_short() -> None:
    """Longer explanations belong elsewhere."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 220


def test_bug_report_without_an_entry() -> None:
    """Whoever cannot add an account can report that, too: there are no diagnostics."""
    form = ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml"
    fields = {
        field.get("id"): field
        for field in yaml.safe_load(form.read_text(encoding="utf-8"))["body"]
    }
    required = {
        key
        for key, field in fields.items()
        if field.get("validations", {}).get("required")
    }
    assert required == {"versions", "problem"}
    assert "no entry" in fields["diagnostics"]["attributes"]["description"]
