"""What one of several machines gives that can't ask each other."""

import pytest
from flygate_limiter import (
    Charge,
    FakeClock,
    Limiter,
    MemoryStore,
    Mode,
    Policy,
    PolicySet,
    Quota,
    Request,
    Source,
    parse,
)
from flygate_limiter.share import share_of
from hypothesis import given
from hypothesis import strategies as st

CLIENT = "192.0.2.1"


def limiter(*policies: Policy, clock: FakeClock | None = None) -> Limiter:
    """A limiter over a store whose clock stands still."""
    return Limiter(PolicySet(policies), MemoryStore(clock=clock or FakeClock()))


@given(st.integers(1, 8), st.integers(8, 40))
def test_all_shares_together_are_one_quota(machines: int, burst: int) -> None:
    """A client that asks all machines gets what one would give; at least a unit of each."""
    charge = Charge(("policy", CLIENT), Quota(60, 60_000_000_000, burst))

    share = share_of(charge, machines).quota

    assert machines * share.burst <= burst
    assert share.emission_ns == machines * charge.quota.emission_ns
    assert share_of(charge, machines).key == charge.key


async def test_a_shared_request_gets_its_share() -> None:
    """And the verdict says where it came from; the next one is served in full again."""
    clock = FakeClock()
    limits = limiter(Policy("default", parse("60/m burst 6")), clock=clock)

    verdicts = [await limits.check(Request(CLIENT, share=3)) for _ in range(3)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, False]
    assert {verdict.source for verdict in verdicts} == {Source.FAIR_SHARE}

    clock.advance(seconds=6)
    whole = [(await limits.check(Request(CLIENT))).allowed for _ in range(7)]
    assert whole == [True] * 6 + [False]


async def test_a_policy_with_overrides_is_shared_too() -> None:
    """The override's quota is divided."""
    policy = Policy("default", parse("60/m burst 2"), overrides={CLIENT: parse("60/m burst 4")})
    limits = limiter(policy)

    assert [(await limits.check(Request(CLIENT, share=2))).allowed for _ in range(3)] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(("mode", "expected"), [(Mode.ENFORCE, True), (Mode.SHADOW, False)])
async def test_whether_it_would_refuse(mode: Mode, expected: bool) -> None:
    """It says so of enforced policies only, and takes nothing."""
    limits = limiter(Policy("default", parse("60/m burst 2"), mode=mode))
    assert not any(limits.would_refuse(Request(CLIENT)) for _ in range(9))

    for _ in range(2):
        await limits.check(Request(CLIENT))

    assert limits.would_refuse(Request(CLIENT)) is expected
