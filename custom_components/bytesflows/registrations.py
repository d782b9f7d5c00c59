"""The triggers that wait for marks, of all automations and all accounts.

They outlive the accounts: an account is reloaded without its automations. And they stay
for a minute after an automation has gone: if it only is reloaded, the marks passed
meanwhile run it when it is back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import (
    CALLBACK_TYPE,
    CoreState,
    HassJob,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.trigger import TriggerActionRunner
from homeassistant.util.hass_dict import HassKey

from .account import Places
from .const import DOMAIN, LOGGER
from .issues import async_update_target_issue
from .target import async_get_accounts

KEEP_SECONDS: Final = 60
"""How long a registration outlives its automation."""


class MarkKind(StrEnum):
    """Kinds of marks."""

    LOW = "low"
    NOT_LOW = "not_low"
    PACKAGE = "package"


@dataclass(eq=False, slots=True)
class Registration:
    """A trigger that waits for a mark."""

    kind: MarkKind
    duration: timedelta
    target: Mapping[str, Any]
    run_action: TriggerActionRunner | None
    """None after the automation has gone."""
    missed: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    """Runs that came due after that."""
    unsub_forget: CALLBACK_TYPE | None = None
    entry_ids: set[str] | None = None
    """The accounts that the target meant when it was last checked."""

    def run(self, variables: dict[str, Any], description: str) -> None:
        """Start the automation; one that raises does not keep others from starting."""
        if self.run_action is None:
            self.missed.append((variables, description))
            return
        try:
            _ = self.run_action(variables, description)
        except Exception as err:  # noqa: BLE001
            LOGGER.warning(
                "An automation could not be started by %s: %s",
                description,
                type(err).__name__,
            )


class Registrations:
    """All registrations, in `hass.data`."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without any."""
        self._hass = hass
        self._items: list[Registration] = []
        self._listeners: list[Callable[[], None]] = []
        self._without_account: set[str] | None = None
        """The targets without an account when they were last checked, if ever."""
        if hass.state is not CoreState.running:
            async_at_started(hass, self._async_started)

    @callback
    def async_listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Have a listener called before a registration is added."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def places(self, entry_id: str | None = None) -> Places:
        """Return the places at which triggers wait, of an account or all.

        Those of an account are as of the last check of the targets: good enough to
        wake for them, while `waiting` decides who gets a mark.
        """
        if not self._items:
            return Places()
        low, not_low, packages = set[timedelta](), set[timedelta](), set[timedelta]()
        found = {
            MarkKind.LOW: low,
            MarkKind.NOT_LOW: not_low,
            MarkKind.PACKAGE: packages,
        }
        for item in self._items:
            entry_ids = item.entry_ids
            if entry_id is None or entry_ids is None or entry_id in entry_ids:
                found[item.kind].add(item.duration)
        return Places(low, not_low, packages)

    def waiting(
        self, entry_id: str, kind: MarkKind, duration: timedelta
    ) -> list[Registration]:
        """Return the triggers that wait for a mark of an account now."""
        return [
            item
            for item in self._items
            if item.kind is kind
            and item.duration == duration
            and entry_id in async_get_accounts(self._hass, item.target)
        ]

    @callback
    def async_add(
        self,
        kind: MarkKind,
        duration: timedelta,
        target: Mapping[str, Any],
        run_action: TriggerActionRunner,
    ) -> CALLBACK_TYPE:
        """Add a trigger, and return the function that removes it."""
        item = next(
            (
                item
                for item in self._items
                if item.run_action is None
                and (item.kind, item.duration, item.target) == (kind, duration, target)
            ),
            None,
        )
        if item is None:
            for listener in list(self._listeners):
                listener()
            item = Registration(kind, duration, target, run_action)
            self._items.append(item)
        else:
            self._async_revive(item, run_action)
        if self._hass.state is CoreState.running:
            self.async_check_targets()
        return partial(self._async_detach, item)

    @callback
    def _async_revive(
        self, item: Registration, run_action: TriggerActionRunner
    ) -> None:
        """Take a registration up again after its automation was reloaded."""
        if TYPE_CHECKING:
            assert item.unsub_forget is not None
        item.unsub_forget()
        item.run_action = run_action
        missed, item.missed = item.missed, []
        for variables, description in missed:
            item.run(variables, description)

    @callback
    def _async_detach(self, item: Registration) -> None:
        """Forget a registration, unless its automation is back within a minute."""
        item.run_action = None

        @callback
        def forget(_: datetime) -> None:
            self._items.remove(item)
            self.async_check_targets()

        item.unsub_forget = async_call_later(
            self._hass, KEEP_SECONDS, HassJob(forget, cancel_on_shutdown=True)
        )

    @callback
    def _async_started(self, _: HomeAssistant) -> None:
        """Check the targets even if no account is set up."""
        self.async_check_targets()

    @callback
    def async_check_targets(self) -> None:
        """Warn about automations whose target has no account."""
        if not self._items and self._without_account == set():
            return
        before = self._without_account or set()
        targets: set[str] = set()
        detached: set[str] = set()
        for item in self._items:
            if item.run_action is None:
                detached.add(_named(item.target))
                continue
            item.entry_ids = async_get_accounts(self._hass, item.target)
            if not item.entry_ids:
                targets.add(_named(item.target))
        for target in sorted(targets - before):
            LOGGER.warning(
                "The target of a trigger has no BytesFlows account: %s", target
            )
        # An automation that is reloaded is no news.
        self._without_account = targets | (before & detached)
        async_update_target_issue(self._hass, targets)


def _named(target: Mapping[str, Any]) -> str:
    """Return a target as people can find it in an automation."""
    ids = [id_ for value in target.values() for id_ in cv.ensure_list(value)]
    return ", ".join(map(str, ids)) or "{}"


_REGISTRATIONS: HassKey[Registrations] = HassKey(f"{DOMAIN}_registrations")


@callback
def async_get_registrations(hass: HomeAssistant) -> Registrations:
    """Return the registrations of all accounts."""
    if _REGISTRATIONS not in hass.data:
        hass.data[_REGISTRATIONS] = Registrations(hass)
    return hass.data[_REGISTRATIONS]
