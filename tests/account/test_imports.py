"""The pure floors need aiohttp and nothing else."""

from pathlib import Path
import subprocess
import sys

PACKAGE = Path(__file__).parents[2] / "custom_components" / "bytesflows"

PROGRAM = """
import sys, types
for name, path in (("bytesflows", sys.argv[1]),):
    package = types.ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"homeassistant", "voluptuous", "mashumaro"}:
            raise ImportError(name)

sys.meta_path.insert(0, Refusal())
import bytesflows.account
import bytesflows.api
print(*sorted(name for name in sys.modules if name.startswith("bytesflows.")))
"""


def test_imports() -> None:
    """`api/` and `account/` import neither Home Assistant nor anything above them."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(PACKAGE)],
        capture_output=True,
        check=True,
        text=True,
    )
    expected = {
        f"bytesflows.{path.parent.name}.{path.stem}".removesuffix(".__init__")
        for floor in ("api", "account")
        for path in (PACKAGE / floor).glob("*.py")
    }
    assert set(done.stdout.split()) == expected
