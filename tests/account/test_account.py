"""An account over many polls: outages, restarts, clocks, and odd servers."""

from copy import replace
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from custom_components.bytesflows.account import (
    Account,
    AccountData,
    AccountState,
    ChangeKind,
    Clock,
    Due,
    LowMark,
    PackageMark,
    Places,
)
from custom_components.bytesflows.account.records import Records
from custom_components.bytesflows.api import (
    BytesFlowsAuthenticationError,
    BytesFlowsConnectionError,
)
from dev.simulated_api import GIB, Package
from tests.helpers.clock import NOW
from tests.helpers.model import OPTIONS, Model, OddClient, pairs, restarted

from .records import DAY, HOUR, MINUTE, MINUTES

NONE = timedelta(0)
YEAR = 365 * DAY


class Life:
    """An account with a server, a machine, and some lead times."""

    def __init__(self, *sizes: int, machine_error: timedelta = NONE) -> None:
        """Begin with some packages."""
        self.model = Model()
        self.machine_error = machine_error
        self.places = Places((NONE, 15 * MINUTE), (NONE,), (DAY, 2 * DAY))
        for size in sizes:
            self.model.arrive("order", size)
        self.account: Account
        self.client: OddClient
        self.changes: list[tuple[str, ChangeKind]] = []
        self.marks: list[tuple[str, timedelta]] = []
        self.restart(AccountState())

    @property
    def package(self) -> Package:
        """The first package."""
        return self.model.rows[-1]

    def restart(self, state: AccountState | None = None) -> None:
        """Start again, after a stop if no state is given."""
        has_date = not hasattr(self, "client") or self.client.has_date
        clock = Clock(lambda: self.model.now + self.machine_error, self.model.ticks)
        self.client = OddClient(self.model, has_date=has_date)
        self.account = Account(
            self.client, clock, OPTIONS, state or restarted(self.account)
        )

    async def poll(self, wait: timedelta = MINUTES) -> AccountData:
        """Poll after some time, and note the changes and marks that are due."""
        self.model.now += wait
        data = await self.account.poll()
        self.account.state.shown_overview = data.overview
        self.account.state.shown_is_low = data.is_low
        self.account.state.shown_is_expiring_soon = data.is_expiring_soon
        self.note()
        return data

    def note(self) -> Due:
        """Note the changes and marks that are due."""
        due = self.account.scales.take_due(self.places, with_changes=True)
        self.changes += pairs(due.changes)
        for mark in due.marks:
            if isinstance(mark, PackageMark):
                self.marks.append((mark.record.id, mark.lead_time))
            else:
                name = "low" if mark.is_low else "not low"
                self.marks.append((name, mark.duration))
        return due

    async def use(self, amount: int, time: timedelta) -> AccountData:
        """Use the first package by the hour for some time, and return the last data."""
        data = None
        for _ in range(time // HOUR):
            self.package.used += amount
            data = await self.poll(HOUR)
        assert data is not None
        return data

    async def polls(self, time: timedelta, every: timedelta = MINUTES) -> AccountData:
        """Poll for some time, and return the last data."""
        data = await self.poll(every)
        for _ in range(time // every - 1):
            data = await self.poll(every)
        return data


async def test_first_poll() -> None:
    """The first poll reads everything, and reports nothing."""
    life = Life(GIB, GIB)
    life.package.used = 5
    assert life.account.remembered() is None
    data = await life.poll()
    assert data.summary is not None
    assert data.summary.usable_count == 2
    assert data.summary.lifetime_consumption == 5
    assert (data.is_low, data.is_expiring_soon) == (False, False)
    assert (life.changes, life.marks) == ([], [])


async def test_summary_is_made_once() -> None:
    """An idle poll keeps the summary until an hour begins or a package expires."""
    life = Life(GIB, GIB)
    life.package.expires = NOW + 30 * MINUTE
    first = await life.poll()
    assert (await life.poll()).summary is first.summary
    with patch.object(Records, "are_due", return_value=False):
        expired = await life.poll(30 * MINUTE)
        assert expired.summary is not None
        assert expired.summary.usable_count == 1
        assert (await life.poll()).summary is expired.summary
        assert (await life.poll(HOUR)).summary is not expired.summary
    life.package.used += 1
    used = await life.poll()
    assert used.summary is not None
    assert used.summary.lifetime_consumption == 1


async def test_changes_wait_for_the_dispatch() -> None:
    """Changes are due once, in the order in which they were found."""
    life = Life(GIB)
    await life.poll()
    life.model.now += MINUTES
    life.model.arrive("sign", GIB)
    await life.account.poll()
    kept = life.account.scales.take_due(life.places, with_changes=False)
    assert kept.changes == ()
    life.note()
    life.note()
    assert life.changes == [("2", ChangeKind.CHECKED_IN)]


async def test_requested_reading() -> None:
    """A reading that somebody asked for reads all packages that can change."""
    life = Life(GIB)
    await life.poll()
    life.package.expires = NOW + DAY + HOUR
    assert (await life.poll()).is_expiring_soon is False
    life.account.records.request()
    assert (await life.poll()).is_expiring_soon is True
    before = life.model.requests
    await life.poll()
    assert life.model.requests == before + 1


async def test_reading_at_the_next_expiry() -> None:
    """The records are read when the next expiry has passed."""
    life = Life(GIB, GIB)
    life.package.expires = NOW + 7 * MINUTE
    await life.poll()
    life.package.status = 0
    life.package.used = 1
    data = await life.poll()
    assert data.summary is not None
    assert data.summary.usable_count == 1
    assert life.changes == [("1", ChangeKind.EXPIRED)]


async def test_clock_set_back_reads_the_records() -> None:
    """A clock that is set back keeps no reading from being made."""
    life = Life(GIB, machine_error=5 * HOUR)
    life.client.has_date = False
    await life.poll()
    life.machine_error = NONE
    before = life.model.requests
    for _ in range(3):
        await life.poll()
    assert life.model.requests == before + 4


async def test_outage_of_the_records() -> None:
    """Values of the packages stay for an hour after the first reading that failed."""
    life = Life(GIB, GIB)
    await life.poll()
    life.client.records_error = BytesFlowsConnectionError("reset")
    life.package.used = GIB // 2
    for _ in range(12):
        data = await life.poll()
        assert life.account.records.error is not None
        assert data.summary is not None
        assert data.overview.used_traffic == GIB // 2
    data = await life.poll()
    assert data.summary is None
    assert data.is_expiring_soon is None
    life.client.records_error = None
    data = await life.poll()
    assert data.summary is not None
    assert data.summary.lifetime_consumption == GIB // 2
    assert life.account.records.error is None


async def test_rejection_at_the_records() -> None:
    """A token that the records reject is rejected."""
    life = Life(GIB)
    life.client.records_error = BytesFlowsAuthenticationError("no")
    with pytest.raises(BytesFlowsAuthenticationError):
        await life.poll()


async def test_outage() -> None:
    """An outage changes nothing, and changes during it are reported after it."""
    life = Life(GIB, GIB)
    await life.poll()
    life.client.overview_error = BytesFlowsConnectionError("reset")
    life.package.used = GIB
    for _ in range(9):
        with pytest.raises(BytesFlowsConnectionError):
            await life.poll()
    life.client.overview_error = None
    await life.poll()
    assert life.changes == [("1", ChangeKind.DEPLETED)]


async def test_marks_of_packages_in_an_outage() -> None:
    """Marks of packages pass by time, also in an outage, from the last known rows."""
    life = Life(GIB)
    await life.poll()
    life.client.overview_error = BytesFlowsConnectionError("reset")
    due = life.account.scales.next_package_mark(life.places)
    assert due == NOW + 18 * DAY
    life.model.now = due
    life.note()
    assert life.marks == [("1", 2 * DAY)]
    life.model.now = NOW + 21 * DAY
    life.note()
    assert life.marks == [("1", 2 * DAY)]


async def test_first_reading_passes_the_marks() -> None:
    """At the first reading everything is passed as it is."""
    life = Life(GIB)
    life.package.expires = NOW + 36 * HOUR
    await life.poll()
    assert life.marks == []
    await life.polls(13 * HOUR, HOUR)
    assert life.marks == [("1", DAY)]


async def test_arrival_within_a_lead_time() -> None:
    """A package that arrives within a lead time fires it."""
    life = Life(GIB)
    await life.poll()
    life.model.arrive("sign", GIB).expires = NOW + 30 * HOUR
    await life.poll()
    assert life.marks == [("2", 2 * DAY)]


async def test_low_traffic() -> None:
    """Low traffic has its marks in good polls only, over outages and restarts."""
    life = Life(100)
    await life.poll()
    assert life.account.scales.next_low_mark(life.places) is None
    life.package.used = 95
    await life.poll()
    assert life.marks == [("low", NONE)]
    assert (
        life.account.scales.next_low_mark(life.places) == life.model.now + 15 * MINUTE
    )
    life.client.overview_error = BytesFlowsConnectionError("reset")
    for _ in range(4):
        with pytest.raises(BytesFlowsConnectionError):
            await life.poll()
        life.note()
    life.restart()
    life.note()
    assert life.marks == [("low", NONE)]
    await life.poll()
    assert life.marks == [("low", NONE), ("low", 15 * MINUTE)]
    assert life.account.scales.next_low_mark(life.places) is None
    await life.polls(HOUR)
    life.package.used = 0
    await life.poll()
    assert life.marks[2:] == [("not low", NONE)]


async def test_low_at_the_first_reading() -> None:
    """Traffic that is low at the first reading fires nothing."""
    life = Life(100)
    life.package.used = 95
    assert life.account.scales.next_low_mark(life.places) is None
    assert (await life.polls(HOUR)).is_low is True
    assert life.marks == []


async def test_low_by_an_option() -> None:
    """An option that changes the verdict is a change."""
    life = Life(100)
    life.package.used = 85
    await life.poll()
    life.restart()
    life.account.options = type(OPTIONS)(
        low_traffic_threshold=20, expiring_soon=OPTIONS.expiring_soon
    )
    await life.poll()
    assert life.marks == [("low", NONE)]


async def test_unreadable_overview() -> None:
    """While `available` or `total` cannot be read, the alarm keeps its state."""
    life = Life(100)
    life.package.used = 95
    await life.poll()
    life.client.odd_overview = {"dynamicTraffic": "?"}
    for _ in range(3):
        data = await life.poll()
        assert data.is_low is True
        assert data.overview.available_traffic is None
        assert life.account.unreadable == {"dynamicTraffic": 1}
    assert life.account.state.unreadable_values.last == life.model.now
    life.client.odd_overview = {"totalTraffic": None, "dynamicTraffic": 500}
    assert (await life.poll()).is_low is True
    life.client.odd_overview = {}
    assert life.account.unreadable == {"totalTraffic": 1}
    await life.poll()
    assert life.account.unreadable == {}
    assert life.marks == []


async def test_overdrawn() -> None:
    """Overdrawn traffic is low."""
    life = Life(100)
    await life.poll()
    life.client.odd_overview = {"dynamicTraffic": -5_000_000}
    data = await life.poll()
    assert data.is_low is True
    assert data.overview.available_percentage == 0
    assert life.marks == [("low", NONE)]


async def test_no_total() -> None:
    """A total of 0 is low once there ever was a package, even after a restart."""
    life = Life()
    assert (await life.poll()).is_low is False
    life.model.now += MINUTES
    package = life.model.arrive("order", 100)
    assert (await life.poll()).is_low is False
    life.model.forget(package)
    assert (await life.poll()).is_low is True
    await life.polls(2 * DAY, HOUR)
    life.model.now += 20 * DAY
    life.restart()
    assert (await life.poll()).is_low is True


async def test_currency_that_is_missing() -> None:
    """A currency that is missing stays the last one."""
    life = Life(GIB)
    life.client.odd_overview = {"currency": None}
    assert (await life.poll()).overview.currency is None
    life.client.odd_overview = {}
    assert (await life.poll()).overview.currency == "USD"
    life.client.odd_overview = {"currency": "x" * 5000}
    data = await life.poll()
    assert data.overview.currency == "USD"
    assert data.overview.unreadable == {"currency"}


async def test_unreadable_values_fade() -> None:
    """Trouble with values that cannot be read ends a day after the last one."""
    life = Life(GIB)
    life.model.odd = {"1": {"expireTime": "soon"}}
    await life.polls(25 * HOUR, HOUR)
    trouble = life.account.state.unreadable_values
    assert trouble.is_lasting(life.model.now)
    life.model.odd = {}
    last = life.model.now
    await life.polls(23 * HOUR, HOUR)
    assert trouble.last is not None
    await life.polls(3 * HOUR, HOUR)
    assert trouble.since is None
    assert last < life.model.now


async def test_remembered() -> None:
    """After a restart the account remembers the values it showed, as old ones."""
    life = Life(GIB)
    shown = await life.poll()
    life.restart()
    assert life.account.remembered() == replace(shown, is_current=False)


ODD_CLOCKS = [-YEAR, -355 * MINUTE, -10 * MINUTE, 19 * DAY, YEAR]


@pytest.mark.parametrize("error", [*ODD_CLOCKS, 10 * YEAR, -10 * YEAR])
async def test_machine_that_is_wrong_at_the_start(error: timedelta) -> None:
    """A machine whose clock is wrong at the start fires nothing, and knows averages."""
    life = Life(100 * GIB, machine_error=error)
    life.package.expires = NOW + 36 * HOUR
    await life.poll()
    assert life.account.state.ledger.newcomers.newest
    data = await life.use(GIB, 25 * HOUR)
    assert life.marks == [("1", DAY)]
    assert data.summary is not None
    average = data.summary.average_daily_consumption
    assert average == pytest.approx(24 * GIB, rel=0.05)


@pytest.mark.parametrize("error", ODD_CLOCKS)
@pytest.mark.parametrize("has_date", [True, False])
async def test_machine_that_jumps_for_one_poll(
    error: timedelta, has_date: bool
) -> None:
    """A clock that jumps for one poll fires nothing, and spoils no average."""
    life = Life(1000 * GIB, GIB)
    life.client.has_date = has_date
    life.package.expires = NOW + 15 * DAY
    data = await life.poll()
    for hours in (100, 50, 90):
        data = await life.use(GIB, hours * HOUR)
        life.machine_error = error
        await life.poll(HOUR)
        life.machine_error = NONE
    assert life.marks == []
    assert life.changes == []
    assert data.summary is not None
    assert data.summary.average_daily_consumption == pytest.approx(24 * GIB, rel=0.03)
    await life.polls(4 * DAY, HOUR)
    assert sorted(life.marks) == [("1", DAY), ("1", 2 * DAY)]


@pytest.mark.parametrize("error", [-YEAR, -8 * HOUR, 8 * HOUR, YEAR])
async def test_machine_that_is_wrong_when_it_starts_again(error: timedelta) -> None:
    """A machine that starts again in another time fires nothing twice, or early."""
    life = Life(100)
    life.package.expires = NOW + 3 * DAY
    await life.poll()
    await life.poll(25 * HOUR)
    assert life.marks == [("1", 2 * DAY)]
    life.machine_error = error
    life.restart()
    life.client.records_error = BytesFlowsConnectionError("reset")
    life.package.used = 95
    await life.poll()
    assert life.account.scales.next_package_mark(life.places) is None
    await life.poll()
    assert life.marks[1:] == [("low", NONE)]
    await life.poll()
    assert life.marks[2:] == []
    await life.polls(2 * DAY, HOUR)
    assert life.marks[2:] == [("low", 15 * MINUTE), ("1", DAY)]


async def test_server_whose_clock_is_wrong_for_an_answer() -> None:
    """A server's time that is wrong for one answer fires nothing."""
    life = Life(GIB)
    await life.poll()
    life.client.date_error = 19 * DAY
    await life.poll()
    life.client.date_error = NONE
    await life.poll()
    assert life.marks == []
    assert life.account.clock.now() == life.model.now


@pytest.mark.parametrize("age", [3 * MINUTE, 3 * HOUR, 10 * DAY, YEAR])
async def test_server_whose_time_stands_still(age: timedelta) -> None:
    """The `Date` of a cache fires nothing late, early, or twice, over two starts."""
    life = Life(1000 * GIB, GIB)
    life.package.expires = NOW + 5 * DAY
    began = life.model.now

    async def polls(time: timedelta) -> AccountData:
        data = None
        for _ in range(time // HOUR):
            life.client.date_error = began - age - (life.model.now + HOUR)
            life.package.used += GIB
            data = await life.poll(HOUR)
        assert data is not None
        return data

    await polls(3 * DAY - HOUR)
    assert life.marks == []
    await polls(2 * HOUR)
    assert life.marks == [("1", 2 * DAY)]
    life.restart()
    data = await polls(DAY)
    assert life.marks == [("1", 2 * DAY), ("1", DAY)]
    assert life.account.clock.now() == life.model.now
    assert data.summary is not None
    average = data.summary.average_daily_consumption
    assert average == pytest.approx(24 * GIB, rel=0.05)
    assert life.account.state.consumption.total == life.package.used


@pytest.mark.parametrize("error", [HOUR, 19 * DAY, YEAR])
async def test_first_reading_with_a_clock_in_doubt(error: timedelta) -> None:
    """Everything is passed as it is by a clock without doubt, over a restart, too."""
    life = Life(100 * GIB, machine_error=error)
    life.package.expires = NOW + 44 * HOUR
    await life.poll(NONE)
    stored = restarted(life.account)
    assert (stored.is_unsettled, life.marks) == (True, [])
    life.restart(stored)
    await life.poll(MINUTE)
    await life.poll()
    assert (stored.is_unsettled, life.marks) == (False, [])
    await life.polls(22 * HOUR, HOUR)
    assert life.marks == [("1", DAY)]


async def test_same_account_with_a_clock_in_doubt() -> None:
    """After a question about the account, a clock in doubt changes no consumption."""
    life = Life(GIB)
    life.package.used = 5
    await life.poll()
    life.package.used = 9
    life.machine_error = 9 * DAY
    life.restart()
    life.account.state.require_baseline()
    await life.poll(NONE)
    await life.poll()
    assert life.account.state.consumption.total == 5
    life.package.used = 10
    await life.poll()
    assert life.account.state.consumption.total == 6


async def test_use_with_a_clock_in_doubt() -> None:
    """What a clock in doubt finds is counted, and its time is not believed."""
    life = Life(GIB)
    await life.poll()
    last_sync = life.account.state.last_sync
    life.package.used = 9
    life.machine_error = 9 * DAY
    life.restart()
    await life.poll(NONE)
    assert life.account.state.consumption.total == 9
    assert life.account.state.last_sync == last_sync
    life.account.records.request()
    await life.poll()
    assert life.account.state.consumption.total == 9
    assert life.account.state.last_sync == life.model.now


async def test_marks_before_the_first_good_poll() -> None:
    """Marks of low traffic wait for a poll whose records are not rejected."""
    life = Life(100)
    await life.poll()
    life.package.used = 95
    life.restart()
    life.client.records_error = BytesFlowsAuthenticationError("no")
    with pytest.raises(BytesFlowsAuthenticationError):
        await life.poll()
    life.note()
    assert life.marks == []
    life.client.records_error = None
    await life.poll()
    assert life.marks == [("low", NONE)]


async def test_alarm_with_a_clock_in_doubt() -> None:
    """A clock in doubt does not change the alarm of the next expiry."""
    life = Life(100 * GIB)
    life.package.expires = NOW + 10 * DAY
    assert (await life.poll()).is_expiring_soon is False
    life.machine_error = 9 * DAY
    life.restart()
    life.client.records_error = BytesFlowsConnectionError("reset")
    await life.poll()
    life.client.records_error = None
    assert (await life.poll()).is_expiring_soon is False
    life.machine_error = 8 * DAY
    life.restart()
    assert (await life.poll(NONE)).is_expiring_soon is False


async def test_set_up_ten_years_ahead_without_a_date() -> None:
    """The average is known a day after a clock that was 10 years ahead is right."""
    life = Life(1000 * GIB, machine_error=10 * YEAR)
    life.client.has_date = False
    await life.polls(HOUR)
    life.machine_error = NONE
    data = await life.use(GIB, 27 * HOUR)
    assert data.summary is not None
    average = data.summary.average_daily_consumption
    assert average == pytest.approx(24 * GIB, rel=0.1)


async def test_first_day_and_then_nothing() -> None:
    """12 GiB in the first 24 hours and then nothing are 6.1 a day after 47 hours."""
    life = Life(100 * GIB)
    await life.poll(NONE)
    await life.use(GIB // 2, DAY)
    data = await life.polls(23 * HOUR, HOUR)
    assert data.summary is not None
    average = data.summary.average_daily_consumption
    assert average == pytest.approx(12 * GIB * 24 / 47)


async def test_absurd_use_once() -> None:
    """A use of 10^15 bytes of a 10 GiB package, once, costs nothing for good."""
    life = Life(10 * GIB)
    life.package.used = GIB
    await life.poll()
    life.model.odd = {"1": {"trafficUsed": 10**15}}
    data = await life.poll(HOUR)
    assert life.account.unreadable == {"trafficUsed": 1}
    life.model.odd = {}
    data = await life.poll(HOUR)
    assert data.summary is not None
    assert data.summary.lifetime_consumption == GIB
    assert life.changes == []


async def test_creation_in_the_future_once() -> None:
    """A time of creation 300 days ahead, once, does not stick."""
    life = Life()
    await life.poll()
    life.model.arrive("sign", GIB)
    life.model.odd = {"1": {"createTime": "2026-12-26 00:00:00"}}
    data = await life.poll()
    assert data.summary is not None
    assert data.summary.last_check_in is None
    life.model.odd = {}
    data = await life.poll(HOUR)
    assert data.summary is not None
    assert data.summary.last_check_in == life.package.created
    life.model.now += DAY
    package = life.model.arrive("sign", GIB)
    data = await life.poll()
    assert data.summary is not None
    assert data.summary.last_check_in == package.created
    assert life.changes == [
        ("1", ChangeKind.CHECKED_IN),
        ("2", ChangeKind.CHECKED_IN),
    ]


async def test_renewed_in_place_for_60_days() -> None:
    """60 days of 3 GiB a day in a package that is renewed in place count in full."""
    life = Life(3 * GIB)
    life.package.expires = NOW + DAY
    await life.poll(NONE)
    for day in range(60):
        for used in (GIB, 2 * GIB, 3 * GIB):
            life.package.used = used
            await life.poll(6 * HOUR)
        life.package.used = 0
        life.package.expires = NOW + (day + 2) * DAY
        await life.poll(6 * HOUR)
    data = await life.poll(MINUTE)
    assert data.summary is not None
    assert data.summary.lifetime_consumption == 180 * GIB
    assert data.summary.average_daily_consumption == pytest.approx(3 * GIB, rel=0.15)
    kinds = [kind for _, kind in life.changes]
    assert kinds == [ChangeKind.DEPLETED, ChangeKind.RENEWED] * 60


async def test_extended_while_down() -> None:
    """A package that ended 9 days ago, extended during a stop, counts once."""
    life = Life(10 * GIB, GIB)
    life.package.used = 4 * GIB
    await life.poll()
    life.package.status = 0
    await life.polls(2 * DAY, HOUR)
    await life.polls(9 * DAY, HOUR)
    life.package.status = 1
    life.package.expires = NOW + 40 * DAY
    life.model.now += DAY
    life.restart()
    data = await life.polls(DAY, HOUR)
    assert data.summary is not None
    assert data.summary.lifetime_consumption == 4 * GIB


async def test_lost_file() -> None:
    """After a lost file the count starts over, and nothing is reported."""
    life = Life(GIB, GIB)
    life.package.used = 5
    life.package.expires = NOW + 30 * HOUR
    await life.poll()
    life.model.arrive("sign", GIB)
    life.restart(AccountState())
    data = await life.poll()
    assert data.summary is not None
    assert data.summary.lifetime_consumption == 5
    assert (life.changes, life.marks) == ([], [])


async def test_same_account_with_other_packages() -> None:
    """After a question about the account, a first reading: consumption stays."""
    life = Life(GIB, GIB)
    life.package.used = 5
    await life.poll()
    life.model.rows = []
    life.model.arrive("order", GIB).used = 7
    life.package.expires = NOW + 30 * HOUR
    life.restart()
    life.account.state.require_baseline()
    data = await life.polls(2 * HOUR)
    assert data.summary is not None
    assert data.summary.lifetime_consumption == 5
    assert data.summary.usable_count == 1
    assert (life.changes, life.marks) == ([], [])


async def test_same_account_waits_for_a_complete_reading() -> None:
    """A first reading is a complete one, even shortly after one that failed."""
    life = Life(GIB)
    await life.poll()
    life.account.state.ledger.needs_baseline = True
    pages = life.model.page_cap = 1
    life.model.arrive("order", GIB)
    life.client.records_error = None

    def fail() -> None:
        nonlocal pages
        pages += 1
        if pages == 3:
            raise BytesFlowsConnectionError("reset")

    life.model.before = fail
    await life.poll()
    assert life.account.records.error is not None
    before = life.model.requests
    await life.poll(MINUTE)
    assert life.model.requests == before + 1
    await life.poll()
    assert not life.account.state.ledger.needs_baseline
    assert life.changes == []


async def test_ends_on_several_pages() -> None:
    """All that needs a second reading is read again, on whatever pages it is."""
    life = Life(*[100] * 6)
    life.model.page_cap = 1
    await life.poll()
    for row in life.model.rows[::2]:
        row.status = 0
    await life.poll()
    assert life.changes == []
    await life.poll()
    assert len(life.changes) == 3


@pytest.mark.parametrize("number", [0, 2, 4])
async def test_overdue_packages_on_several_pages(number: int) -> None:
    """All overdue packages are read again, even if the overview does not change."""
    life = Life(*[100] * 6)
    life.model.page_cap = 1
    for row in life.model.rows[::2]:
        row.expires = NOW + HOUR
    await life.poll()
    life.model.beside -= 300
    await life.polls(2 * HOUR)
    life.model.beside += 100
    life.model.rows[number].status = 0
    await life.polls(HOUR)
    assert len(life.changes) == 1


async def test_growth_after_a_reading_that_did_not_add_up() -> None:
    """After a reading that did not add up, the overview alone proves nothing."""
    life = Life(*[100] * 8)
    life.model.page_cap = 1
    await life.poll()
    oldest = life.package
    # Readings in vain, so that the next one is partial.
    for _ in range(2):
        life.model.beside += 1
        await life.poll()
    life.model.rows[4].used += 3
    oldest.used = 100
    await life.poll(MINUTE)
    await life.polls(2 * HOUR)
    assert life.changes == [("1", ChangeKind.DEPLETED)]
    assert life.account.state.consumption.total == 103


async def test_marks_have_their_kind() -> None:
    """A mark names its package, or since when traffic has been low."""
    life = Life(100)
    life.package.expires = NOW + 2 * DAY + 7 * MINUTE
    await life.poll()
    life.package.used = 95
    life.model.now += MINUTES
    await life.account.poll()
    due = life.note()
    low, package = due.marks
    assert isinstance(low, LowMark)
    assert isinstance(package, PackageMark)
    assert low.since == life.model.now
    assert package.record.id == "1"
    assert isinstance(life.account.last_poll, datetime)
