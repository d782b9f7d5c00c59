"""Publishing of data to the entities.

Automations act on a change from one value to another, never on one from unavailable.
So after an outage entities come back with their previous values, and change then.
After a start they keep it until automations listen.
"""

from copy import replace
from typing import NamedTuple

from ..api import Overview
from .forecast import Summary
from .today import Today


class AccountData(NamedTuple):
    """The state of an account. Equal when nothing that is shown differs."""

    overview: Overview
    summary: Summary | None
    """None while the records were never read, or not for too long."""
    is_low: bool | None
    """Whether traffic is low; None if that was never known."""
    is_expiring_soon: bool | None
    """Whether a package expires soon; None while the packages are unknown."""
    is_current: bool = True
    """Whether the summary is that of the last poll, and no older one."""
    today: Today | None = None
    """None while the packages are unknown."""


class Publisher:
    """Decide on the data to show next, given those shown before."""

    def __init__(self, remembered: AccountData | None) -> None:
        """Start with the data shown before a restart, if they are known."""
        self.published = remembered
        """The data shown last, with the last known packages during their outage."""
        self._is_stored = True
        """Whether it comes from a file, and may be older than the data shown last."""
        self._held_back: AccountData | None = None
        self._is_open = remembered is None
        self._was_away = False

    def publish(self, data: AccountData) -> list[AccountData]:
        """Return the data to show now, step by step."""
        if self.published is None or (self._is_open and not self._was_away):
            self._remember(data)
            return [data]
        before = _as_before(self.published, data, is_stored=self._is_stored)
        if not self._is_open:
            self._held_back = data
            return [before]
        self._remember(data)
        return [before, data]

    def open(self) -> list[AccountData]:
        """Return the data to show now that automations listen."""
        self._is_open = True
        data, self._held_back = self._held_back, None
        if data is None:
            return []
        self._remember(data)
        return [data]

    def note_outage(self) -> None:
        """Note that the entities are unavailable: they missed the data held back."""
        self._was_away = True
        self._held_back = None

    def _remember(self, data: AccountData) -> None:
        """Note the data shown, and keep the packages while they are unavailable."""
        self._is_stored = False
        self._was_away = data.summary is None
        if data.summary is None and self.published is not None:
            data = replace(
                data,
                summary=self.published.summary,
                is_expiring_soon=self.published.is_expiring_soon,
                today=self.published.today,
            )
        self.published = data


def _as_before(
    published: AccountData, data: AccountData, *, is_stored: bool
) -> AccountData:
    """Return the data shown before, without those that are unavailable now.

    A lifetime total is never shown lower than it is: after a power cut the stored one
    can be less than what statistics have.
    """
    published = replace(published, is_current=False)
    if data.summary is None:
        return replace(published, summary=None, is_expiring_soon=None, today=None)
    if published.summary is None or not is_stored:
        return published
    total = data.summary.lifetime_consumption
    summary = replace(published.summary, lifetime_consumption=total)
    return replace(published, summary=summary)
