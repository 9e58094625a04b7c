"""The pure parts of the local Fly: restarts, checks, ids, addresses, durations."""

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.errors import InvalidArgumentError, StartupError
from localfly.machines.checks.monitor import CheckStatus, judge
from localfly.machines.checks.probe import Outcome
from localfly.machines.checks.spec import parse_checks
from localfly.machines.config import Restart
from localfly.machines.restart import Relaunch, Rest, after_exit
from localfly.network.addresses import address_of, loopback_socket
from localfly.timing.duration import parse_duration
from localfly.timing.ulid import RequestIds, ulid

CRASH, DONE = 1, 0


@pytest.mark.parametrize(
    ("desired", "requested", "code", "policy", "restarts", "expected"),
    [
        ("stopped", True, DONE, "always", 0, Rest("stopped")),
        ("destroyed", True, CRASH, "always", 0, Rest("destroyed")),
        ("suspended", False, CRASH, "always", 0, Rest("stopped")),
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
