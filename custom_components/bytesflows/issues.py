"""Repair issues of an account."""

from collections.abc import Collection, Mapping
from datetime import tzinfo
from typing import Any, Final

from yarl import URL

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TIME_ZONE, CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import json_dumps
from homeassistant.loader import async_get_loaded_integration
from homeassistant.util.json import json_loads_array

from .account import Account, Evidence, Verdict
from .api import BytesFlowsError, BytesFlowsParseError
from .const import DEFAULT_TIME_ZONE, DOMAIN, LOGGER
from .errors import error_key

INVALID_RESPONSE: Final = "invalid_response"
UNREADABLE_VALUES: Final = "unreadable_values"
TIME_ZONE: Final = "time_zone"
UNSTABLE_CLASSES: Final = "unstable_classes"
TARGET_WITHOUT_ACCOUNT: Final = "target_without_account"
MAX_EVIDENCE: Final = 10


def has_nothing_to_report(account: Account) -> bool:
    """Return whether there is no issue about an account after a good poll."""
    state, verdict = account.state, account.zone_verdict
    return not (
        state.invalid_responses.since
        or state.unreadable_values.since
        or verdict.evidence
        or verdict.is_confirmed
    )


@callback
def async_update_issues(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    account: Account,
    error: BytesFlowsError | None = None,
) -> None:
    """Create and delete the issues of an account after a poll or its error."""
    now = account.clock.now()
    state = account.state
    if state.invalid_responses.since is None:
        async_delete_issue(hass, INVALID_RESPONSE, entry.entry_id)
    elif error is not None and state.invalid_responses.is_lasting(now):
        _async_create_invalid_response_issue(hass, entry, error)
    if state.unreadable_values.since is None:
        async_delete_issue(hass, UNREADABLE_VALUES, entry.entry_id)
    elif state.unreadable_values.is_lasting(now):
        _async_create_unreadable_values_issue(hass, entry, account)
    _async_update_time_zone_issue(hass, entry, account.zone_verdict)


@callback
def async_note_error(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    account: Account,
    error: BytesFlowsError,
) -> None:
    """Note an error of a poll, which may be worth a report once it lasts."""
    if error_key(error) == INVALID_RESPONSE:
        account.state.invalid_responses.note(account.clock.now())
        async_update_issues(hass, entry, account, error)


@callback
def async_note_records(
    hass: HomeAssistant, entry: ConfigEntry[Any], account: Account, *, had_records: bool
) -> None:
    """Log the start and the end of an outage of the records.

    Home Assistant does not notice it, because other entities keep updating.
    """
    error = account.records.error
    if error is not None:
        if had_records:
            LOGGER.warning("Error fetching %s packages: %s", entry.title, error)
        async_note_error(hass, entry, account, error)
        return
    account.state.invalid_responses.clear()
    if not had_records:
        LOGGER.info("Fetching %s packages recovered", entry.title)


@callback
def async_delete_issue(hass: HomeAssistant, kind: str, entry_id: str) -> None:
    """Delete an issue of an account."""
    ir.async_delete_issue(hass, DOMAIN, f"{kind}_{entry_id}")


@callback
def async_delete_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Delete all issues of an account."""
    for kind in (INVALID_RESPONSE, UNREADABLE_VALUES, TIME_ZONE):
        async_delete_issue(hass, kind, entry_id)
    if not hass.config_entries.async_entries(DOMAIN):
        ir.async_delete_issue(hass, DOMAIN, UNSTABLE_CLASSES)


@callback
def async_recheck_time_zone_issue(
    hass: HomeAssistant, entry: ConfigEntry[Any], zone: tzinfo
) -> None:
    """Delete the time zone issue if the time zone fits, or else update it."""
    known = _known_evidence(hass, entry)
    if known and known[-1].fits(zone):
        async_delete_issue(hass, TIME_ZONE, entry.entry_id)
    elif known:
        _async_create_time_zone_issue(hass, entry, known)


@callback
def async_report_unstable_classes(hass: HomeAssistant, error: Exception) -> None:
    """Warn once that Home Assistant has changed the basis of some automations."""
    if ir.async_get(hass).async_get_issue(DOMAIN, UNSTABLE_CLASSES) is not None:
        return
    LOGGER.warning(
        "Some triggers and conditions are not available, because this release of Home "
        "Assistant has changed: %r",
        error,
    )
    integration = async_get_loaded_integration(hass, DOMAIN)
    ir.async_create_issue(
        hass,
        DOMAIN,
        UNSTABLE_CLASSES,
        is_fixable=False,
        learn_more_url=integration.issue_tracker,
        severity=ir.IssueSeverity.ERROR,
        translation_key=UNSTABLE_CLASSES,
    )


@callback
def async_update_target_issue(hass: HomeAssistant, targets: Collection[str]) -> None:
    """Create or delete the issue about automations whose target is no account."""
    if not targets:
        ir.async_delete_issue(hass, DOMAIN, TARGET_WITHOUT_ACCOUNT)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        TARGET_WITHOUT_ACCOUNT,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=TARGET_WITHOUT_ACCOUNT,
        translation_placeholders={"targets": ", ".join(sorted(targets))},
    )


def evidence_of(data: Mapping[str, Any]) -> list[Evidence]:
    """Return the evidence in the data of an issue."""
    items = json_loads_array(data.get("evidence", "[]"))
    return [Evidence.from_dict(item) for item in items if isinstance(item, dict)]


@callback
def _async_create_invalid_response_issue(
    hass: HomeAssistant, entry: ConfigEntry[Any], error: BytesFlowsError
) -> None:
    """Ask for a report of the shape of a response, which has no data of the account."""
    answer = str(error)
    if isinstance(error, BytesFlowsParseError) and error.shape is not None:
        answer = f"{answer}\n{error.shape}"
    _async_create_report_issue(
        hass,
        entry,
        INVALID_RESPONSE,
        answer,
        {"url": entry.data[CONF_URL], "answer": answer},
    )


@callback
def _async_create_unreadable_values_issue(
    hass: HomeAssistant, entry: ConfigEntry[Any], account: Account
) -> None:
    """Ask for a report of the fields that cannot be read, without their values."""
    fields = ", ".join(sorted(account.unreadable))
    if fields:
        _async_create_report_issue(
            hass, entry, UNREADABLE_VALUES, fields, {"fields": fields}
        )


@callback
def _async_create_report_issue(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    kind: str,
    answer: str,
    placeholders: dict[str, str],
) -> None:
    """Create an issue with a link to a form that has the report filled in."""
    integration = async_get_loaded_integration(hass, DOMAIN)
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{kind}_{entry.entry_id}",
        is_fixable=False,
        learn_more_url=str(
            URL(f"{integration.issue_tracker}/new").with_query(
                template="bug.yml", answer=answer
            )
        ),
        severity=ir.IssueSeverity.ERROR,
        translation_key=kind,
        translation_placeholders={"name": entry.title, **placeholders},
    )


@callback
def _async_update_time_zone_issue(
    hass: HomeAssistant, entry: ConfigEntry[Any], verdict: Verdict
) -> None:
    """Create or delete the issue about the time zone after a reading.

    An ignored one returns only with evidence for another offset.
    """
    if verdict.is_confirmed:
        async_delete_issue(hass, TIME_ZONE, entry.entry_id)
    if not verdict.evidence:
        return
    known = _known_evidence(hass, entry)
    for item in verdict.evidence:
        if any(old.implies(item) for old in known):
            continue
        if not any(old.overlaps(item) for old in known):
            async_delete_issue(hass, TIME_ZONE, entry.entry_id)
        known = [*(old for old in known if not item.implies(old)), item]
        _async_create_time_zone_issue(hass, entry, known[-MAX_EVIDENCE:])


@callback
def _async_create_time_zone_issue(
    hass: HomeAssistant, entry: ConfigEntry[Any], evidence: list[Evidence]
) -> None:
    """Create the issue that offers to change the time zone, or update it."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{TIME_ZONE}_{entry.entry_id}",
        # The data of an issue is flat, so the evidence is a text in it.
        data={"evidence": json_dumps([item.as_dict() for item in evidence])},
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=TIME_ZONE,
        translation_placeholders={
            "name": entry.title,
            "time_zone": entry.options.get(CONF_TIME_ZONE, DEFAULT_TIME_ZONE),
        },
    )


def _known_evidence(hass: HomeAssistant, entry: ConfigEntry[Any]) -> list[Evidence]:
    """Return the evidence in an account's issue, if there is one."""
    issue_id = f"{TIME_ZONE}_{entry.entry_id}"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return evidence_of((issue and issue.data) or {})
