"""The deny cache: exact until its time, small, and of no cost to clients that are not in it."""

from flygate_limiter import Charge, Decision, FakeClock, parse
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.denials import Denials

MINUTE, HOUR = parse("6/m burst 1"), parse("9/h burst 1")


def charge(policy: str, client: object, cost: int = 1, binding: bool = True) -> Charge:
    """One of a request's charges."""
    return Charge((policy, str(client)), MINUTE, cost, binding)


def denied(wait_ns: int) -> Decision:
    """A bucket's refusal."""
    return Decision(False, wait_ns, wait_ns, MINUTE)


def allowed(owed_ns: int = 0) -> Decision:
    """A bucket's consent."""
    return Decision(True, 0, owed_ns, MINUTE)


def test_a_refusal_is_known_until_its_time() -> None:
    """The wait counts down, and at its end the store is asked again."""
    clock = FakeClock()
    denials = Denials(clock)
    request = [charge("m", "a")]
    denials.remember(request, [denied(400)])

    clock.advance(399)
    assert denials.find(request) == [denied(1)]
    clock.advance(1)
    assert denials.find(request) is None
    assert len(denials) == 0


def test_a_refusal_is_known_for_a_second_at_most() -> None:
    """A reset on another machine is noticed after a second."""
    clock = FakeClock()
    denials = Denials(clock)
    denials.remember([charge("m", "a")], [denied(60 * NANOS)])

    clock.advance(NANOS - 1)
    assert denials.find([charge("m", "a")]) == [denied(59 * NANOS + 1)]
    clock.advance(1)
    assert denials.find([charge("m", "a")]) is None


def test_only_the_same_ask_is_refused() -> None:
    """Another client, another cost, other policies, or one that only looks: they are asked for."""
    denials = Denials(FakeClock())
    denials.remember([charge("m", "a"), charge("h", "a")], [denied(400), allowed()])

    assert denials.find([charge("m", "a"), charge("h", "a")]) is not None
    for other in (
        [charge("m", "b"), charge("h", "b")],
        [charge("m", "a", cost=2), charge("h", "a")],
        [charge("m", "a")],
        [charge("m", "a", binding=False), charge("h", "a")],
        [charge("m", "a"), charge("h", "a")._replace(quota=HOUR)],
    ):
        assert denials.find(other) is None


def test_refused_until_all_would_allow() -> None:
    """With two refusals the longer one counts; the other is an allowance when it is over."""
    clock = FakeClock()
    denials = Denials(clock)
    request = [charge("m", "a"), charge("h", "a")]
    denials.remember(request, [denied(100), denied(400)])
    clock.advance(100)

    known = denials.find(request)

    assert known is not None
    assert [decision.allowed for decision in known] == [True, False]


def test_no_refusal_is_no_denial() -> None:
    """A charge that only looks refuses no request; what can never fit has no wait."""
    denials = Denials(FakeClock())
    denials.remember([charge("m", "a", binding=False)], [denied(400)])
    denials.remember([charge("m", "b")], [denied(-1)])

    assert len(denials) == 0


def test_a_client_on_several_routes() -> None:
    """Refusals of one client on different routes don't push each other out."""
    denials = Denials(FakeClock())
    routes = [[charge("m", "a"), charge(f"route {n}", "a")] for n in range(10)]
    for request in routes:
        denials.remember(request, [denied(400), allowed()])

    assert all(denials.find(request) for request in routes)


def test_neither_clients_nor_costs_make_it_grow() -> None:
    """The oldest are forgotten, whether many clients come or one with many costs."""
    denials = Denials(FakeClock(), max_clients=100)
    for n in range(1_000):
        denials.remember([charge("m", n)], [denied(400)])
        denials.remember([charge("m", 999, cost=n + 1)], [denied(400)])

    assert len(denials) <= 100
    found = [denials.find([charge("m", 999, cost=n + 1)]) for n in range(1_000)]
    assert sum(known is not None for known in found) <= 16
    assert denials.find([charge("m", 998)]) is not None


def test_cleared() -> None:
    """After a reset nothing is known."""
    denials = Denials(FakeClock())
    denials.remember([charge("m", "a")], [denied(400)])
    denials.clear()

    assert denials.find([charge("m", "a")]) is None
