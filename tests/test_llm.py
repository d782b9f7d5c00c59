"""The tool for language models, through Home Assistant's own interface."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from dev.simulated_api import EXAMPLE_TOKEN, GIB, RECORDS, Account, Fault, Package
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er, llm
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import make_entry
from .helpers.home import Home

ASSISTANT = "conversation"
TOOL = "bytesflows__get_traffic"
AVAILABLE = "sensor.bytesflows_available_traffic"


@pytest.fixture
def account() -> Account:
    """Return an account with packages that expire and one that never does."""
    return Account(
        balance=3.4,
        packages=[
            package("1", size=90, used=45, days=20, age=10),
            package("2", size=8, used=0, days=2, age=10, source="sign"),
            package("3", size=2, used=0, days=None, age=10),
        ],
    )


def package(
    id_: str,
    *,
    size: int = 1,
    used: int = 0,
    days: float | None = 5,
    age: float = 1,
    source: str = "order",
) -> Package:
    """Return a package of some GiB."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        source=source,
        traffic=size * GIB,
        used=used * GIB,
        created=NOW - timedelta(days=age),
        expires=None if days is None else NOW + timedelta(days=days),
    )


@pytest.fixture(autouse=True)
async def assistant(hass: HomeAssistant) -> None:
    """Set up what a language model talks to, in the time zone of Berlin."""
    for domain in ("homeassistant", "llm", "conversation"):
        assert await async_setup_component(hass, domain, {})
    await hass.config.async_set_time_zone("Europe/Berlin")


async def interface(hass: HomeAssistant, api: str = "assist") -> llm.APIInstance:
    """Return the interface as a language model gets it."""
    return await llm.async_get_api(
        hass, api, llm.LLMContext("test", Context(), "en", ASSISTANT, None)
    )


async def tools(hass: HomeAssistant) -> list[llm.Tool]:
    """Return our tools that a language model gets."""
    found = (await interface(hass)).tools
    return [tool for tool in found if tool.name.startswith("bytesflows")]


def names(tool: llm.Tool) -> list[str]:
    """Return the names of accounts that a tool takes."""
    (allowed,) = tool.parameters.schema.values()
    found: list[str] = allowed.container
    return found


async def ask(hass: HomeAssistant, **arguments: str) -> list[dict[str, Any]]:
    """Call the tool; return the accounts that it answers."""
    call = llm.ToolInput(tool_name=TOOL, tool_args=arguments)
    result = await (await interface(hass)).async_call_tool(call)
    assert not result.error
    accounts: Any = result.data["accounts"]
    return list(accounts)


def expose(hass: HomeAssistant, *entity_ids: str, exposed: bool = True) -> None:
    """Expose some entities to assistants, or no longer."""
    for entity_id in entity_ids:
        async_expose_entity(hass, ASSISTANT, entity_id, exposed)


def entities(hass: HomeAssistant, entry: MockConfigEntry) -> Iterable[str]:
    """Return the entities of an account that are on."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return [item.entity_id for item in found if item.disabled_by is None]


async def add_account(home: Home, title: str, number: int = 2) -> MockConfigEntry:
    """Add another account, of 10 GiB."""
    home.api.accounts.append(
        Account(
            token=f"token-{number}",
            packages=[package("other", size=10, used=9, days=None, age=20)],
        )
    )
    entry = make_entry(home.api, token=f"token-{number}", entry_id=f"01JOTHER{number}")
    entry.add_to_hass(home.hass)
    home.hass.config_entries.async_update_entry(entry, title=title)
    assert await home.hass.config_entries.async_setup(entry.entry_id)
    await home.hass.async_block_till_done()
    return entry


async def test_account(home: Home) -> None:
    """It has all that a person would ask for, and asks BytesFlows nothing."""
    await home.set_up()
    expose(home.hass, AVAILABLE)
    await home.pass_time(timedelta(minutes=4))
    home.api.requests.clear()
    (answer,) = await ask(home.hass)
    assert home.api.requests == []
    a_day = round(45 * GIB / 10)
    assert answer.pop("next_expiries") == [
        {
            "source": "sign",
            "status": "active",
            "usable": True,
            "size": 8 * GIB,
            "size_gib": 8,
            "used": 0,
            "used_gib": 0,
            "remaining": 8 * GIB,
            "remaining_gib": 8,
            "created": "2026-02-19T13:00+01:00",
            "expires": "2026-03-03T13:00+01:00",
        },
        {
            "source": "order",
            "status": "active",
            "usable": True,
            "size": 90 * GIB,
            "size_gib": 90,
            "used": 45 * GIB,
            "used_gib": 45,
            "remaining": 45 * GIB,
            "remaining_gib": 45,
            "created": "2026-02-19T13:00+01:00",
            "expires": "2026-03-21T13:00+01:00",
        },
    ]
    assert answer == {
        "account": "BytesFlows",
        "status": "ok",
        "data_age_seconds": 241,
        "available_traffic": 55 * GIB,
        "available_traffic_gib": 55,
        "total_traffic": 100 * GIB,
        "total_traffic_gib": 100,
        "available_percentage": 55.0,
        "traffic_low": False,
        "average_daily_consumption": a_day,
        "average_daily_consumption_gib": 4.5,
        "expected_unused_traffic": 0,
        "expected_unused_traffic_gib": 0,
        "estimated_depletion": "2026-03-13T18:00+01:00",
        "active_packages": 3,
        "unlimited": False,
    }


async def test_description(home: Home) -> None:
    """It changes nothing, says so, and says what it is for."""
    await home.set_up()
    expose(home.hass, AVAILABLE)
    (tool,) = await tools(home.hass)
    assert tool.name == TOOL
    assert tool.title == "Get proxy traffic"
    assert tool.integration == "bytesflows"
    assert tool.annotations == llm.ToolAnnotations(
        read_only=True, destructive=False, idempotent=True, open_world=False
    )
    assert names(tool) == ["BytesFlows"]
    assert tool.description is not None
    # What OpenAI takes: it refuses the whole request, with all other tools.
    assert len(tool.description) <= 1024
    (answer,) = await ask(home.hass)
    for key in (
        "status",
        "data_age_seconds",
        "next_expiries",
        "estimated_depletion",
        "unlimited",
    ):
        assert key in tool.description
        assert key in answer


async def test_exposure(home: Home) -> None:
    """Each account needs an exposed entity, and the balance its sensor."""
    await home.set_up()
    other = await add_account(home, "Work")
    assert await tools(home.hass) == []

    expose(home.hass, "sensor.work_available_traffic")
    (tool,) = await tools(home.hass)
    assert names(tool) == ["Work"]
    (answer,) = await ask(home.hass)
    assert (answer["account"], answer["available_traffic_gib"]) == ("Work", 1)
    assert answer["traffic_low"] is False
    assert "balance" not in answer

    expose(home.hass, "sensor.bytesflows_balance")
    answers = await ask(home.hass)
    assert [item["account"] for item in answers] == ["BytesFlows", "Work"]
    assert (answers[0]["balance"], answers[0]["currency"]) == (3.4, "USD")
    assert not answers[1].keys() & {"balance", "currency"}
    assert await ask(home.hass, account="Work") == [answers[1]]

    expose(home.hass, *entities(home.hass, home.entry), exposed=False)
    assert await ask(home.hass) == [answers[1]]
    with pytest.raises(vol.Invalid):
        await ask(home.hass, account="BytesFlows")

    # It outlives what it was listed for.
    expose(home.hass, *entities(home.hass, other), exposed=False)
    result = await tool.async_call(
        home.hass,
        llm.ToolInput(TOOL, {}),
        llm.LLMContext("test", None, "en", ASSISTANT, None),
    )
    assert isinstance(result, llm.ToolResult)
    assert result.data == {"accounts": []}
    assert await tools(home.hass) == []


async def test_disabled_entity(home: Home, entity_registry: er.EntityRegistry) -> None:
    """An exposed entity that is off exposes nothing."""
    await home.set_up()
    expose(home.hass, AVAILABLE, "sensor.bytesflows_balance")
    entity_registry.async_update_entity(
        "sensor.bytesflows_balance", disabled_by=er.RegistryEntryDisabler.USER
    )
    (answer,) = await ask(home.hass)
    assert "balance" not in answer
    entity_registry.async_update_entity(
        AVAILABLE, disabled_by=er.RegistryEntryDisabler.USER
    )
    assert await tools(home.hass) == []


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (("Work", "Work"), ["Work", "Work 2"]),
        (("Work", "Work", "Work 2"), ["Work", "Work 3", "Work 2"]),
    ],
)
async def test_same_titles(
    home: Home, titles: tuple[str, ...], expected: list[str]
) -> None:
    """Accounts of one title get numbers, and each keeps its traffic."""
    await home.set_up()
    home.hass.config_entries.async_update_entry(home.entry, title=titles[0])
    expose(home.hass, AVAILABLE)
    for number, title in enumerate(titles[1:]):
        entry = await add_account(home, title, number)
        expose(home.hass, *entities(home.hass, entry))
    (tool,) = await tools(home.hass)
    assert names(tool) == expected
    sizes = [55, *[1] * (len(titles) - 1)]
    for name, size in zip(expected, sizes, strict=True):
        (answer,) = await ask(home.hass, account=name)
        assert answer["available_traffic_gib"] == size


async def test_not_loaded(home: Home) -> None:
    """An account that is not loaded is listed as such, next to one that is."""
    await home.set_up()
    await add_account(home, "Work")
    expose(home.hass, AVAILABLE, "sensor.work_available_traffic")
    (tool,) = await tools(home.hass)
    assert await home.unload()
    result = await tool.async_call(
        home.hass,
        llm.ToolInput(TOOL, {}),
        llm.LLMContext("test", None, "en", ASSISTANT, None),
    )
    assert isinstance(result, llm.ToolResult)
    lost, work = await ask(home.hass)
    assert result.data == {"accounts": [lost, work]}
    assert lost == {"account": "BytesFlows", "status": "not_loaded"}
    assert work["status"] == "ok"
    assert [names(tool) for tool in await tools(home.hass)] == [["BytesFlows", "Work"]]


async def test_outage(home: Home) -> None:
    """In an outage the last values stay, with their age."""
    await home.set_up()
    expose(home.hass, AVAILABLE)
    home.api.break_(Fault.refuse(500))
    await home.poll(2)
    (answer,) = await ask(home.hass)
    assert answer["status"] == "not_responding"
    assert answer["data_age_seconds"] == 602
    assert answer["available_traffic_gib"] == 55


async def test_outage_of_packages(home: Home) -> None:
    """Packages that cannot be read are old, and unknown after an hour."""
    await home.set_up()
    expose(home.hass, AVAILABLE)
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.pass_time(timedelta(hours=1))
    (answer,) = await ask(home.hass)
    assert answer["status"] == "not_responding"
    assert answer["data_age_seconds"] == 3601
    assert len(answer["next_expiries"]) == 2
    await home.pass_time(timedelta(hours=1, minutes=10))
    (answer,) = await ask(home.hass)
    assert answer["next_expiries"] is None
    assert answer["expected_unused_traffic_gib"] is None
    assert answer["available_traffic_gib"] == 55


async def test_packages_never_read(home: Home) -> None:
    """Packages that were never read have no age."""
    home.api.break_(Fault.refuse(500), RECORDS)
    await home.set_up()
    expose(home.hass, AVAILABLE)
    (answer,) = await ask(home.hass)
    assert answer["data_age_seconds"] is None
    assert answer["active_packages"] is None
    assert answer["unlimited"] is None


async def test_rejected_token(home: Home) -> None:
    """A rejected token is no outage."""
    await home.set_up()
    expose(home.hass, AVAILABLE)
    home.api.accounts[0].token = "changed"
    await home.poll(2)
    (answer,) = await ask(home.hass)
    assert answer["status"] == "token_rejected"


async def test_empty_account(home: Home) -> None:
    """Without traffic no value is made up."""
    home.account.packages = []
    await home.set_up()
    expose(home.hass, AVAILABLE, "sensor.bytesflows_balance")
    (answer,) = await ask(home.hass)
    assert answer["available_traffic"] == 0
    assert answer["available_percentage"] is None
    assert answer["average_daily_consumption_gib"] is None
    assert answer["next_expiries"] == []
    assert answer["balance"] == 3.4


@pytest.mark.parametrize("days", [5, None])
async def test_unlimited_package(home: Home, days: float | None) -> None:
    """A package without a size is in no sum, and told as such until it expires."""
    home.account.packages = [package("1", size=0, used=3, days=days)]
    await home.set_up()
    expose(home.hass, AVAILABLE)
    (answer,) = await ask(home.hass)
    assert answer["unlimited"] is True
    assert answer["total_traffic"] == 0
    assert len(answer["next_expiries"]) == (days is not None)
    await home.pass_time(timedelta(days=6))
    (answer,) = await ask(home.hass)
    assert answer["unlimited"] is (days is None)


@pytest.mark.parametrize(
    ("left", "gib"), [(5 * 2**20, 0.0049), (GIB - 1, 1.0), (GIB + 5 * 2**20, 1.0)]
)
async def test_little_traffic(home: Home, left: int, gib: float) -> None:
    """What is left of a GiB is not rounded to nothing."""
    home.account.packages = [
        Package(
            id="1",
            traffic=9 * GIB,
            used=9 * GIB - left,
            created=NOW - timedelta(days=9),
        )
    ]
    await home.set_up()
    expose(home.hass, AVAILABLE)
    (answer,) = await ask(home.hass)
    assert answer["available_traffic_gib"] == gib


async def test_title_with_quotes(home: Home) -> None:
    """A name is a name, whatever is in it."""
    await home.set_up()
    title = '"Scraper\'s" {x} <b>'
    home.hass.config_entries.async_update_entry(home.entry, title=title)
    expose(home.hass, AVAILABLE)
    (tool,) = await tools(home.hass)
    assert names(tool) == [title]
    (answer,) = await ask(home.hass, account=title)
    assert answer["account"] == title


async def test_many_packages(home: Home) -> None:
    """Ten expiries are enough, and nothing in them names an order."""
    home.account.packages = [
        package(str(number), days=20 - number, age=3) for number in range(15)
    ]
    await home.set_up()
    expose(home.hass, *entities(home.hass, home.entry))
    (answer,) = await ask(home.hass)
    expiries = [item["expires"] for item in answer["next_expiries"]]
    assert len(expiries) == 10
    assert expiries == sorted(expiries)
    assert expiries[0] == "2026-03-07T13:00+01:00"
    text = str(answer)
    for secret in ("ORD-", EXAMPLE_TOKEN, home.entry.entry_id, home.api.url):
        assert secret not in text


async def test_unknown_arguments(home: Home) -> None:
    """What the tool does not know is refused."""
    await home.set_up()
    expose(home.hass, AVAILABLE)
    for arguments in ({"account": "nobody"}, {"foo": "bar"}):
        with pytest.raises(vol.Invalid):
            await ask(home.hass, **arguments)


async def test_other_interfaces(home: Home) -> None:
    """What is not bounded by exposure does not get the tool."""
    from custom_components.bytesflows.llm import async_get_tools  # noqa: PLC0415

    await home.set_up()
    expose(home.hass, AVAILABLE)
    context = llm.LLMContext("test", None, "en", ASSISTANT, None)
    assert async_get_tools(home.hass, context, "homeassistant") is None
