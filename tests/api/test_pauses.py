"""Keeping the pauses that the server asks for."""

from freezegun.api import FrozenDateTimeFactory
import pytest
from yarl import URL

from custom_components.bytesflows.api import Pauses
from custom_components.bytesflows.api.pauses import MAX_PAUSE, MIN_PAUSE

ENDPOINT = (URL("https://example.com"), "secret-token", "path")


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        (-1, MIN_PAUSE),
        (0, MIN_PAUSE),
        (90.5, 90.5),
        (10**9, MAX_PAUSE),
        (float("inf"), MAX_PAUSE),
    ],
)
def test_limits(freezer: FrozenDateTimeFactory, seconds: float, left: float) -> None:
    """A pause lasts between a minute and a day."""
    pauses = Pauses()
    assert pauses.left(*ENDPOINT) == 0.0
    pauses.set(*ENDPOINT, seconds)
    assert pauses.left(*ENDPOINT) == pytest.approx(left)
    freezer.tick(left - 1)
    assert pauses.left(*ENDPOINT) == pytest.approx(1)
    freezer.tick(1)
    assert pauses.left(*ENDPOINT) == 0.0


def test_endpoints(freezer: FrozenDateTimeFactory) -> None:
    """Each URL, token, and path has a pause of its own."""
    pauses = Pauses()
    pauses.set(*ENDPOINT, 100)
    url, token, path = ENDPOINT
    assert pauses.left(url / "other", token, path) == 0.0
    assert pauses.left(url, token + "/", path) == 0.0
    assert pauses.left(url, token, path + "/") == 0.0
    assert pauses.left(*ENDPOINT) == pytest.approx(100)


def test_longer_pause_stays(freezer: FrozenDateTimeFactory) -> None:
    """A shorter pause does not end a longer one."""
    pauses = Pauses()
    pauses.set(*ENDPOINT, 600)
    pauses.set(*ENDPOINT, 60)
    assert pauses.left(*ENDPOINT) == pytest.approx(600)
    pauses.set(*ENDPOINT, 900)
    assert pauses.left(*ENDPOINT) == pytest.approx(900)


def test_memory(freezer: FrozenDateTimeFactory) -> None:
    """Ended pauses are forgotten, and tokens are not kept."""
    pauses = Pauses()
    for number in range(10):
        pauses.set(URL("url"), f"secret-token-{number}", "path", 60)
        freezer.tick(60)
    assert len(pauses._ends) == 1
    assert "secret" not in repr(vars(pauses))
    pauses.set(URL("url"), "\ud800", "path", 60)
    assert pauses.left(URL("url"), "\ud800", "path") == pytest.approx(60)
