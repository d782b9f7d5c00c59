"""A watch for tokens that get to where anybody can read them."""

import json
import logging
import re
from typing import Any, Final, override

from dev.demo.account import DEMO_TOKEN
from dev.simulated_api import EXAMPLE_TOKEN
from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback

from .flows import OTHER_TOKEN

_COMPLAINT: Final = re.compile(r"(Detected that|deprecated).*bytesflows", re.DOTALL)
TOKENS: Final = (EXAMPLE_TOKEN, OTHER_TOKEN, DEMO_TOKEN)


def has_token(text: object) -> bool:
    """Return whether there is a token in a text, or in what something looks like."""
    return any(token in str(text) for token in TOKENS)


class TokenWatch(logging.Handler):
    """All that is logged at any level, and all events of a Home Assistant."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        super().__init__()
        self.found: list[str] = []
        """Names of loggers, and types of events, which had a token."""
        self.tracebacks: list[str] = []
        """What was logged with a traceback for people to see."""
        self.complaints: list[str] = []
        """What Home Assistant says of a use of its code that is going to end."""
        self.events = 0
        self.lines = 0
        self._formatter = logging.Formatter()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Look at a line of the log, its traceback included."""
        self.lines += 1
        if has_token(self._formatter.format(record)):
            self.found.append(f"logger {record.name}")
        if record.exc_info and record.levelno > logging.DEBUG:
            self.tracebacks.append(record.getMessage())
        if record.levelno > logging.INFO and _COMPLAINT.search(record.getMessage()):
            self.complaints.append(record.getMessage())

    def watch(self, hass: HomeAssistant) -> None:
        """Look at the events of a Home Assistant, those of states included."""
        hass.bus.async_listen(MATCH_ALL, self._look)

    @callback
    def _look(self, event: Event[Any]) -> None:
        """Look at an event."""
        self.events += 1
        if has_token(event.data):
            self.found.append(f"event {event.event_type}")


def stored_with_token(storage: dict[str, Any]) -> list[str]:
    """Return the files of a storage that have a token, but for Home Assistant's own."""
    return [
        key
        for key, content in storage.items()
        if key != "core.config_entries" and has_token(json.dumps(content, default=str))
    ]
