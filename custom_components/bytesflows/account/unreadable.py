"""Values of the records that could not be read."""

from collections import Counter
from collections.abc import Collection
from enum import Enum, auto

from .package import Package


class FirstSeen(Enum):
    """How a row that could not be read was first seen."""

    IN_BASELINE = auto()
    OLD = auto()
    """Older than a known package of its source."""
    NEW = auto()


class UnreadableValues:
    """Keep the names of unreadable values, and the rows left out because of them."""

    def __init__(self) -> None:
        """Start with none."""
        self.unidentified = 0
        """Rows without a readable id in the last complete reading."""
        self.left_out: dict[str, FirstSeen] = {}
        """By id, rows that are no packages yet, and how they were first seen."""
        self._names: dict[str, frozenset[str]] = {}

    def note(self, package: Package) -> None:
        """Note the unreadable values of a package, if it is listed."""
        record = package.record
        self.left_out.pop(record.id, None)
        if record.unreadable and package.is_listed:
            self._names[record.id] = record.unreadable
        else:
            self._names.pop(record.id, None)

    def note_complete(self, ids: Collection[str], unidentified: int) -> None:
        """Note which rows a complete reading had, and how many without an id."""
        self.unidentified = unidentified
        for id_ in self.left_out.keys() - ids:
            del self.left_out[id_]

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._names or self.left_out or self.unidentified)

    def count(self) -> Counter[str]:
        """Return how often each field, by its name in the document, is unreadable."""
        found = Counter(name for names in self._names.values() for name in names)
        found["trafficUsed"] += len(self.left_out)
        found["id"] += self.unidentified
        return +found
