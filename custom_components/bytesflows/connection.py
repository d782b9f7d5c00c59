"""Connections to the API that share their limits, and requests that can be ended."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import tzinfo
from typing import Any

from aiohttp import ClientSession, DummyCookieJar

from homeassistant.const import CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.json import json_loads

from .api import MAX_PARALLEL_REQUESTS, BytesFlowsClient, Pauses
from .const import CONF_API_TOKEN, DOMAIN

# They outlive the accounts: a pause that the server asked for holds after a reload.
_PAUSES: HassKey[Pauses] = HassKey(f"{DOMAIN}_pauses")
_SLOTS: HassKey[dict[str, asyncio.Semaphore]] = HassKey(f"{DOMAIN}_slots")


@callback
def async_create_session(
    hass: HomeAssistant, data: Mapping[str, Any], *, auto_cleanup: bool = True
) -> ClientSession:
    """Return a session for the data of an entry.

    The API takes cookies for a login, so each account has a session that keeps none.
    """
    return async_create_clientsession(
        hass,
        data[CONF_VERIFY_SSL],
        auto_cleanup=auto_cleanup,
        cookie_jar=DummyCookieJar(),
    )


@callback
def async_create_client(
    hass: HomeAssistant,
    session: ClientSession,
    data: Mapping[str, Any],
    time_zone: tzinfo,
) -> BytesFlowsClient:
    """Return a client for the data of an entry."""
    slots = hass.data.setdefault(_SLOTS, {})
    return BytesFlowsClient(
        session,
        data[CONF_API_TOKEN],
        time_zone=time_zone,
        url=data[CONF_URL],
        pauses=hass.data.setdefault(_PAUSES, Pauses()),
        slots=slots.setdefault(
            data[CONF_URL], asyncio.Semaphore(MAX_PARALLEL_REQUESTS)
        ),
        loads=json_loads,
    )


class Requests:
    """Requests of an account, which end when it is unloaded."""

    def __init__(self) -> None:
        """Start without any."""
        self.is_ended = False
        self._running: set[asyncio.Timeout] = set()
        self._are_gone = asyncio.Event()

    async def async_run[T](self, request: Awaitable[T]) -> T | None:
        """Return the result of a request, or None if it was ended."""
        scope = asyncio.timeout(None)
        self._running.add(scope)
        try:
            async with scope:
                return await request
        except TimeoutError:
            if scope.expired():
                return None
            raise
        finally:
            self._running.remove(scope)
            if not self._running:
                self._are_gone.set()

    async def async_end(self) -> None:
        """End requests for good, and wait until those under way are gone."""
        self.is_ended = True
        await self.async_cancel()

    async def async_cancel(self) -> None:
        """End the requests under way, and wait until they are gone."""
        if not self._running:
            return
        self._are_gone.clear()
        now = asyncio.get_running_loop().time()
        for scope in self._running:
            if scope.when() is None:
                scope.reschedule(now)
        await self._are_gone.wait()
