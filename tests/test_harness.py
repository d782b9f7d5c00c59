"""The event loop of the tests: tests/conftest.py makes it check, at little cost."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


async def test_other_thread() -> None:
    """A call from another thread is refused."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor() as pool:
        call = pool.submit(loop.call_soon, print)
        with pytest.raises(RuntimeError, match="Non-thread-safe"):
            call.result()


async def test_coroutine() -> None:
    """A coroutine in place of a function is refused."""
    loop = asyncio.get_running_loop()
    coroutine: Any = asyncio.sleep(0)
    with pytest.raises(TypeError, match="coroutines cannot be used"):
        loop.call_soon(coroutine)
    coroutine.close()


async def test_origin_of_a_task(request: pytest.FixtureRequest) -> None:
    """The origin of a task is known to those who ask for it, as it takes long."""
    is_known = "created at" in repr(asyncio.current_task())
    assert is_known == bool(request.config.getoption("asyncio_debug"))


async def test_finalizer() -> None:
    """Debug mode is on for finalizers: aiohttp's report what was not closed."""
    loop = asyncio.get_running_loop()
    found: list[bool] = []

    class Left:
        def __del__(self) -> None:
            found.append(loop.get_debug())

    Left()
    assert found == [True]
