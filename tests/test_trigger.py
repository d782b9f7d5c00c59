"""Triggers, through automations in a real Home Assistant."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
import sys
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.bytesflows import trigger as trigger_platform
from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.schedule import UPDATE_INTERVAL
from dev.simulated_api import (
    GIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
    SimulatedApi,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component

from .helpers.automations import (
    HEARD,
    LOW,
    Config,
    automation,
    became_low,
    crossed,
    expiring,
    listen,
    no_longer_low,
    said,
    size,
)
from .helpers.clock import NOW
from .helpers.common import make_entry, set_up
from .helpers.home import Home
from .helpers.lifecycle import Lives
from .helpers.modules import change_entity_classes, forget
from .helpers.translations import TEXTS

BELOW_20 = crossed(type="below", value=size(20))
OUTSIDE = crossed(type="outside", value_min=size(40), value_max=size(60))

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account with a package of 100 GiB that is half used."""
    return Account(packages=[package("1", traffic=100 * GIB, used=50 * GIB)])


def package(
    id_: str, *, traffic: int = GIB, used: int = 0, days: float = 20
) -> Package:
    """Return a package that expires in some days."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        traffic=traffic,
        used=used,
        created=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=days),
    )


def leave(account: Account, gib: float) -> None:
    """Leave so much of the account's traffic."""
    account.packages[0].used = round(100 * GIB - gib * GIB)


@pytest.mark.parametrize(
    ("trigger", "gib"),
    [
        (BELOW_20, 19),
        (crossed(type="below", value=size(20 * 1024, "MiB")), 19),
        (crossed(type="below", value=size(21.5, "GB")), 19),
        (crossed(type="above", value=size(0.05, "TiB")), 60),
        (crossed(type="between", value_min=size(10), value_max=size(20)), 15),
        (OUTSIDE, 30),
        (OUTSIDE, 70),
        (became_low(), 9.9),
    ],
)
async def test_fires(home: Home, trigger: Config, gib: float) -> None:
    """Each fires in the poll that sees it, and not again."""
    await home.set_up()
    heard = await listen(home.hass, automation(trigger))
    await home.poll()
    assert heard == []
    leave(home.account, gib)
    await home.poll()
    assert len(heard) == 1
    leave(home.account, gib - 0.1)
    await home.poll(2)
    assert len(heard) == 1


ACCOUNT_TEXT = (
    "{{ trigger.account }} {{ trigger.device_id }} {{ trigger.available }}"
    " {{ trigger.total }} {{ trigger.percentage }} {{ trigger.threshold }}"
    " {{ trigger.since }} {{ trigger.low_since | default('-') }}"
    " / {{ trigger.description }}"
)


async def test_variables_of_low_traffic(
    home: Home, device_registry: dr.DeviceRegistry
) -> None:
    """The trigger describes the account."""
    await home.set_up()
    heard = await listen(
        home.hass, automation(became_low(), no_longer_low(), says=ACCOUNT_TEXT)
    )
    leave(home.account, 5)
    await home.poll()
    leave(home.account, 50)
    await home.poll()
    [device] = dr.async_entries_for_config_entry(device_registry, "01JEXAMPLE")
    assert said(heard) == [
        f"BytesFlows {device.id} {left * GIB} {100 * GIB} {left}.0 10"
        f" 2026-03-01T12:{since}+00:00 {low} / BytesFlows: {description}"
        for left, since, low, description in (
            (5, "05:01", "-", "Traffic became low"),
            (50, "10:02", "2026-03-01T12:05:01+00:00", "Traffic no longer low"),
        )
    ]


PACKAGE_TEXT = (
    "{{ trigger.order_id }} {{ trigger.source }} {{ trigger.status }}"
    " {{ trigger.usable }} {{ trigger.size }} {{ trigger.used }}"
    " {{ trigger.remaining }} {{ trigger.created }} {{ trigger.expires }}"
    " {{ trigger.account }} {{ trigger.device_id }} / {{ trigger.description }}"
)


async def test_variables_of_a_package(
    home: Home, device_registry: dr.DeviceRegistry
) -> None:
    """The trigger describes the package as the event and the action do."""
    home.account.packages.append(package("2", days=1.5, used=GIB // 2))
    await home.set_up()
    heard = await listen(home.hass, automation(expiring(days=1), says=PACKAGE_TEXT))
    await home.pass_time(timedelta(hours=12))
    [device] = dr.async_entries_for_config_entry(device_registry, "01JEXAMPLE")
    [text] = said(heard)
    assert text == (
        "ORD-2 order active True 1073741824 536870912 536870912"
        " 2026-02-28T12:00:00+00:00 2026-03-03T00:00:00+00:00"
        f" BytesFlows {device.id} / BytesFlows: Package expiring"
    )


@pytest.mark.parametrize("language", ["de", "zh-Hans"])
async def test_description_in_another_language(home: Home, language: str) -> None:
    """A trace names the trigger in the language of the server."""
    await home.set_up()
    await home.hass.config.async_update(language=language)
    await home.hass.async_block_till_done()
    heard = await listen(
        home.hass, automation(became_low(), says="{{ trigger.description }}")
    )
    leave(home.account, 5)
    await home.poll()
    name = TEXTS[language]["triggers"]["traffic_became_low"]["name"]
    assert said(heard) == [f"BytesFlows: {name}"]


async def test_automation_before_the_account(home: Home) -> None:
    """An automation may be there before the account is loaded."""
    home.entry.add_to_hass(home.hass)
    heard = await listen(
        home.hass, automation(BELOW_20, became_low(), expiring(days=1))
    )
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert heard == []
    leave(home.account, 5)
    await home.poll()
    assert len(heard) == 2


async def test_nothing_flaps(home: Home) -> None:
    """Around the threshold, low stays low until it is 2 points above it."""
    await home.set_up()
    heard = await listen(home.hass, automation(became_low(), no_longer_low()))
    for left, expected in ((10, 0), (9.9, 1), (10.1, 1), (9.9, 1), (11.9, 1), (12, 2)):
        leave(home.account, left)
        await home.poll()
        assert len(heard) == expected, left


@pytest.mark.parametrize("path", ["", RECORDS])
async def test_across_an_outage(
    home: Home, entity_registry: er.EntityRegistry, path: str
) -> None:
    """Whatever happens in an outage fires after it, once; an outage does not."""
    await home.set_up()
    unique_id = "01JEXAMPLE_lifetime_consumption"
    consumption = crossed(
        {"entity_id": entity_registry.async_get_entity_id("sensor", DOMAIN, unique_id)},
        type="above",
        value=size(70),
    )
    heard = await listen(
        home.hass, automation(BELOW_20, became_low(), no_longer_low(), consumption)
    )
    for _ in range(2):
        home.api.break_(Fault.refuse(500), *filter(None, [path]))
        await home.pass_time(timedelta(hours=2))
        await home.poll()
        home.api.heal()
        await home.poll()
        assert heard == []
    home.api.break_(Fault.refuse(500), *filter(None, [path]))
    leave(home.account, 5)
    await home.pass_time(timedelta(hours=2))
    await home.poll()
    home.api.heal()
    await home.poll(3)
    assert len(heard) == 3


async def test_across_a_reload(home: Home) -> None:
    """A reload does not fire, and changes meanwhile do."""
    await home.set_up()
    heard = await listen(home.hass, automation(BELOW_20, became_low(), no_longer_low()))
    for left, expected in ((50, 0), (5, 2), (5, 2), (50, 3), (5, 5)):
        await home.unload()
        leave(home.account, left)
        await home.poll()
        await home.hass.config_entries.async_setup(home.entry.entry_id)
        await home.hass.async_block_till_done(wait_background_tasks=True)
        assert len(heard) == expected


@pytest.fixture
def lives(
    tmp_path: Path, entry: MockConfigEntry, now: FrozenDateTimeFactory
) -> tuple[Lives, list[str]]:
    """Return a Home Assistant with an automation, and its texts of all lives."""
    heard: list[str] = []
    lives = Lives(
        tmp_path / "config",
        entry,
        config={
            "automation": [
                automation(
                    BELOW_20,
                    became_low(),
                    no_longer_low(),
                    expiring(days=1),
                    says="{{ trigger.platform }}",
                )
            ]
        },
        freezer=now,
    )

    def prepare(hass: HomeAssistant) -> None:
        hass.bus.async_listen(HEARD, lambda event: heard.append(event.data["says"]))

    lives.prepare = prepare
    return lives, heard


async def start_and_stop(lives: Lives) -> None:
    """Let a Home Assistant live for a while, and let time pass after that."""
    async with lives.life():
        await lives.pass_time(UPDATE_INTERVAL)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (50, []),
        (
            5,
            [
                "bytesflows.package_expiring",
                "bytesflows.traffic_became_low",
                "bytesflows.traffic_crossed_threshold",
            ],
        ),
    ],
)
async def test_across_a_restart(
    lives: tuple[Lives, list[str]],
    api: SimulatedApi,
    now: FrozenDateTimeFactory,
    left: float,
    expected: list[str],
) -> None:
    """Changes while Home Assistant is down fire when automations listen, once."""
    home, heard = lives
    await start_and_stop(home)
    now.tick(timedelta(hours=2))
    leave(api.accounts[0], left)
    if expected:
        api.accounts[0].packages.append(package("2", days=0.5))
    async with home.life():
        assert heard == []
        for _ in range(3):
            await home.pass_time(UPDATE_INTERVAL)
        assert sorted(heard) == expected
    await start_and_stop(home)
    assert sorted(heard) == expected


@pytest.mark.parametrize("path", [OVERVIEW, RECORDS])
async def test_restart_into_an_outage(
    lives: tuple[Lives, list[str]], api: SimulatedApi, path: str
) -> None:
    """An outage that begins while Home Assistant starts delays, and loses nothing."""
    home, heard = lives
    await start_and_stop(home)
    leave(api.accounts[0], 5)
    api.break_(Fault.refuse(500), path)
    async with home.life():
        await home.pass_time(UPDATE_INTERVAL)
        api.heal()
        for _ in range(3):
            await home.pass_time(UPDATE_INTERVAL)
        assert sorted(heard) == [
            "bytesflows.traffic_became_low",
            "bytesflows.traffic_crossed_threshold",
        ]


async def test_first_setup_is_no_change(home: Home) -> None:
    """An account that is low, and about to lose a package, when it is added."""
    leave(home.account, 5)
    home.account.packages.append(package("2", days=0.5))
    home.entry.add_to_hass(home.hass)
    heard = await listen(
        home.hass, automation(BELOW_20, became_low(), expiring(days=1))
    )
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    await home.poll()
    assert heard == []
    found = home.hass.states.get(LOW)
    assert found is not None
    assert found.state == "on"


async def test_only_the_target(home: Home) -> None:
    """Two accounts, and entities of others."""
    home.api.accounts.append(
        Account(token="other", packages=[package("9", traffic=100 * GIB)])
    )
    other = make_entry(home.api, token="other", entry_id="01JOTHER")
    await home.set_up()
    assert await set_up(home.hass, other)
    foreign = {"entity_id": "binary_sensor.foreign"}
    home.hass.states.async_set(
        "binary_sensor.foreign", "off", {"device_class": "problem"}
    )
    heard = await listen(
        home.hass,
        automation(
            became_low(),
            BELOW_20,
            became_low(foreign),
            expiring({"entity_id": f"{LOW}_2"}, hours=2),
        ),
    )
    home.hass.states.async_set(
        "binary_sensor.foreign", "on", {"device_class": "problem"}
    )
    home.api.accounts[1].packages[0].used = 99 * GIB
    home.account.packages.append(package("2", days=0.01))
    await home.poll()
    assert heard == []
    leave(home.account, 5)
    await home.poll()
    assert len(heard) == 2


async def test_for(home: Home) -> None:
    """A change that must last for some time fires after that."""
    await home.set_up()
    heard = await listen(home.hass, automation(became_low(minutes=12)))
    leave(home.account, 5)
    await home.poll()
    leave(home.account, 50)
    await home.poll()
    await home.pass_time(timedelta(minutes=12))
    assert heard == []
    leave(home.account, 5)
    await home.poll(2)
    assert heard == []
    await home.pass_time(timedelta(minutes=7))
    assert len(heard) == 1
    await home.poll(5)
    assert len(heard) == 1


async def test_for_polls_in_time(home: Home) -> None:
    """The poll at which a duration ends does not wait for the usual interval."""
    await home.set_up()
    heard = await listen(home.hass, automation(became_low(minutes=7)))
    leave(home.account, 5)
    await home.poll(2)
    before = home.api.count(OVERVIEW)
    await home.pass_time(timedelta(minutes=2))
    assert home.api.count(OVERVIEW) == before + 1
    assert len(heard) == 1


async def test_renamed_disabled_and_removed(
    home: Home, entity_registry: er.EntityRegistry
) -> None:
    """A device stands for its account, whatever becomes of its entities."""
    await home.set_up()
    found = entity_registry.async_get(LOW)
    assert found is not None
    device = {"device_id": found.device_id}
    heard = await listen(
        home.hass,
        automation(became_low(device), crossed(device, type="below", value=size(20))),
    )
    entity_registry.async_update_entity(LOW, new_entity_id="binary_sensor.renamed")
    await home.hass.async_block_till_done()
    # Of the sizes of the device, those that are available and that expire.
    leave(home.account, 5)
    await home.poll()
    assert len(heard) == 3

    entity_registry.async_update_entity(
        "binary_sensor.renamed", disabled_by=er.RegistryEntryDisabler.USER
    )
    await home.hass.async_block_till_done()
    leave(home.account, 50)
    await home.poll()
    heard.clear()
    leave(home.account, 5)
    await home.poll()
    assert len(heard) == 3

    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await home.hass.async_block_till_done()
    await home.poll()
    assert len(heard) == 3


async def test_package_expiring(home: Home) -> None:
    """Each package fires once, when its time has come or when it arrives later."""
    packages = home.account.packages
    packages += [
        package("2", days=1.5, used=GIB // 2),
        package("3", days=1.5, used=GIB),
    ]
    await home.set_up()
    heard = await listen(
        home.hass, automation(expiring(days=1), says="{{ trigger.order_id }}")
    )
    await home.pass_time(timedelta(hours=11, minutes=50))
    assert heard == []
    await home.poll(3)
    assert said(heard) == ["ORD-2"]
    packages.append(package("4", days=1))
    packages.append(package("5", days=0.9))
    await home.poll(2)
    assert said(heard) == ["ORD-2", "ORD-5", "ORD-4"]


async def test_package_expiring_to_the_second(home: Home) -> None:
    """It does not wait for a poll."""
    home.account.packages.append(package("2", days=1, used=GIB // 2))
    await home.set_up()
    heard = await listen(home.hass, automation(expiring(hours=23, minutes=58)))
    before = len(home.api.requests)
    await home.pass_time(timedelta(seconds=118))
    assert heard == []
    await home.pass_time(timedelta(seconds=1))
    assert len(heard) == 1
    assert len(home.api.requests) == before


TARGET = {"entity_id": LOW}
DAY = {"before": {"days": 1}}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("package_expiring", {"options": DAY}),
        ("package_expiring", {"target": TARGET}),
        ("package_expiring", {"target": TARGET, "options": {}}),
        (
            "package_expiring",
            {"target": TARGET, "options": {"before": {"minutes": 4, "seconds": 59}}},
        ),
        ("package_expiring", {"target": TARGET, "options": {"before": "tomorrow"}}),
        ("package_expiring", {"target": TARGET, "options": {"before": {"days": -1}}}),
        (
            "package_expiring",
            {"target": TARGET, "options": {**DAY, "config_entry_id": "01JEXAMPLE"}},
        ),
        ("package_expiring", {"target": {"entity_id": "?"}, "options": DAY}),
        ("traffic_became_low", {}),
        ("traffic_became_low", {"target": TARGET, "options": {"for": "long"}}),
        ("traffic_became_low", {"target": TARGET, "options": {"behavior": "each"}}),
        ("traffic_no_longer_low", {"target": TARGET, "options": {"behavior": "all"}}),
        ("traffic_crossed_threshold", {"target": TARGET}),
        *(
            (
                "traffic_crossed_threshold",
                {
                    "target": TARGET,
                    "options": {
                        "threshold": {"type": "below", "value": size(20)},
                        option: value,
                    },
                },
            )
            for option, value in (("behavior", "all"), ("for", "00:15:00"))
        ),
    ],
)
async def test_bad_options(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    name: str,
    config: Config,
) -> None:
    """An automation that cannot work says so when it is made."""
    assert await set_up(hass, entry)
    trigger = {"trigger": f"bytesflows.{name}", **config}
    assert await async_setup_component(
        hass,
        "automation",
        {"automation": {"alias": "Bad", "triggers": trigger, "actions": []}},
    )
    found = hass.states.get("automation.bad")
    assert found is not None
    assert found.state == "unavailable"
    assert "Automation with alias 'Bad' failed to setup triggers" in caplog.text


@pytest.mark.parametrize("change", ["lost", "renamed"])
@pytest.mark.parametrize("account_first", [True, False])
async def test_without_the_classes_for_entities(
    home: Home,
    caplog: pytest.LogCaptureFixture,
    issue_registry: ir.IssueRegistry,
    monkeypatch: pytest.MonkeyPatch,
    account_first: bool,
    change: str,
) -> None:
    """Where Home Assistant has changed them, the triggers of the marks go on."""
    home.account.packages.append(package("2", days=1.1))
    steps: list[Callable[[], Awaitable[object]]] = [home.set_up]
    heard = async_capture_events(home.hass, HEARD)
    automations = [
        automation(
            became_low(),
            no_longer_low(),
            expiring(days=1),
            says="{{ trigger.platform }}",
        ),
        automation(BELOW_20, alias="Lost"),
    ]
    steps.append(
        lambda: async_setup_component(
            home.hass, "automation", {"automation": automations}
        )
    )
    change_entity_classes(monkeypatch, change)
    forget(monkeypatch, "trigger", "entity_triggers")
    for step in steps if account_first else reversed(steps):
        await step()
    await home.hass.async_block_till_done()
    lost = home.hass.states.get("automation.lost")
    assert lost is not None
    assert lost.state == "unavailable"
    leave(home.account, 5)
    await home.poll()
    leave(home.account, 50)
    await home.poll()
    await home.pass_time(timedelta(hours=3))
    assert said(heard) == [
        "bytesflows.traffic_became_low",
        "bytesflows.traffic_no_longer_low",
        "bytesflows.package_expiring",
    ]
    assert caplog.text.count("Some triggers and conditions are not available") == 1
    assert [key for key in issue_registry.issues if key[0] == DOMAIN] == [
        (DOMAIN, "unstable_classes")
    ]


async def test_all_triggers(hass: HomeAssistant) -> None:
    """Home Assistant gets all four."""
    triggers: dict[str, Any] = await trigger_platform.async_get_triggers(hass)
    assert sorted(triggers) == [
        "package_expiring",
        "traffic_became_low",
        "traffic_crossed_threshold",
        "traffic_no_longer_low",
    ]
    assert f"{trigger_platform.__package__}.entity_triggers" in sys.modules
