"""The shape of the file in which the state of an account outlives a restart.

Records and the overview are in it as the codec writes them. Times that the API gave are
kept as it writes them, so that they are right when its time zone is corrected.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from .account import (
    AccountState,
    Change,
    ChangeKind,
    FirstSeen,
    Life,
    LowScale,
    Package,
    Passed,
    Trouble,
    ZoneWatch,
)
from .api import BytesFlowsParseError, Codec, Source, format_time, parse_time

_MAX_INT64: Final = 2**63 - 1
_MOST_SECONDS: Final = 2**37
"""In the year 6325: later times could not be calculated with."""


def encode_state(state: AccountState, codec: Codec, now: datetime) -> dict[str, Any]:
    """Return a state fit for JSON."""
    ledger, low = state.ledger, state.marks.low
    overview = state.shown_overview
    return {
        "shown_overview": None if overview is None else codec.encode_overview(overview),
        "shown_is_low": state.shown_is_low,
        "shown_is_expiring_soon": state.shown_is_expiring_soon,
        "last_sync": _to_timestamp(state.last_sync),
        "is_unsettled": state.is_unsettled,
        "rate": state.rate,
        "needs_baseline": ledger.needs_baseline,
        "newest": {
            source.value: format_time(codec.time_zone, time)
            for source, time in ledger.newcomers.newest.items()
        },
        "left_out": {
            id_: seen.value for id_, seen in ledger.newcomers.left_out.items()
        },
        "packages": [
            _encode_package(package, codec)
            for package in ledger.watchlist.to_keep(now).values()
        ],
        "changes": [
            [change.kind.value, codec.encode_record(change.record)]
            for change in state.changes
        ],
        "consumption": {
            "total": state.consumption.total,
            "watched_since": _to_timestamp(state.consumption.watched_since),
            "samples": [
                [_to_timestamp(time), total]
                for time, total in state.consumption.samples
            ],
        },
        "marks": {
            "is_low": low.is_low,
            "since": _to_timestamp(low.since),
            "before": _to_timestamp(low.before),
            "passed": None if low.passed is None else low.passed.total_seconds(),
            "packages": {
                id_: _encode_passed(passed)
                for id_, passed in state.marks.packages.items()
            },
        },
        "invalid_responses": _encode_trouble(state.invalid_responses),
        "unreadable_values": _encode_trouble(state.unreadable_values),
        "zone_watch": {
            "offsets": [
                [offset.total_seconds(), _to_timestamp(since)]
                for offset, since in state.zone_watch.offsets.items()
            ],
            "ahead": [
                [_to_timestamp(creation), _to_timestamp(since)]
                for creation, since in state.zone_watch.ahead.items()
            ],
        },
    }


def _encode_package(package: Package, codec: Codec) -> dict[str, Any]:
    """Return a package fit for JSON."""
    end = package.end
    return {
        "record": codec.encode_record(package.record),
        "counted": package.counted,
        "is_listed": package.is_listed,
        "was_in_use": package.was_in_use,
        "life": package.life.value,
        "ended": _to_timestamp(package.ended),
        "end": None if end is None else codec.encode_record(end),
        "end_seen": _to_timestamp(package.end_seen),
        "restart_seen": _to_timestamp(package.restart_seen),
        "has_restarted": package.has_restarted,
        "is_restart_told": package.is_restart_told,
        "is_end_without_expiry": package.is_end_without_expiry,
    }


def _encode_passed(passed: Passed) -> list[float]:
    """Return how far a scale was passed fit for JSON, with the expiry before."""
    this = [passed.left.total_seconds(), passed.expires.timestamp()]
    return this if passed.before is None else this + _encode_passed(passed.before)


def _encode_trouble(trouble: Trouble) -> list[float | None]:
    """Return a trouble fit for JSON."""
    return [_to_timestamp(trouble.since), _to_timestamp(trouble.last)]


def decode_state(stored: dict[str, Any], codec: Codec, now: datetime) -> AccountState:
    """Return a state; raise ValueError for anything else."""
    try:
        state = _decode_parts(stored, codec, now)
    except (
        BytesFlowsParseError,
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        TypeError,
    ) as err:
        raise ValueError("not the state of an account") from err
    totals = [total for _, total in state.consumption.samples]
    totals.append(state.consumption.total)
    if state.consumption.watched_since is None or len(totals) == 1:
        raise ValueError("never watched")
    if totals != sorted(totals):
        raise ValueError("a total that went down")
    return state


def _decode_parts(stored: dict[str, Any], codec: Codec, now: datetime) -> AccountState:
    """Return a state, or raise one error or another."""
    state = AccountState(
        changes=tuple(
            Change(ChangeKind(kind), codec.restore_record(row))
            for kind, row in stored["changes"]
        ),
        last_sync=_from_timestamp(stored["last_sync"]),
        shown_is_low=_flag(stored["shown_is_low"]),
        shown_is_expiring_soon=_flag(stored["shown_is_expiring_soon"]),
        invalid_responses=_decode_trouble(stored["invalid_responses"]),
        unreadable_values=_decode_trouble(stored["unreadable_values"]),
    )
    if (overview := stored["shown_overview"]) is not None:
        state.shown_overview = codec.decode_overview(overview)
    state.is_unsettled = stored.get("is_unsettled") is True
    state.rate = _rate(stored["rate"])
    ledger = state.ledger
    ledger.needs_baseline = stored["needs_baseline"] is True
    for source, text in stored["newest"].items():
        if (time := parse_time(codec.time_zone, text)) is not None:
            ledger.newcomers.newest[Source(source)] = time
    ledger.newcomers.left_out.update(
        {str(id_): FirstSeen(seen) for id_, seen in stored["left_out"].items()}
    )
    for item in stored["packages"]:
        ledger.put(_decode_package(item, codec), now)
    consumption = stored["consumption"]
    state.consumption.total = _size(consumption["total"])
    state.consumption.watched_since = _from_timestamp(consumption["watched_since"])
    for stamp, total in consumption["samples"]:
        if (time := _from_timestamp(stamp)) is not None:
            state.consumption.samples.append((time, _size(total)))
    marks = stored["marks"]
    state.marks.low = LowScale(
        _flag(marks["is_low"]),
        _from_timestamp(marks["since"]),
        None if marks["passed"] is None else timedelta(seconds=marks["passed"]),
        _from_timestamp(marks.get("before")),
    )
    state.marks.packages = {
        str(id_): _decode_passed(item) for id_, item in marks["packages"].items()
    }
    state.zone_watch = _decode_zone_watch(stored["zone_watch"])
    return state


def _decode_zone_watch(item: dict[str, Any]) -> ZoneWatch:
    """Return the observations about the time zone, or raise one error or another."""
    return ZoneWatch(
        {
            timedelta(seconds=offset): datetime.fromtimestamp(since, UTC)
            for offset, since in item["offsets"]
        },
        {
            datetime.fromtimestamp(creation, UTC): datetime.fromtimestamp(since, UTC)
            for creation, since in item["ahead"]
        },
    )


def _decode_package(item: dict[str, Any], codec: Codec) -> Package:
    """Return a package, or raise one error or another."""
    end = item["end"]
    return Package(
        codec.restore_record(item["record"]),
        counted=_size(item["counted"]),
        is_listed=item["is_listed"] is True,
        was_in_use=item["was_in_use"] is True,
        life=Life(item["life"]),
        ended=_from_timestamp(item["ended"]),
        end=None if end is None else codec.restore_record(end),
        end_seen=_from_timestamp(item["end_seen"]),
        restart_seen=_from_timestamp(item["restart_seen"]),
        has_restarted=item["has_restarted"] is True,
        is_restart_told=item["is_restart_told"] is True,
        is_end_without_expiry=item["is_end_without_expiry"] is True,
    )


def _decode_passed(item: list[float]) -> Passed:
    """Return how far a scale was passed, or raise one error or another."""
    left, expires, *before = item
    return Passed(
        timedelta(seconds=left),
        datetime.fromtimestamp(expires, UTC),
        _decode_passed(before) if before else None,
    )


def _decode_trouble(item: list[Any]) -> Trouble:
    """Return a trouble, or raise one error or another."""
    since, last = item
    return Trouble(_from_timestamp(since), _from_timestamp(last))


def _to_timestamp(time: datetime | None) -> float | None:
    """Return a time as seconds since 1970."""
    return None if time is None else time.timestamp()


def _from_timestamp(stamp: object) -> datetime | None:
    """Return the time of a timestamp; raise for anything else."""
    if stamp is None:
        return None
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        raise TypeError("not a timestamp")
    if not 0 <= stamp < _MOST_SECONDS:
        raise ValueError("no time that was stored")
    return datetime.fromtimestamp(stamp, UTC)


def _flag(value: object) -> bool | None:
    """Return a flag that may be unknown; raise for anything else."""
    if value is not None and not isinstance(value, bool):
        raise TypeError("not a flag")
    return value


def _rate(value: object) -> float | None:
    """Return a rate that may be unknown; raise for anything else."""
    if value is None:
        return None
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0 <= value <= _MAX_INT64
    ):
        raise TypeError("not a rate")
    return value


def _size(value: object) -> int:
    """Return a whole number of bytes; raise for anything else."""
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not 0 <= value <= _MAX_INT64
    ):
        raise TypeError("not a size")
    return value
