"""What a user is told when BytesFlows is not understood any more."""

from datetime import timedelta

import pytest
import yaml
from yarl import URL

from dev import ROOT
from dev.simulated_api import OVERVIEW, RECORDS, Fault
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .helpers.home import Home
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
    home: Home, path: str, fault: Fault, answer: str
) -> None:
    """It comes after a day, says what the answer looks like, and goes by itself."""
    await home.set_up()
    home.api.break_(fault, path)
    seen = []
    for _ in range(3):
        await home.pass_time(HOURS)
        seen.append(issue(home.hass) is not None)
    assert seen == [False, False, True]

    found = issue(home.hass)
    assert found is not None
    assert not found.is_fixable
    given = found.translation_placeholders
    assert given == {"name": "BytesFlows", "url": home.api.url, "answer": answer}
    assert placeholders(text("issues", "not_understood", "title")) == set()
    assert placeholders(text("issues", "not_understood", "description")) == set(given)
    assert found.learn_more_url is not None
    link = URL(found.learn_more_url)
    assert str(link.with_query(None)) == f"{MANIFEST_TRACKER}/new"
    assert dict(link.query) == {"template": "bug.yml", "answer": answer}

    home.api.heal()
    await home.poll()
    assert issue(home.hass) is None
    assert home.state("total_traffic").state != "unavailable"
    home.api.break_(fault, path)
    await home.pass_time(HOURS)
    await home.pass_time(HOURS)
    assert issue(home.hass) is None


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
async def test_bad_days_are_no_reason(home: Home, fault: Fault) -> None:
    """A server that is out of order has not changed."""
    await home.set_up()
    home.api.break_(fault)
    for _ in range(5):
        await home.pass_time(HOURS)
    assert issue(home.hass) is None


async def test_one_bad_answer_after_a_long_outage(home: Home) -> None:
    """The day begins with the first answer that is not understood."""
    await home.set_up()
    home.api.break_(Fault.refuse(500))
    for _ in range(5):
        await home.pass_time(HOURS)
    home.api.heal()
    home.api.break_(CHANGED, OVERVIEW)
    await home.poll()
    assert issue(home.hass) is None


@pytest.mark.parametrize("broken_before", [True, False])
async def test_over_reloads_and_restarts(home: Home, broken_before: bool) -> None:
    """The day goes on, whether the account can be set up in it or not."""
    await home.set_up()
    if broken_before:
        home.api.break_(CHANGED, OVERVIEW)
        await home.poll()
    await restart(home)
    home.api.break_(CHANGED, OVERVIEW)
    for hours in (0, 12, 12):
        assert issue(home.hass) is None
        home.freezer.tick(timedelta(hours=hours, seconds=1))
        assert not await home.reload()
    assert issue(home.hass) is not None

    await home.reload()
    assert issue(home.hass) is not None
    home.api.heal()
    assert await home.reload()
    assert issue(home.hass) is None
    await finish_start(home.hass)
    await home.poll(2)
    assert issue(home.hass) is None


@pytest.mark.parametrize("is_removed", [True, False])
async def test_goes_with_the_account(home: Home, is_removed: bool) -> None:
    """Of an account that is removed or disabled nothing is reported."""
    await home.set_up()
    home.api.break_(CHANGED, OVERVIEW)
    for _ in range(3):
        await home.pass_time(HOURS)
    assert issue(home.hass) is not None
    if is_removed:
        await home.hass.config_entries.async_remove(home.entry.entry_id)
    else:
        await home.hass.config_entries.async_set_disabled_by(
            home.entry.entry_id, ConfigEntryDisabler.USER
        )
    assert issue(home.hass) is None
