"""The fields of answers come true: a client that goes by them is never refused."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from flygate_limiter import (
    SLIDING_WINDOW,
    TOKEN_BUCKET,
    Algorithm,
    FakeClock,
    HeaderWriter,
    Limiter,
    MemoryStore,
    Policy,
    PolicySet,
    Request,
    parse,
)
from flygate_limiter.quota import NANOS
from hypothesis import example, given, settings
from hypothesis import strategies as st

_STATE = re.compile(r'"(?P<name>[^"]+)";r=(?P<left>\d+);t=(?P<seconds>\d+)')
START = 1_000_003 * NANOS + 1


@dataclass
class Client:
    """Knows what its requests cost by each policy, and what the last answer said."""

    limiter: Limiter
    clock: FakeClock
    costs: dict[str, int]
    fields: dict[str, str] = field(default_factory=dict)
    writer: HeaderWriter = field(default_factory=HeaderWriter)

    def ask(self) -> bool:
        """Whether a request passes."""
        verdict = self.limiter.check_now(Request("192.0.2.1"))
        self.fields = {name.decode(): value.decode() for name, value in self.writer.render(verdict)}
        return verdict.allowed

    @property
    def wait_seconds(self) -> int:
        """How long it has to wait by the answer before the next request."""
        if "retry-after" in self.fields:
            return int(self.fields["retry-after"])
        states = list(_STATE.finditer(self.fields["ratelimit"]))
        assert {state["name"] for state in states} == set(self.costs)
        short = [state for state in states if int(state["left"]) < self.costs[state["name"]]]
        return max((int(state["seconds"]) for state in short), default=0)

    @property
    def full_seconds(self) -> int:
        """How long until it has everything, after an answer that left it enough."""
        return max(int(state["seconds"]) for state in _STATE.finditer(self.fields["ratelimit"]))


quotas = st.sampled_from(["5/m", "3/7s", "10/m burst 4", "6/m burst 9", "40/h", "4/s burst 5"])
policies = st.lists(st.tuples(quotas, st.integers(1, 3)), min_size=1, max_size=3)
steps = st.lists(
    st.one_of(
        st.just(("ask", 0)),
        st.just(("ask", 0)),
        st.tuples(st.just("rest"), st.integers(0, 90 * NANOS)),
        st.tuples(st.just("reload"), policies),
        st.just(("greed", 0)),
    ),
    max_size=30,
)


@pytest.mark.parametrize("algorithm", [TOKEN_BUCKET, SLIDING_WINDOW])
@settings(max_examples=150)
@example(  # a slow quota came after what was known to be carried over
    first=[("5/m", 1), ("3/7s", 1), ("5/m", 3)],
    trace=[
        ("ask", 0),
        ("reload", [("5/m", 1), ("5/m", 1)]),
        ("reload", [("3/7s", 3), ("40/h", 1), ("5/m", 1)]),
        *[("ask", 0)] * 7,
        ("reload", [("5/m", 1), ("5/m", 1)]),
        ("ask", 0),
    ],
)
@given(first=policies, trace=steps)
def test_who_obeys_is_never_refused(
    algorithm: Algorithm, first: list[tuple[str, int]], trace: list[tuple[str, Any]]
) -> None:
    """A client that waits as `r`, `t` and Retry-After say passes, over costs and reloads."""
    clock = FakeClock(START)
    client = Client(
        Limiter(policy_set(first), MemoryStore(clock=clock, algorithm=algorithm), clock=clock),
        clock,
        {},
    )
    client.costs = costs(first)
    client.ask()
    for act, value in trace:
        if act == "rest":
            clock.advance(nanoseconds=value)
        elif act == "reload":
            client.limiter.replace(policy_set(value))
            client.costs = costs(value)
            client.ask()  # the fields that it has are of other quotas
        elif act == "greed":
            client.ask()
        else:
            clock.advance(seconds=client.wait_seconds)
            assert client.ask(), client.fields


@pytest.mark.parametrize("algorithm", [TOKEN_BUCKET, SLIDING_WINDOW])
@given(quota=quotas, asks=st.integers(1, 12), rest=st.integers(0, 90 * NANOS))
def test_what_is_full_again_when_it_says(
    algorithm: Algorithm, quota: str, asks: int, rest: int
) -> None:
    """After `t` seconds of an answer that left something, `q` requests pass at once."""
    clock = FakeClock(START)
    policy = Policy("p", parse(quota))
    client = Client(
        Limiter(PolicySet((policy,)), MemoryStore(clock=clock, algorithm=algorithm), clock=clock),
        clock,
        {"p": 1},
    )
    clock.advance(nanoseconds=rest)
    for _ in range(asks):
        client.ask()
    if client.wait_seconds == 0:
        clock.advance(seconds=client.full_seconds)
        size = int(re.findall(r"q=(\d+)", client.fields["ratelimit-policy"])[0])

        assert [client.ask() for _ in range(size + 1)] == [True] * size + [False]


def policy_set(numbers: list[tuple[str, int]]) -> PolicySet:
    """A policy for each quota and cost."""
    return PolicySet(
        tuple(
            Policy(f"p{place}", parse(quota), cost=cost)
            for place, (quota, cost) in enumerate(numbers)
        )
    )


def costs(numbers: list[tuple[str, int]]) -> dict[str, int]:
    """What a request costs by each."""
    return {f"p{place}": cost for place, (_, cost) in enumerate(numbers)}
