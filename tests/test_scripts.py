"""The scripts say what is missing, and lint finds what it is there for."""

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from dev import ROOT

LOCK_FILES = [*(ROOT / "requirements").glob("*.txt")]
HARNESS = "pytest-homeassistant-custom-component"
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
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "message",
    [
        "new.c:1:10: fatal error: {}: No such file or directory",
        "new.c:1:10: fatal error: '{}' file not found",
    ],
    ids=["gcc", "clang"],
)
def test_missing_headers(checkout: Path, message: str) -> None:
    """A build that fails for want of headers says which."""
    tools = checkout / "tools"
    tools.mkdir()
    (tools / "python3.14").symlink_to(sys.executable)
    uv = tools / "uv"
    lines = "\n".join(message.format(name) for name in ("jpeg/turbo.h", "ffi.h") * 2)
    uv.write_text(
        f"#!/bin/sh\n[ $1 = venv ] || {{ cat <<'END'\n{lines}\nEND\nexit 1; }}\n"
    )
    uv.chmod(0o755)
    done = run(checkout, "scripts/setup", PATH=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        (
            "setup: the packages of requirements/dev.txt could not be built without "
            "the headers ffi.h jpeg/turbo.h"
        ),
        (
            "setup: how to get it: install the development packages that have them "
            "(Debian: apt-file search HEADER names them)"
        ),
    ]


def test_python_without_headers(checkout: Path) -> None:
    """A Python that cannot compile anything is none."""
    tools = checkout / "tools"
    replace_by_echo(tools / "uv")
    python = tools / "python3.14"
    python.write_text(
        "#!/bin/sh\n"
        f"exec '{sys.executable}' -c \"import sysconfig; "
        "sysconfig.get_path = lambda _: '/nowhere'; $2\"\n"
    )
    python.chmod(0o755)
    for name in ("apt-get", "dpkg"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    done = run(checkout, "scripts/setup", PATH=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "setup: Python 3.14.2 or newer with its headers is missing\n" in done.stderr


def test_unknown_environment(checkout: Path) -> None:
    """A missing lock file is reported before anything is fetched."""
    names = " ".join(sorted(path.stem for path in LOCK_FILES))
    done = run(checkout, "scripts/setup", "nonsense", **NO_NETWORK)
    assert done.returncode == 1
    assert done.stderr == (
        "setup: there is no requirements/nonsense.txt\n"
        f"setup: how to get it: name one of: {names}\n"
    )


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


def pin_floor(checkout: Path, pin: str) -> None:
    """Make the floor pin another harness than the newest release."""
    project = checkout / "pyproject.toml"
    before, group, after = project.read_text(encoding="utf-8").partition("floor = [")
    after = re.sub(rf"({HARNESS}==)[0-9.]+", rf"\g<1>{pin}", after, count=1)
    project.write_text(before + group + after, encoding="utf-8")


def replace_by_echo(program: Path) -> None:
    """Put a program in a place that prints how it was called."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text('#!/bin/sh\necho "$0" "$@"\n')
    program.chmod(0o755)


@pytest.fixture
def idle_checkout(checkout: Path) -> Path:
    """Return a checkout in which the tools only print how they were called."""
    for name in ("dev", "floor"):
        replace_by_echo(checkout / ".dev" / name / "bin" / "python")
    replace_by_echo(checkout / "tools" / "uv")
    replace_by_echo(checkout / "scripts" / "setup")
    return checkout


def run_idle(folder: Path, script: str, *arguments: str) -> str:
    """Run a script of an idle checkout, and return the calls that it printed."""
    path = f"{folder / 'tools'}:{os.environ['PATH']}"
    done = run(folder, f"scripts/{script}", *arguments, PATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_one_environment(idle_checkout: Path) -> None:
    """A floor with the harness of the newest release has no environment of its own."""
    pin_floor(idle_checkout, newest_harness())
    stale = idle_checkout / "requirements" / "floor.txt"
    stale.write_text("")
    assert run_idle(idle_checkout, "environments") == "dev\nlatest\n"
    assert "floor" not in run_idle(idle_checkout, "test")
    assert "floor" not in run_idle(idle_checkout, "lock")
    assert not stale.exists()


def test_two_environments(idle_checkout: Path) -> None:
    """A floor with an older harness is tested and locked as well."""
    pin_floor(idle_checkout, "0.13.1")
    assert run_idle(idle_checkout, "environments") == "dev\nfloor\nlatest\n"
    printed = run_idle(idle_checkout, "test")
    assert "scripts/setup dev floor latest\n" in printed
    assert ".dev/floor/bin/python -m pytest " in printed
    printed = run_idle(idle_checkout, "lock")
    assert "--output-file requirements/floor.txt\n" in printed


def test_fast(idle_checkout: Path) -> None:
    """The fast tests are all but the slow ones, and can be narrowed down."""
    printed = run_idle(idle_checkout, "test", "--fast", "tests/api")
    assert printed.endswith("--numprocesses auto -m not slow tests/api\n")
    assert "--cov" not in printed


def test_floor_without_harness(checkout: Path) -> None:
    """A group that pins no harness stops the scripts."""
    project = checkout / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8").replace(HARNESS, "other"))
    done = run(checkout, "scripts/environments")
    assert done.returncode == 1
    assert done.stderr == "environments: the group newest pins no harness\n"


def newest_harness() -> str:
    """Return the version of the harness in this environment's group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    group: list[str] = project["dependency-groups"]["newest"]
    (pin,) = (line for line in group if line.startswith(HARNESS))
    return pin.partition("==")[2]


def test_lock_files_are_those_of_the_environments() -> None:
    """There is a lock file for each environment, and no other."""
    names = run(ROOT, "scripts/environments").stdout.split()
    assert {path.stem for path in LOCK_FILES} == set(names)


def test_lock_files_have_no_addresses() -> None:
    """Lock files have pins and hashes, and no addresses."""
    for path in LOCK_FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "://" not in line
            assert "==" in line or line.strip().startswith("--hash=sha256:")


@pytest.mark.parametrize(
    ("result", "opened", "expected"),
    [
        ("success", "", []),
        ("failure", "", ["label create", "issue create"]),
        ("cancelled", "", ["label create", "issue create"]),
        ("failure", "7", []),
        ("success", "7", ["issue close 7"]),
    ],
)
def test_early_warning(
    tmp_path: Path, result: str, opened: str, expected: list[str]
) -> None:
    """One issue is open while the tests on coming releases fail."""
    calls = tmp_path / "calls"
    calls.touch()
    gh = tmp_path / "gh"
    gh.write_text(
        "#!/bin/sh\n"
        f'[ "$2" = list ] && echo "{opened}" && exit\n'
        f'echo "$@" >> "{calls}"\n'
    )
    gh.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = run(ROOT, ".ci/early-warning", result, "https://run.example", PATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = calls.read_text().splitlines()
    assert len(lines) == len(expected)
    for line, call in zip(lines, expected, strict=True):
        assert line.startswith(call)
    if lines:
        assert "https://run.example" in lines[-1]


def test_newest(idle_checkout: Path) -> None:
    """The newest releases stay until the tests have ended, which call the setup."""
    replace_by_echo(idle_checkout / ".dev" / "latest" / "bin" / "python")
    folders = [idle_checkout / ".dev" / name for name in ("dev", "latest")]
    printed = ""
    python = idle_checkout / ".dev" / "dev" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@"; ls .dev/*/installed.txt\n')
    for arguments, tests in (
        (["tests/api"], "tests/api"),
        (["--nightly"], "--quiet tests/demo/test_release.py -k latest"),
    ):
        for folder in folders:
            (folder / "installed.txt").touch()
        printed = run_idle(idle_checkout, "test-newest", *arguments)
        assert printed.endswith(
            f"-m pytest {tests}\n.dev/dev/installed.txt\n.dev/latest/installed.txt\n"
        )
        assert not any((folder / "installed.txt").exists() for folder in folders)
    assert "homeassistant @ git+https://github.com/home-assistant/core@dev\n" in printed


def test_newest_as_in_the_gate(idle_checkout: Path) -> None:
    """All tests run on the newest releases as they do in the gate, with a browser."""
    replace_by_echo(idle_checkout / ".dev" / "latest" / "bin" / "python")
    python = idle_checkout / ".dev" / "dev" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "${BROWSER_REQUIRED:-}" "$@"\n')
    gate = run_idle(idle_checkout, "test").replace(" -m pytest", "1 -m pytest")
    assert "1 -m pytest" in gate
    assert run_idle(idle_checkout, "test-newest").endswith(gate)


def test_nightly_that_cannot_be_installed(idle_checkout: Path) -> None:
    """It is no failure of ours, and nothing is tested."""
    replace_by_echo(idle_checkout / ".dev" / "latest" / "bin" / "python")
    uv = idle_checkout / "tools" / "uv"
    uv.write_text("#!/bin/sh\nexit 1\n")
    printed = run_idle(idle_checkout, "test-newest", "--nightly")
    assert "cannot be installed" in printed
    assert "pytest" not in printed
