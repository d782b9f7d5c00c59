"""How many requests an account costs, whatever its server does."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from custom_components.bytesflows.account import Account
from custom_components.bytesflows.api import BytesFlowsConnectionError, BytesFlowsError
from dev import ROOT
from dev.simulated_api import GIB, Package
from tests.helpers.clock import NOW
from tests.helpers.model import Model, account_of
from tests.helpers.pages import print_table

from .records import DAY, HOUR, MINUTE, MINUTES

pytestmark = pytest.mark.slow

POLLS = 12
"""Polls in an hour."""
SIZES: Final = (30, 300, 1_000)
FIRST_HOUR: Final = 110
"""Requests in the first hour of an oddity, at 100 packages a page."""
LATER_HOURS: Final = 50
TABLE: dict[tuple[str, int], tuple[int, int]] = {}
"""By oddity and size, the requests in the first hour and the most in a later one."""


def history(
    size: int, active: list[int] | None = None, *, page_cap: int = 100
) -> Model:
    """Return a server with a history, the newest package first, some active."""
    model = Model(page_cap=page_cap)
    model.count = size
    places = set(active or range(30))
    model.rows = [
        Package(
            id=str(size - age),
            source="order",
            traffic=GIB,
            used=0 if age in places else GIB,
            created=NOW - (age + 1) * HOUR,
            expires=NOW + 90 * DAY,
            status=int(age in places),
        )
        for age in range(size)
    ]
    return model


async def poll(account: Account, model: Model) -> int:
    """Poll once, and return the number of requests."""
    before = model.requests
    with suppress(BytesFlowsError):
        await account.poll()
    return model.requests - before


async def hours(
    account: Account, model: Model, count: int, step: Callable[[int], object]
) -> list[int]:
    """Poll for some hours; return the requests of each."""
    found = []
    for hour in range(count):
        requests = 0
        for number in range(POLLS):
            step(hour * POLLS + number)
            requests += await poll(account, model)
            model.now += MINUTES
        found.append(requests)
    return found


def nothing(model: Model, number: int) -> None:
    """Let nothing happen."""


def use(model: Model, number: int) -> None:
    """Use traffic of the newest package."""
    model.rows[0].used += 1


def use_all(model: Model, number: int) -> None:
    """Use traffic of all active packages."""
    for row in model.active:
        row.used += 1


def flap(model: Model, number: int) -> None:
    """Change the status of two packages, one of them in use."""
    model.rows[0].status = model.rows[-1].status = number % 2
    model.rows[0].used += 1


def flap_total(model: Model, number: int) -> None:
    """Change the total while traffic is used."""
    model.total_offset = number % 3
    use(model, number)


def shuffle(model: Model, number: int) -> None:
    """Put the rows into another order, so that others hide."""
    model.rows = model.rows[7:] + model.rows[:7]
    use(model, number)


def lose(model: Model, number: int) -> None:
    """Lose two rows, one of them of a package in use, and list them again."""
    lost = (model.rows[0], model.rows[-1])
    model.odd = {row.id: {} for row in lost} if number % 2 else {}
    use(model, number)


def spoil(model: Model, number: int) -> None:
    """Send odd values in some rows."""
    model.odd = {row.id: {"trafficUsed": None} for row in model.rows[number % 5 :: 9]}
    use(model, number)


def fail(model: Model, number: int) -> None:
    """Fail at the third page of every reading while traffic is used."""
    use(model, number)
    pages = 0

    def before() -> None:
        nonlocal pages
        pages += 1
        if pages % 3 == 0:
            raise BytesFlowsConnectionError("reset")

    model.before = before


def turn_over(model: Model, number: int) -> None:
    """Drop the oldest record for each new one."""
    model.rows.pop()
    model.arrive("order", GIB)
    for row in model.rows[30:60]:
        row.status = 0


def book_beside(model: Model, number: int) -> None:
    """Use traffic that no package explains."""
    model.beside += 1


def do_everything(model: Model, number: int) -> None:
    """Do several odd things at once."""
    book_beside(model, number)
    flap_total(model, number)
    spoil(model, number)


@dataclass(frozen=True, slots=True)
class Oddity:
    """An odd server."""

    name: str
    step: Callable[[Model, int], object] = nothing
    fields: dict[str, Any] = field(default_factory=dict)


ODDITIES = [
    Oddity("nothing, traffic is used", use),
    Oddity("use of all packages", use_all),
    Oddity("use that no package explains", book_beside),
    Oddity("values that cannot be read", spoil),
    Oddity("statuses that flip", flap),
    Oddity("packages that come and go", lose),
    Oddity("old packages that are removed", turn_over),
    Oddity("packages that repeat between pages", use, {"repeat_rows": 2}),
    Oddity("packages in a different order each time", shuffle, {"repeat_rows": 2}),
    Oddity("count that cannot be read", use, {"total_offset": None}),
    Oddity("count that is too high", use, {"total_offset": 3}),
    Oddity("count that is too low", use, {"total_offset": -3}),
    Oddity("count of one page only", use, {"total_of_page": True}),
    Oddity("count that changes", flap_total),
    Oddity("pages that fail", fail),
    Oddity("several of these at once", do_everything, {"repeat_rows": 2}),
]


async def live(oddity: Oddity, size: int, page_cap: int, duration: int) -> list[int]:
    """Return the requests of each hour with an odd server."""
    active = [number * size // 30 for number in range(30)]
    model = history(size, active, page_cap=page_cap)
    for name, value in oddity.fields.items():
        setattr(model, name, value)
    account = account_of(model)
    return await hours(
        account, model, duration, lambda number: oddity.step(model, number)
    )


# The rows of the table are collected in one process.
@pytest.mark.xdist_group("odd servers")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda item: item.name)
async def test_odd_server(oddity: Oddity, size: int) -> None:
    """An odd server costs 110 requests in the first hour and 50 in later ones."""
    first, *later = await live(oddity, size, page_cap=100, duration=26)
    TABLE[oddity.name, size] = first, max(later)
    assert first <= FIRST_HOUR
    assert max(later) <= LATER_HOURS


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda item: item.name)
async def test_odd_server_with_smaller_pages(oddity: Oddity) -> None:
    """Pages of half the size cost at most twice as much."""
    first, *later = await live(oddity, 1_000, page_cap=50, duration=3)
    assert first <= 2 * FIRST_HOUR
    assert max(later) <= 2 * LATER_HOURS


async def test_odd_server_in_the_last_hour() -> None:
    """Polls every minute cost an odd server at most 60 requests more in an hour."""
    model = history(1_000, [number * 33 for number in range(30)])
    account = account_of(model)
    await poll(account, model)
    for row in model.active:
        row.used = row.traffic * 9 // 10
    found = [0, 0, 0]
    for number in range(180):
        model.now += MINUTE
        found[number // 60] += await poll(account, model)
        assert account.pace.is_last_hour
        do_everything(model, number)
    first, *later = found
    assert first <= FIRST_HOUR + 60
    assert max(later) <= LATER_HOURS + 60


@pytest.mark.xdist_group("odd servers")
def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Print the requests of the odd servers, which the documentation has, too."""
    rows = [
        (
            oddity.name.capitalize(),
            *("{} / {}".format(*TABLE[oddity.name, size]) for size in SIZES),
        )
        for oddity in ODDITIES
    ]
    print_table(
        capsys,
        "Requests in the first hour and most in a later one, by number of packages",
        [("odd", *(f"{size:,}" for size in SIZES)), *rows],
    )
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    assert f"\n{table}\n" in page


@pytest.mark.parametrize("size", [1, 100, 1000, 10_000])
async def test_idle(size: int) -> None:
    """An idle account costs 13 requests an hour, and one reading of all a day."""
    model = history(size)
    account = account_of(model)
    found = await hours(account, model, 26, lambda number: nothing(model, number))
    pages = -(-size // 100)
    assert found[0] == 12 + pages
    assert sorted(found[1:])[:-1] == [13] * 24
    assert 12 + pages <= max(found[1:]) <= 13 + pages


@pytest.mark.parametrize("place", [0, 15, 29])
async def test_in_use(place: int) -> None:
    """Use costs one overview and one page, wherever the active packages lie."""
    active = [number * 10_000 // 30 for number in range(30)]
    model = history(10_000, active)
    for row in model.rows:
        if not row.status and row.created is not None:
            row.expires = row.created + 30 * DAY
    account = account_of(model)
    await poll(account, model)
    counts = []
    for _ in range(40):
        model.now += MINUTES
        model.rows[active[place]].used += 5
        counts.append(await poll(account, model))
    assert counts[1:] == [2] * 39
    assert account.state.consumption.total == sum(row.used for row in model.rows)


async def test_package_that_comes_back() -> None:
    """A package that is listed again costs an overview and at most two pages."""
    model = history(300, [number * 10 for number in range(30)])
    account = account_of(model)
    await poll(account, model)
    package = model.rows[0]
    model.forget(package)
    for _ in range(3):
        model.now += HOUR
        await poll(account, model)
    model.forgotten.remove(package)
    model.rows.insert(0, package)
    model.now += MINUTES
    assert await poll(account, model) <= 3


async def test_page_that_moves_on() -> None:
    """A package that new rows push to the next page is found there."""
    model = history(300, [99, 250])
    account = account_of(model)
    await poll(account, model)
    package = model.rows[99]
    counts = []
    for number in range(3):
        model.now += MINUTES
        package.used += 5
        if number:
            model.arrive("order", GIB)
        counts.append(await poll(account, model))
    assert max(counts[1:]) <= 3


async def test_in_use_beside_an_odd_row() -> None:
    """A new row without a readable use costs everything once, and nothing later."""
    model = history(300, [number * 10 for number in range(30)])
    account = account_of(model)
    await poll(account, model)
    row = model.arrive("order", GIB)
    model.odd = {row.id: {"trafficUsed": "?"}}
    counts = []
    for _ in range(10):
        model.now += MINUTES
        model.rows[1].used += 5
        counts.append(await poll(account, model))
    assert counts[1:] == [2] * 9
    assert account.unreadable == {"trafficUsed": 1}


async def test_in_use_with_old_package() -> None:
    """An old package that never expires, far down the list, costs two requests."""
    model = history(10_000, [0, 9_999])
    model.rows[-1].expires = None
    account = account_of(model)
    await poll(account, model)
    counts = []
    for _ in range(20):
        model.now += MINUTES
        model.rows[-1].used += 5
        counts.append(await poll(account, model))
    assert counts[1:] == [2] * 19


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("size", [250, 300])
async def test_arrival(newest_first: bool, size: int) -> None:
    """A new package, listed first or last, costs an overview and at most two pages."""
    model = history(size)
    model.newest_first = newest_first
    if not newest_first:
        model.rows.reverse()
    account = account_of(model)
    await poll(account, model)
    for _ in range(5):
        model.now += MINUTES
        model.arrive("order", GIB)
        assert await poll(account, model) <= 3
    assert len(account.state.changes) == 5


async def test_pages_that_fail_at_the_start() -> None:
    """A first reading that fails is made again after the same pauses."""
    model = history(1000)
    fail(model, 0)
    account = account_of(model)
    found = await hours(account, model, 3, lambda number: nothing(model, number))
    assert found[0] <= 110
    assert max(found[1:]) <= 50
    assert account.records.error is not None
    assert account.records.last_sync is None
