"""What the README promises, done."""

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .common import notifications, pass_time, set_up
from .simulated_api import GIB, Account, Package, SimulatedApi
from .translations import PACKAGE

README = (PACKAGE.parents[1] / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    """Return the code blocks of a language."""
    return [block.partition("```")[0] for block in README.split(f"```{language}\n")[1:]]


@pytest.mark.parametrize(
    ("block", "used", "expected"),
    [
        (block, *outcome)
        for block, outcome in zip(
            _blocks("yaml"),
            (
                (95, "5.00 GiB left. The next package expires 2026-04-01 "),
                (80, "Less than 25 GiB are left."),
            ),
            strict=True,
        )
    ],
    ids=["low", "getting low"],
)
async def test_example(
    now: FrozenDateTimeFactory,
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    block: str,
    used: int,
    expected: str,
) -> None:
    """The example notifies once when the account is drained that far."""
    package = Package(
        id="1", traffic=100 * GIB, used=50 * GIB, expires=now().replace(month=4)
    )
    api.accounts[:] = [Account(packages=[package])]
    assert await set_up(hass, entry)
    seen = await notifications(hass)
    assert await async_setup_component(
        hass, "automation", {"automation": [yaml.safe_load(block)]}
    )
    await pass_time(hass, now)
    assert seen == []

    package.used = used * GIB
    for _ in range(6):
        await pass_time(hass, now)
    ((_, message),) = seen
    assert message.startswith(expected)


def test_commands() -> None:
    """The commands for developers are there and can be run."""
    (block,) = _blocks("sh")
    commands = [line.split()[0] for line in block.strip().splitlines()]
    assert commands == ["scripts/demo", "scripts/test"]
    for command in commands:
        assert (PACKAGE.parents[1] / command).stat().st_mode & 0o111
