"""The account that the demo shows, and what Home Assistant has to say of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, override

from dev.simulated_api import GIB, MIB, Account, Life, Package

DEMO_TOKEN: Final = "demo-token-1d7e"


def make_account() -> Account:
    """Return an account with packages of every kind."""
    now = datetime.now(UTC).replace(microsecond=0)

    def package(
        number: int, source: str, size: int, *, used: int, age: int, left: int | None
    ) -> Package:
        return Package(
            id=str(700_000 + number),
            order_id=f"{'ORD' if source == 'order' else 'TASK'}-{number}",
            source=source,
            traffic=size,
            used=used,
            created=now - timedelta(days=age),
            expires=None if left is None else now + timedelta(days=left),
            status=int(left is None or left > 0),
        )

    return Account(
        token=DEMO_TOKEN,
        balance=12.5,
        packages=[
            # Rewards that expired, which the calendar has.
            *(
                package(
                    10 + age, "sign", 512 * MIB, used=400 * MIB, age=age, left=7 - age
                )
                for age in range(44, 8, -7)
            ),
            package(1, "order", 50 * GIB, used=50 * GIB, age=45, left=-15),
            package(2, "order", 50 * GIB, used=18 * GIB, age=12, left=18),
            package(3, "sign", 512 * MIB, used=40 * MIB, age=5, left=2),
            package(4, "sign", 512 * MIB, used=0, age=1, left=6),
            package(5, "order", 2 * GIB, used=0, age=3, left=None),
        ],
    )


def check_in(account: Account) -> None:
    """Let the account earn a package now."""
    now = datetime.now(UTC).replace(microsecond=0)
    account.packages.append(
        Package(
            id="700009",
            order_id="TASK-9",
            source="sign",
            traffic=512 * MIB,
            created=now,
            expires=now + timedelta(days=7),
        )
    )


def live(account: Account, speed: int) -> Life:
    """Return the life of an account, so many times as fast as it would be."""
    now = datetime.now(UTC)
    for package in account.active:
        if package.expires is not None:
            package.expires = now + (package.expires - now) / speed
    return Life(
        account=account,
        bytes_per_second=speed * MIB // 4,
        check_in_every=timedelta(days=1) / speed,
        check_in_validity=timedelta(days=7) / speed,
        purchase_size=50 * GIB,
        purchase_validity=timedelta(days=30) / speed,
    )


@dataclass(frozen=True, slots=True)
class About:
    """A figure that moves by the hour, at the hours around now."""

    values: tuple[float | datetime, ...]
    """That of now, and those of the hours before and after."""

    @override
    def __str__(self) -> str:
        """Return the figure of now."""
        return str(self.values[0])

    def matches(self, state: str) -> bool:
        """Return whether a state is within two hours, or half a percent, of one."""
        return any(
            abs(datetime.fromisoformat(state) - value) <= timedelta(hours=2)
            if isinstance(value, datetime)
            else abs(float(state) - value) <= value * 0.005
            for value in self.values
        )


type Value = float | datetime | str | About


def forecast(account: Account) -> dict[str, About]:
    """Return the figures that follow from the packages so far."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    # Home Assistant polls a little before or later than now.
    hours = (hour + timedelta(hours=more) for more in (0, -1, 1))
    found = [_forecast_at(account, moment) for moment in hours]
    return {key: About(tuple(item[key] for item in found)) for key in found[0]}


def _forecast_at(account: Account, now: datetime) -> dict[str, float | datetime]:
    """Return the figures at the start of an hour."""
    age = now - min(item.created for item in account.packages if item.created)
    a_day = sum(item.used for item in account.packages) / (age / timedelta(days=1))
    end, unused = now, 0.0
    never = now + timedelta(days=10_000)
    for item in sorted(account.active, key=lambda item: item.expires or never):
        expires = item.expires or never
        usable = a_day * ((expires - end) / timedelta(days=1))
        drawn = min(item.remaining, usable)
        unused += item.remaining - drawn
        end += timedelta(days=drawn / a_day)
    return {
        "average_daily_consumption": a_day / GIB,
        "expected_unused_traffic": unused / GIB,
        "estimated_depletion": end,
    }


def expected_states(account: Account) -> dict[str, tuple[Value, str | None]]:
    """Return value and unit of each entity that is on at first, from the account."""
    overview = account.overview()
    total, available = (
        int(str(overview[key])) for key in ("totalTraffic", "dynamicTraffic")
    )
    usable = [package for package in account.active if package.remaining > 0]
    next_expiry = min(
        package.expires for package in usable if package.expires is not None
    )
    check_ins = [item.created for item in account.packages if item.source == "sign"]
    values: dict[str, tuple[Value, str | None]] = {
        "available_traffic": (available / GIB, "GiB"),
        "used_traffic": ((total - available) / GIB, "GiB"),
        "total_traffic": (total / GIB, "GiB"),
        "available_percentage": (available / total * 100, "%"),
        "balance": (account.balance, account.currency),
        "next_expiry": (next_expiry, None),
        "expiring_traffic": (
            sum(item.remaining for item in usable if item.expires == next_expiry) / GIB,
            "GiB",
        ),
        "active_packages": (len(usable), None),
        "last_check_in": (max(filter(None, check_ins)), None),
        "lifetime_consumption": (
            sum(item.used for item in account.packages) / GIB,
            "GiB",
        ),
        # One package never expires.
        "daily_allowance": ("unknown", "GiB"),
    }
    expected = forecast(account)
    values |= {
        "average_daily_consumption": (expected["average_daily_consumption"], "GiB"),
        "expected_to_expire_unused": (expected["expected_unused_traffic"], "GiB"),
        "estimated_depletion": (expected["estimated_depletion"], None),
    }
    return {
        "binary_sensor.bytesflows_expiring_soon": ("on", None),
        "binary_sensor.bytesflows_traffic_low": ("off", None),
        "calendar.bytesflows_package_expiries": ("off", None),
        "event.bytesflows_package": ("unknown", None),
        **{f"sensor.bytesflows_{key}": value for key, value in values.items()},
    }


def matches(value: Value, state: str) -> bool:
    """Return whether a state says what was expected."""
    if isinstance(value, str):
        return state == value
    if isinstance(value, About):
        return value.matches(state)
    if isinstance(value, datetime):
        return datetime.fromisoformat(state) == value
    return abs(float(state) - value) < 1e-9 * max(1.0, abs(value))
