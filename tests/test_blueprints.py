"""Automations made of our blueprints, in a real Home Assistant."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
import re
import shutil
from typing import Any, Final
from unittest.mock import AsyncMock, patch
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
import yaml

from custom_components.bytesflows.const import DOMAIN
from custom_components.bytesflows.storage import AccountStorage
from dev import ROOT
from dev.simulated_api import (
    GIB,
    OVERVIEW,
    RECORDS,
    Account,
    Fault,
    Package,
)
from homeassistant.components.persistent_notification import (
    Notification,
    UpdateType,
    async_register_callback,
)
from homeassistant.components.trace.util import async_list_traces
from homeassistant.const import UnitOfInformation
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component

from .helpers.automations import turn
from .helpers.clock import NOW
from .helpers.common import OPTIONS, make_entry, notifications, set_up
from .helpers.home import Home
from .helpers.lifecycle import Lives

type Message = tuple[str | None, str]
type Make = Callable[..., Awaitable[list[Message]]]

BLUEPRINTS: Final = ROOT / "blueprints" / "automation" / "bytesflows"
# The one that answers questions sends no message: tests/test_assistants.py.
NAMES: Final = sorted(
    {path.stem for path in BLUEPRINTS.glob("*.yaml")} - {"ask_for_traffic"}
)
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
JOINER: Final = "\u2060"
"""The character of no width that keeps a text from becoming a number."""

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_errors", "now")]


@pytest.fixture
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which a template of a blueprint fails or warns."""
    yield
    records = caplog.get_records("call")
    assert [
        item.getMessage()
        for item in records
        if item.levelname in {"ERROR", "WARNING"}
        and re.search("automation|template|script", item.name)
    ] == []


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration folder that has the blueprints."""
    copy_blueprints(Path(hass_tmp_config_dir))
    return hass_tmp_config_dir


@pytest.fixture
def account() -> Account:
    """Return an account with 40 of 100 GiB left, of which 2 are used per day."""
    bought = package("1", days=40, traffic=100, used=60, created=NOW - 30 * DAY)
    return Account(balance=20, packages=[bought])


@pytest.fixture(params=["en", "de"])
def language(request: pytest.FixtureRequest, hass: HomeAssistant) -> str:
    """Set a language, on which the entity ids depend."""
    hass.config.language = request.param
    language: str = request.param
    return language


@pytest.fixture
async def make(home: Home) -> AsyncGenerator[Make]:
    """Make automations of blueprints, for the first account or the one given."""
    await home.hass.config.async_set_time_zone("UTC")

    async def made(blueprint: str, **inputs: object) -> list[Message]:
        seen = await notifications(home.hass)
        config = automation(blueprint, {"account": device_id(home.hass), **inputs})
        assert await async_setup_component(
            home.hass, "automation", {"automation": [config]}
        )
        home.hass.bus.async_fire("automation_reloaded")
        await home.hass.async_block_till_done()
        found = home.hass.states.get("automation.made")
        assert found is not None
        assert found.state == "on"
        return seen

    yield made
    # Timers would outlive the test.
    await home.hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.made"}, blocking=True
    )


def copy_blueprints(folder: Path) -> None:
    """Copy the blueprints into a configuration folder."""
    shutil.copytree(BLUEPRINTS, folder / "blueprints" / "automation" / "bytesflows")


def automation(blueprint: str, inputs: dict[str, object]) -> dict[str, object]:
    """Return the configuration of an automation."""
    path = f"bytesflows/{blueprint}.yaml"
    return {
        "id": "made",
        "alias": "Made",
        "use_blueprint": {"path": path, "input": inputs},
    }


def device_id(hass: HomeAssistant, entry_id: str = "01JEXAMPLE") -> str:
    """Return the id of an account's device."""
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry_id)
    return device.id


def entity_id(hass: HomeAssistant, key: str) -> str:
    """Return the id of a sensor of the account."""
    found = er.async_get(hass).async_get_entity_id(
        "sensor", DOMAIN, f"01JEXAMPLE_{key}"
    )
    assert found is not None
    return found


def package(
    id_: str,
    *,
    days: float,
    traffic: float = 1,
    used: float = 0,
    source: str = "order",
    created: datetime = NOW - DAY,
) -> Package:
    """Return a package of some GiB that expires in some days."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        source=source,
        traffic=round(traffic * GIB),
        used=round(used * GIB),
        created=created,
        expires=NOW + timedelta(days=days),
    )


async def run_actions(hass: HomeAssistant) -> None:
    """Run the actions of the automation, as the interface does."""
    await hass.services.async_call(
        "automation",
        "trigger",
        {"entity_id": "automation.made", "skip_condition": True},
        blocking=True,
    )
    await hass.async_block_till_done()


async def pass_hours(home: Home, hours: int) -> None:
    """Let hours pass, and each time the last minutes, in which templates are false."""
    for _ in range(hours):
        await home.pass_time(timedelta(minutes=(55 - home.freezer().minute) % 60))
        await home.pass_time(timedelta(minutes=5))
        await home.pass_time(timedelta(seconds=1))


async def poll(home: Home, times: int = 1) -> None:
    """Let some polls pass, and the second for which templates wait after them."""
    for _ in range(times):
        await home.poll()
        await home.pass_time(timedelta(seconds=1))


async def outage(home: Home, polls: int = 2) -> None:
    """Let the server fail for some polls."""
    home.api.break_(Fault.refuse(500))
    await poll(home, polls)
    home.api.heal()


# Low traffic.


async def test_low_traffic(home: Home, make: Make, language: str) -> None:
    """It notifies once that traffic is low, and at the end if that is wanted."""
    await home.set_up()
    seen = await make("low_traffic", tell_end=True)
    bought = home.account.packages[0]
    for used in (60, 95, 96, 96, 50, 50):
        bought.used = used * GIB
        await poll(home)
    assert seen == [
        (
            "BytesFlows: traffic is low",
            (
                "5.00 GiB left (5.0%). At the current rate, traffic lasts until March "
                "3 at 2:00 AM. Balance: $20.00. Use less, or purchase a package."
            ),
        ),
        (
            "BytesFlows: traffic is no longer low",
            (
                "50.00 GiB left (50.0%). At the current rate, traffic lasts until "
                "March 17. Balance: $20.00."
            ),
        ),
    ]


async def test_low_traffic_alone(home: Home, make: Make) -> None:
    """The end is not reported by default, and an outage repeats nothing."""
    await home.set_up()
    seen = await make("low_traffic")
    home.account.packages[0].used = 95 * GIB
    await poll(home)
    await outage(home)
    await poll(home)
    home.account.packages[0].used = 50 * GIB
    await poll(home)
    assert [title for title, _ in seen] == ["BytesFlows: traffic is low"]


async def test_low_traffic_before(home: Home, make: Make) -> None:
    """Traffic that is already low is no news for a new automation."""
    await home.set_up()
    home.account.packages[0].used = 95 * GIB
    await poll(home, 2)
    seen = await make("low_traffic")
    await poll(home, 3)
    assert seen == []


async def test_low_traffic_in_an_outage(home: Home, make: Make) -> None:
    """Traffic that becomes low during an outage is noticed."""
    await home.set_up()
    seen = await make("low_traffic")
    home.account.packages[0].used = 95 * GIB
    await outage(home)
    await poll(home, 2)
    assert [title for title, _ in seen] == ["BytesFlows: traffic is low"]


async def test_low_traffic_end(home: Home, make: Make) -> None:
    """The end is reported if the beginning was, and not if only an earlier one was."""
    await home.set_up()
    seen = await make("low_traffic", duration={"hours": 1}, tell_end=True)
    bought = home.account.packages[0]
    told = []
    for polls in (2, 26, 2):
        bought.used = 95 * GIB
        await poll(home, polls)
        bought.used = 50 * GIB
        await outage(home)
        await poll(home, 2)
        told.append([(title or "").partition(": ")[2] for title, _ in seen])
        seen.clear()
    assert told == [[], ["traffic is low", "traffic is no longer low"], []]


async def test_low_traffic_end_after_run_actions(home: Home, make: Make) -> None:
    """The end is also reported if Run actions said that traffic is low."""
    await home.set_up()
    seen = await make("low_traffic", duration={"hours": 1}, tell_end=True)
    home.account.packages[0].used = 95 * GIB
    await poll(home, 2)
    await run_actions(home.hass)
    home.account.packages[0].used = 50 * GIB
    await poll(home, 2)
    assert [title for title, _ in seen] == [
        "BytesFlows: traffic is low",
        "BytesFlows: traffic is no longer low",
    ]


async def test_low_traffic_without_packages(home: Home, make: Make) -> None:
    """While the packages cannot be read, nothing is said that follows from them."""
    await home.set_up()
    seen = await make("low_traffic")
    home.api.break_(Fault.refuse(500), RECORDS)
    home.account.packages[0].used = 95 * GIB
    await poll(home)
    assert seen == [
        (
            "BytesFlows: traffic is low",
            "5.00 GiB left (5.0%). Balance: $20.00. Purchase a package.",
        )
    ]


async def test_low_traffic_that_expires(home: Home, make: Make) -> None:
    """Using less does not help if traffic expires before it is used up."""
    bought = home.account.packages[0]
    bought.expires = NOW + 12 * HOUR
    await home.set_up()
    seen = await make("low_traffic", text_left="", text_balance="")
    bought.used = 95 * GIB
    await poll(home)
    [(_, message)] = seen
    assert message == (
        "At the current rate, traffic lasts until March 2 at 12:00 AM. "
        "Purchase a package."
    )


async def test_low_traffic_in_the_last_minutes(home: Home, make: Make) -> None:
    """Traffic never lasts until a time that has passed."""
    bought = home.account.packages[0]
    bought.created = NOW - 2 * DAY
    home.freezer.move_to(NOW + timedelta(minutes=10))
    await home.set_up()
    seen = await make("low_traffic", text_left="", text_balance="")
    bought.used = round(99.7 * GIB)
    await poll(home)
    assert home.state("estimated_depletion").state == NOW.isoformat()
    assert seen == [
        (
            "BytesFlows: traffic is low",
            (
                "At the current rate, traffic lasts for less than an hour. Use less, "
                "or purchase a package."
            ),
        )
    ]


async def test_own_action(home: Home, make: Make) -> None:
    """Own actions can use the texts and the values."""
    await home.set_up()
    told = async_capture_events(home.hass, "told")
    words = {
        "title": "{{ title }}",
        "message": "{{ message }}",
        "available": "{{ available }}",
    }
    seen = await make(
        "low_traffic",
        notify=[{"event": "told", "event_data": words}],
        text_forecast="",
        text_balance="",
        text_next="",
    )
    home.account.packages[0].used = 95 * GIB
    await poll(home)
    assert seen == []
    assert [event.data for event in told] == [
        {
            "title": "BytesFlows: traffic is low",
            "message": "5.00 GiB left (5.0%).",
            "available": "5.00 GiB",
        }
    ]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("month_day", "5.00 GiB / March 3 at 2:00 AM / $20.00"),
        ("day_month", "5.00 GiB / 3 March at 02:00 / $20.00"),
        ("dots", "5,00 GiB / 3.3., 02:00 / 20,00 $"),
        ("slashes", "5,00 GiB / 03/03, 02:00 / 20,00 $"),
        ("characters", "5.00 GiB / 3月3日 02:00 / $20.00"),
        ("digits", "5.00 GiB / 2026-03-03 02:00 / $20.00"),
    ],
)
async def test_own_texts(home: Home, make: Make, style: str, expected: str) -> None:
    """Texts, dates, and numbers can be written in another language."""
    await home.set_up()
    seen = await make(
        "low_traffic",
        format=style,
        title_low="{{ account_name }}: wenig Traffic",
        text_left="{{ available }} / {{ depletion }} / {{ balance }}",
        text_forecast="",
        text_balance="",
        text_next="",
    )
    home.account.packages[0].used = 95 * GIB
    await poll(home)
    assert seen == [("BytesFlows: wenig Traffic", expected)]


async def test_units(
    home: Home, make: Make, entity_registry: er.EntityRegistry
) -> None:
    """Sizes are in the units that were chosen for the entities."""
    home.account.packages[0].expires = NOW + 3.2 * DAY
    await home.set_up()
    for key in ("available_traffic", "expiring_traffic"):
        entity_registry.async_update_entity_options(
            entity_id(home.hass, key),
            "sensor",
            {"unit_of_measurement": UnitOfInformation.GIGABYTES},
        )
    await home.reload()
    seen = await make("package_expiring", lead_times=["72"])
    await home.pass_time(6 * HOUR)
    assert [title for title, _ in seen] == ["BytesFlows: 42.95 GB about to expire"]


# Package about to expire.


async def test_package_expiring(home: Home, make: Make, language: str) -> None:
    """Each package is reported at each time, and once if it arrives late."""
    home.account.packages.append(package("2", days=3.2, traffic=2, used=0.5))
    await home.set_up()
    seen = await make("package_expiring")
    for _ in range(16):
        await home.pass_time(timedelta(hours=4))
    title = "BytesFlows: 1.50 GiB about to expire"
    message = (
        "A package with 1.50 GiB left expires on March 4 at 4:48 PM. It was purchased "
        "as ORD-2. Use it before then, or it is lost."
    )
    assert seen == [(title, message), (title, message)]
    seen.clear()
    reward = package("3", days=3.5, traffic=0.0625, source="sign", created=NOW)
    home.account.packages.append(reward)
    await poll(home, 3)
    assert seen == [
        (
            "BytesFlows: 64.00 MiB about to expire",
            (
                "A package with 64.00 MiB left expires on March 5 at 12:00 AM. It was "
                "earned by checking in. Use it before then, or it is lost. At the "
                "current rate, 0.51 GiB will expire unused across all packages."
            ),
        )
    ]


async def test_two_packages_expire_together(home: Home, make: Make) -> None:
    """Neither of them is dropped, and the forecast says what is lost."""
    home.account.packages = [
        package("1", days=3.1, traffic=50, used=20),
        package("2", days=3.1, traffic=0),
    ]
    await home.set_up()
    seen = await make("package_expiring")
    await home.pass_time(6 * HOUR)
    assert sorted(title or "" for title, _ in seen) == [
        "BytesFlows: 30.00 GiB about to expire",
        "BytesFlows: unlimited traffic about to expire",
    ]


async def test_package_expiring_chosen(home: Home, make: Make) -> None:
    """Other times can be chosen, and small packages can be ignored."""
    home.account.packages += [
        package("2", days=1.1, traffic=0.4),
        package("3", days=1.1, traffic=0.6),
    ]
    await home.set_up()
    seen = await make("package_expiring", lead_times=["12", "6"], minimum=0.5)
    told = []
    for hour in range(28):
        await home.pass_time(timedelta(hours=1))
        told += [hour] * len(seen)
        seen.clear()
    assert told == [14, 20]


async def test_package_expiring_in_an_outage(home: Home, make: Make) -> None:
    """A package that comes close during an outage is reported once."""
    home.account.packages.append(package("2", days=3.2))
    await home.set_up()
    seen = await make("package_expiring")
    home.api.break_(Fault.refuse(500))
    for _ in range(60):
        await home.pass_time(HOUR)
    home.api.heal()
    await poll(home, 2)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("unit", "remaining", "size"),
    [
        (UnitOfInformation.GIBIBYTES, 3000, "2.93 KiB"),
        (UnitOfInformation.GIBIBYTES, 500, "500 B"),
        (UnitOfInformation.GIBIBYTES, 0.06 * GIB, "61.44 MiB"),
        (UnitOfInformation.GIGABYTES, 3000, "3.00 kB"),
        (UnitOfInformation.TEBIBYTES, 64 * GIB, "64.00 GiB"),
        (UnitOfInformation.TEBIBYTES, 512 * GIB, "0.50 TiB"),
        (UnitOfInformation.BYTES, 64 * GIB, "68719476736 B"),
        (UnitOfInformation.GIGABITS, 64 * GIB, "64.00 GiB"),
    ],
)
async def test_package_expiring_sizes(
    home: Home,
    make: Make,
    entity_registry: er.EntityRegistry,
    unit: UnitOfInformation,
    remaining: float,
    size: str,
) -> None:
    """A size is in the unit of the entity, unless it is small in that."""
    home.account.packages.append(package("2", days=3.2, traffic=remaining / GIB))
    await home.set_up()
    entity_registry.async_update_entity_options(
        entity_id(home.hass, "expiring_traffic"),
        "sensor",
        {"unit_of_measurement": unit},
    )
    await home.reload()
    seen = await make("package_expiring", lead_times=["72"])
    await home.pass_time(6 * HOUR)
    assert [title for title, _ in seen] == [f"BytesFlows: {size} about to expire"]


@pytest.mark.parametrize("order", ["0", "20.10", "ORD-2"])
async def test_package_expiring_order(home: Home, make: Make, order: str) -> None:
    """An order id is text, even if it looks like a number."""
    bought = package("2", days=3.2)
    bought.order_id = order
    home.account.packages.append(bought)
    await home.set_up()
    seen = await make("package_expiring", lead_times=["72"])
    await home.pass_time(6 * HOUR)
    [(_, message)] = seen
    assert f"It was purchased as {order}." in message.replace(JOINER, "")


@pytest.mark.parametrize(
    ("packages", "size"),
    [
        ([10, 5], "15.00 GiB"),
        ([0], "unlimited traffic"),
        ([0, 5], "5.00 GiB"),
    ],
)
async def test_run_actions_of_packages(
    home: Home, make: Make, packages: list[float], size: str
) -> None:
    """Without a trigger, the message is about all that expires next."""
    home.account.packages = [
        package(str(number), days=1.1, traffic=traffic)
        for number, traffic in enumerate(packages)
    ]
    await home.set_up()
    seen = await make("package_expiring")
    await run_actions(home.hass)
    [(title, message)] = seen
    assert title == f"BytesFlows: {size} about to expire"
    assert message.startswith(f"Next expiry: {size} on March 2 at 2:24 PM. Use it")


# Low balance.


async def test_low_balance(home: Home, make: Make, language: str) -> None:
    """It notifies once when the balance drops below the amount."""
    await home.set_up()
    seen = await make("low_balance")
    for balance in (5, 4.5, 4, 10):
        home.account.balance = balance
        await poll(home)
    assert seen == [
        (
            "BytesFlows: low balance",
            (
                "Balance: $4.50. 40.00 GiB left (40.0%). At the current rate, traffic "
                "lasts until March 21. Add funds before you need the next package."
            ),
        )
    ]


async def test_low_balance_once(home: Home, make: Make) -> None:
    """Outages and reloads repeat nothing, and hide no balance that drops in them."""
    await home.set_up()
    seen = await make("low_balance")
    home.account.balance = 1
    await outage(home)
    await poll(home, 2)
    assert len(seen) == 1
    for _ in range(2):
        await outage(home)
        await poll(home, 2)
        await home.reload()
        await poll(home)
        for action in ("off", "on"):
            await turn(home.hass, action, "made")
    assert len(seen) == 1


async def test_low_balance_after_a_rename(
    home: Home, make: Make, entity_registry: er.EntityRegistry
) -> None:
    """An entity can have any id, and get another one at any time."""
    await home.set_up()
    seen = await make("low_balance")
    for number, balance in enumerate((9, 1, 1, 9, 2)):
        entity_registry.async_update_entity(
            entity_id(home.hass, "balance"), new_entity_id=f"sensor.money_{number}"
        )
        await home.hass.async_block_till_done()
        home.account.balance = balance
        await poll(home)
    assert len(seen) == 2


async def test_low_balance_after_a_purchase(home: Home, make: Make) -> None:
    """The message has the forecast of the poll in which the balance dropped."""
    await home.set_up()
    seen = await make("low_balance")
    home.account.balance = 1
    home.account.packages.append(package("2", days=300, traffic=200, created=NOW))
    await poll(home)
    [(_, message)] = seen
    assert message.startswith(
        "Balance: $1.00. 240.00 GiB left (80.0%). At the current rate, traffic lasts "
        "until June 2"
    )


@pytest.mark.parametrize(
    ("style", "currency", "balance", "expected"),
    [
        ("month_day", "USD", -3.4, "-$3.40."),
        ("dots", "USD", -3.4, "-3,40 $."),
        ("month_day", "CHF", -3.4, "-3.40 CHF."),
        ("month_day", None, 0, "0.00."),
        ("month_day", None, 4.5, "4.50."),
        ("dots", None, 4.5, "4,50."),
    ],
)
async def test_balances(
    home: Home,
    make: Make,
    style: str,
    currency: str | None,
    balance: float,
    expected: str,
) -> None:
    """A balance can be negative, and have no currency."""
    home.account.balance = balance
    home.api.break_(Fault.data(currency=currency), OVERVIEW)
    await home.set_up()
    seen = await make("low_balance", format=style, text_left="", text_forecast="")
    await run_actions(home.hass)
    next_ = "Add funds before you need the next package."
    [(title, message)] = seen
    assert title == "BytesFlows: low balance"
    assert message.replace(JOINER, "") == f"Balance: {expected} {next_}"


@pytest.mark.parametrize("name", ["low_balance", "low_traffic", "unusual_use"])
async def test_one_period(
    recorder_mock: object, home: Home, make: Make, name: str
) -> None:
    """A date that ends with a period ends a sentence, too."""
    await home.set_up()
    seen = await make(name, format="dots")
    await run_actions(home.hass)
    [(_, message)] = seen
    assert "At the current rate, traffic lasts until 21.3." in message
    assert ".." not in message


async def test_own_ellipsis(home: Home, make: Make) -> None:
    """Three periods in an own text are kept."""
    await home.set_up()
    seen = await make(
        "low_balance", format="dots", text_left="", text_forecast="{{ depletion }}.."
    )
    await run_actions(home.hass)
    assert seen[0][1] == "Balance: 20,00 $. 21.3..."


async def test_low_balance_after_unknown(home: Home, make: Make) -> None:
    """A balance that drops while it cannot be read is noticed."""
    await home.set_up()
    seen = await make("low_balance")
    home.api.break_(Fault.data(balance=None), OVERVIEW)
    await poll(home)
    home.api.heal()
    home.account.balance = 1
    await poll(home, 2)
    assert [title for title, _ in seen] == ["BytesFlows: low balance"]


# Traffic will not last.


@pytest.fixture
def short(home: Home) -> Package:
    """Return a package that lasts until 5 days before its expiry."""
    bought = home.account.packages[0]
    bought.expires = NOW + 25 * DAY
    return bought


@pytest.mark.usefixtures("short")
async def test_will_not_last(home: Home, make: Make, language: str) -> None:
    """It notifies when traffic ends before the last package expires."""
    home.account.packages[0].expires = NOW + 15 * DAY
    await home.set_up()
    seen = await make("traffic_will_not_last")
    await poll(home, 2)
    assert seen == []
    home.account.packages[0].expires = NOW + 25 * DAY
    await home.pass_time(HOUR)
    await home.pass_time(HOUR)
    assert seen == [
        (
            "BytesFlows: traffic will not last",
            (
                "40.00 GiB left (40.0%). At the current rate, traffic lasts until "
                "March 21. The last package expires on March 26. To last until then, "
                "use at most 1.60 GiB per day. Balance: $20.00. Use less, or purchase "
                "a package in time."
            ),
        )
    ]


@pytest.mark.usefixtures("short")
async def test_will_not_last_again(home: Home, make: Make) -> None:
    """It notifies again after some days, whatever happens in between."""
    await home.set_up()
    seen = await make("traffic_will_not_last", repeat=2)
    assert len(seen) == 1
    begin = home.freezer()
    told = []
    for hour in range(90):
        await pass_hours(home, 1)
        if hour % 10 == 5:
            await outage(home)
        told += [home.freezer() - begin] * (len(seen) - 1)
        del seen[1:]
    [time] = told
    assert 2 * DAY <= time <= 2 * DAY + 7 * HOUR


async def test_will_not_last_for_days(home: Home, make: Make) -> None:
    """It notifies when traffic lasts for less than a number of days."""
    await home.set_up()
    seen = await make("traffic_will_not_last", horizon="days", days=18)
    await poll(home)
    assert seen == []
    home.account.packages[0].used = 70 * GIB
    home.api.break_(Fault.refuse(500))
    await poll(home, 3)
    assert seen == []
    home.api.heal()
    await poll(home, 2)
    assert [title for title, _ in seen] == ["BytesFlows: traffic will not last"]


async def test_will_last_for_ever(home: Home, make: Make) -> None:
    """Without a last expiry nothing is too short for it."""
    home.account.packages[0].expires = None
    await home.set_up()
    seen = await make("traffic_will_not_last")
    await poll(home, 2)
    assert seen == []


async def test_will_not_last_nearly_gone(home: Home, make: Make) -> None:
    """The less time is left, the earlier it notifies again."""
    await home.set_up()
    seen = await make("traffic_will_not_last", horizon="days", days=18)
    bought = home.account.packages[0]
    bought.used = 70 * GIB
    await poll(home, 2)
    assert len(seen) == 1
    # Solved for a day, and short again.
    home.account.packages.append(package("2", days=60, traffic=500))
    await poll(home, 2)
    await home.pass_time(DAY + HOUR)
    assert len(seen) == 1
    home.account.packages[1].used = 499 * GIB
    bought.used = 97 * GIB
    await pass_hours(home, 20)
    assert [title for title, _ in seen] == ["BytesFlows: traffic will not last"] * 2


@pytest.mark.parametrize(("used", "is_advised"), [(60, True), (10, False)])
async def test_allowance(home: Home, make: Make, used: float, is_advised: bool) -> None:
    """Using less does not help if traffic expires before it is used up."""
    home.account.packages = [
        package("1", days=5, traffic=70, used=used, created=NOW - 5 * DAY)
    ]
    await home.set_up()
    seen = await make("traffic_will_not_last", horizon="days", days=7)
    await poll(home, 2)
    [(_, message)] = seen
    assert ("use at most" in message) is is_advised
    assert ("Use less, or purchase" in message) is is_advised
    assert message.endswith("urchase a package in time.")


async def test_will_not_last_for_days_without_expiry(home: Home, make: Make) -> None:
    """Using less always helps if a package never expires."""
    home.account.packages[0].expires = None
    await home.set_up()
    seen = await make(
        "traffic_will_not_last", horizon="days", days=30, text_left="", text_balance=""
    )
    assert [message for _, message in seen] == [
        (
            "At the current rate, traffic lasts until March 21. Use less, or purchase "
            "a package in time."
        )
    ]


async def test_will_not_last_without_packages(home: Home, make: Make) -> None:
    """A forecast that may be wrong by now starts no message."""
    await home.set_up()
    seen = await make("traffic_will_not_last", horizon="days", days=20)
    home.api.break_(Fault.refuse(500), RECORDS)
    home.account.packages.append(package("2", days=60, traffic=500))
    await poll(home, 3)
    assert seen == []
    await run_actions(home.hass)
    assert [title for title, _ in seen] == ["BytesFlows: no forecast"]
    assert "lasts" not in seen[0][1]


async def test_no_traffic_left(home: Home, make: Make) -> None:
    """It notifies when nothing is left, and again only after some days."""
    await home.set_up()
    seen = await make("traffic_will_not_last", horizon="days", days=18)
    bought = home.account.packages[0]
    bought.used = 70 * GIB
    await poll(home, 2)
    assert len(seen) == 1
    bought.used = bought.traffic
    for hour in range(6 * 24):
        await pass_hours(home, 1)
        if hour % 10 == 5:
            await outage(home)
            await home.reload()
    assert len(seen) == 2
    assert seen[1] == (
        "BytesFlows: no traffic left",
        "0.00 GiB left (0.0%). Balance: $20.00. Purchase a package to continue.",
    )
    await pass_hours(home, 2 * 24)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("used", "days", "title", "message"),
    [
        (
            0.001,
            None,
            "traffic lasts for years",
            "At the current rate, traffic lasts for years.",
        ),
        (0, None, "no traffic is used", "No traffic is being used at the moment."),
        (
            0,
            9,
            "no traffic is used",
            (
                "No traffic is being used at the moment. The last package expires on "
                "March 10."
            ),
        ),
    ],
)
async def test_years_left(
    home: Home, make: Make, used: float, days: int | None, title: str, message: str
) -> None:
    """Traffic of which next to nothing is used has a forecast, too."""
    bought = home.account.packages[0]
    bought.used = round(used * GIB)
    bought.expires = None if days is None else NOW + days * DAY
    await home.set_up()
    seen = await make("traffic_will_not_last", text_left="", text_balance="")
    await run_actions(home.hass)
    assert seen == [(f"BytesFlows: {title}", message)]


async def test_next_to_nothing_left(home: Home, make: Make) -> None:
    """The message leaves out a limit of 0.00 GiB per day."""
    home.account.packages[0].used = round(99.999 * GIB)
    await home.set_up()
    seen = await make("traffic_will_not_last")
    assert "use at most" not in seen[0][1]
    assert "lasts for less than an hour" in seen[0][1]


async def test_gone_while_nothing_can_be_saved(home: Home, make: Make) -> None:
    """The end of the last package is reported late, and the message follows it."""
    bought = home.account.packages[0]
    await home.set_up()
    seen = await make("traffic_will_not_last", horizon="days", days=18)
    bought.used = 70 * GIB
    await poll(home, 2)
    await home.pass_time(HOUR)
    bought.used = bought.traffic
    with patch.object(AccountStorage, "async_save", AsyncMock(return_value=False)):
        await poll(home)
    assert [title for title, _ in seen] == ["BytesFlows: traffic will not last"]
    await poll(home, 2)
    assert [title for title, _ in seen[1:]] == ["BytesFlows: no traffic left"]


async def test_less_than_an_hour_of_what_never_expires(home: Home, make: Make) -> None:
    """The title does not name a time that the message leaves out."""
    home.account.packages[0].expires = None
    await home.set_up()
    seen = await make("traffic_will_not_last", text_left="", text_balance="")
    home.account.packages[0].used = round(99.95 * GIB)
    await poll(home)
    seen.clear()
    await run_actions(home.hass)
    assert seen == [
        (
            "BytesFlows: traffic will not last",
            "At the current rate, traffic lasts for less than an hour.",
        )
    ]


@pytest.mark.parametrize(
    ("blueprint", "key", "says"),
    [
        ("traffic_will_not_last", "estimated_depletion", "It is not known when"),
        ("package_expiring", "next_expiry", "No values are available"),
        ("package_expiring", "expiring_traffic", "No values are available"),
    ],
)
async def test_disabled_entity(
    home: Home, make: Make, blueprint: str, key: str, says: str
) -> None:
    """Nothing is said that the blueprint would have to know from it."""
    await home.set_up()
    er.async_get(home.hass).async_update_entity(
        entity_id(home.hass, key), disabled_by=er.RegistryEntryDisabler.USER
    )
    await home.reload()
    await home.poll()
    seen = await make(blueprint)
    await run_actions(home.hass)
    [(_, message)] = seen
    assert says in message
    assert "for years" not in message
    assert "xpir" not in message.partition(says)[0]


async def test_all_used_in_an_outage(home: Home, make: Make) -> None:
    """Traffic that is used up during an outage is noticed."""
    home.account.packages[0].expires = NOW + 15 * DAY
    await home.set_up()
    seen = await make("traffic_will_not_last")
    home.account.packages[0].used = 100 * GIB
    await outage(home, 9)
    await poll(home, 2)
    assert [title for title, _ in seen] == ["BytesFlows: no traffic left"]


async def test_unlimited_lasts(home: Home, make: Make) -> None:
    """An unlimited package adds nothing to the available traffic, and is not gone."""
    home.account.packages = [package("2", days=9, traffic=0)]
    await home.set_up()
    seen = await make("traffic_will_not_last")
    await poll(home, 2)
    assert seen == []


# Unusual use.


async def use(home: Home, gib: float) -> None:
    """Use traffic, and wait for the poll that sees it."""
    home.account.packages[0].used += round(gib * GIB)
    await poll(home)


@pytest.mark.parametrize(
    ("unit", "used", "average"),
    [
        ("GiB", "7.00 GiB", "2.23 GiB"),
        ("GB", "7.52 GB", "2.40 GB"),
        ("Gbit", "7.00 GiB", "2.23 GiB"),
    ],
)
async def test_unusual_use(
    home: Home, make: Make, unit: str, used: str, average: str
) -> None:
    """It notifies once a day, whatever happens in between."""
    home.hass.config.language = "de"
    await home.set_up()
    er.async_get(home.hass).async_update_entity_options(
        entity_id(home.hass, "average_daily_consumption"),
        "sensor",
        {"unit_of_measurement": unit},
    )
    await home.reload()
    seen = await make("unusual_use", text_left="", text_forecast="")
    await use(home, 5)
    await run_actions(home.hass)
    assert seen.pop()[0] == "BytesFlows: use is not unusual"
    for gib in (2, 1, 0, 2):
        await use(home, gib)
        await outage(home)
        await home.reload()
        await poll(home)
        for action in ("off", "on"):
            await turn(home.hass, action, "made")
    assert seen == [
        (
            "BytesFlows: unusual use",
            (
                f"{used} used today. The daily average is {average}. "
                "Find out which program used it."
            ),
        )
    ]
    await home.pass_time(DAY)
    await use(home, 8)
    assert len(seen) == 2


async def test_unusual_use_every_day(home: Home, make: Make) -> None:
    """Each day is compared with the 7 days before, even if nobody watched midnight."""
    home.account.packages = [package("1", days=90, traffic=9000, created=NOW)]
    await home.set_up()
    seen = await make("unusual_use", text_left="", text_forecast="")
    await home.pass_time(timedelta(minutes=30))
    for _ in range(8 * 24):
        await home.pass_time(timedelta(minutes=54, seconds=58))
        await use(home, 0.1)
    assert seen == []
    for gib in (8, 20):
        await use(home, gib)
        home.api.break_(Fault.refuse(500))
        await home.pass_time(DAY - 10 * HOUR)
        home.api.heal()
        await poll(home, 2)
    assert [message.partition(" The")[0] for _, message in seen] == [
        "9.30 GiB used today.",
        "20.00 GiB used today.",
    ]
    assert "The daily average is 2.40 GiB." in seen[0][1]


async def test_unusual_use_again_after_an_outage(home: Home, make: Make) -> None:
    """A second such day is noticed, even if it began in an outage."""
    home.account.packages[0].traffic = 900 * GIB
    await home.set_up()
    seen = await make("unusual_use")
    await use(home, 30)
    assert len(seen) == 1
    home.api.break_(Fault.refuse(500))
    await poll(home, 2)
    await home.pass_time(DAY - HOUR)
    home.account.packages[0].used += 60 * GIB
    home.api.heal()
    await poll(home, 2)
    assert len(seen) == 2


async def test_unusual_use_after_midnight(home: Home, make: Make) -> None:
    """Until the first poll of a day, nothing is known to have been used on it."""
    await home.set_up()
    seen = await make("unusual_use")
    await use(home, 1)
    home.freezer.move_to("2026-03-02T00:00:30Z")
    await run_actions(home.hass)
    assert seen[0][1].startswith("0.00 GiB used today.")


async def test_unusual_use_after_a_rename(
    home: Home, make: Make, entity_registry: er.EntityRegistry
) -> None:
    """An entity can have any id, and get another one at any time."""
    await home.set_up()
    seen = await make("unusual_use")
    for number, gib in enumerate((1, 8, 0.1, 0.1)):
        entity_registry.async_update_entity(
            entity_id(home.hass, "average_daily_consumption"),
            new_entity_id=f"sensor.usual_{number}",
        )
        await home.hass.async_block_till_done()
        await use(home, gib)
    assert len(seen) == 1


async def test_unusual_use_in_traces(home: Home, make: Make) -> None:
    """The automation only runs for its messages, so its traces are theirs."""
    await home.set_up()
    seen = await make("unusual_use")
    runs = async_capture_events(home.hass, "automation_triggered")
    for count in (0, 1):
        for _ in range(9):
            await use(home, 0.5)
        assert len(seen) == len(runs) == count
        traces = await async_list_traces(home.hass, "automation", "automation.made")
        assert len(traces) == count
        await use(home, 5)


# No check-in yet today.


async def test_no_check_in(home: Home, make: Make, language: str) -> None:
    """It reminds once on each day of the API, which ends at 16:00 UTC."""
    await home.hass.config.async_set_time_zone("Europe/Berlin")
    packages = home.account.packages
    home.freezer.move_to(NOW - timedelta(hours=1))
    await home.set_up()
    seen = await make("no_check_in")
    told = []
    for step in range(72):
        if step == 20:
            created = NOW + timedelta(hours=step - 3)
            packages.append(
                package("2", days=9, traffic=0.5, source="sign", created=created)
            )
        await home.pass_time(HOUR)
        await home.pass_time(timedelta(seconds=1))
        told += [step] * len(seen)
        if step < 20 and seen:
            assert seen == [
                (
                    "BytesFlows: no check-in yet today",
                    (
                        "The check-in day ends on March 1 at 5:00 PM. Check in before "
                        "then to earn a package."
                    ),
                )
            ]
        seen.clear()
    assert told == [0, 48]


async def test_no_check_in_after_run_actions(home: Home, make: Make) -> None:
    """Running the actions by hand earlier in the day does not replace the reminder."""
    home.freezer.move_to(NOW - timedelta(hours=3))
    await home.set_up()
    seen = await make("no_check_in")
    await run_actions(home.hass)
    assert len(seen) == 1
    await outage(home)
    for _ in range(4):
        await home.pass_time(HOUR)
    assert len(seen) == 2


async def test_no_check_in_without_packages(home: Home, make: Make) -> None:
    """Nobody is reminded while only the packages cannot be read."""
    home.account.packages.append(
        package("0", days=9, source="sign", created=NOW - 3 * DAY)
    )
    home.freezer.move_to(NOW - timedelta(minutes=30))
    await home.set_up()
    seen = await make("no_check_in")
    home.api.break_(Fault.refuse(500), RECORDS)
    reward = package("2", days=9, source="sign", created=NOW - timedelta(minutes=20))
    home.account.packages.append(reward)
    await poll(home, 9)
    await run_actions(home.hass)
    assert seen == [("BytesFlows", "No values are available at the moment.")]
    home.api.heal()
    await poll(home, 9)
    assert len(seen) == 1
    await home.pass_time(DAY)
    await poll(home)
    assert [title for title, _ in seen[1:]] == ["BytesFlows: no check-in yet today"]


@pytest.mark.parametrize(
    ("day", "minutes", "is_told"),
    [
        # The first hour of the day, and the last one of the day before.
        ("2026-10-25T00:00+02:00", 30, False),
        ("2026-10-25T00:00+02:00", -30, True),
        ("2026-03-29T00:00+01:00", 30, False),
        ("2026-03-29T00:00+01:00", -30, True),
    ],
)
async def test_no_check_in_when_clocks_change(
    home: Home, make: Make, day: str, minutes: int, is_told: bool
) -> None:
    """A check-in day can have 23 or 25 hours."""
    midnight = datetime.fromisoformat(day)
    checked_in = midnight + timedelta(minutes=minutes)
    home.freezer.move_to(midnight + 18 * HOUR)
    reward = package("2", days=300, source="sign", created=checked_in)
    reward.expires = midnight + 9 * DAY
    home.account.packages = [reward]
    home.account.zone = ZoneInfo("Europe/Berlin")
    options = {**OPTIONS, "time_zone": "Europe/Berlin"}
    assert await set_up(home.hass, make_entry(home.api, options=options))
    seen = await make("no_check_in")
    await pass_hours(home, 4)
    assert bool(seen) is is_told
    for _, text in seen:
        hour = 11 if midnight.month == 10 else 10
        assert f"ends on {midnight:%B} {midnight.day} at {hour}:00 PM." in text


async def test_no_check_in_when_clocks_change_here(home: Home, make: Make) -> None:
    """The message has the end of the day in local time, even if clocks change first."""
    await home.hass.config.async_set_time_zone("Europe/Berlin")
    home.freezer.move_to("2026-03-28T17:00:00Z")
    await home.set_up()
    seen = await make("no_check_in")
    await home.hass.config.async_set_time_zone("Europe/Berlin")
    await run_actions(home.hass)
    assert seen[0][1].startswith("The check-in day ends on March 29 at 6:00 PM.")


async def test_no_check_in_turned_on_late(home: Home, make: Make) -> None:
    """An automation that is turned on when a reminder is due still sends it."""
    await home.set_up()
    seen = await make("no_check_in")
    assert seen == []
    await pass_hours(home, 2)
    assert len(seen) == 1


# All of them.


@pytest.mark.parametrize("name", ["no_check_in", "traffic_will_not_last"])
async def test_traces(home: Home, make: Make, name: str) -> None:
    """Home Assistant keeps 5 traces: hours later that of the message is among them."""
    await home.set_up()
    seen = await make(name)
    await pass_hours(home, 4)
    assert len(seen) == 1
    traces = await async_list_traces(home.hass, "automation", "automation.made")
    told = [item["script_execution"] for item in traces]
    assert told.count("finished") == 1


ODD_NAMES: Final = (
    "1.50",
    "0",
    "+5",
    "true",
    "True",
    "None",
    "[1]",
    "{{ 1 }}",
    "{'a': 1}",
    "...",
    "'quoted'",
    "b'1'",
    "(2)",
    "1e3",
    "Größe 2",
)


@pytest.mark.parametrize("name", NAMES)
async def test_any_name(home: Home, make: Make, name: str) -> None:
    """An account can have any name."""
    await home.set_up()
    phone, channel = await add_phone(home.hass, "one")
    seen = await make(name, phones=[phone])
    for is_away in (False, True):
        if is_away:
            home.api.break_(Fault.refuse(500))
            await poll(home, 2)
        for odd in ODD_NAMES:
            dr.async_get(home.hass).async_update_device(
                device_id(home.hass), name_by_user=odd
            )
            seen.clear()
            channel.messages.clear()
            await run_actions(home.hass)
            [(title, message)] = seen
            assert title is not None
            assert channel.messages == [{"title": title, "message": message}]
            plain = title.replace(JOINER, "")
            assert plain == odd or plain.startswith(f"{odd}: ")


@pytest.mark.parametrize("name", NAMES)
async def test_unlimited_package(home: Home, make: Make, name: str) -> None:
    """An unlimited package adds nothing to the available traffic, and has some left."""
    home.account.packages = [package("1", days=9, traffic=0)]
    await home.set_up()
    seen = await make(name)
    seen.clear()
    await run_actions(home.hass)
    [(title, message)] = seen
    assert title
    assert message
    assert "0.00 GiB left" not in message
    assert "urchase" not in message
    assert "no traffic left" not in title


async def test_run_actions(home: Home, make: Make) -> None:
    """Without a trigger, the message says how things are."""
    await home.set_up()
    seen = await make("low_traffic")
    await run_actions(home.hass)
    assert seen.pop() == (
        "BytesFlows: traffic is not low",
        (
            "40.00 GiB left (40.0%). At the current rate, traffic lasts until March "
            "21. Balance: $20.00."
        ),
    )
    home.account.packages[0].used = 95 * GIB
    await poll(home)
    seen.clear()
    await run_actions(home.hass)
    assert seen.pop()[0] == "BytesFlows: traffic is low"


RUN: Final[dict[str, Message]] = {
    "low_balance": (
        "BytesFlows: balance is not low",
        (
            "Balance: $20.00. 40.00 GiB left (40.0%). At the current rate, traffic "
            "lasts until March 21."
        ),
    ),
    "no_check_in": (
        "BytesFlows: no check-in yet today",
        (
            "The check-in day ends on March 1 at 4:00 PM. Check in before then to earn "
            "a package."
        ),
    ),
    "package_expiring": (
        "BytesFlows: 40.00 GiB about to expire",
        (
            "Next expiry: 40.00 GiB on April 10 at 12:00 PM. Use it before then, or it "
            "is lost."
        ),
    ),
    "traffic_will_not_last": (
        "BytesFlows: traffic will not last",
        (
            "40.00 GiB left (40.0%). At the current rate, traffic lasts until March "
            "21. The last package expires on April 10. To last until then, use at most "
            "1.00 GiB per day. Balance: $20.00. Use less, or purchase a package in "
            "time."
        ),
    ),
    "unusual_use": (
        "BytesFlows: use is not unusual",
        (
            "0.00 GiB used today. The daily average is 2.00 GiB. 40.00 GiB left "
            "(40.0%). At the current rate, traffic lasts until March 21."
        ),
    ),
}

NOTHING: Final[dict[str, Message]] = {
    "low_balance": ("BytesFlows", "0.00 GiB left."),
    "low_traffic": ("BytesFlows: traffic is not low", "0.00 GiB left."),
    "no_check_in": RUN["no_check_in"],
    "package_expiring": (
        "BytesFlows: no package expires",
        "No package with traffic left is known to expire.",
    ),
    "traffic_will_not_last": (
        "BytesFlows: no traffic left",
        "0.00 GiB left. Purchase a package to continue.",
    ),
    "unusual_use": (
        "BytesFlows: use cannot be compared",
        "Today's use or the daily average is not known. 0.00 GiB left.",
    ),
}

AWAY: Final[dict[str, Message]] = {
    "low_balance": ("BytesFlows", "No values are available at the moment."),
    "low_traffic": ("BytesFlows", "No values are available at the moment."),
    "no_check_in": ("BytesFlows", "No values are available at the moment."),
    "package_expiring": ("BytesFlows", "No values are available at the moment."),
    "traffic_will_not_last": (
        "BytesFlows: no forecast",
        "It is not known when traffic will be used up.",
    ),
    "unusual_use": (
        "BytesFlows: use cannot be compared",
        "Today's use or the daily average is not known.",
    ),
}


@pytest.mark.parametrize("name", RUN)
async def test_run_actions_of_others(
    recorder_mock: object, home: Home, make: Make, name: str, language: str
) -> None:
    """Without a trigger, the message says how things are."""
    await home.set_up()
    seen = await make(name)
    seen.clear()
    await run_actions(home.hass)
    assert seen == [RUN[name]]


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_there(
    recorder_mock: object, home: Home, make: Make, name: str
) -> None:
    """An account without traffic, packages, rate, and balance makes sense, too."""
    home.account.packages.clear()
    home.api.break_(Fault.data(balance=None, currency=None), OVERVIEW)
    await home.set_up()
    seen = await make(name)
    seen.clear()
    await run_actions(home.hass)
    assert seen == [NOTHING[name]]


@pytest.mark.parametrize("name", NAMES)
async def test_run_actions_in_an_outage(
    recorder_mock: object, home: Home, make: Make, name: str
) -> None:
    """During an outage the message says that nothing is known."""
    await home.set_up()
    seen = await make(name)
    home.api.break_(Fault.refuse(500))
    await poll(home, 2)
    seen.clear()
    await run_actions(home.hass)
    assert seen == [AWAY[name]]


WITHOUT_PACKAGES: Final[dict[str, Message]] = {
    "low_balance": (
        "BytesFlows: balance is not low",
        "Balance: $20.00. 10.00 GiB left (10.0%).",
    ),
    "low_traffic": (
        "BytesFlows: traffic is not low",
        "10.00 GiB left (10.0%). Balance: $20.00.",
    ),
    "no_check_in": ("BytesFlows", "No values are available at the moment."),
    "package_expiring": ("BytesFlows", "No values are available at the moment."),
    "traffic_will_not_last": (
        "BytesFlows: no forecast",
        (
            "10.00 GiB left (10.0%). It is not known when traffic will be used up. "
            "Balance: $20.00."
        ),
    ),
    "unusual_use": (
        "BytesFlows: use cannot be compared",
        "Today's use or the daily average is not known. 10.00 GiB left (10.0%).",
    ),
}


@pytest.mark.parametrize("polls", [1, 20])
@pytest.mark.parametrize("name", NAMES)
async def test_run_actions_without_packages(
    home: Home, make: Make, name: str, polls: int
) -> None:
    """Old values of packages are none, for as long as the entities show them."""
    await home.set_up()
    seen = await make(name)
    home.api.break_(Fault.refuse(500), RECORDS)
    home.account.packages[0].used = 90 * GIB
    await poll(home, polls)
    seen.clear()
    await run_actions(home.hass)
    assert seen == [WITHOUT_PACKAGES[name]]


@pytest.mark.parametrize("name", NAMES)
async def test_two_accounts(
    recorder_mock: object, home: Home, make: Make, name: str
) -> None:
    """The message is about the account that was chosen."""
    other = Account(
        token="another-token-77aa",
        balance=1,
        packages=[package("9", days=9, traffic=7, created=NOW - 9 * DAY)],
    )
    home.api.accounts.append(other)
    await home.set_up()
    entry = make_entry(home.api, token=other.token, entry_id="01JOTHER")
    assert await set_up(home.hass, entry)
    dr.async_get(home.hass).async_update_device(
        device_id(home.hass, "01JOTHER"), name_by_user="Scraper 2"
    )
    seen = await make(name, account=device_id(home.hass, "01JOTHER"))
    await run_actions(home.hass)
    [(title, message)] = seen
    assert title is not None
    assert title.startswith("Scraper 2: ")
    assert "40.00" not in message
    # The first account becomes low on everything.
    seen.clear()
    home.account.balance = 0.5
    home.account.packages[0].used = 99 * GIB
    home.account.packages[0].expires = NOW + DAY
    await poll(home, 2)
    assert [title for title, _ in seen if title and "Scraper" not in title] == []


class Channel:
    """The connection of an app, over which it gets its messages."""

    def __init__(self) -> None:
        """Start without messages."""
        self.messages: list[dict[str, Any]] = []

    def async_send_notification(self, data: dict[str, Any], _: object) -> None:
        """Take a message."""
        self.messages.append(data)


async def add_phone(hass: HomeAssistant, name: str) -> tuple[str, Channel]:
    """Add a phone; return the id of its device, and its connection."""
    entry = MockConfigEntry(
        domain="mobile_app",
        title=name,
        unique_id=name,
        data={
            "app_data": {"push_websocket_channel": True},
            "app_id": "io.homeassistant",
            "app_name": "Home Assistant",
            "app_version": "2026.10",
            "device_id": name,
            "device_name": name,
            "manufacturer": "Somebody",
            "model": "Phone",
            "os_name": "Somewhat",
            "os_version": "1",
            "supports_encryption": False,
            "user_id": "user",
            "webhook_id": name,
        },
    )
    entry.add_to_hass(hass)
    if "mobile_app" in hass.config.components:
        assert await hass.config_entries.async_setup(entry.entry_id)
    else:
        assert await async_setup_component(hass, "mobile_app", {})
    await hass.async_block_till_done()
    channel = Channel()
    hass.data["mobile_app"]["push_channel"][name] = channel
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id, channel


@pytest.mark.parametrize("name", NAMES)
async def test_phones(recorder_mock: object, home: Home, make: Make, name: str) -> None:
    """Each phone gets the message that is also shown in Home Assistant."""
    await home.set_up()
    phones = [await add_phone(home.hass, id_) for id_ in ("one", "two")]
    seen = await make(name, phones=[device for device, _ in phones])
    await run_actions(home.hass)
    assert seen
    for _, channel in phones:
        sent = [{"title": title, "message": message} for title, message in seen]
        assert channel.messages == sent


async def test_phone_away(
    home: Home, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A phone that cannot be reached keeps the message from nobody else."""
    await home.set_up()
    phones = [await add_phone(home.hass, id_) for id_ in ("one", "two")]
    del home.hass.data["mobile_app"]["push_channel"]["one"]
    seen = await make("low_traffic", phones=[device for device, _ in phones])
    await run_actions(home.hass)
    assert len(seen) == len(phones[1][1].messages) == 1
    caplog.clear()


# Restarts.


def bring_expiry_close(account: Account) -> None:
    """Let a package have little more than 3 days left."""
    account.packages[0].expires = NOW + 3 * DAY


def make_low(account: Account) -> None:
    """Use nearly everything."""
    account.packages[0].used = 95 * GIB


def spend(account: Account) -> None:
    """Leave little money."""
    account.balance = 1


def set_expiry(days: int) -> Callable[[Account], None]:
    """Return a function that moves the expiry."""

    def move(account: Account) -> None:
        account.packages[0].expires = NOW + days * DAY

    return move


def use_much(account: Account) -> None:
    """Use several times as much as on other days."""
    account.packages[0].used = 90 * GIB


def do_nothing(_: Account) -> None:
    """Change nothing: time passes."""


@pytest.mark.parametrize(
    ("name", "before", "while_down"),
    [
        ("low_traffic", do_nothing, make_low),
        ("low_balance", do_nothing, spend),
        ("package_expiring", bring_expiry_close, do_nothing),
        ("traffic_will_not_last", set_expiry(15), set_expiry(25)),
        ("no_check_in", do_nothing, do_nothing),
        ("unusual_use", do_nothing, use_much),
    ],
)
async def test_restart_at_the_wrong_moment(
    lives: Lives,
    account: Account,
    freezer: FrozenDateTimeFactory,
    name: str,
    before: Callable[[Account], None],
    while_down: Callable[[Account], None],
) -> None:
    """A cause during a restart is noticed once, and not again after the next ones."""
    freezer.move_to(NOW - 5 * HOUR)
    before(account)
    seen = await prepare(lives, name)
    await live(lives)
    assert seen == []
    while_down(account)
    freezer.move_to(NOW + HOUR)
    for _ in range(3):
        await live(lives)
    assert len(seen) == 1


async def prepare(lives: Lives, name: str, **inputs: object) -> list[Message]:
    """Make an automation for the next lives, and return the messages that come."""
    seen: list[Message] = []

    @callback
    def notified(_: UpdateType, changed: dict[str, Notification]) -> None:
        seen.extend((item["title"], item["message"]) for item in changed.values())

    lives.prepare = lambda hass: async_register_callback(hass, notified)
    copy_blueprints(lives.folder)
    async with lives.life() as hass:
        inputs["account"] = device_id(hass)
    lives.config = {
        "persistent_notification": {},
        "automation": [automation(name, inputs)],
    }
    return seen


async def live(lives: Lives, *uses: Callable[[], None]) -> None:
    """Live for some polls, between which something is done."""
    async with lives.life():
        await lives.pass_time(timedelta(seconds=6))
        for change in (None, *uses, None):
            await lives.pass_time(timedelta(seconds=2))
            if change is not None:
                change()
            await lives.pass_time(timedelta(minutes=5, seconds=1))
            await lives.pass_time(timedelta(seconds=2))


async def test_shortage_by_time_while_off(
    lives: Lives, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    """A forecast that came close while Home Assistant was off is noticed."""
    freezer.move_to(NOW - 5 * HOUR)
    seen = await prepare(lives, "traffic_will_not_last", horizon="days", days=19.5)
    await live(lives)
    assert seen == []
    freezer.move_to(NOW + 15 * HOUR)
    account.packages[0].used += round(1.67 * GIB)
    await live(lives)
    await live(lives)
    assert [title for title, _ in seen] == ["BytesFlows: traffic will not last"]


@pytest.mark.parametrize("is_told", [True, False])
async def test_end_of_low_traffic_after_a_restart(
    lives: Lives, account: Account, freezer: FrozenDateTimeFactory, is_told: bool
) -> None:
    """Whether the beginning was reported is known in the next lives, too."""
    freezer.move_to(NOW - 5 * HOUR)
    seen = await prepare(
        lives,
        "low_traffic",
        duration={"minutes": 0 if is_told else 30},
        tell_end=True,
    )
    await live(lives, lambda: make_low(account))
    await live(lives)
    account.packages[0].used = 50 * GIB
    await live(lives)
    titles = ["BytesFlows: traffic is low", "BytesFlows: traffic is no longer low"]
    assert [title for title, _ in seen] == (titles if is_told else [])


@pytest.mark.parametrize("days", [0.7, 1.5, 40])
async def test_unusual_use_after_days_off(
    lives: Lives, account: Account, freezer: FrozenDateTimeFactory, days: float
) -> None:
    """Nobody knows when traffic was used while Home Assistant was off for days."""
    bought = account.packages[0]
    bought.traffic = 1000 * GIB
    bought.expires = None
    freezer.move_to(NOW - 5 * HOUR)
    seen = await prepare(lives, "unusual_use", text_left="", text_forecast="")

    def use(gib: float) -> Callable[[], None]:
        def used() -> None:
            bought.used += round(gib * GIB)

        return used

    await live(lives, use(0.1))
    freezer.tick(days * DAY)
    use(3 * days)()
    await live(lives, use(0.1))
    assert seen == []
    await live(lives, use(20), use(1))
    await live(lives, use(1))
    assert [title for title, _ in seen] == ["BytesFlows: unusual use"]


# The forms.


def load(name: str) -> dict[str, Any]:
    """Return the content of a blueprint."""
    text = (BLUEPRINTS / f"{name}.yaml").read_text(encoding="utf-8")
    yaml.SafeLoader.add_constructor("!input", lambda _, node: f"!{node.value}")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@pytest.mark.parametrize("name", NAMES)
def test_form(name: str) -> None:
    """The account is all that has to be chosen, and nothing names an entity."""
    content = load(name)
    blueprint = content["blueprint"]
    assert blueprint["name"].startswith("BytesFlows: ")
    assert blueprint["homeassistant"] == {"min_version": "2026.10.0"}
    inputs = dict(blueprint["input"])
    account = inputs.pop("account")
    assert account["selector"] == {
        "device": {"filter": [{"integration": "bytesflows"}]}
    }
    assert "default" not in account
    texts = inputs.pop("texts")
    assert texts["collapsed"]
    for key, field in inputs.items():
        assert {"name", "description", "selector", "default"} <= field.keys(), key
    for key, field in texts["input"].items():
        assert {"name", "selector", "default"} <= field.keys(), key
    text = (BLUEPRINTS / f"{name}.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(sensor|calendar|event)\.\w", text)
    assert content["mode"] == "queued"
    assert content["max"] >= 10


@pytest.mark.parametrize("name", NAMES)
def test_alarms_use_marks_only(name: str) -> None:
    """None depends on Home Assistant's unstable classes for entities."""
    content = load(name)
    kinds = {item["trigger"] for item in content["triggers"]}
    marks = {
        "bytesflows.package_expiring",
        "bytesflows.traffic_became_low",
        "bytesflows.traffic_no_longer_low",
    }
    assert kinds <= marks or kinds <= {"event", "template"}
    assert {item["condition"] for item in content.get("conditions", [])} <= {"template"}


def test_the_same_in_all() -> None:
    """What all blueprints share is written the same way in each."""
    first, *others = (load(name) for name in NAMES)

    def shared(content: dict[str, Any]) -> dict[str, Any]:
        inputs = content["blueprint"]["input"]
        wording = next(
            item["variables"]
            for item in content["actions"]
            if "account_name" in item.get("variables", {})
        )
        names = list(wording)
        common = names[: names.index("depletion") + 1]
        notify = {**inputs["notify"], "description": None}
        return {
            "account": inputs["account"],
            "phones": inputs["phones"],
            "notify": notify,
            "format": inputs["texts"]["input"]["format"],
            "description": inputs["texts"]["description"],
            "wording": {name: wording[name] for name in common},
            "send": content["actions"][-2:],
        }

    for other in others:
        assert shared(other) == shared(first)
