"""Accounts of the simulated API: their figures, and how they change with time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

GIB = 2**30
MIB = 2**20

EXAMPLE_TOKEN = "example-token-5f2b"
EXAMPLE_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(slots=True, kw_only=True)
class Package:
    """A package of traffic, which the API calls a record."""

    id: str
    traffic: int
    order_id: str | None = None
    source: str = "order"
    used: int = 0
    created: datetime | None = None
    expires: datetime | None = None
    status: int = 1

    @property
    def remaining(self) -> int:
        """Return the bytes that are left."""
        return self.traffic - self.used

    def row(self, zone: tzinfo) -> dict[str, object]:
        """Return the record as the document has it."""
        return {
            "id": self.id,
            "orderId": self.order_id,
            "sourceType": self.source,
            "traffic": self.traffic,
            "trafficUsed": self.used,
            "createTime": _written(self.created, zone),
            "expireTime": _written(self.expires, zone),
            "status": self.status,
        }


@dataclass(slots=True, kw_only=True)
class Account:
    """An account and what belongs to it."""

    token: str = EXAMPLE_TOKEN
    packages: list[Package] = field(default_factory=list)
    balance: float = 0.0
    currency: str = "USD"
    zone: tzinfo = EXAMPLE_ZONE
    figures: tuple[int, int] | None = None
    """Total and available bytes, where they do not follow from the packages."""

    @classmethod
    def example(cls) -> Self:
        """Return the account of the document's two examples."""
        return cls(
            figures=(188978561024, 188944515072),
            packages=[
                Package(
                    id="123456",
                    order_id="ORD-7890",
                    traffic=1073741824,
                    used=524288,
                    created=datetime(2026, 2, 21, 20, tzinfo=EXAMPLE_ZONE),
                    expires=datetime(2026, 3, 21, 20, tzinfo=EXAMPLE_ZONE),
                )
            ],
        )

    @classmethod
    def with_packages(cls, count: int, *, now: datetime | None = None) -> Self:
        """Return an account with a history: one package a day, the last 30 active."""
        now = now or datetime.now(UTC)
        account = cls(balance=12.5)
        for age in range(count):
            created = now - timedelta(days=age, minutes=1)
            active = age < 30
            account.packages.append(
                Package(
                    id=str(1_000_000 - age),
                    order_id=f"TASK-{age}",
                    source="order" if age % 7 == 0 else "sign",
                    traffic=GIB,
                    used=age * 10 * MIB if active else GIB,
                    created=created,
                    expires=created + timedelta(days=30),
                    status=int(active),
                )
            )
        return account

    @property
    def active(self) -> list[Package]:
        """Return the packages that the server calls active."""
        return [package for package in self.packages if package.status == 1]

    def overview(self) -> dict[str, object]:
        """Return the overview as the document has it."""
        total, available = self.figures or (
            sum(package.traffic for package in self.active),
            sum(package.remaining for package in self.active),
        )
        return {
            "totalTraffic": total,
            "dynamicTraffic": available,
            "balance": self.balance,
            "currency": self.currency,
        }

    def use(self, amount: int) -> None:
        """Use some bytes, of the package that expires soonest first."""
        end_of_time = datetime.max.replace(tzinfo=UTC)
        for package in sorted(
            self.active, key=lambda package: package.expires or end_of_time
        ):
            drawn = min(amount, package.remaining)
            package.used += drawn
            amount -= drawn

    def expire(self, now: datetime) -> None:
        """Let packages expire whose time has come."""
        for package in self.active:
            if package.expires is not None and package.expires <= now:
                package.status = 0


@dataclass(slots=True)
class Clock:
    """A clock that can run faster than the real one."""

    speed: float = 1.0
    start: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Return the simulated moment."""
        return self.start + (datetime.now(UTC) - self._began) * self.speed

    _began: datetime = field(default_factory=lambda: datetime.now(UTC), init=False)


@dataclass(slots=True, kw_only=True)
class Life:
    """What happens to an account as time goes by."""

    account: Account
    now: Callable[[], datetime] = field(default_factory=lambda: Clock().now)
    bytes_per_second: int = MIB
    check_in_every: timedelta = timedelta(days=1)
    check_in_size: int = 200 * MIB
    check_in_validity: timedelta = timedelta(days=7)
    purchase_below: int = 2 * GIB
    purchase_size: int = 10 * GIB
    purchase_validity: timedelta = timedelta(days=30)
    _last: datetime = field(init=False)
    _last_check_in: datetime = field(init=False)
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Begin now."""
        self._last = self._last_check_in = self.now()

    def advance(self) -> None:
        """Catch up with the clock."""
        now = self.now()
        self.account.use(
            int((now - self._last).total_seconds() * self.bytes_per_second)
        )
        self._last = now
        self.account.expire(now)
        while now - self._last_check_in >= self.check_in_every:
            self._last_check_in += self.check_in_every
            self._arrive("sign", self._last_check_in)
        left = sum(package.remaining for package in self.account.active)
        if left < self.purchase_below:
            self._arrive("order", now)

    def _arrive(self, source: str, created: datetime) -> None:
        """Add a package of a source."""
        self._count += 1
        is_order = source == "order"
        size = self.purchase_size if is_order else self.check_in_size
        validity = self.purchase_validity if is_order else self.check_in_validity
        self.account.packages.append(
            Package(
                id=f"{9_000_000 + self._count}",
                order_id=f"{'ORD' if is_order else 'TASK'}-{self._count}",
                source=source,
                traffic=size,
                created=created,
                expires=created + validity,
            )
        )


def _written(moment: datetime | None, zone: tzinfo) -> str | None:
    """Write a moment as the API does: in its zone, without naming it."""
    if moment is None:
        return None
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
