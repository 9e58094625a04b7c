"""The limiter: policies, verdicts, headers and problems together."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from flygate_limiter import (
    Charge,
    FakeClock,
    HeaderWriter,
    Limiter,
    LimiterError,
    Listener,
    MemoryStore,
    Mode,
    Policy,
    PolicyError,
    PolicySet,
    Request,
    Source,
    Taken,
    Verdict,
    parse,
    problem_for,
    read_policies,
)


def limiter(*policies: Policy, exempt: frozenset[str] = frozenset()) -> Limiter:
    """A limiter over a store whose clock stands still."""
    return Limiter(PolicySet(policies, exempt), MemoryStore(clock=FakeClock()))


async def test_clients_have_buckets_of_their_own() -> None:
    """What one client uses, no other lacks (fastapi-limiter 0.2 shares one bucket)."""
    limits = limiter(Policy("default", parse("2/5s")))
    clients = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"]

    verdicts = [await limits.check(Request(client)) for client in clients]

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, True, False]


async def test_the_path_makes_no_bucket() -> None:
    """Asking for other paths does not get around the limit (slowapi 0.1 keys by path)."""
    limits = limiter(Policy("default", parse("2/m")))

    verdicts = [await limits.check(Request("192.0.2.1", path=f"/i/{n}")) for n in range(20)]

    assert sum(verdict.allowed for verdict in verdicts) == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_a_refusal_costs_nothing(order: tuple[int, int]) -> None:
    """A request that one policy refuses is not charged to the others, in whatever order."""
    policies = [Policy("hour", parse("5/h")), Policy("minute", parse("2/m"))]
    limits = limiter(*(policies[index] for index in order))
    for _ in range(9):
        verdict = await limits.check(Request("192.0.2.1"))

    remaining = {policy.name: decision.remaining for policy, decision in verdict.results}

    assert remaining == {"hour": 3, "minute": 0}
    assert [policy.name for policy, _ in verdict.violated] == ["minute"]
    assert verdict.retry_after_seconds == 30


async def test_shadow_only_counts() -> None:
    """A policy in shadow mode refuses no request, is in no header, and is reported to listeners."""
    heard: list[Verdict] = []

    class Ear(Listener):
        def on_verdict(self, request: Request, verdict: Verdict) -> None:
            heard.append(verdict)

    policies = PolicySet((Policy("trial", parse("1/m"), mode=Mode.SHADOW),))
    limits = Limiter(policies, MemoryStore(clock=FakeClock()), [Ear()])

    verdicts = [await limits.check(Request("192.0.2.1")) for _ in range(3)]

    assert all(verdict.allowed for verdict in verdicts)
    assert HeaderWriter().render(verdicts[2]) == []
    assert [verdict.results[0][1].allowed for verdict in heard] == [True, False, False]


async def test_off_asks_nothing() -> None:
    """A policy that is off, and an exempt path, leave no trace."""
    limits = limiter(Policy("default", parse("1/m"), mode=Mode.OFF))
    exempt = limiter(Policy("default", parse("1/m")), exempt=frozenset({"/health"}))

    verdicts = [
        await limits.check(Request("192.0.2.1")),
        await exempt.check(Request("192.0.2.1", path="/health")),
    ]

    assert [(verdict.allowed, verdict.results) for verdict in verdicts] == [(True, ())] * 2


async def test_headers_of_several_policies() -> None:
    """Each policy is announced, in whole seconds that promise no more than is there."""
    limits = limiter(
        Policy("burst", parse("60/m burst 2")), Policy("daily", parse("1000/d burst 1000"))
    )
    writer = HeaderWriter()
    rendered = [dict(writer.render(await limits.check(Request("192.0.2.1")))) for _ in range(3)]

    assert rendered[0] == {
        b"ratelimit-policy": b'"burst";q=2;w=2, "daily";q=1000;w=86400',
        b"ratelimit": b'"burst";r=1;t=1, "daily";r=999;t=87',
    }
    assert rendered[2][b"retry-after"] == b"1"
    assert rendered[2][b"ratelimit"].startswith(b'"burst";r=0;t=1')


async def test_problem() -> None:
    """A refusal says which policies, and how long to wait."""
    limits = limiter(Policy("daily", parse("1/d")))
    await limits.check(Request("192.0.2.1"))
    problem = problem_for(await limits.check(Request("192.0.2.1")))

    body = json.loads(problem.body)

    assert problem.status == body["status"] == 429
    assert body["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert body["violated-policies"] == ["daily"]
    assert "86400 seconds" in body["detail"]


async def test_what_never_fits_is_422() -> None:
    """A request larger than the bucket is no 429: retrying it would not help."""
    limits = limiter(Policy("small", parse("10/m"), cost=11))
    verdict = await limits.check(Request("192.0.2.1"))

    assert problem_for(verdict).status == 422
    assert b"retry-after" not in dict(HeaderWriter().render(verdict))


def test_policies_are_checked() -> None:
    """A name that cannot be a header, a cost of nothing and a double name are refused."""
    with pytest.raises(PolicyError, match="'My policy'"):
        Policy("My policy", parse("1/s"))
    with pytest.raises(PolicyError, match="costs 0"):
        Policy("free", parse("1/s"), cost=0)
    with pytest.raises(PolicyError, match="found twice: a"):
        PolicySet((Policy("a", parse("1/s")), Policy("a", parse("2/s"))))


SINGLE = """
    [[policy]]
    name = "default"
    quota = "3/m"
"""
SEVERAL = """
    deny = ["203.0.113.0/24"]
    [[policy]]
    name = "default"
    quota = "3/m"
    mode = "shadow"
    overrides = { "192.0.2.9" = "5/m" }
    exempt = ["198.51.100.0/24"]
    [[policy]]
    name = "items"
    quota = "2/m"
    routes = ["/items/{id}"]
"""


@pytest.mark.parametrize("text", [SINGLE, SEVERAL])
async def test_the_short_way_is_the_long_one(text: str) -> None:
    """What is spared for a single policy changes no answer, also while quotas change."""
    short, long = (
        Limiter(read_policies(text), MemoryStore(clock=FakeClock()), clock=FakeClock())
        for _ in range(2)
    )
    requests = [
        Request(client, path=path, address=client)
        for client in ("192.0.2.1", "192.0.2.9", "198.51.100.7", "203.0.113.1")
        for path in ("/", "/items/1", "/items/2", "/items/3", "/", "/")
    ]

    for quota in ("4/m", "2/m", "4/m"):
        for request in requests:
            policies = long.policies
            if not policies.denies(request):
                expected = await long.check_policies(request, policies.match(request))
                found = short.check_now(request)
                assert found.allowed == expected.allowed
                assert [d for _, d in found.results] == [d for _, d in expected.results]
            else:
                assert short.check_now(request).source is Source.DENY_LIST
        for limits in (short, long):
            limits.replace(read_policies(text.replace("3/m", quota)))


async def test_at_once_needs_a_store_in_memory() -> None:
    """Asked at once of a store that has to be waited for, it says what to do instead."""

    class Far(MemoryStore):
        async def take(self, charges: Sequence[Charge]) -> Taken:
            await asyncio.sleep(0)
            return await super().take(charges)

    policies = (Policy("a", parse("1/m")), Policy("b", parse("1/m")))
    limits = Limiter(PolicySet(policies), Far())

    with pytest.raises(LimiterError, match="await check"):
        limits.check_now(Request("192.0.2.1"))
