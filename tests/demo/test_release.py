"""The file that people install, in the releases of Home Assistant that they have."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import shutil
import subprocess
from typing import Any
import zipfile

import pytest

from dev import ROOT
from dev.demo.__main__ import _wrong_lines, _wrong_states
from dev.demo.account import make_account
from dev.demo.home_assistant import PYTHON, HomeAssistant
from dev.simulated_api import GIB, Account, Package, SimulatedApi
from tests.helpers import broken, mcp
from tests.helpers.demo import until, with_account

VERSION = "1.2.3"
LATEST = ROOT / ".dev" / "latest" / "bin" / "python"
"""The interpreter with the release that the harness does not support yet."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("socket_enabled"),
]


def build(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the build."""
    return subprocess.run(
        [ROOT / "scripts" / "build", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the release is unpacked into."""
    folder = tmp_path_factory.mktemp("release") / "bytesflows"
    file = folder.with_suffix(".zip")
    assert build(VERSION, str(file)).stdout == f"{file}\n"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def account() -> Account:
    """Return the demo's account."""
    return make_account()


@pytest.fixture(params=[PYTHON, LATEST], ids=["newest", "latest"])
def python(request: pytest.FixtureRequest) -> Path:
    """Return an interpreter that has Home Assistant."""
    path: Path = request.param
    assert path.exists(), "scripts/setup latest installs it"
    return path


SAY = """
    mode: queued
    actions:
      - action: system_log.write
        data:
          logger: told
          level: warning
          message: TOLD {}"""
ON_MARKS = """
automation told:
  - alias: Marks
    triggers:
      - trigger: bytesflows.traffic_became_low
        target: &account
          entity_id: sensor.bytesflows_balance
      - trigger: bytesflows.traffic_no_longer_low
        target: *account
      - trigger: bytesflows.package_expiring
        target: *account
        options:
          before:
            days: 3""" + SAY.format("{{ trigger.platform.partition('.')[2] }}")
ON_CLASSES = (
    """
  - alias: Threshold
    triggers:
      - trigger: bytesflows.traffic_crossed_threshold
        target: &available
          entity_id: sensor.bytesflows_available_traffic
        options: &below
          threshold:
            type: below
            value:
              number: 20
              unit_of_measurement: GiB"""
    + SAY.format("traffic_crossed_threshold")
    + """
  - alias: Low
    triggers:
      - trigger: event
        event_type: test_conditions
    conditions:
      - condition: bytesflows.is_traffic_low
        target:
          entity_id: binary_sensor.bytesflows_traffic_low"""
    + SAY.format("is_traffic_low")
    + """
  - alias: Below
    triggers:
      - trigger: event
        event_type: test_conditions
    conditions:
      - condition: bytesflows.is_traffic
        target: *available
        options: *below"""
    + SAY.format("is_traffic")
)
CONFIGURATION = "conversation:\n"
AUTOMATIONS = f"{ON_MARKS}{ON_CLASSES}\n"


def told(home: HomeAssistant) -> list[str]:
    """Return what automations said."""
    lines = home.log.read_text(encoding="utf-8").splitlines()
    return [line.partition("TOLD ")[2] for line in lines if "] TOLD " in line]


async def add_automations(home: HomeAssistant) -> None:
    """Add the automations when their account is there.

    At a start on a busy machine they may come first, which is worth warnings.
    """
    _add_to_configuration(home, AUTOMATIONS)
    await home.call("POST", "/api/services/automation/reload")


def _add_to_configuration(home: HomeAssistant, text: str) -> None:
    """Add a text to the end of the configuration."""
    path = home.folder / "configuration.yaml"
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


async def reload(home: HomeAssistant) -> None:
    """Reload the first account, which polls it."""
    (entry_id,) = [
        item["entry_id"]
        for item in await home.command("config_entries/get", domain="bytesflows")
        if item["title"] == "BytesFlows"
    ]
    path = f"/api/config/config_entries/entry/{entry_id}/reload"
    await home.call("POST", path)


async def hear(home: HomeAssistant, *expected: str) -> None:
    """Wait until automations have said all that is expected, and nothing else."""
    with suppress(TimeoutError):
        await until(lambda: len(told(home)) >= len(expected))
    assert sorted(told(home)) == sorted(expected)


async def live(
    home: HomeAssistant, account: Account, trigger: str = "", *conditions: str
) -> None:
    """Let an account live through all that triggers and conditions wait for.

    Conditions are tested once triggers have fired: entities show new values before.
    """
    test_conditions = "/api/events/test_conditions"
    account.packages = [half_used_package(days=30)]
    await reload(home)
    await home.call("POST", test_conditions)
    await hear(home)
    account.use(45 * GIB)
    await reload(home)
    low = ["traffic_became_low", *filter(None, [trigger])]
    await hear(home, *low)
    await home.call("POST", test_conditions)
    low += conditions
    await hear(home, *low)
    account.packages.append(half_used_package(days=2))
    await reload(home)
    low += ["traffic_no_longer_low", "package_expiring"]
    await hear(home, *low)
    await home.call("POST", test_conditions)
    await hear(home, *low)


def half_used_package(days: int) -> Package:
    """Return a package of 100 GiB."""
    now = datetime.now(UTC)
    return Package(
        id=str(days),
        traffic=100 * GIB,
        used=50 * GIB,
        created=now - timedelta(days=1),
        expires=now + timedelta(days=days),
    )


async def use_blueprints(home: HomeAssistant) -> None:
    """Make an automation of each blueprint, for the first account."""
    device_id = await home.device_id()
    found: dict[str, Any] = await home.command("blueprint/list", domain="automation")
    ours = [path for path in found if path.startswith("bytesflows/")]
    assert len(ours) == len([*(ROOT / "blueprints").rglob("*.yaml")])
    for path in ours:
        assert "error" not in found[path], found[path]
        fields = _fields(found[path]["metadata"]["input"])
        inputs = {
            name: device_id for name, field in fields.items() if "default" not in field
        }
        name = Path(path).stem
        await home.call(
            "POST",
            f"/api/config/automation/config/{name}",
            {"alias": name, "use_blueprint": {"path": path, "input": inputs}},
        )
    made = [f"automation.{Path(path).stem}" for path in ours]
    await until(lambda: are_on(home, *made))


def _fields(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of a blueprint, also those in sections."""
    fields: dict[str, Any] = {}
    for name, field in inputs.items():
        fields |= _fields(field["input"]) if "input" in field else {name: field}
    return fields


async def are_on(home: HomeAssistant, *entity_ids: str) -> bool:
    """Return whether automations wait for their triggers."""
    states = {
        item["entity_id"]: item["state"]
        for item in await home.call("GET", "/api/states")
    }
    return all(states.get(entity_id) == "on" for entity_id in entity_ids)


async def ask_in_words(home: HomeAssistant) -> None:
    """Ask a question that a blueprint answers."""
    said = await home.call(
        "POST",
        "/api/conversation/process",
        {"text": "How much proxy traffic is left on BytesFlows 2?", "language": "en"},
    )
    answer = said["response"]["speech"]["plain"]["speech"]
    assert answer == "BytesFlows 2: 5.0 gigabytes of 100 gigabytes left."


async def ask_as_an_agent(home: HomeAssistant, account: Account) -> None:
    """Ask the MCP server while none, one, and both of the accounts are exposed."""
    await mcp.add_server(home)
    assert await mcp.list_tools(home) == []

    await mcp.expose(home, "sensor.bytesflows_2_balance")
    (tool,) = await mcp.list_tools(home)
    assert tool["name"] == mcp.TOOL
    assert tool["annotations"]["readOnlyHint"] is True
    assert tool["inputSchema"]["properties"]["account"]["enum"] == ["BytesFlows 2"]
    answer = await mcp.get_traffic(home)
    assert answer.keys() == {"BytesFlows 2"}
    assert answer["BytesFlows 2"]["balance"] == 7.0

    await mcp.expose(home, "sensor.bytesflows_available_traffic")
    answer = await mcp.get_traffic(home)
    assert {key: item["status"] for key, item in answer.items()} == {
        "BytesFlows": "ok",
        "BytesFlows 2": "ok",
    }
    available = account.overview()["dynamicTraffic"]
    assert answer["BytesFlows"]["available_traffic"] == available
    assert "balance" not in answer["BytesFlows"]
    only = await mcp.get_traffic(home, account="BytesFlows 2")
    assert only["BytesFlows 2"]["available_traffic_gib"] == 5.0


async def test_works(
    api: SimulatedApi, account: Account, package: Path, python: Path
) -> None:
    """Unpacked into an empty Home Assistant, all of it works without a complaint."""
    other = Account(token="other", balance=7.0, packages=[half_used_package(days=9)])
    other.packages[0].used = 95 * GIB
    async with with_account(api, CONFIGURATION, package=package, python=python) as home:
        await add_automations(home)
        manifest = await home.command("manifest/get", integration="bytesflows")
        assert manifest["version"] == VERSION
        assert manifest["is_built_in"] is False
        assert _wrong_states(account, await home.states()) == []
        api.accounts.append(other)
        await home.add_account(other.token, api.url)
        await live(
            home, account, "traffic_crossed_threshold", "is_traffic_low", "is_traffic"
        )
        await use_blueprints(home)
        await ask_in_words(home)
        await ask_as_an_agent(home, account)
        wrong = _wrong_lines(home.log, account.token)
        assert wrong == [], wrong


@pytest.mark.parametrize(
    ("python", "change"),
    [(PYTHON, "lose_classes"), (LATEST, "rename_specs")],
    ids=["newest-lost", "latest-renamed"],
)
async def test_changed_classes(
    api: SimulatedApi,
    account: Account,
    package: Path,
    python: Path,
    tmp_path: Path,
    change: str,
) -> None:
    """Where Home Assistant changed its unstable classes, the rest goes on."""
    changed = tmp_path / "bytesflows"
    shutil.copytree(package, changed)
    shutil.copy(broken.__file__, changed)
    with (changed / "const.py").open("a", encoding="utf-8") as file:
        file.write(f"from . import broken\nbroken.{change}()\n")
    async with with_account(api, CONFIGURATION, package=changed, python=python) as home:
        await add_automations(home)
        assert _wrong_states(account, await home.states()) == []
        await live(home, account)
        # Home Assistant itself complains of the automations that are lost.
        warnings = [
            line
            for line in _wrong_lines(home.log, account.token)
            if "[custom_components.bytesflows" in line
        ]
        assert len(warnings) == 1, warnings
        assert "Some triggers and conditions are not available" in warnings[0]
        issues = (await home.command("repairs/list_issues"))["issues"]
        (issue,) = [item for item in issues if item["domain"] == "bytesflows"]
        assert issue["translation_key"] == "unstable_classes"
        texts = await home.command(
            "frontend/get_translations",
            language="de",
            category="issues",
            integration=["bytesflows"],
        )
        german = json.loads((package / "translations" / "de.json").read_text("utf-8"))
        assert (
            texts["resources"]["component.bytesflows.issues.unstable_classes.title"]
            == german["issues"]["unstable_classes"]["title"]
        )


def test_is_made_of_what_git_has(package: Path) -> None:
    """Nothing is in it that is not in the repository, but for the version."""
    source = ROOT / "custom_components" / "bytesflows"
    packed = {
        path.relative_to(package)
        for path in package.rglob("*")
        # A Home Assistant that another test ran leaves bytecode there.
        if path.is_file() and path.parent.name != "__pycache__"
    }
    known = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert packed == {Path("LICENSE"), *map(Path, known)}
    changed = [
        str(path)
        for path in packed - {Path("LICENSE")}
        if (package / path).read_bytes() != (source / path).read_bytes()
    ]
    assert changed == ["manifest.json"]


def test_is_the_same_each_time(package: Path, tmp_path: Path) -> None:
    """The file can be made again from the tag, byte by byte."""
    again = tmp_path / "again.zip"
    build(VERSION, str(again))
    assert again.read_bytes() == package.with_suffix(".zip").read_bytes()


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3", "01.2.3", "1.2.3;id", "1\n"])
def test_odd_versions(tmp_path: Path, version: str) -> None:
    """What is no version is refused, and nothing is made."""
    result = build(version, str(tmp_path / "file.zip"))
    assert result.returncode == 2
    assert "is no version such as 1.2.3" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_marketplace(package: Path) -> None:
    """Home Assistant's Marketplace understands every key, and can install the file."""
    result = subprocess.run(
        [LATEST, ROOT / "tests" / "helpers" / "marketplace.py", package],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told["unknown"] == []
    hacs = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    assert told["hacs"] == hacs
    manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
    assert told["manifest"] == {key: manifest[key] for key in told["manifest"]}
