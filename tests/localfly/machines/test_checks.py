"""Health checks: their names, and how one is judged."""

from dataclasses import replace

from localfly.machines.checks.monitor import CheckStatus, judge
from localfly.machines.checks.probe import Outcome
from localfly.machines.checks.spec import parse_checks


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
