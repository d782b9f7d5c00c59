"""The headers of a response."""

from datetime import UTC, datetime

from hypothesis import given, strategies as st
import pytest

from custom_components.bytesflows.api.headers import (
    read_date,
    read_retry_after,
    read_server_time,
)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Sun, 01 Mar 2026 12:00:00 GMT", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 12:00:00 +0800", datetime(2026, 3, 1, 4, tzinfo=UTC)),
        ("Sun, 01 Mar 0001 12:00:00 GMT", datetime(2001, 3, 1, 12, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:00:00 -2300", None),
        ("2026-03-01T12:00:00Z", None),
        ("0", None),
        ("", None),
    ],
)
def test_http_dates(text: str, time: datetime | None) -> None:
    """HTTP dates are read in UTC; others are unknown."""
    if time is None:
        assert read_date(text) is None
    else:
        assert read_date(text) == time


@given(st.text())
def test_any_http_date(text: str) -> None:
    """No text of a header raises."""
    read_date(text)
    read_server_time({"Date": text})
    read_retry_after({"Retry-After": text, "Date": text})
