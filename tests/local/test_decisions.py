"""The pure parts of the local Fly: restarts, the balancer, checks, ids, addresses, durations."""

import ipaddress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.addresses import address_of, loopback_socket
from infra.local.checks.probe import Outcome
from infra.local.checks.runner import CheckStatus, judge
from infra.local.checks.spec import parse_checks
from infra.local.config import Restart
from infra.local.errors import InvalidArgumentError, StartupError
from infra.local.ids import RequestIds, ulid
from infra.local.proxy.backend import Backend
from infra.local.proxy.balancer import Refusal, Wish, choose
from infra.local.restart import Relaunch, Rest, after_exit
from infra.local.times import parse_duration

RANDOM = Random(7)
CRASH, DONE = 1, 0


@pytest.mark.parametrize(
    ("desired", "requested", "code", "policy", "restarts", "expected"),
    [
        ("stopped", True, DONE, "always", 0, Rest("stopped")),
        ("destroyed", True, CRASH, "always", 0, Rest("destroyed")),
        ("started", True, CRASH, "no", 9, Relaunch(0)),
        ("started", False, CRASH, "on-failure", 0, Relaunch(0.25)),
        ("started", False, CRASH, "on-failure", 1, Relaunch(0.5)),
        ("started", False, CRASH, "on-failure", 2, Rest("stopped")),
        ("started", False, DONE, "on-failure", 0, Rest("stopped")),
        ("started", False, CRASH, "no", 0, Rest("stopped")),
        ("started", False, DONE, "always", 99, Relaunch(10)),
    ],
)
def test_restarts(
    desired: str,
    requested: bool,
    code: int,
    policy: str,
    restarts: int,
    expected: Rest | Relaunch,
) -> None:
    """What was asked for wins over the policy; the policy counts and waits longer each time."""
    assert after_exit(desired, requested, code, Restart(policy, 2), restarts) == expected


def backend(name: str, in_flight: int, soft: int = 2, hard: int | None = 4) -> Backend:
    made = Backend(name, name, "demo", "127.0.0.1", 1, soft, hard)
    made.in_flight = in_flight
    return made


@given(
    loads=st.lists(st.integers(0, 5), max_size=6),
    tried=st.sets(st.integers(0, 5)),
    force=st.integers(0, 5) | st.none(),
    prefer=st.integers(0, 5) | st.none(),
)
def test_the_balancers_rules(
    loads: list[int], tried: set[int], force: int | None, prefer: int | None
) -> None:
    """Never a full, tried or other than the forced machine; a relaxed one before a busy one."""
    backends = [backend(str(number), load) for number, load in enumerate(loads)]
    wish = Wish("" if force is None else str(force), "" if prefer is None else str(prefer))
    excluded = [b for number, b in enumerate(backends) if number in tried]
    allowed = [b for b in backends if force is None or b.machine_id == str(force)]
    untried = [b for b in allowed if b not in excluded]
    open_ones = [b for b in untried if not b.is_full]
    chosen = choose(backends, wish, excluded, RANDOM)
    if isinstance(chosen, Refusal):
        assert not open_ones
        expected = Refusal.ALL_FULL if untried else Refusal.ALL_TRIED
        assert chosen is (expected if allowed else Refusal.NONE_HEALTHY)
        return
    assert chosen in open_ones
    preferred = [b for b in open_ones if b.machine_id == wish.prefer]
    if preferred:
        assert chosen in preferred
    elif any(b.in_flight < b.soft_limit for b in open_ones):
        assert chosen.in_flight < chosen.soft_limit


def test_no_hard_limit_is_never_full() -> None:
    """An unset hard limit means unlimited, as on Fly."""
    busy = backend("a", 10_000, hard=None)
    assert choose([busy], Wish(), [], RANDOM) is busy


def test_check_names_are_flys() -> None:
    """Numbered over all services; top-level checks keep their key and route only as readiness."""
    services = [
        {"internal_port": 8080, "checks": [{"type": "http"}, {"type": "tcp", "port": 99}]},
        {"internal_port": 9000, "checks": [{"type": "tcp"}]},
    ]
    top: dict[str, dict[str, object]] = {
        "alive": {"type": "http"},
        "ready": {"type": "http", "port": 1, "kind": "readiness"},
    }
    specs = parse_checks(services, top)
    assert [(spec.name, spec.port, spec.routes) for spec in specs] == [
        ("servicecheck-00-http-8080", 8080, True),
        ("servicecheck-01-tcp-99", 99, True),
        ("servicecheck-02-tcp-9000", 9000, True),
        ("alive", 8080, False),
        ("ready", 1, True),
    ]


def test_the_grace_period_hides_only_the_first_failures() -> None:
    """A check that has passed once can fail at any time."""
    unknown = CheckStatus("c", "warning", "", 1.0, True)
    failed = Outcome(False, "503")
    assert judge(unknown, failed, in_grace=True, now=5).status == "warning"
    assert judge(unknown, failed, in_grace=False, now=5).status == "critical"
    passing = judge(unknown, Outcome(True, "200"), in_grace=True, now=5)
    assert (passing.status, passing.updated_at) == ("passing", 5)
    assert judge(passing, failed, in_grace=True, now=6).status == "critical"
    assert judge(passing, Outcome(True, "200"), in_grace=False, now=9).updated_at == 5
    assert replace(passing, output="").name == "c"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("1m30s", 90), ("250ms", 0.25), (2_000_000_000, 2), ("1.5h", 5400), ("0", 0)],
)
def test_durations(text: object, seconds: float) -> None:
    """Go's text or nanoseconds."""
    assert parse_duration(text, "key") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "-5s", -1, None, True, "5s!"])
def test_durations_that_are_none(text: object) -> None:
    """The error names the key."""
    with pytest.raises(InvalidArgumentError, match="some\\.key"):
        parse_duration(text, "some.key")


@given(identifier=st.text("0123456789abcdef", min_size=14, max_size=14))
def test_addresses(identifier: str) -> None:
    """Loopback, off the common ones, and another one when the first is taken."""
    first = address_of(identifier, ())
    second = address_of(identifier, {first})
    assert address_of(identifier, ()) == first != second
    for address in (first, second):
        assert ipaddress.ip_address(address).is_loopback
        assert not address.startswith("127.0.")


def test_nothing_but_loopback_is_bound() -> None:
    """By construction: the only way to a socket refuses."""
    for address in ("0.0.0.0", "192.0.2.1"):  # noqa: S104 (it must be refused)
        with pytest.raises(StartupError, match="loopback only"):
            loopback_socket(address, 0)


def test_ids() -> None:
    """ULIDs sort by time; request ids are unique and end with their region."""
    ulids = [ulid() for _ in range(3)]
    assert all(len(one) == 26 for one in ulids)
    assert ulids[0][:10] <= ulids[-1][:10]
    ids = RequestIds("iad")
    made = {ids.next() for _ in range(1000)}
    assert len(made) == 1000
    assert all(one.endswith("-iad") and len(one) == 30 for one in made)
