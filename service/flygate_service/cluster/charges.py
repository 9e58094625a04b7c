"""What one machine takes from another's buckets, and the answer, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flygate_limiter import Charge, Decision, LimiterError, Quota
from flygate_limiter.charge import MOST_PER_REQUEST

from .errors import FormatError


def pack_charges(charges: Sequence[Charge]) -> bytes:
    """Return the charges of a request."""
    return json.dumps(
        [
            [*charge.key, *_numbers(charge.quota), charge.cost, int(charge.binding)]
            for charge in charges
        ]
    ).encode()


def unpack_charges(data: bytes) -> list[Charge]:
    """Read them.

    Raises:
        FormatError: it is another form, or no request's charges.
    """
    try:
        charges = [
            Charge(
                (str(policy), str(subject)),
                Quota(int(units), int(period), int(burst)),
                int(cost),
                bool(binding),
            )
            for policy, subject, units, period, burst, cost, binding in json.loads(data)
        ]
    except (ValueError, TypeError, RecursionError, OverflowError, LimiterError) as exc:
        raise FormatError(f"charges that are not understood: {exc!r}") from exc
    if not 0 < len(charges) <= MOST_PER_REQUEST or min(charge.cost for charge in charges) < 1:
        raise FormatError(f"expected 1 to {MOST_PER_REQUEST} charges of 1 unit or more each")
    return charges


def pack_decisions(decisions: Sequence[Decision]) -> bytes:
    """Return the answer: whether, when, and how much is owed."""
    return json.dumps([[one.allowed, one.wait_ns, one.owed_ns] for one in decisions]).encode()


def unpack_decisions(data: bytes, charges: Sequence[Charge]) -> list[Decision]:
    """Read them, of these charges.

    Raises:
        ValueError, TypeError: it is another form.
    """
    return [
        Decision(allowed is True, int(wait), int(owed), charge.quota)
        for (allowed, wait, owed), charge in zip(json.loads(data), charges, strict=True)
    ]


def _numbers(quota: Quota) -> tuple[int, int, int]:
    return quota.units, quota.period_ns, quota.burst
