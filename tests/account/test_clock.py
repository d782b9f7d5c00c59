"""The time of an account: the system's, unless the server shows that it is wrong."""

from datetime import datetime, timedelta

import pytest

from custom_components.bytesflows.account import Clock
from tests.helpers.clock import NOW

from .records import DAY, HOUR, MINUTE, MINUTES


class Machine:
    """A machine whose clock can be wrong, and the server's time."""

    def __init__(self, error: timedelta = timedelta(0)) -> None:
        """Begin with a clock that is off by some time."""
        self.true = NOW
        self.error = error
        self.slept = timedelta(0)
        self.server_error: timedelta | None = timedelta(0)
        self.clock = Clock(lambda: self.true + self.error, self.ticks)

    def ticks(self) -> float:
        """Return the monotonic time, which stands still in sleep."""
        return (self.true - self.slept - NOW).total_seconds()

    def sleep(self, time: timedelta) -> None:
        """Sleep for some time."""
        self.true += time
        self.slept += time

    def poll(self, wait: timedelta = MINUTES) -> timedelta:
        """Poll after some time; return by how much the account's time is off."""
        self.true += wait
        error = self.server_error
        time = self.clock.observe(None if error is None else self.true + error)
        assert time == self.clock.now()
        return time - self.true


NONE = timedelta(0)


def test_system() -> None:
    """Usually the time is the system's, and goes on between polls."""
    machine = Machine()
    assert machine.poll() == NONE
    machine.true += MINUTE
    assert machine.clock.now() == machine.true
    assert machine.clock.has_server_time
    machine.server_error = None
    assert machine.poll() == NONE
    assert not machine.clock.has_server_time


@pytest.mark.parametrize(
    "error", [-MINUTES, HOUR, -355 * MINUTE, 3650 * DAY, -3650 * DAY]
)
def test_machine_that_is_wrong_from_the_start(error: timedelta) -> None:
    """The server's time counts where two answers in a row show that ours is wrong."""
    machine = Machine(error)
    assert machine.clock.now() == NOW + error
    assert [machine.poll() for _ in range(3)] == [error, NONE, NONE]


@pytest.mark.parametrize("error", [-2 * MINUTE, MINUTE, 2 * MINUTE])
def test_small_difference(error: timedelta) -> None:
    """Up to 2 minutes the system's time counts."""
    machine = Machine(error)
    assert [machine.poll() for _ in range(3)] == [error] * 3


@pytest.mark.parametrize("error", [HOUR, -HOUR, 19 * DAY, 365 * DAY, -365 * DAY])
@pytest.mark.parametrize("has_date", [True, False])
def test_machine_that_jumps_for_one_poll(error: timedelta, has_date: bool) -> None:
    """A clock that jumps for one poll changes nothing."""
    machine = Machine()
    machine.server_error = NONE if has_date else None
    machine.poll()
    machine.error = error
    assert machine.poll() == NONE
    machine.error = NONE
    assert [machine.poll() for _ in range(3)] == [NONE] * 3


def test_machine_that_jumps_with_a_date() -> None:
    """With the server's time a machine that jumps for good changes nothing."""
    machine = Machine()
    machine.poll()
    machine.error = -5 * HOUR
    assert [machine.poll() for _ in range(3)] == [NONE] * 3


def test_machine_that_is_corrected_without_a_date() -> None:
    """Without the server's time a jump is believed at the next poll."""
    machine = Machine(-HOUR)
    machine.server_error = None
    assert machine.poll() == -HOUR
    machine.error = NONE
    assert [machine.poll() for _ in range(3)] == [-HOUR, NONE, NONE]


def test_two_jumps_without_a_date() -> None:
    """Two jumps that do not agree with each other are not believed."""
    machine = Machine()
    machine.server_error = None
    machine.poll()
    for error in (HOUR, DAY, 2 * DAY):
        machine.error = error
        assert machine.poll() == NONE
    assert machine.poll() == 2 * DAY


@pytest.mark.parametrize("has_date", [True, False])
def test_sleep(has_date: bool) -> None:
    """A machine that has slept knows the time again, at the next poll at the latest."""
    machine = Machine()
    machine.server_error = NONE if has_date else None
    machine.poll()
    machine.sleep(8 * HOUR)
    assert machine.clock.now() == machine.true - 8 * HOUR
    assert machine.poll() == (NONE if has_date else -8 * HOUR)
    assert machine.poll() == NONE


@pytest.mark.parametrize("error", [-DAY, 365 * DAY])
def test_server_that_is_wrong_once(error: timedelta) -> None:
    """A server's time that is wrong once is not believed."""
    machine = Machine()
    machine.poll()
    machine.server_error = error
    assert machine.poll() == NONE
    machine.server_error = NONE
    assert [machine.poll() for _ in range(3)] == [NONE] * 3


def test_server_whose_time_stands_still() -> None:
    """A server's time that does not go on does not agree with the monotonic clock."""
    machine = Machine()
    machine.poll()
    for number in range(1, 9):
        machine.server_error = -number * MINUTES
        assert machine.poll() == NONE


@pytest.mark.parametrize("age", [3 * MINUTE, 3 * HOUR, 10 * DAY, 3650 * DAY])
@pytest.mark.parametrize("answers", [1, 2, 3])
@pytest.mark.parametrize("every", [MINUTE, 5 * MINUTE, 2 * HOUR])
def test_server_whose_time_stands_still_from_the_start(
    age: timedelta, answers: int, every: timedelta
) -> None:
    """The `Date` of a cache is not believed, however many answers carry it."""
    machine = Machine()
    machine.server_error = -age
    off = NONE
    for number in range(40):
        for _ in range(answers):
            off = machine.poll(NONE)
            assert off == NONE or machine.clock.is_in_doubt
        if number * every > 3 * MINUTE:
            assert off == NONE
            assert not machine.clock.is_in_doubt
            assert not machine.clock.has_server_time
        machine.true += every
        machine.server_error -= every
    # A jump of the system is believed as if there were no `Date`.
    machine.sleep(8 * HOUR)
    machine.server_error -= 8 * HOUR
    assert machine.poll(NONE) == -8 * HOUR
    machine.server_error -= MINUTES
    assert machine.poll() == NONE
    # And a `Date` that goes on again is a second source.
    machine.server_error = NONE
    assert machine.poll() == NONE
    assert machine.clock.has_server_time


@pytest.mark.parametrize("error", [3 * MINUTE, HOUR, 19 * DAY, 365 * DAY])
def test_machine_that_is_ahead_at_the_start(error: timedelta) -> None:
    """Two answers at once are followed, and confirmed by one that comes later."""
    machine = Machine(error)
    assert (machine.poll(NONE), machine.clock.is_in_doubt) == (error, True)
    assert (machine.poll(NONE), machine.clock.is_in_doubt) == (NONE, True)
    assert (machine.poll(MINUTE), machine.clock.is_in_doubt) == (NONE, True)
    assert (machine.poll(2 * MINUTE), machine.clock.is_in_doubt) == (NONE, False)


@pytest.mark.parametrize("error", [3 * MINUTE, HOUR, 19 * DAY, 365 * DAY])
def test_machine_that_is_behind_at_the_start(error: timedelta) -> None:
    """Two answers at once are believed: what a cache says is never ahead."""
    machine = Machine(-error)
    assert (machine.poll(NONE), machine.clock.is_in_doubt) == (-error, True)
    assert (machine.poll(NONE), machine.clock.is_in_doubt) == (NONE, False)
    assert machine.clock.has_server_time


def test_answers_at_once_later_on() -> None:
    """Later on two answers at once prove nothing, whatever they say."""
    for error in (HOUR, -HOUR):
        machine = Machine()
        machine.poll()
        machine.poll()
        machine.server_error = error
        assert [machine.poll(NONE) for _ in range(4)] == [NONE] * 4
        assert machine.clock.is_in_doubt
        assert machine.poll() == error


def test_server_without_a_time_for_some_answers() -> None:
    """Answers without a `Date` neither confirm nor drop a time."""
    machine = Machine(HOUR)
    assert machine.poll(NONE) == HOUR
    machine.server_error = None
    assert machine.poll() == HOUR
    machine.server_error = NONE
    assert machine.poll() == NONE


def doubts(machine: Machine, *minutes: int) -> list[bool]:
    """Return whether the clock is in doubt, by errors of the server."""
    found = []
    for error in minutes:
        machine.server_error = error * MINUTE
        machine.poll()
        found.append(machine.clock.is_in_doubt)
    return found


def test_doubt() -> None:
    """A new time puts the clock in doubt until the next answer, whatever it says."""
    assert doubts(Machine(), 0, -60, -65, -70) == [False, True, False, False]
    assert doubts(Machine(), 0, 30, 0) == [False, True, False]
    # One that is believed leaves nothing behind.
    assert doubts(Machine(), 0, 30, 30, 60) == [False, True, False, True]


@pytest.mark.parametrize("error", [5, -30, 600])
def test_server_with_a_machine_that_is_wrong(error: int) -> None:
    """Answers that are wrong again and again put the clock in doubt only once."""
    machine = Machine()
    assert doubts(machine, 0, error, 0, error, 0) == [False, True, *[False] * 3]
    # Where the system does not agree, either, the doubt is another one.
    machine.error = -5 * HOUR
    assert doubts(machine, error) == [True]


def test_time_is_aware() -> None:
    """The time is aware and in UTC."""
    assert isinstance(Machine().clock.now(), datetime)
    assert Machine().clock.now().utcoffset() == NONE
