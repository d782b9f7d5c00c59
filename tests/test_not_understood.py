"""What a user is told when BytesFlows is not understood any more."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml
from yarl import URL

from dev import ROOT
from dev.simulated_api import OVERVIEW, RECORDS, Fault, SimulatedApi
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .helpers.common import pass_time, set_up, state
from .helpers.translations import placeholders, text
from .test_trigger import finish_start, restart

HOURS = timedelta(hours=12)
CHANGED = Fault.data(totalTraffic={"gib": 176})
MANIFEST_TRACKER = "https://github.com/hass-bytesflows/bytesflows/issues"

pytestmark = pytest.mark.usefixtures("now")


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return the issue, if there is one."""
    return ir.async_get(hass).async_get_issue("bytesflows", "not_understood_01JEXAMPLE")


@pytest.mark.parametrize(
    ("path", "fault", "answer"),
    [
        (
            OVERVIEW,
            CHANGED,
            (
                "a field of the answer is missing or was not understood: totalTraffic\n"
                "{code: number, msg: text, data: {totalTraffic: {gib: number}, "
                "dynamicTraffic: number, balance: number, currency: text}}"
            ),
        ),
        (
            RECORDS,
            Fault.data(records={}),
            (
                "the answer has no list where one belongs: records\n"
                "{code: number, msg: text, data: {records: {}, total: number}}"
            ),
        ),
        (OVERVIEW, Fault.refuse(404), "HTTP 404"),
        (RECORDS, Fault.redirect("https://example.com"), "HTTP 302"),
        (
            RECORDS,
            Fault.data(total=7),
            "the records do not add up to the number that the server gives: total",
        ),
    ],
)
async def test_reported_after_a_day(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
    fault: Fault,
    answer: str,
) -> None:
    """It comes after a day, says what the answer looks like, and goes by itself."""
    assert await set_up(hass, entry)
    api.break_(fault, path)
    seen = []
    for _ in range(3):
        await pass_time(hass, freezer, HOURS)
        seen.append(issue(hass) is not None)
    assert seen == [False, False, True]

    found = issue(hass)
    assert found is not None
    assert not found.is_fixable
    given = found.translation_placeholders
    assert given == {"name": "BytesFlows", "url": api.url, "answer": answer}
    assert placeholders(text("issues", "not_understood", "title")) == set()
    assert placeholders(text("issues", "not_understood", "description")) == set(given)
    assert found.learn_more_url is not None
    link = URL(found.learn_more_url)
    assert str(link.with_query(None)) == f"{MANIFEST_TRACKER}/new"
    assert dict(link.query) == {"template": "bug.yml", "answer": answer}

    api.heal()
    await pass_time(hass, freezer)
    assert issue(hass) is None
    assert state(hass, "total_traffic").state != "unavailable"
    api.break_(fault, path)
    await pass_time(hass, freezer, HOURS)
    await pass_time(hass, freezer, HOURS)
    assert issue(hass) is None


def test_form_takes_the_answer() -> None:
    """The form that the link opens exists, and has the field that it fills in."""
    form = ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml"
    fields = yaml.safe_load(form.read_text(encoding="utf-8"))["body"]
    (label,) = [
        field["attributes"]["description"]
        for field in fields
        if field.get("id") == "answer"
    ]
    assert text("issues", "not_understood", "title") in label


@pytest.mark.parametrize(
    "fault", [Fault.refuse(500), Fault(drop=True), Fault.html(), Fault.refuse(429)]
)
async def test_bad_days_are_no_reason(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    fault: Fault,
) -> None:
    """A server that is out of order has not changed."""
    assert await set_up(hass, entry)
    api.break_(fault)
    for _ in range(5):
        await pass_time(hass, freezer, HOURS)
    assert issue(hass) is None


async def test_one_bad_answer_after_a_long_outage(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The day begins with the first answer that is not understood."""
    assert await set_up(hass, entry)
    api.break_(Fault.refuse(500))
    for _ in range(5):
        await pass_time(hass, freezer, HOURS)
    api.heal()
    api.break_(CHANGED, OVERVIEW)
    await pass_time(hass, freezer)
    assert issue(hass) is None


@pytest.mark.parametrize("broken_before", [True, False])
async def test_over_reloads_and_restarts(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    broken_before: bool,
) -> None:
    """The day goes on, whether the account can be set up in it or not."""
    assert await set_up(hass, entry)
    if broken_before:
        api.break_(CHANGED, OVERVIEW)
        await pass_time(hass, freezer)
    await restart(hass, entry, freezer)
    api.break_(CHANGED, OVERVIEW)
    for hours in (0, 12, 12):
        assert issue(hass) is None
        freezer.tick(timedelta(hours=hours, seconds=1))
        assert not await hass.config_entries.async_reload(entry.entry_id)
    assert issue(hass) is not None

    await hass.config_entries.async_reload(entry.entry_id)
    assert issue(hass) is not None
    api.heal()
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert issue(hass) is None
    await finish_start(hass)
    for _ in range(2):
        await pass_time(hass, freezer)
    assert issue(hass) is None


@pytest.mark.parametrize("is_removed", [True, False])
async def test_goes_with_the_account(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    is_removed: bool,
) -> None:
    """Of an account that is removed or disabled nothing is reported."""
    assert await set_up(hass, entry)
    api.break_(CHANGED, OVERVIEW)
    for _ in range(3):
        await pass_time(hass, freezer, HOURS)
    assert issue(hass) is not None
    if is_removed:
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    assert issue(hass) is None
