"""Targets: which account a trigger means, and automations that mean none."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
import sys
from typing import Any
from unittest.mock import Mock

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bytesflows import target as target_module
from custom_components.bytesflows.account import Places
from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.registrations import MarkKind, Registrations
from dev.simulated_api import GIB, Account, Fault, Package, SimulatedApi
from homeassistant import helpers
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
    target as target_helper,
)

from .helpers.automations import (
    LOW,
    Config,
    automation,
    became_low,
    expiring,
    listen,
    no_longer_low,
    reload_automations,
    said,
    turn,
)
from .helpers.clock import NOW
from .helpers.common import make_entry
from .helpers.home import Home
from .helpers.lifecycle import Lives
from .helpers.modules import forget

ACCOUNT = "{{ trigger.account }}"
MINUTE = timedelta(minutes=1)
WARNING = "The target of a trigger has no BytesFlows account"

type Prepare = Callable[[HomeAssistant], Config]

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def account() -> Account:
    """Return an account that is half used."""
    return an_account()


def an_account(**fields: Any) -> Account:  # noqa: ANN401
    """Return an account with a package of 100 GiB that is half used."""
    package = Package(
        id="1",
        traffic=100 * GIB,
        used=50 * GIB,
        created=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=20),
    )
    return Account(packages=[package], **fields)


@pytest.fixture
async def two(home: Home) -> Home:
    """Return a Home Assistant with two accounts, of which the first is meant."""
    home.api.accounts.append(an_account(token="other"))
    await home.set_up()
    other = make_entry(home.api, token="other", entry_id="01JOTHER")
    other.add_to_hass(home.hass)
    home.hass.config_entries.async_update_entry(other, title="Other")
    assert await home.hass.config_entries.async_setup(other.entry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    return home


def our_device(hass: HomeAssistant) -> str:
    """Return the id of the device of the first account."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, "01JEXAMPLE"), "01JEXAMPLE"
    )
    assert device is not None
    return device.id


def entity(key: str, **changes: Any) -> Prepare:  # noqa: ANN401
    """Return a target of an entity with some changes in the registry."""

    def prepare(hass: HomeAssistant) -> Config:
        registry = er.async_get(hass)
        [found] = [
            item
            for item in er.async_entries_for_config_entry(registry, "01JEXAMPLE")
            if item.translation_key == key
        ]
        registry.async_update_entity(found.entity_id, **changes)
        return {"entity_id": found.entity_id}

    return prepare


def device(hass: HomeAssistant) -> Config:
    """Return a target of the device."""
    return {"device_id": our_device(hass)}


def area_of_device(hass: HomeAssistant) -> Config:
    """Return a target of the area of the device."""
    area = ar.async_get(hass).async_create("Office")
    dr.async_get(hass).async_update_device(our_device(hass), area_id=area.id)
    return {"area_id": area.id}


def area_of_entity(hass: HomeAssistant) -> Config:
    """Return a target of the area of an entity."""
    area = ar.async_get(hass).async_create("Office")
    er.async_get(hass).async_update_entity(LOW, area_id=area.id)
    return {"area_id": area.id}


def area_of_diagnostic_entity(hass: HomeAssistant) -> Config:
    """Return a target of the area of an entity that is diagnostic, and off."""
    target = entity("last_update")(hass)
    area = ar.async_get(hass).async_create("Office")
    er.async_get(hass).async_update_entity(target["entity_id"], area_id=area.id)
    return {"area_id": area.id}


def floor(hass: HomeAssistant) -> Config:
    """Return a target of the floor of the area of the device."""
    floor = fr.async_get(hass).async_create("Upstairs")
    area_id = area_of_device(hass)["area_id"]
    ar.async_get(hass).async_update(area_id, floor_id=floor.floor_id)
    return {"floor_id": [floor.floor_id]}


def label_of_device(hass: HomeAssistant) -> Config:
    """Return a target of a label of the device."""
    label = lr.async_get(hass).async_create("Traffic")
    dr.async_get(hass).async_update_device(our_device(hass), labels={label.label_id})
    return {"label_id": label.label_id}


def label_of_entity(hass: HomeAssistant) -> Config:
    """Return a target of a label of an entity."""
    label = lr.async_get(hass).async_create("Traffic")
    er.async_get(hass).async_update_entity(LOW, labels={label.label_id})
    return {"label_id": label.label_id}


def several(hass: HomeAssistant) -> Config:
    """Return a target that means the account in three ways, and other things."""
    return {
        "device_id": [our_device(hass), "missing"],
        "entity_id": [LOW, "sensor.bytesflows_available_traffic", "light.missing"],
        "area_id": "missing",
    }


TARGETS = {
    "device": device,
    "entity": entity("traffic_low"),
    "another entity": entity("available_traffic"),
    "disabled entity": entity("traffic_low", disabled_by=er.RegistryEntryDisabler.USER),
    "entity that is off by default": entity("last_update"),
    "hidden entity": entity("traffic_low", hidden_by=er.RegistryEntryHider.USER),
    "calendar": entity("package_expiries"),
    "event": entity("package"),
    "area of device": area_of_device,
    "area of entity": area_of_entity,
    "area of diagnostic entity": area_of_diagnostic_entity,
    "floor": floor,
    "label of device": label_of_device,
    "label of entity": label_of_entity,
    "several": several,
}


@pytest.mark.parametrize("prepare", TARGETS.values(), ids=TARGETS)
async def test_targets(
    two: Home, caplog: pytest.LogCaptureFixture, prepare: Prepare
) -> None:
    """Each means the first account, once, and not the second."""
    target = prepare(two.hass)
    heard = await listen(two.hass, automation(became_low(target), says=ACCOUNT))
    for account in two.api.accounts:
        account.packages[0].used = 95 * GIB
    await two.poll()
    assert said(heard) == ["BytesFlows"]
    assert WARNING not in caplog.text


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"device_id": "missing"},
        {"entity_id": "sensor.foreign"},
        {"area_id": "missing"},
        {"label_id": ["missing"]},
    ],
)
async def test_none(
    two: Home,
    caplog: pytest.LogCaptureFixture,
    issue_registry: ir.IssueRegistry,
    target: Config,
) -> None:
    """A target that means no account is one warning and one issue, however often."""
    other = er.async_get(two.hass).async_get_or_create("sensor", "foreign", "1")
    assert other.entity_id == "sensor.foreign_1"
    er.async_get(two.hass).async_update_entity(
        other.entity_id, new_entity_id="sensor.foreign"
    )
    heard = await listen(
        two.hass,
        automation({**became_low(), "target": target}, alias="One"),
        automation({**expiring(days=3), "target": target}, alias="Other"),
    )
    for account in two.api.accounts:
        account.packages[0].used = 95 * GIB
    await two.poll(3)
    assert heard == []
    assert caplog.text.count(WARNING) == 1
    assert has_issue(issue_registry)


async def test_entity_is_unavailable(two: Home) -> None:
    """An account in an outage is meant as before."""
    two.account.packages[0].expires = NOW + timedelta(hours=25)
    await two.reload()
    heard = await listen(two.hass, automation(expiring(days=1), says=ACCOUNT))
    two.api.break_(Fault.refuse(500))
    await two.poll()
    found = two.hass.states.get(LOW)
    assert found is not None
    assert found.state == "unavailable"
    await two.pass_time(timedelta(hours=1))
    assert said(heard) == ["BytesFlows"]


async def test_target_that_changes(two: Home) -> None:
    """It is resolved when a mark is due."""
    area = ar.async_get(two.hass).async_create("Office")
    heard = await listen(
        two.hass, automation(became_low({"area_id": area.id}), says=ACCOUNT)
    )
    dr.async_get(two.hass).async_update_device(our_device(two.hass), area_id=area.id)
    for account in two.api.accounts:
        account.packages[0].used = 95 * GIB
    await two.poll()
    assert said(heard) == ["BytesFlows"]


async def test_targets_that_were_not_checked_yet(hass: HomeAssistant) -> None:
    """A trigger whose target was not checked yet may be for any account."""
    hass.set_state(CoreState.starting)
    registrations = Registrations(hass)
    assert registrations.places("any") == Places()
    for kind in MarkKind:
        registrations.async_add(kind, timedelta(hours=1), {}, Mock())
    hour = {timedelta(hours=1)}
    assert registrations.places("any") == Places(hour, hour, hour)
    registrations.async_check_targets()
    assert registrations.places("any") == Places(set(), set(), set())
    assert registrations.places() == Places(hour, hour, hour)


def has_issue(registry: ir.IssueRegistry) -> bool:
    """Return whether the issue about targets is there."""
    return registry.async_get_issue(DOMAIN, "target_without_account") is not None


async def test_issue_left_from_before_is_deleted(
    home: Home, issue_registry: ir.IssueRegistry
) -> None:
    """An issue that was ignored goes once no automation is there any more."""
    ir.async_create_issue(
        home.hass,
        DOMAIN,
        "target_without_account",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="target_without_account",
    )
    ir.async_ignore_issue(home.hass, DOMAIN, "target_without_account", ignore=True)
    await home.set_up()
    assert not has_issue(issue_registry)


async def test_account_is_removed_and_added_again(
    home: Home, caplog: pytest.LogCaptureFixture, issue_registry: ir.IssueRegistry
) -> None:
    """Automations on its old device warn once, and are an issue until fixed."""
    await home.set_up()
    old = automation(became_low(device(home.hass)), alias="Old", says="old")
    by_entity = automation(became_low(), alias="Entity", says="entity")
    heard = await listen(home.hass, old, by_entity)
    assert not has_issue(issue_registry)
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert has_issue(issue_registry)
    assert caplog.text.count(WARNING) == 2

    added = make_entry(home.api, entry_id="01JADDED")
    added.add_to_hass(home.hass)
    assert await home.hass.config_entries.async_setup(added.entry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    found = issue_registry.async_get_issue(DOMAIN, "target_without_account")
    assert found is not None
    assert found.translation_placeholders is not None
    assert LOW not in found.translation_placeholders["targets"]
    home.account.packages[0].used = 95 * GIB
    await home.poll(3)
    assert said(heard) == ["entity"]
    assert caplog.text.count(WARNING) == 2

    new_id = er.async_get(home.hass).async_get(LOW)
    assert new_id is not None
    fixed = automation(
        no_longer_low({"device_id": new_id.device_id}), alias="Old", says="fixed"
    )
    await reload_automations(home.hass, fixed, by_entity)
    assert not has_issue(issue_registry)
    home.account.packages[0].used = 50 * GIB
    await home.poll()
    assert said(heard) == ["entity", "fixed"]
    assert not has_issue(issue_registry)
    assert caplog.text.count(WARNING) == 2


async def test_issue_stays_while_an_automation_is_turned_off_and_on(
    home: Home, caplog: pytest.LogCaptureFixture, issue_registry: ir.IssueRegistry
) -> None:
    """It goes with the automation, and no second warning comes with a reload."""
    await home.set_up()
    await listen(home.hass, automation(became_low({"device_id": "gone"})))
    assert has_issue(issue_registry)
    await turn(home.hass, "off")
    await home.poll()
    assert not has_issue(issue_registry)
    await turn(home.hass, "on")
    assert has_issue(issue_registry)
    assert caplog.text.count(WARNING) == 2
    await turn(home.hass, "off")
    await turn(home.hass, "on")
    await home.poll()
    assert has_issue(issue_registry)
    assert caplog.text.count(WARNING) == 2
    await reload_automations(home.hass)
    await home.pass_time(MINUTE)
    assert not has_issue(issue_registry)


async def test_no_second_warning_after_reloads(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Automations that are reloaded one after the other are no news."""
    await home.set_up()
    gone = [
        automation(became_low({"device_id": name}), alias=name) for name in ("a", "b")
    ]
    await listen(home.hass, *gone)
    assert caplog.text.count(f"{WARNING}: ") == 2
    for number in range(3):
        changed = [{**config, "description": str(number)} for config in gone]
        await reload_automations(home.hass, *changed)
    assert caplog.text.count(f"{WARNING}: ") == 2


async def test_entity_is_renamed(
    home: Home, caplog: pytest.LogCaptureFixture, issue_registry: ir.IssueRegistry
) -> None:
    """An automation that names it no longer means the account, which is seen soon."""
    await home.set_up()
    await listen(home.hass, automation(became_low()))
    er.async_get(home.hass).async_update_entity(
        LOW, new_entity_id="binary_sensor.renamed"
    )
    await home.poll()
    assert has_issue(issue_registry)
    er.async_get(home.hass).async_update_entity(
        "binary_sensor.renamed", new_entity_id=LOW
    )
    await home.poll()
    assert not has_issue(issue_registry)
    assert caplog.text.count(WARNING) == 1


async def test_start_without_an_account(
    tmp_path: Path, now: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """The issue comes back after a restart, even if no account is left."""
    lives = Lives(
        tmp_path / "config",
        config={"automation": [automation(became_low({"device_id": "gone"}))]},
        freezer=now,
    )
    async with lives.life() as hass:
        assert has_issue(ir.async_get(hass))
    assert caplog.text.count(WARNING) == 1


async def test_account_that_is_not_loaded(
    tmp_path: Path,
    entry: MockConfigEntry,
    api: SimulatedApi,
    now: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An account that is unavailable or disabled at the start is still one."""
    lives = Lives(
        tmp_path / "config",
        entry,
        config={"automation": [automation(became_low())]},
        freezer=now,
    )
    async with lives.life():
        await lives.pass_time(MINUTE)
    api.break_(Fault.refuse(500))
    async with lives.life() as hass:
        assert not has_issue(ir.async_get(hass))
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    async with lives.life() as hass:
        assert not has_issue(ir.async_get(hass))
    assert WARNING not in caplog.text


@pytest.mark.parametrize("how", ["gone", "another signature", "another result"])
async def test_without_the_helper(
    two: Home, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Devices and entities work even if Home Assistant's helper has changed."""

    def changed(hass: HomeAssistant, selection: object) -> object:
        return selection

    def other_result(*args: object, **kwargs: object) -> object:
        return object()

    if how == "gone":
        monkeypatch.delattr(target_module, "target_helper")
    else:
        monkeypatch.setattr(
            target_helper,
            "async_extract_referenced_entity_ids",
            changed if how == "another signature" else other_result,
        )
    heard = await listen(
        two.hass,
        automation(became_low(device(two.hass)), alias="Device", says="device"),
        automation(became_low(), alias="Entity", says="entity"),
        automation(became_low(several(two.hass)), alias="Several", says="several"),
    )
    for account in two.api.accounts:
        account.packages[0].used = 95 * GIB
    await two.poll()
    assert sorted(said(heard)) == ["device", "entity", "several"]


def test_import_without_the_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our module can be imported in a Home Assistant without it."""
    forget(monkeypatch, "target")
    monkeypatch.setitem(sys.modules, target_helper.__name__, None)
    monkeypatch.delattr(helpers, "target")
    module = import_module(target_module.__name__)
    assert module is not target_module
    assert "target_helper" not in vars(module)
