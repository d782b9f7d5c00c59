"""The outbox of an account: due changes and marks until they are dispatched.

They are taken out of the account, and leave the outbox as one batch. If this could not
be saved as dispatched, it goes back into the account.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from homeassistant.core import callback

from .account import Account, Change, Mark, Marks
from .mark_actions import MarkKey, mark_key, mark_place
from .registrations import Registration, Registrations


@dataclass(slots=True)
class Batch:
    """Changes and marks that are dispatched, or put back, together."""

    changes: tuple[Change, ...] = ()
    marks: list[tuple[Mark, list[Registration]]] = field(default_factory=list)
    """With the triggers that waited for them."""
    scales: tuple[Marks, Marks] | None = None
    """The scales of the account before these were taken out, and after that."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be dispatched."""
        return not (self.changes or self.marks)


class Outbox:
    """Collect due changes and marks, and keep them until they are dispatched."""

    def __init__(
        self,
        entry_id: str,
        account: Account,
        registrations: Registrations,
        has_entities: Callable[[], bool],
    ) -> None:
        """Start empty; without entities, changes wait in the account."""
        self._entry_id = entry_id
        self._account = account
        self._registrations = registrations
        self._has_entities = has_entities
        self._batch = Batch()
        self._put_back_marks: dict[MarkKey, list[Registration]] = {}
        """The triggers that waited for marks when a write failed."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be dispatched."""
        return self._batch.is_empty

    @callback
    def fill(self) -> None:
        """Take due changes and marks out of the account."""
        batch, scales = self._batch, self._account.state.marks
        before = scales.copy() if batch.scales is None else batch.scales[0]
        due = self._account.scales.take_due(
            self._registrations.places(), with_changes=self._has_entities()
        )
        batch.scales = before, scales.copy()
        batch.changes += due.changes
        batch.marks += [
            (mark, waiting) for mark in due.marks if (waiting := self._waiting(mark))
        ]

    def _waiting(self, mark: Mark) -> list[Registration]:
        """Return the triggers that wait for a mark, or did when it was put back."""
        if (put_back := self._put_back_marks.get(mark_key(mark))) is not None:
            return put_back
        return self._registrations.waiting(self._entry_id, *mark_place(mark))

    @callback
    def empty(self) -> Batch:
        """Return the contents, which are to be dispatched or put back."""
        batch, self._batch = self._batch, Batch()
        return batch

    @callback
    def put_back(self, batch: Batch) -> None:
        """Return a batch to the account, and all that was taken out after it.

        They are taken out again later, as if for the first time.
        """
        later = self.empty()
        state = self._account.state
        state.changes = batch.changes + later.changes + state.changes
        if scales := [item.scales for item in (batch, later) if item.scales]:
            state.marks.undo(scales[0][0], scales[-1][1])
        # A trigger that is added before the next write must not get them.
        self._put_back_marks |= {
            mark_key(mark): waiting for mark, waiting in batch.marks + later.marks
        }

    @callback
    def forget_put_back(self) -> None:
        """Forget which triggers waited, after their marks were dispatched."""
        self._put_back_marks.clear()
