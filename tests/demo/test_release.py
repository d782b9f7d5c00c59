"""The file that people install, in the releases of Home Assistant that they have."""

import json
from pathlib import Path
import subprocess
import zipfile

import pytest

from dev import ROOT
from dev.demo.__main__ import _wrong_lines, _wrong_states
from dev.demo.account import make_account
from dev.demo.home_assistant import PYTHON
from dev.simulated_api import Account, SimulatedApi
from tests.helpers.demo import with_account

VERSION = "1.2.3"
LATEST = ROOT / ".dev" / "latest" / "bin" / "python"
"""The interpreter with the release that the harness does not support yet."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("demo"),
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


async def test_sets_up(
    api: SimulatedApi, account: Account, package: Path, python: Path
) -> None:
    """Unpacked into an empty Home Assistant, it sets up and complains of nothing."""
    async with with_account(api, package=package, python=python) as home:
        manifest = await home.command("manifest/get", integration="bytesflows")
        assert manifest["version"] == VERSION
        assert manifest["is_built_in"] is False
        assert _wrong_states(account, await home.states()) == []
        assert _wrong_lines(home.log, account.token) == []


def test_is_made_of_what_git_has(package: Path) -> None:
    """Nothing is in it that is not in the repository, but for the version."""
    source = ROOT / "custom_components" / "bytesflows"
    packed = {
        path.relative_to(package) for path in package.rglob("*") if path.is_file()
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
