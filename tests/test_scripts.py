"""The scripts say what is missing, and lint finds what it is there for."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

from dev import ROOT

NO_NETWORK = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_NO_INDEX": "1",
    "PIP_RETRIES": "0",
}


def run(
    folder: Path, *command: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script of a checkout."""
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a fresh checkout, in which nothing is set up."""
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "script", ["setup", "demo", "test", "test-newest", "lint", "lock"]
)
def test_nothing_can_be_fetched(checkout: Path, script: str) -> None:
    """Every script that needs the setup stops where it stops, and says so."""
    done = run(checkout, f"scripts/{script}", **NO_NETWORK)
    assert done.returncode == 1
    assert "setup: uv could not be installed with pip\n" in done.stderr
    assert "setup: how to get it: make a package index reachable" in done.stderr
    assert not (checkout / ".dev" / "uv").exists()


def test_no_python(checkout: Path, tmp_path: Path) -> None:
    """Without any Python there is nothing to begin with."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "env", "mkdir"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    done = run(checkout, "scripts/setup", PATH=str(tools))
    assert done.returncode == 1
    assert done.stderr.startswith("setup: python3 is missing\n")


def test_unknown_environment(checkout: Path) -> None:
    """An environment that has no lock file is told before anything is fetched."""
    done = run(checkout, "scripts/setup", "nonsense", **NO_NETWORK)
    assert done.returncode == 1
    assert done.stderr == (
        "setup: there is no requirements/nonsense.txt\n"
        "setup: how to get it: name one of: dev latest oldest\n"
    )


@pytest.mark.newest
@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("from homeassistant.core import HomeAssistant", "TID251"),
        ("import homeassistant.util", "TID251"),
        ("from custom_components.bytesflows.const import DOMAIN", "TID251"),
        ("from ..const import DOMAIN", "TID252"),
    ],
)
def test_client_stays_apart(line: str, rule: str) -> None:
    """Lint keeps Home Assistant and the integration out of the client."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ruff"),
            "check",
            "--output-format=concise",
            "--stdin-filename=custom_components/bytesflows/api/new.py",
            "-",
        ],
        cwd=ROOT,
        input=f'"""New."""\n\n{line}\n',
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f" {rule} " in done.stdout


def test_lock_files_have_no_addresses() -> None:
    """Lock files have pins and hashes, and no addresses."""
    for path in (ROOT / "requirements").glob("*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "://" not in line
            assert "==" in line or line.strip().startswith("--hash=sha256:")
