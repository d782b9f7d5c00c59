"""Pauses that the server asked for."""

from hashlib import sha256
from time import monotonic
from typing import Final

from yarl import URL

MIN_PAUSE: Final = 60
"""Shortest pause, in seconds."""
MAX_PAUSE: Final = 86_400
"""Longest pause, in seconds."""


def clamp_pause(seconds: float) -> float:
    """Return the seconds of a pause within the limits."""
    return float(min(max(seconds, MIN_PAUSE), MAX_PAUSE))


class Pauses:
    """Keep in memory when each endpoint may be requested again.

    A pause belongs to a URL, a token, and a path. Tokens are kept as hashes only.
    """

    def __init__(self) -> None:
        """Begin without pauses."""
        self._ends: dict[bytes, float] = {}

    def left(self, url: URL, token: str, path: str) -> float:
        """Return the seconds until an endpoint may be requested, 0.0 if it may now."""
        # There is hardly ever a pause, and making a key takes time.
        end = self._ends.get(_key(url, token, path)) if self._ends else None
        return 0.0 if end is None else max(0.0, end - monotonic())

    def set(self, url: URL, token: str, path: str, seconds: float) -> None:
        """Start a pause of some seconds, between a minute and a day.

        A pause that already lasts longer stays as it is.
        """
        now = monotonic()
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        key = _key(url, token, path)
        self._ends[key] = max(self._ends.get(key, now), now + clamp_pause(seconds))


def _key(url: URL, token: str, path: str) -> bytes:
    """Return a key that reveals none of its parts."""
    text = f"{url}\0{token}\0{path}"
    return sha256(text.encode(errors="replace")).digest()
