"""What the documentation promises, done: its examples, commands and links."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import json
import logging
from pathlib import Path
import re
import sys
from urllib.parse import unquote

import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)
import yaml

from dev import PACKAGE, ROOT
from dev.simulated_api import GIB, Account, Fault, Package
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import make_entry, notifications
from .helpers.flows import OTHER_TOKEN
from .helpers.home import Home
from .helpers.pages import headings
from .helpers.translations import ENGLISH

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

LOW = ["5.00 GiB left.", "6.00 GiB left."]
RUNNING_LOW = "Less than 25 GiB left."
# What is said in the story below, by page and example.
SAID: dict[str, list[list[str]]] = {
    "README.md": [LOW],
    "docs/actions/get_packages.md": [
        [
            "Purchases so far: 2. ORD-1: 100.0 GiB. ORD-0: 1.0 GiB.",
            *["Purchases so far: 3. ORD-2: 30.0 GiB. ORD-1: 100.0 GiB. ORD-0: 1.0 GiB."]
            * 3,
        ]
    ],
    "docs/automations.md": [
        ["off", "on", "off"],
        ["ORD-2: purchased", "TASK-3: checked_in", "ORD-2: expired"],
        ["At the current rate, traffic does not last for a week."] * 4,
        ["Tomorrow: 30 GiB purchase expires"],
        [
            "BytesFlows: traffic is low: 5.00 GiB left.",
            "BytesFlows: traffic is low: 6.00 GiB left.",
            "off",
        ],
    ],
    "docs/conditions/is_traffic.md": [
        ["You purchased 30.0 GiB, and there is still room for more."]
    ],
    "docs/conditions/is_traffic_low.md": [["Traffic is still low."]],
    "docs/recipes.md": [
        ["scraper_stop", "scraper_start", "scraper_stop"],
        ["scraper_stop"] * 35,
        ["5.0 GiB left.", "6.0 GiB left."],
        [f"Less than {share}% of your traffic left." for share in (50, 20, 20)],
    ],
    "docs/triggers/package_expiring.md": [
        ["30.0 GiB will expire on 2026-03-05 at 10:00."]
    ],
    "docs/triggers/traffic_became_low.md": [
        [
            "5.00 GiB left. The next package expires on 2026-03-21 at 12:00.",
            "6.00 GiB left. The next package expires on 2026-03-13 at 12:00.",
        ]
    ],
    "docs/triggers/traffic_crossed_threshold.md": [
        [RUNNING_LOW] * 2,
        ["20.0 GiB before, 5.0 GiB now.", "36.0 GiB before, 6.0 GiB now."],
    ],
    "docs/triggers/traffic_no_longer_low.md": [["35.00 GiB available again."]],
}

# The entities that the other examples add, with their states in the end.
ADDED: dict[str, list[dict[str, str]]] = {
    "docs/dashboard.md": [{}, {}],
    "docs/recipes.md": [
        {},
        {},
        {"sensor.bytesflows_today": "30.0", "sensor.bytesflows_month": "30.0"},
        {"sensor.bytesflows_cost_this_month": "75.0"},
        {"sensor.all_bytesflows_traffic": "30.0"},
        {},
    ],
}
# Tests of the blueprint and of the dashboard in a browser try these.
TRIED_ELSEWHERE = {"use_blueprint", "strategy"}
COMMANDS = ("scraper_stop", "scraper_start")


def _blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a language."""
    parts = page.read_text(encoding="utf-8").split(f"```{language}\n")[1:]
    return [part.partition("\n```")[0] for part in parts]


def _name(page: Path) -> str:
    """Return the path of a page in the project."""
    return page.relative_to(ROOT).as_posix()


def _examples(*, are_automations: bool = True) -> Iterator[tuple[str, int, str]]:
    """Yield page, number and text of each automation, or of each other example."""
    for page in sorted(PAGES):
        blocks = [
            block
            for block in _blocks(page, "yaml")
            if not (config := yaml.safe_load(block)).keys() & TRIED_ELSEWHERE
            and ("triggers" in config) is are_automations
        ]
        for number, block in enumerate(blocks):
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


def add_phone(hass: HomeAssistant, seen: list[tuple[str | None, str]]) -> None:
    """Add a phone on which the last button is pressed, and a script to run."""

    @callback
    def notify(call: ServiceCall) -> None:
        title, message = call.data["title"], call.data["message"]
        seen.append((None, f"{title}: {message}"))
        link, button = call.data["data"]["actions"]
        assert link["uri"] == "https://bytesflows.com"
        hass.bus.async_fire(
            "mobile_app_notification_action", {"action": button["action"]}
        )

    async def pause(_: ServiceCall) -> None:
        await hass.services.async_call(
            "input_boolean", "turn_off", {"entity_id": "input_boolean.scraper"}
        )

    hass.services.async_register("notify", "mobile_app_my_phone", notify)
    hass.services.async_register("script", "pause_scraper", pause)


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
    for table, are_automations in ((SAID, True), (ADDED, False)):
        found = [
            (page, number)
            for page, number, _ in _examples(are_automations=are_automations)
        ]
        known = [
            (page, number)
            for page, rows in table.items()
            for number in range(len(rows))
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
    assert await async_setup_component(home.hass, "homeassistant", {})
    assert await async_setup_component(
        home.hass, "input_boolean", {"input_boolean": {"scraper": {"initial": True}}}
    )
    seen = await notifications(home.hass)
    add_phone(home.hass, seen)
    changes = async_capture_events(home.hass, "state_changed")
    calls = async_capture_events(home.hass, "call_service")
    for name in COMMANDS:
        async_mock_service(home.hass, "shell_command", name)
    config = yaml.safe_load(example)
    assert await async_setup_component(
        home.hass, "automation", {"automation": [config]}
    )
    await live(home)
    await turn_off_automations(home)
    switched = [
        event.data["new_state"].state
        for event in changes
        if event.data["entity_id"] == "input_boolean.scraper"
    ]
    run = [
        event.data["service"]
        for event in calls
        if event.data["domain"] == "shell_command"
    ]
    assert [message for _, message in seen] + switched + run == SAID[page][number]
    assert not _complaints(caplog)


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what automations and templates complained of."""
    return [
        item.getMessage()
        for item in caplog.records
        if re.search("automation|template", item.name) and item.levelno > logging.INFO
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "account",
    [
        pytest.param(Account(), id="no packages"),
        pytest.param(
            Account(packages=[Package(id="1", traffic=GIB, used=GIB, created=NOW)]),
            id="0 GiB",
        ),
        pytest.param(
            Account(packages=[Package(id="1", traffic=GIB, created=NOW)]), id="no rate"
        ),
    ],
)
async def test_examples_without_values(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """No example fails, or speaks of what is unknown, in an account that is new."""
    await home.set_up()
    assert await async_setup_component(home.hass, "homeassistant", {})
    seen = await notifications(home.hass)
    add_phone(home.hass, seen)
    for name in COMMANDS:
        async_mock_service(home.hass, "shell_command", name)
    assert await async_setup_component(
        home.hass, "input_boolean", {"input_boolean": {"scraper": None}}
    )
    configs = {
        f"{page} {number}": yaml.safe_load(example)
        for page, number, example in _examples()
    }
    assert await async_setup_component(
        home.hass,
        "automation",
        {"automation": [{"id": id_, **config} for id_, config in configs.items()]},
    )
    for state in home.hass.states.async_all("automation"):
        if "trigger." not in str(configs[state.attributes["id"]]["actions"]):
            await home.hass.services.async_call(
                "automation", "trigger", {"entity_id": state.entity_id}, blocking=True
            )
    said_at_once = len(seen)
    await live_briefly(home)
    await turn_off_automations(home)
    assert said_at_once
    assert len(seen) > said_at_once
    for _, message in seen:
        assert not re.search("unknown|unavailable|None|nan|undefined", message), message
    assert not _complaints(caplog)


async def turn_off_automations(home: Home) -> None:
    """Turn all automations off: their timers would outlive the test."""
    await home.hass.services.async_call(
        "automation", "turn_off", {"entity_id": "all"}, blocking=True
    )


async def live_briefly(home: Home) -> None:
    """Let traffic be bought, used up, and bought again, and expire within a day."""
    account = home.account
    for number in ("8", "9"):
        now = home.freezer().replace(tzinfo=UTC)
        package = bought(number, 30, now, days=1)
        account.packages.append(package)
        await home.poll(2)
        package.used = 29 * GIB
        await home.poll(2)
    for _ in range(25):
        account.expire(home.freezer().replace(tzinfo=UTC))
        await home.pass_time(HOUR)


@pytest.mark.parametrize("expected_lingering_timers", [True])
@pytest.mark.parametrize(
    ("page", "number", "example"),
    [
        pytest.param(*item, id=f"{item[0]} {item[1]}")
        for item in _examples(are_automations=False)
    ],
)
async def test_other_example(
    home: Home,
    hass_ws_client: WebSocketGenerator,
    page: str,
    number: int,
    example: str,
) -> None:
    """Each card is shown when it should be, and each configuration adds entities."""
    hass = home.hass
    config = yaml.safe_load(example)
    is_card = "type" in config
    configuration = {
        domain: value
        for name, _, other in _examples(are_automations=False)
        if name == page
        and not is_card
        and "type" not in (item := yaml.safe_load(other))
        for domain, value in item.items()
    }
    for domain in configuration:
        assert await async_setup_component(hass, domain, configuration)
    await home.set_up()
    await set_up_second(home)

    async def is_shown() -> bool:
        """Return whether all conditions of a card pass, by the command it uses."""
        # A client does not outlive that time passes.
        client = await hass_ws_client(hass)
        for condition in config.get("visibility", ()):
            await client.send_json_auto_id(
                {"type": "subscribe_condition", "condition": condition}
            )
            assert (await client.receive_json())["success"]
            if not (await client.receive_json())["event"]["result"]:
                return False
        return True

    assert not is_card or await is_shown() is ("visibility" not in config)
    home.account.packages[0].used = 80 * GIB
    await home.poll(2)
    assert not is_card or await is_shown()
    states = {key: hass.states.get(key) for key in ADDED[page][number]}
    found = {key: state and state.state for key, state in states.items()}
    assert found == ADDED[page][number]
    for entity_id in re.findall(r"\w*sensor\.bytesflows_\w+", example):
        assert hass.states.get(entity_id) is not None


async def set_up_second(home: Home) -> None:
    """Set up a second account, as the form would."""
    packages = [bought("7", 10, NOW, days=9)]
    home.api.accounts.append(Account(token=OTHER_TOKEN, packages=packages))
    entry = make_entry(home.api, token=OTHER_TOKEN, entry_id="01JOTHER")
    entry.add_to_hass(home.hass)
    home.hass.config_entries.async_update_entry(entry, title="BytesFlows 2")
    assert await home.hass.config_entries.async_setup(entry.entry_id)
    await home.hass.async_block_till_done()


async def test_device_name(home: Home, hass_ws_client: WebSocketGenerator) -> None:
    """The last dialog of the setup renames entities as the README says."""
    await home.set_up()
    assert await async_setup_component(home.hass, "config", {})
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pattern = r"\*Device name\*.*: \*(\w+)\* turns\n`(\S+)` into `(\S+)`"
    ((name, old, new),) = re.findall(pattern, readme)
    registry = dr.async_get(home.hass)
    (device,) = dr.async_entries_for_config_entry(registry, home.entry.entry_id)
    registry.async_update_device(device.id, name_by_user=name)
    client = await hass_ws_client(home.hass)
    # What the dialog calls before it renames the entities.
    kind = "config/entity_registry/get_automatic_entity_ids"
    await client.send_json_auto_id({"type": kind, "entity_ids": [old]})
    assert (await client.receive_json())["result"] == {old: new}


async def test_script(
    home: Home, hass_client: ClientSessionGenerator, hass_access_token: str
) -> None:
    """The script for scrapers ends with a reason unless traffic is known to last."""
    await home.set_up()
    assert await async_setup_component(home.hass, "api", {})
    (script,) = _blocks(ROOT / "docs" / "recipes.md", "python")
    client = await hass_client()
    environment = {
        "HASS_URL": str(client.make_url("")),
        "HASS_TOKEN": hass_access_token,
    }

    async def run(**changed: str) -> tuple[int | None, str]:
        """Run the script, and return its exit code and the reason."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            env={**environment, **changed},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        return process.returncode, said.decode().strip()

    assert await run() == (0, "")
    home.account.packages[0].used = 95 * GIB
    await home.poll()
    assert await run() == (1, "BytesFlows traffic is low or unknown: on")
    await home.unload()
    assert await run() == (1, "BytesFlows traffic is low or unknown: unavailable")
    asked = "Cannot read the state from Home Assistant: "
    assert await run(HASS_TOKEN="x") == (1, f"{asked}HTTP Error 401: Unauthorized")
    code, said = await run(HASS_URL="http://127.0.0.1:9")
    assert (code, said.startswith(asked), said.count("\n")) == (1, True, 0)
    code, said = await run(HASS_URL="")
    assert (code, said.startswith(asked), said.count("\n")) == (1, True, 0)
    # The file that the page shows sets all that the script needs.
    settings, unit = _blocks(ROOT / "docs" / "recipes.md", "ini")
    assert {line.partition("=")[0] for line in settings.splitlines()} == set(
        environment
    )
    assert "EnvironmentFile=/etc/scraper.env" in unit
    environment.pop("HASS_TOKEN")
    assert await run() == (1, "'HASS_TOKEN' is not set.")


@pytest.mark.parametrize("ignores", [None, False])
async def test_sum(home: Home, ignores: bool | None) -> None:
    """The helper adds up what is available, unless its options say otherwise."""
    await home.set_up()
    await set_up_second(home)
    entities = [f"sensor.bytesflows{end}_available_traffic" for end in ("", "_2")]
    flows = home.hass.config_entries.flow
    flow = await flows.async_init("group", context={"source": "user"})
    await flows.async_configure(flow["flow_id"], {"next_step_id": "sensor"})
    options = {"entities": entities, "hide_members": False, "type": "sum"}
    made = await flows.async_configure(flow["flow_id"], {"name": "All", **options})
    await home.hass.async_block_till_done()
    if ignores is not None:
        changes = home.hass.config_entries.options
        flow = await changes.async_init(made["result"].entry_id)
        options["ignore_non_numeric"] = ignores
        await changes.async_configure(flow["flow_id"], options)
        await home.hass.async_block_till_done()
    first, second, total = (
        home.hass.states.get(key) for key in (*entities, "sensor.all")
    )
    assert first
    assert second
    assert total
    assert float(total.state) == float(first.state) + float(second.state)
    await home.hass.config_entries.async_unload("01JOTHER")
    await home.hass.async_block_till_done()
    total = home.hass.states.get("sensor.all")
    assert total
    assert total.state == (first.state if ignores is None else "unknown")


async def test_request(home: Home, hass_client: ClientSessionGenerator) -> None:
    """A program outside gets the packages as the page of the action says."""
    await home.set_up()
    assert await async_setup_component(home.hass, "api", {})
    (command,) = _blocks(ROOT / "docs" / "actions" / "get_packages.md", "sh")
    ((path, data),) = re.findall(r'HASS_URL(\S+)".*-d \'(.*)\'', command, re.DOTALL)
    data = data.replace("01JEXAMPLE", home.entry.entry_id)
    client = await hass_client()
    response = await client.post(path, data=data)
    packages = (await response.json())["service_response"]["packages"]
    assert [package["status"] for package in packages] == ["active"]
    # The status says whether BytesFlows is the reason for an error.
    response = await client.post(path, data=data.replace(home.entry.entry_id, "x"))
    assert (response.status, "message" in await response.json()) == (400, True)
    assert (await client.post(path, data=data.replace("active", "x"))).status == 400
    home.api.break_(Fault.refuse(503))
    response = await client.post(path, data=data)
    assert (response.status, "message" in await response.json()) == (500, True)
    home.api.heal()
    path = path.removesuffix("?return_response")
    assert (await client.post(path, data=data)).status == 400


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


def test_every_module_has_an_owner() -> None:
    """The page of the architecture says what each module owns."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Who owns what")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?`) \| ", table, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(.+?)`", cell)]
    modules = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    modules -= {"account/__init__.py", "api/__init__.py"}
    assert sorted(named) == sorted(modules | {"frontend/bytesflows.js"})


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
    """The README leads to each of them."""
    names = {path.name for path in (ROOT / "blueprints").rglob("*.yaml")}
    text = unquote((ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(re.findall(r"blueprint_url=\S*/(\w+\.yaml)", text)) == names


def test_messages() -> None:
    """Troubleshooting has every error message, up to what differs from case to case."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    rows = tuple(re.findall(r"^\| ([^|]+) \| ", page, re.MULTILINE))
    config, exceptions = ENGLISH["config"], ENGLISH["exceptions"]
    messages = [
        *config["error"].values(),
        config["abort"]["already_configured"],
        *(item["message"] for item in exceptions.values()),
    ]
    texts = [re.sub(r" \(?\{\w+\}\)?", "", message) for message in messages]
    assert [text for text in texts if not text.startswith(rows)] == []


def test_tiles() -> None:
    """The page of the dashboard says which entity each tile shows."""
    page = (ROOT / "docs" / "dashboard.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| \*([^|]+)\* \|$", page, re.MULTILINE)
    shown = {tile: name for tiles, name in rows for tile in tiles.split("; ")}
    names = {
        key: item["name"]
        for items in ENGLISH["entity"].values()
        for key, item in items.items()
    }
    common = ENGLISH["common"]
    tiles = {key.removeprefix("dashboard_") for key in common} & set(names)
    assert tiles
    for key in tiles:
        assert shown[common[f"dashboard_{key}"]] == names[key]
    for key in ("today", "month", "per_day"):
        assert shown[common[f"dashboard_{key}"]] == names["lifetime_consumption"]
    assert shown[common["dashboard_past"]] == names["available_traffic"]
