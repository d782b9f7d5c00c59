"""What the documentation promises, done: its examples, commands and links."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import re
from urllib.parse import unquote

import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
)
import yaml

from dev import ROOT
from dev.simulated_api import GIB, Account, Fault, Package
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import notifications
from .helpers.home import Home
from .helpers.pages import headings

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

LOW = [
    "5.00 GiB left. The next package expires 2026-03-21 12:00:00+00:00.",
    "6.00 GiB left. The next package expires 2026-03-13 12:00:00+00:00.",
]
GETTING_LOW = "Less than 25 GiB are left."
# What is said in the story below, by page and example.
SAID: dict[str, list[list[str]]] = {
    "README.md": [LOW],
    "docs/actions/get_packages.md": [
        [
            "2 in all: ORD-1, 100.0 GiB; ORD-0, 1.0 GiB.",
            *["3 in all: ORD-2, 30.0 GiB; ORD-1, 100.0 GiB; ORD-0, 1.0 GiB."] * 3,
        ]
    ],
    "docs/automations.md": [
        ["off", "on", "off"],
        ["ORD-2: purchased", "TASK-3: checked_in", "ORD-2: expired"],
        ["At this pace the traffic is gone within a week."] * 4,
        ["Tomorrow: 30 GiB purchase expires"],
    ],
    "docs/conditions/is_traffic.md": [
        ["ORD-2 arrived, and there is still room for more."]
    ],
    "docs/conditions/is_traffic_low.md": [["Traffic is still low."]],
    "docs/triggers/package_expiring.md": [
        ["30.0 GiB of ORD-2 are lost 2026-03-05 10:00:00+00:00."]
    ],
    "docs/triggers/traffic_became_low.md": [LOW],
    "docs/triggers/traffic_crossed_threshold.md": [
        [GETTING_LOW] * 2,
        ["20.0 became 5.0 GiB.", "36.0 became 6.0 GiB."],
    ],
    "docs/triggers/traffic_no_longer_low.md": [["35.00 GiB to go on with."]],
}


def _blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a language."""
    parts = page.read_text(encoding="utf-8").split(f"```{language}\n")[1:]
    return [part.partition("\n```")[0] for part in parts]


def _name(page: Path) -> str:
    """Return the path of a page in the project."""
    return page.relative_to(ROOT).as_posix()


def _examples() -> Iterator[tuple[str, int, str]]:
    """Yield page, number and text of each example."""
    for page in sorted(PAGES):
        for number, block in enumerate(_blocks(page, "yaml")):
            yield _name(page), number, block


async def live(home: Home) -> None:
    """Let traffic be used, become low in two days, be bought, and expire."""
    account = home.account
    package = account.packages[0]

    async def use(gib: int, *, hours: int = 0) -> None:
        package.used = gib * GIB
        for _ in range(hours):
            await home.pass_time(HOUR)
        await home.poll(4)

    await use(50)
    await use(80)
    await use(95, hours=1)
    home.api.break_(Fault.refuse(500))
    await use(95, hours=1)
    home.api.heal()
    home.freezer.move_to(NOW + timedelta(hours=18))
    await use(95, hours=4)
    account.packages.append(bought("2", 30, NOW + 22 * HOUR, days=3))
    await use(95, hours=24)
    reward = bought("3", 1, NOW + 2 * DAY, days=10)
    reward.source, reward.order_id = "sign", "TASK-3"
    account.packages.append(reward)
    for _ in range(4 * 24 - 48):
        account.expire(home.freezer().replace(tzinfo=UTC))
        await use(95, hours=1)


def bought(id_: str, gib: int, created: datetime, *, days: int) -> Package:
    """Return a package."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        traffic=gib * GIB,
        created=created,
        expires=created + timedelta(days=days),
    )


@pytest.fixture
def account() -> Account:
    """Return an account with a package that is half used, and one that is over."""
    package = bought("1", 100, NOW - DAY, days=21)
    package.used = 50 * GIB
    past = bought("0", 1, NOW - 99 * DAY, days=30)
    past.status = 0
    return Account(packages=[package, past])


def test_every_example_is_tried() -> None:
    """The story has something to say to each example of each page."""
    found = [(page, number) for page, number, _ in _examples()]
    known = [
        (page, number) for page, said in SAID.items() for number in range(len(said))
    ]
    assert found == sorted(known)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "number", "example"),
    [pytest.param(*item, id=f"{item[0]} {item[1]}") for item in _examples()],
)
async def test_example(
    home: Home, caplog: pytest.LogCaptureFixture, page: str, number: int, example: str
) -> None:
    """Each example is a whole automation, and says what it should when it should."""
    await home.hass.config.async_set_time_zone("UTC")
    await home.set_up()
    assert await async_setup_component(
        home.hass, "input_boolean", {"input_boolean": {"scraper": {"initial": True}}}
    )
    seen = await notifications(home.hass)
    changes = async_capture_events(home.hass, "state_changed")
    config = yaml.safe_load(example)
    assert await async_setup_component(
        home.hass, "automation", {"automation": [config]}
    )
    await live(home)
    # Its timers would outlive the test.
    await home.hass.services.async_call(
        "automation", "turn_off", {"entity_id": "all"}, blocking=True
    )
    switched = [
        event.data["new_state"].state
        for event in changes
        if event.data["entity_id"] == "input_boolean.scraper"
    ]
    assert [message for _, message in seen] + switched == SAID[page][number]
    assert not [
        item
        for item in caplog.records
        if "automation" in item.name and item.levelname in {"ERROR", "WARNING"}
    ]


async def test_answer(home: Home) -> None:
    """The page of the action shows what it answers for the document's example."""
    home.api.accounts[:] = [Account.example()]
    await home.set_up()
    answer = await home.hass.services.async_call(
        "bytesflows",
        "get_packages",
        {"config_entry_id": home.entry.entry_id},
        blocking=True,
        return_response=True,
    )
    (block,) = _blocks(ROOT / "docs" / "actions" / "get_packages.md", "json")
    assert answer == json.loads(block)


def test_commands() -> None:
    """The commands for developers are there and can be run."""
    (block,) = _blocks(ROOT / "README.md", "sh")
    commands = [line.split()[0] for line in block.strip().splitlines()]
    assert commands == ["scripts/demo", "scripts/test"]
    for command in commands:
        assert (ROOT / command).stat().st_mode & 0o111


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links(page: Path) -> None:
    """Links lead to pages and headings that exist, and blueprints to files."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "blueprint_url=" in target:
            url = unquote(target.partition("blueprint_url=")[2])
            path = url.partition("/blob/main/")[2]
            assert (ROOT / path).is_file(), target
        if target.startswith("http"):
            continue
        file, _, heading = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        if heading:
            assert heading in headings(linked), target


def test_every_blueprint_can_be_imported() -> None:
    """The page of the automations and the README lead to each of them."""
    names = {path.name for path in (ROOT / "blueprints").rglob("*.yaml")}
    for page in (ROOT / "docs" / "automations.md", ROOT / "README.md"):
        text = unquote(page.read_text(encoding="utf-8"))
        assert set(re.findall(r"blueprint_url=\S*/(\w+\.yaml)", text)) == names
