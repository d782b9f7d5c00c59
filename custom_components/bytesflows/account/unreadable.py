"""Values of the records that could not be read."""

from collections import Counter

from .package import Package


class UnreadableValues:
    """Keep the names of unreadable values."""

    def __init__(self) -> None:
        """Start with none."""
        self.unidentified = 0
        """Rows without a readable id in the last complete reading."""
        self._names: dict[str, frozenset[str]] = {}

    def note(self, package: Package) -> None:
        """Note the unreadable values of a package, if it is listed."""
        record = package.record
        if record.unreadable and package.is_listed:
            self._names[record.id] = record.unreadable
        else:
            self._names.pop(record.id, None)

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._names or self.unidentified)

    def count(self) -> Counter[str]:
        """Return how often each field, by its name in the document, is unreadable."""
        found = Counter(name for names in self._names.values() for name in names)
        found["id"] += self.unidentified
        return +found
