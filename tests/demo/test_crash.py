"""A power cut: Home Assistant is killed, and starts again."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from dev.demo.home_assistant import HomeAssistant
from dev.simulated_api import GIB, MIB, RECORDS, Account, Package, SimulatedApi
from tests.helpers.demo import until, with_account

SAY = """
      - action: system_log.write
        data:
          logger: told
          level: warning
          message: >-
            TOLD {}"""
CONFIGURATION = (
    """
automation told:
  - alias: Changes
    mode: queued
    triggers:
      - trigger: state
        entity_id: event.bytesflows_package
        not_from: [unavailable]
        not_to: [unavailable, unknown]
    actions:"""
    + SAY.format(
        "{{ trigger.to_state.attributes.event_type }} "
        "{{ trigger.to_state.attributes.order_id }}"
    )
    + """
  - alias: Expiring
    mode: queued
    triggers:
      - trigger: bytesflows.package_expiring
        target:
          entity_id: sensor.bytesflows_available_traffic
        options:
          before:
            days: 3
    actions:"""
    + SAY.format("expiring {{ trigger.order_id }}")
    + """
      - delay:
          milliseconds: 300"""
    + SAY.format("done {{ trigger.order_id }}")
    + "\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("socket_enabled"),
]


@pytest.fixture
def account() -> Account:
    """Return an account with two packages."""
    now = datetime.now(UTC)
    return Account(
        packages=[
            package("1", now - timedelta(days=2), used=GIB),
            package("2", now - timedelta(days=1)),
        ]
    )


def package(id_: str, created: datetime, *, used: int = 0, days: int = 30) -> Package:
    """Return a package of 10 GiB."""
    return Package(
        id=id_,
        order_id=f"ORD-{id_}",
        traffic=10 * GIB,
        used=used,
        created=created,
        expires=created + timedelta(days=days),
    )


@pytest.fixture
async def home_assistant(api: SimulatedApi) -> AsyncGenerator[HomeAssistant]:
    """Start Home Assistant with the account set up, and an automation that listens."""
    async with with_account(api, CONFIGURATION) as running:
        yield running


async def consumed(home_assistant: HomeAssistant, least: float) -> float:
    """Return the GiB that the sensor shows, once it shows enough."""
    async with asyncio.timeout(300):
        while True:
            states = await home_assistant.states()
            shown = states.get("sensor.bytesflows_lifetime_consumption", {}).get(
                "state"
            )
            if shown is not None and shown[0].isdigit() and float(shown) >= least:
                return float(shown)
            await asyncio.sleep(0.1)


async def poll_again(home_assistant: HomeAssistant) -> None:
    """Poll once Home Assistant no longer delays another update."""
    await asyncio.sleep(10)
    await home_assistant.poll()


def told(home_assistant: HomeAssistant) -> list[str]:
    """Return what an automation heard, in all lives together."""
    lines = home_assistant.log.read_text(encoding="utf-8").splitlines()
    return [line.partition("TOLD ")[2] for line in lines if "] TOLD " in line]


async def test_nothing_is_lost_and_nothing_is_told_twice(
    home_assistant: HomeAssistant, api: SimulatedApi
) -> None:
    """Changes in and between five lives are reported once, and all use counts."""
    account = api.accounts[0]
    assert await consumed(home_assistant, 0) == 1.0
    account.packages.append(package("3", datetime.now(UTC)))
    account.use(512 * MIB)
    await home_assistant.poll()
    await until(lambda: told(home_assistant))
    assert await consumed(home_assistant, 1.5) == 1.5

    # Use that is not written yet, and a purchase that nobody has seen.
    account.use(256 * MIB)
    await poll_again(home_assistant)
    assert await consumed(home_assistant, 1.75) == 1.75
    account.packages.append(package("4", datetime.now(UTC)))
    account.packages[0].status = 0

    def cut(request: object) -> None:
        if getattr(request, "path", "") == RECORDS:
            home_assistant.kill()

    api.before = cut
    await asyncio.sleep(10)
    request = asyncio.create_task(home_assistant.poll())
    await asyncio.wait([request])
    assert request.exception() is not None
    api.before = lambda _: None
    account.use(256 * MIB)
    await home_assistant.start_again()
    assert await consumed(home_assistant, 1.75) == 2.0
    await until(lambda: len(told(home_assistant)) >= 2)
    # Ended before its expiry: another reading has to agree.
    await poll_again(home_assistant)
    await until(lambda: len(told(home_assistant)) >= 3)

    # Right after it was reported.
    home_assistant.kill()
    account.packages.append(package("5", datetime.now(UTC)))
    await home_assistant.start_again()
    assert await consumed(home_assistant, 1.75) == 2.0
    await until(lambda: len(told(home_assistant)) >= 4)

    # A stop right after an automation was started, which has more to do.
    account.packages.append(package("6", datetime.now(UTC), days=2))
    await poll_again(home_assistant)
    await until(lambda: "expiring ORD-6" in told(home_assistant))
    home_assistant.terminate()
    await home_assistant.start_again()
    await consumed(home_assistant, 1.75)
    home_assistant.kill()
    await home_assistant.start_again()
    await consumed(home_assistant, 1.75)
    # Automations are waited for after a start.
    await asyncio.sleep(7)
    assert told(home_assistant) == [
        "purchased ORD-3",
        "purchased ORD-4",
        "expired ORD-1",
        "purchased ORD-5",
        "purchased ORD-6",
        "expiring ORD-6",
        "done ORD-6",
    ]
    log = home_assistant.log.read_text(encoding="utf-8")
    assert "Traceback" not in log.partition("custom_components/bytesflows")[2]
    stored = home_assistant.folder / ".storage"
    (file,) = stored.glob("bytesflows.*")
    assert file.stat().st_mode & 0o077 == 0
    assert account.token not in file.read_text(encoding="utf-8")
