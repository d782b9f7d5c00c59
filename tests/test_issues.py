"""Repair issues about responses and values that cannot be read."""

from datetime import timedelta
from typing import Any

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

HOURS = timedelta(hours=12)
MANIFEST_TRACKER = "https://github.com/hass-bytesflows/bytesflows/issues"
INVALID = "invalid_response"
UNREADABLE = "unreadable_values"
CHANGED = Fault(change=lambda answer: answer.update(data=[answer["data"]]))
SHAPE = (
    "{code: number, msg: text, data: [1 of {totalTraffic: number, "
    "dynamicTraffic: number, balance: number, currency: text}]}"
)
ODD = Fault.data(totalTraffic={"gib": 176})

pytestmark = pytest.mark.usefixtures("now")


def issue(hass: HomeAssistant, kind: str) -> ir.IssueEntry | None:
    """Return the issue of a kind, if there is one."""
    return ir.async_get(hass).async_get_issue("bytesflows", f"{kind}_01JEXAMPLE")


def check_report(found: ir.IssueEntry, kind: str, answer: str) -> None:
    """Assert that an issue has its texts, and a link with the answer filled in."""
    assert not found.is_fixable
    given = found.translation_placeholders
    assert given is not None
    assert placeholders(text("issues", kind, "title")) <= set(given)
    used = {
        name
        for part in ("title", "description")
        for name in placeholders(text("issues", kind, part))
    }
    assert used == set(given)
    assert found.learn_more_url is not None
    link = URL(found.learn_more_url)
    assert str(link.with_query(None)) == f"{MANIFEST_TRACKER}/new"
    assert dict(link.query) == {"template": "bug.yml", "answer": answer}


@pytest.mark.parametrize(
    ("path", "fault", "answer"),
    [
        (OVERVIEW, CHANGED, f"the response is not as documented: data\n{SHAPE}"),
        (
            RECORDS,
            Fault.data(records={}),
            (
                "the response is not as documented: records\n"
                "{code: number, msg: text, data: {records: {}, total: number}}"
            ),
        ),
        (OVERVIEW, Fault.refuse(404), "HTTP 404"),
        (OVERVIEW, Fault.code(50008), "HTTP 200, code 50008"),
        (RECORDS, Fault.code("90000"), "HTTP 200, code 90000"),
        (RECORDS, Fault.redirect("https://example.com"), "HTTP 302"),
    ],
)
async def test_invalid_response(
    home: Home, path: str, fault: Fault, answer: str
) -> None:
    """It comes after a day, has the shape of the response, and goes by itself."""
    await home.set_up()
    home.api.break_(fault, path)
    seen = []
    for _ in range(3):
        await home.pass_time(HOURS)
        seen.append(issue(home.hass, INVALID) is not None)
    assert seen == [False, False, True]

    found = issue(home.hass, INVALID)
    assert found is not None
    assert found.translation_placeholders == {
        "name": "BytesFlows",
        "url": home.api.url,
        "answer": answer,
    }
    check_report(found, INVALID, answer)

    home.api.heal()
    await home.poll()
    assert issue(home.hass, INVALID) is None
    assert home.state("total_traffic").state != "unavailable"
    home.api.break_(fault, path)
    await home.pass_time(HOURS)
    await home.pass_time(HOURS)
    assert issue(home.hass, INVALID) is None


@pytest.mark.parametrize(
    ("path", "fault", "fields"),
    [
        (OVERVIEW, ODD, "totalTraffic"),
        (
            OVERVIEW,
            Fault.data(balance="$12.50", currency="x" * 5000),
            "balance, currency",
        ),
        (RECORDS, Fault.record(expireTime="永久", trafficUsed=None), None),
        (RECORDS, Fault.record(traffic=-1), "traffic"),
        (RECORDS, Fault.record(id={}), "id"),
    ],
)
async def test_unreadable_values(
    home: Home, path: str, fault: Fault, fields: str | None
) -> None:
    """It comes after a day with the names only, and goes a day after the last one."""
    await home.set_up()
    home.api.break_(fault, path)
    seen = []
    for _ in range(3):
        await home.pass_time(HOURS)
        seen.append(issue(home.hass, UNREADABLE) is not None)
    assert seen == [False, False, True]
    assert home.entry.runtime_data.last_update_success

    found = issue(home.hass, UNREADABLE)
    assert found is not None
    fields = fields or "expireTime, trafficUsed"
    assert found.translation_placeholders == {"name": "BytesFlows", "fields": fields}
    check_report(found, UNREADABLE, fields)

    home.api.heal()
    seen = []
    for _ in range(3):
        await home.pass_time(HOURS)
        seen.append(issue(home.hass, UNREADABLE) is not None)
    assert seen == [True, False, False]


async def test_values_that_are_odd_now_and_then(home: Home) -> None:
    """One odd poll in twenty hours is enough for a report, one in a week is not."""
    await home.set_up()
    for hours, expected in ((20, True), (24 * 7, False)):
        for _ in range(4):
            home.api.break_(ODD, OVERVIEW)
            await home.poll()
            home.api.heal()
            for _ in range(hours // 4):
                await home.pass_time(timedelta(hours=4))
        assert (issue(home.hass, UNREADABLE) is not None) is expected


@pytest.mark.parametrize("kind", [INVALID, UNREADABLE])
def test_form_takes_the_answer(kind: str) -> None:
    """The form that the links open exists, and has the field that they fill in."""
    form = ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml"
    fields = yaml.safe_load(form.read_text(encoding="utf-8"))["body"]
    (label,) = [
        field["attributes"]["description"]
        for field in fields
        if field.get("id") == "answer"
    ]
    title = text("issues", kind, "title")
    assert title.removeprefix("{name}: ").lower() in label.lower()


@pytest.mark.parametrize(
    "fault", [Fault.refuse(500), Fault(drop=True), Fault.html(), Fault.refuse(429)]
)
async def test_bad_days_are_no_reason(home: Home, fault: Fault) -> None:
    """A server that is unavailable has not changed."""
    await home.set_up()
    home.api.break_(fault)
    for _ in range(5):
        await home.pass_time(HOURS)
    assert issue(home.hass, INVALID) is None
    assert issue(home.hass, UNREADABLE) is None


async def test_one_invalid_response_after_a_long_outage(home: Home) -> None:
    """The day begins with the first response that is invalid."""
    await home.set_up()
    home.api.break_(Fault.refuse(500))
    for _ in range(5):
        await home.pass_time(HOURS)
    home.api.heal()
    home.api.break_(CHANGED, OVERVIEW)
    await home.poll()
    assert issue(home.hass, INVALID) is None


@pytest.mark.parametrize("is_down", [False, True])
async def test_two_invalid_responses_days_apart(home: Home, is_down: bool) -> None:
    """Trouble that was gone for days, or not looked at, begins again."""
    await home.set_up()
    home.api.break_(CHANGED, OVERVIEW)
    await home.poll()
    home.api.heal()
    if is_down:
        await home.unload()
        home.freezer.tick(timedelta(days=5))
    else:
        home.api.break_(Fault.refuse(502))
        for _ in range(5):
            await home.pass_time(HOURS)
        home.api.heal()
    home.api.break_(CHANGED, OVERVIEW)
    if is_down:
        await home.hass.config_entries.async_setup(home.entry.entry_id)
    else:
        await home.poll()
    assert issue(home.hass, INVALID) is None


@pytest.mark.parametrize("broken_before", [True, False])
async def test_invalid_response_over_reloads(home: Home, broken_before: bool) -> None:
    """The day goes on, whether the account can be set up in it or not."""
    await home.set_up()
    home.api.break_(CHANGED, OVERVIEW)
    if broken_before:
        await home.poll()
    for hours in (0, 12, 12):
        assert issue(home.hass, INVALID) is None
        home.freezer.tick(timedelta(hours=hours, seconds=1))
        assert not await home.reload()
    assert issue(home.hass, INVALID) is not None

    await home.reload()
    assert issue(home.hass, INVALID) is not None
    home.api.heal()
    assert await home.reload()
    assert issue(home.hass, INVALID) is None
    await home.poll(2)
    assert issue(home.hass, INVALID) is None


async def test_unreadable_values_over_reloads(home: Home) -> None:
    """The day goes on, and so does the day after the last odd value."""
    await home.set_up()
    home.api.break_(ODD, OVERVIEW)
    for hours in (0, 12, 12):
        assert issue(home.hass, UNREADABLE) is None
        home.freezer.tick(timedelta(hours=hours, seconds=1))
        assert await home.reload()
    assert issue(home.hass, UNREADABLE) is not None
    home.api.heal()
    await home.pass_time(HOURS)
    assert await home.reload()
    home.api.break_(ODD, OVERVIEW)
    await home.poll()
    assert issue(home.hass, UNREADABLE) is not None


async def test_failed_setup_writes_nothing_later(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """A setup that failed does not undo later what the next one has stored."""
    await home.set_up()
    home.api.break_(CHANGED, OVERVIEW)
    assert not await home.reload()
    home.api.heal()
    assert await home.reload()
    home.account.packages[0].used += 100
    await home.poll(12)
    await home.pass_time(timedelta(minutes=16))
    stored = hass_storage["bytesflows.01JEXAMPLE"]["data"]
    assert stored["invalid_responses"] == [None, None]
    assert stored["consumption"]["total"] == 524288 + 100


@pytest.mark.parametrize("is_removed", [True, False])
@pytest.mark.parametrize(
    ("kind", "fault"),
    [(INVALID, CHANGED), (UNREADABLE, ODD)],
    ids=[INVALID, UNREADABLE],
)
async def test_goes_with_the_account(
    home: Home, kind: str, fault: Fault, is_removed: bool
) -> None:
    """Of an account that is removed or disabled nothing is reported."""
    await home.set_up()
    home.api.break_(fault, OVERVIEW)
    for _ in range(3):
        await home.pass_time(HOURS)
    assert issue(home.hass, kind) is not None
    if is_removed:
        await home.hass.config_entries.async_remove(home.entry.entry_id)
    else:
        await home.hass.config_entries.async_set_disabled_by(
            home.entry.entry_id, ConfigEntryDisabler.USER
        )
    assert issue(home.hass, kind) is None
