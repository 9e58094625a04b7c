"""What follows the end of a machine's process: the pure decision."""

import pytest
from localfly.machines.config import RestartPolicy
from localfly.machines.restart import Relaunch, Rest, after_exit

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
    assert after_exit(desired, requested, code, RestartPolicy(policy, 2), restarts) == expected
