"""Spoken questions, through Home Assistant's conversation without a language model."""

from collections.abc import Iterator
from datetime import timedelta
import json
from pathlib import Path
import re
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import yaml

from custom_components.bytesflows.llm import GetTrafficTool
from dev import ROOT
from dev.simulated_api import GIB, MIB, RECORDS, Account, Fault, Package
from homeassistant.components.conversation import async_converse
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component

from .helpers.clock import NOW
from .helpers.common import make_entry
from .helpers.home import Home

BLUEPRINT = ROOT / "blueprints" / "automation" / "bytesflows" / "ask_for_traffic.yaml"
PAGE = ROOT / "docs" / "assistants.md"
ENGLISH: dict[str, Any] = {
    "alias": "English",
    "use_blueprint": {"path": "bytesflows/ask_for_traffic.yaml", "input": {}},
}
LEFT = "How much proxy traffic is left?"
EXPIRY = "When does the next package expire?"
LASTS = "Will it last?"
UNAVAILABLE = "The traffic is not available at the moment."


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which a template fails: Assist would say that all is done."""
    yield
    records = caplog.get_records("call")
    assert [
        item.message
        for item in records
        if item.levelname in {"ERROR", "WARNING"} and "template" in item.message.lower()
    ] == []


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration folder that has the blueprint."""
    folder = Path(hass_tmp_config_dir) / "blueprints" / "automation" / "bytesflows"
    folder.mkdir(parents=True)
    shutil.copy(BLUEPRINT, folder)
    return hass_tmp_config_dir


@pytest.fixture
def account() -> Account:
    """Return an account of 100 GiB, of which 53.5 are left."""
    return Account(
        packages=[
            package("1", size=90, used=46.5, days=40, age=10),
            package("2", size=8, days=1.2, age=10),
            package("3", size=2, days=None, age=10),
        ]
    )


def package(
    id_: str, *, size: float, used: float = 0, days: float | None = 5, age: float = 1
) -> Package:
    """Return a package of some GiB."""
    return Package(
        id=id_,
        traffic=round(size * GIB),
        used=round(used * GIB),
        created=NOW - timedelta(days=age),
        expires=None if days is None else NOW + timedelta(days=days),
    )


def documented() -> list[dict[str, Any]]:
    """Return the automations that the documentation has to copy."""
    return [
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "docs" / "sentences").glob("*.yaml"))
    ]


async def listen(hass: HomeAssistant, *automations: dict[str, Any]) -> None:
    """Have automations answer, in the time zone of Berlin."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    for domain in ("homeassistant", "conversation"):
        assert await async_setup_component(hass, domain, {})
    assert await async_setup_component(
        hass, "automation", {"automation": list(automations)}
    )
    await hass.async_block_till_done()
    states = hass.states.async_all("automation")
    assert [item.state for item in states] == ["on"] * len(automations)


async def ask(hass: HomeAssistant, sentence: str, language: str = "en") -> str:
    """Say a sentence; return the answer."""
    result = await async_converse(hass, sentence, None, Context(), language)
    answer: str = result.response.speech["plain"]["speech"]
    return answer


async def add_account(home: Home, title: str) -> MockConfigEntry:
    """Add another account, of 3 GiB."""
    home.api.accounts.append(
        Account(token="other", packages=[package("9", size=3, days=None, age=9)])
    )
    entry = make_entry(home.api, token="other", entry_id="01JOTHER")
    entry.add_to_hass(home.hass)
    home.hass.config_entries.async_update_entry(entry, title=title)
    assert await home.hass.config_entries.async_setup(entry.entry_id)
    await home.hass.async_block_till_done()
    return entry


# ruff: disable[RUF001]
QUESTIONS = {
    "en": {
        LEFT: "54 gigabytes of 100 gigabytes left.",
        EXPIRY: "The next package expires tomorrow at 17:48, with 8.0 gigabytes left"
        " in it.",
        LASTS: "At the current rate, traffic lasts until March 12."
        " 2.4 gigabytes will expire unused.",
    },
    "de": {
        "Wie viel Proxy-Traffic ist noch übrig?": (  # codespell:ignore
            "Noch 54 Gigabyte von 100 Gigabyte übrig."
        ),
        "Wann läuft das nächste Paket ab?": (  # codespell:ignore
            "Das nächste Paket läuft morgen um 17:48 Uhr ab."  # codespell:ignore
            " Darin sind noch 8,0 Gigabyte."
        ),
        "Reicht der Traffic noch?": (
            "Wenn es so weitergeht, reicht der Traffic"  # codespell:ignore
            " bis zum 12. März."
            " 2,4 Gigabyte verfallen ungenutzt."
        ),
    },
    "zh-CN": {
        "代理流量还剩多少？": "共 100 GB，还剩 54 GB。",
        "下一个流量包什么时候到期？": (
            "下一个流量包将于明天 17:48 到期，其中还剩 8.0 GB。"
        ),
        "流量够用吗？": (
            "按目前的用量，流量可以用到3月12日。 其中有 2.4 GB 会未使用就到期。"
        ),
    },
}
WAYS_TO_ASK = {
    "en": [
        "how much proxy traffic do I have left",
        "how much traffic is left",
        "How much BytesFlows traffic do we have left?",
        "When does my next proxy package expire?",
        "which package expires next",
        "Will my proxy traffic last?",
        "how long will the traffic last",
        "When will I run out of proxy traffic?",
    ],
    "de": [
        "Wie viel Traffic habe ich noch?",
        "wie viel Proxy Traffic ist noch übrig",  # codespell:ignore
        "Wie viel BytesFlows-Traffic haben wir noch?",
        "Welches Paket läuft als Nächstes ab?",  # codespell:ignore
        "Reicht das noch?",
        "Wie lange reicht der Proxy-Traffic noch?",
    ],
    "zh-CN": [
        "流量还有多少",
        "还剩多少流量？",
        "下一个套餐何时到期",
        "流量还能用多久？",
        "代理流量什么时候用完？",
    ],
}
# ruff: enable[RUF001]


@pytest.mark.parametrize("language", QUESTIONS)
async def test_languages(home: Home, language: str) -> None:
    """Answers are in the words of the question's language, and from memory."""
    await home.set_up()
    await listen(home.hass, ENGLISH, *documented())
    home.api.requests.clear()
    for sentence, answer in QUESTIONS[language].items():
        assert await ask(home.hass, sentence, language) == answer
    assert home.api.requests == []


@pytest.mark.parametrize("language", QUESTIONS)
async def test_ways_to_ask(home: Home, language: str) -> None:
    """A question can be asked in several ways."""
    await home.set_up()
    await listen(home.hass, ENGLISH, *documented())
    for sentence in WAYS_TO_ASK[language]:
        answer = await ask(home.hass, sentence, language)
        assert answer in QUESTIONS[language].values(), sentence


def test_words() -> None:
    """Other languages have all that English has, with the same places to fill in."""
    yaml.SafeLoader.add_constructor("!input", lambda _, node: str(node.value))
    blueprint = yaml.safe_load(BLUEPRINT.read_text(encoding="utf-8"))["blueprint"]
    english = {key: field["default"] for key, field in blueprint["input"].items()}
    for automation in documented():
        inputs = automation["use_blueprint"]["input"]
        assert inputs.keys() == english.keys()
        words = inputs["words"]
        assert list(words) == list(english["words"])
        for key, text in words.items():
            for name in ("number", "time", "day", "month", "left", "total", "when"):
                place = f"{{{name}}}"
                assert (place in text) == (place in english["words"][key]), key
        assert len(words["months"]) == 12


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        (LEFT, "BytesFlows: {} Work proxies: 3.0 gigabytes of 3.0 gigabytes left."),
        ("how much proxy traffic is left on work proxies", "Work proxies: 3.0"),
        ("how much traffic does Work Proxies have left", "Work proxies: 3.0"),
        (
            "how much proxy traffic is left on the moon",
            "There is no BytesFlows account of this name.",
        ),
        (
            "when does the next package of work proxies expire",
            "Work proxies: No package is about to expire.",
        ),
        (
            "how long will the traffic on work proxies last",
            "Work proxies: No traffic is being used at the moment.",
        ),
    ],
)
async def test_several_accounts(home: Home, sentence: str, answer: str) -> None:
    """Each answer names its account, and one account can be asked for."""
    await home.set_up()
    await add_account(home, "Work proxies")
    await listen(home.hass, ENGLISH)
    said = await ask(home.hass, sentence)
    assert said.startswith(answer.format("54 gigabytes of 100 gigabytes left."))


async def test_renamed_entities(home: Home, entity_registry: er.EntityRegistry) -> None:
    """Entity ids can be any: those of other languages, or the user's own."""
    await home.set_up()
    for number, entity in enumerate(
        er.async_entries_for_config_entry(entity_registry, home.entry.entry_id)
    ):
        entity_registry.async_update_entity(
            entity.entity_id, new_entity_id=f"{entity.domain}.mein_konto_{number}"
        )
    await home.hass.async_block_till_done()
    await home.poll()
    await listen(home.hass, ENGLISH)
    assert await ask(home.hass, LEFT) == "54 gigabytes of 100 gigabytes left."


@pytest.mark.parametrize(
    ("packages", "answer"),
    [
        ([], "There is no traffic left."),
        (
            [package("1", size=9, used=0, days=9, age=0.5)],
            "There is not enough data yet to tell.",
        ),
        (
            [package("1", size=9, used=0.002, days=None, age=50)],
            "At the current rate, traffic lasts for years.",
        ),
        (
            [package("1", size=900, used=9, days=None, age=10)],
            "At the current rate, traffic lasts until November 15, 2028.",
        ),
        (
            [package("1", size=20, used=19, days=None, age=20)],
            "At the current rate, traffic lasts until tomorrow at 14:00.",
        ),
        (
            [package("1", size=20, used=19.99, days=None, age=20)],
            "At the current rate, traffic lasts for less than an hour.",
        ),
    ],
)
async def test_lasts(home: Home, packages: list[Package], answer: str) -> None:
    """Whatever the forecast is, the answer says it."""
    home.account.packages = packages
    await home.set_up()
    await listen(home.hass, ENGLISH)
    assert await ask(home.hass, LASTS) == answer


@pytest.mark.parametrize(
    ("key", "question"),
    [
        ("estimated_depletion", "will my traffic last"),
        ("next_expiry", "when does the next package expire"),
        ("expiring_traffic", "when does the next package expire"),
    ],
)
async def test_disabled_entity(
    home: Home, entity_registry: er.EntityRegistry, key: str, question: str
) -> None:
    """Nothing is made up for an entity that is disabled."""
    await home.set_up()
    unique_id = f"{home.entry.entry_id}_{key}"
    entity_id = entity_registry.async_get_entity_id("sensor", "bytesflows", unique_id)
    assert entity_id is not None
    entity_registry.async_update_entity(
        entity_id, disabled_by=er.RegistryEntryDisabler.USER
    )
    await home.reload()
    await listen(home.hass, ENGLISH)
    assert await ask(home.hass, question) == (
        "The traffic is not available at the moment."
    )


async def test_small_sizes(home: Home) -> None:
    """Less than a gigabyte is said in megabytes."""
    home.account.packages = [package("1", size=0.5, days=0.1)]
    home.account.packages[0].used = 12 * MIB
    await home.set_up()
    await listen(home.hass, ENGLISH)
    assert await ask(home.hass, LEFT) == "500 megabytes of 512 megabytes left."
    assert (
        await ask(home.hass, EXPIRY)
        == "The next package expires today at 15:24, with 500 megabytes left in it."
    )


async def test_outage(home: Home) -> None:
    """What is not known is said to be so, and not that all is done."""
    await home.set_up()
    await listen(home.hass, ENGLISH)
    home.api.break_(Fault.refuse(500))
    await home.poll()
    for sentence in (LEFT, EXPIRY, LASTS):
        assert await ask(home.hass, sentence) == UNAVAILABLE
    await home.unload()
    assert await ask(home.hass, LEFT) == UNAVAILABLE


async def test_last_hour(home: Home) -> None:
    """Traffic that was used up since the packages were read is not unlimited."""
    bought = package("1", size=90, used=80, days=40, age=10)
    home.account.packages = [bought]
    await home.set_up()
    await listen(home.hass, ENGLISH)
    bought.used = 89 * GIB
    await home.poll()
    bought.used = 90 * GIB
    await home.pass_time(timedelta(seconds=61))
    assert home.state("available_traffic").state == "0.0"
    assert home.state("active_packages").state == "1"
    assert await ask(home.hass, LEFT) == "0 megabytes of 90 gigabytes left."


async def test_without_packages(home: Home) -> None:
    """No forecast is made of packages that could not be read."""
    await home.set_up()
    await listen(home.hass, ENGLISH)
    home.api.break_(Fault.refuse(500), RECORDS)
    home.account.balance = 1
    await home.poll()
    assert await ask(home.hass, LASTS) == UNAVAILABLE
    assert "expires" in await ask(home.hass, EXPIRY)


async def test_run_actions(home: Home) -> None:
    """Run by hand it does no harm."""
    await home.set_up()
    await listen(home.hass, ENGLISH)
    await home.hass.services.async_call(
        "automation", "trigger", {"entity_id": "automation.english"}, blocking=True
    )


async def test_no_account(hass: HomeAssistant) -> None:
    """Without an account there is an answer, too, and it speaks of no name."""
    await listen(hass, ENGLISH)
    for sentence in (LEFT, "how much traffic does Work have left"):
        assert await ask(hass, sentence) == "There is no BytesFlows account."


@pytest.mark.parametrize(
    "name", ["2", "1.50", "Work", "true", "None", "[1]", "{{ 1 }}"]
)
async def test_any_name(
    home: Home, device_registry: dr.DeviceRegistry, name: str
) -> None:
    """A device can have any name."""
    await home.set_up()
    entry = await add_account(home, "Other")
    [device] = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    device_registry.async_update_device(device.id, name_by_user=name)
    await listen(home.hass, ENGLISH)
    said = await ask(home.hass, f"how much traffic does {name} have left")
    assert said == f"{name}: 3.0 gigabytes of 3.0 gigabytes left."


async def test_unlimited(home: Home) -> None:
    """An unlimited package is not an empty one."""
    home.account.packages = [package("1", size=0, days=0.1)]
    await home.set_up()
    await listen(home.hass, ENGLISH)
    assert await ask(home.hass, LEFT) == "The traffic is unlimited."
    assert await ask(home.hass, LASTS) == "The traffic is unlimited."
    assert (
        await ask(home.hass, EXPIRY)
        == "The next package expires today at 15:24. Its traffic is unlimited."
    )


async def test_agent(
    home: Home,
    hass_client_no_auth: ClientSessionGenerator,
    hass_read_only_access_token: str,
) -> None:
    """An agent needs no administrator at the URL that the page names."""
    await home.set_up()
    assert await async_setup_component(home.hass, "homeassistant", {})
    available = "sensor.bytesflows_available_traffic"
    async_expose_entity(home.hass, "conversation", available, True)
    flow = await home.hass.config_entries.flow.async_init(
        "mcp_server", context={"source": "user"}
    )
    await home.hass.config_entries.flow.async_configure(flow["flow_id"], {})
    await home.hass.async_block_till_done()
    page = PAGE.read_text(encoding="utf-8")
    (named,) = re.findall(r"`http://homeassistant\.local:8123(/\S+)`", page)
    client = await hass_client_no_auth()

    async def tools(path: str) -> tuple[int, str]:
        """Ask for the tools; return the status and the answer."""
        response = await client.post(
            path,
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {hass_read_only_access_token}",
            },
        )
        return response.status, await response.text()

    status, said = await tools(named)
    assert status == 200
    assert f'"{GetTrafficTool.name}"' in said
    assert (await tools("/api/mcp"))[0] == 401

    # So does the request that the page shows, and the text of its response is JSON.
    (command,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    ((path, data),) = re.findall(r'HASS_URL(\S+)".*-d \'(.*)\'', command, re.DOTALL)
    response = await client.post(
        path,
        data=data,
        headers={
            **dict(re.findall(r'-H "(\S+): ([^"]+)"', command)),
            "Authorization": f"Bearer {hass_read_only_access_token}",
        },
    )
    (content,) = (await response.json())["result"]["content"]
    (traffic,) = json.loads(content["text"])["accounts"]
    assert (traffic["account"], traffic["status"]) == ("BytesFlows", "ok")


def test_documented_tool() -> None:
    """The page names the tool and every key that it explains to models."""
    page = PAGE.read_text(encoding="utf-8")
    assert f"`{GetTrafficTool.name}`" in page
    for key in ("status", "data_age_seconds", "estimated_depletion", "next_expiries"):
        assert f"| `{key}` | " in page
