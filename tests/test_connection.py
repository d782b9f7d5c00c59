"""Requests that end when their account is unloaded."""

import asyncio

import pytest

from custom_components.bytesflows.connection import Requests

from .helpers.lifecycle import until


async def _wait(gone: list[str], name: str) -> str:
    """Wait for good, and take a turn of the loop to be gone."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        gone.append(name)
    return name


async def test_end() -> None:
    """All requests under way are gone before the end returns, and have no result."""
    requests, gone = Requests(), list[str]()
    running = [
        asyncio.create_task(requests.async_run(_wait(gone, name))) for name in "ab"
    ]
    await asyncio.sleep(0)
    await requests.async_end()
    assert sorted(gone) == ["a", "b"]
    assert await asyncio.gather(*running) == [None, None]
    await requests.async_end()


async def test_end_that_is_canceled() -> None:
    """The next one waits for the requests that the first one ended."""
    requests, gone = Requests(), list[str]()
    running = asyncio.create_task(requests.async_run(_wait(gone, "a")))
    await asyncio.sleep(0)
    first = asyncio.create_task(requests.async_end())
    await asyncio.sleep(0)
    first.cancel()
    await requests.async_end()
    assert gone == ["a"]
    assert await running is None


async def test_cancellation() -> None:
    """A request that somebody else cancels is no request that was ended."""
    requests, gone = Requests(), list[str]()
    running = asyncio.create_task(requests.async_run(_wait(gone, "a")))
    await asyncio.sleep(0)
    running.cancel()
    await until(running.done)
    assert running.cancelled()
    assert gone == ["a"]
    await requests.async_end()


async def test_timeout_of_the_request() -> None:
    """A timeout of the request itself is not the end of it."""

    async def time_out() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Requests().async_run(time_out())
