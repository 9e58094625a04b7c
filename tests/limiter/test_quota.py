"""How quotas are written and read."""

import pytest
from flygate_limiter import Quota, QuotaError, parse
from flygate_limiter.quota import NANOS
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100/m burst 20", Quota(100, 60 * NANOS, 20)),
        ("10/s", Quota(10, NANOS, 10)),
        ("5/15min", Quota(5, 900 * NANOS, 5)),
        ("1000 / day", Quota(1000, 86_400 * NANOS, 1000)),
        ("60/Minute BURST 10", Quota(60, 60 * NANOS, 10)),
        ("3/2hours burst 1", Quota(3, 7200 * NANOS, 1)),
    ],
)
def test_reads(text: str, expected: Quota) -> None:
    """The usual ways of writing a quota are understood."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "10", "10/x", "0/m", "5/0s", "-1/m", "1/m burst 0", "1.5/s", "1/m bursts 3"]
)
def test_refuses(text: str) -> None:
    """What makes no sense is refused, naming what was found."""
    with pytest.raises(QuotaError) as refused:
        parse(text)

    assert "found" in str(refused.value)


def test_refuses_a_bucket_that_never_fills() -> None:
    """A bucket that takes more than a year to fill is surely a mistake."""
    with pytest.raises(QuotaError, match="within a year"):
        parse("1/d burst 400")


@given(
    units=st.integers(1, 100_000),
    period=st.sampled_from([1, 5, 60, 900, 3600, 86_400]),
    burst=st.integers(1, 1_000),
)
def test_written_quotas_read_back(units: int, period: int, burst: int) -> None:
    """What `str` writes, `parse` reads."""
    if period * NANOS * burst / units > 366 * 86_400 * NANOS:
        return
    quota = Quota(units, period * NANOS, burst)

    assert parse(str(quota)) == quota
