"""The disk, as far as the files of our accounts are concerned."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from custom_components.bytesflows.const import DOMAIN
from homeassistant.helpers.storage import Store


class Disk:
    """A disk that can be slow or full."""

    def __init__(self) -> None:
        """Start as a disk should be."""
        self.error: Exception | None = None
        """Raised by each write."""
        self.waiting = 0
        """Writes that wait."""
        self.writes = 0
        """Writes that succeeded."""
        self._is_free = asyncio.Event()
        self._is_free.set()

    def hold(self) -> None:
        """Have writes wait from now on."""
        self._is_free.clear()

    def free(self) -> None:
        """Let writes go on."""
        self._is_free.set()

    async def enter(self) -> None:
        """Wait, or fail."""
        self.waiting += 1
        await self._is_free.wait()
        self.waiting -= 1
        if self.error is not None:
            raise self.error
        self.writes += 1


@contextmanager
def watched_disk() -> Generator[Disk]:
    """Yield the disk of a test that has a Home Assistant."""
    disk = Disk()
    write = Store._async_write_data

    async def watched(store: Store[Any], data: dict[str, Any]) -> None:
        if store.key.startswith(f"{DOMAIN}."):
            await disk.enter()
        await write(store, data)

    with patch.object(Store, "_async_write_data", watched):
        yield disk
        disk.free()
