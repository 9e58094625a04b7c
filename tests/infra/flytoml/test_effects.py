"""Keys of the stack's rollout that its strategy does not look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flygate.system.errors import ConfigError

from tests.infra.flytoml.test_cases import HEAD, WEB, manifest_of, plan

FILE = HEAD + WEB + "[deploy]\nstrategy = 'bluegreen'\n"
REQUESTS = {"requests": [{"path": "/items"}]}


@pytest.mark.parametrize(
    ("text", "rollout", "said"),
    [
        (
            HEAD + WEB,
            {"strategy": "bluegreen", "steps": [2]},
            'flygate:rollout.steps is [2, "100%"], and rollout.strategy is bluegreen, which makes '
            "all new machines at once. Remove it: `pulumi config rm --path rollout.steps`. Or go "
            "in steps: `pulumi config set --path rollout.strategy canary`.",
        ),
        (FILE, {"steps": [1]}, "and deploy.strategy (fly.toml:6) is bluegreen, which makes all"),
    ],
)
def test_steps_that_nothing_reads_are_refused(
    text: str, rollout: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """In one line, with the strategy and where it is set."""
    with pytest.raises(ConfigError) as error:
        plan(text, tmp_path, rollout=rollout)

    (line,) = str(error.value).splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("text", "stack", "said"),
    [
        (
            HEAD + WEB,
            {"rollout": {"strategy": "immediate", "soak": "5m"}, "smoke": REQUESTS},
            [
                'flygate:rollout.soak is "5m", and rollout.strategy is immediate, which asks for '
                "health only: it has no effect.",
                "flygate:smoke.requests has 1, and rollout.strategy is immediate, which asks for "
                "health only: none is made.",
            ],
        ),
        (
            HEAD + WEB,
            {"rollout": {"strategy": "immediate", "steps": [1], "judge": {"errors": 9}}},
            [
                f"flygate:rollout.{one}, and rollout.strategy is immediate, which asks for health "
                "only: it has no effect."
                for one in ('steps is [1, "100%"]', 'judge is {"errors": 9.0}')
            ],
        ),
        (
            HEAD + WEB,
            {"rollout": {"judge": {"errors": 9}, "soak": "0s"}},
            [
                'flygate:rollout.judge is {"errors": 9.0}, and rollout.soak is "0s": nothing is '
                "compared. `pulumi config set --path rollout.soak 2m` compares.",
            ],
        ),
        (
            HEAD,
            {"rollout": {"judge": {"errors": 9}, "soak": "5m"}},
            [
                f"flygate:rollout.{one}, and fly.toml has no HTTP service, so no machine is asked "
                "and none compared: it has no effect."
                for one in ('soak is "5m"', 'judge is {"errors": 9.0}')
            ],
        ),
        (HEAD + WEB, {"rollout": {"strategy": "immediate", "soak": "0s"}}, []),
        (HEAD + WEB, {"rollout": {"strategy": "rolling", "steps": [1], "soak": "5m"}}, []),
        (HEAD + WEB, {"rollout": {"strategy": "bluegreen", "soak": "5m", "judge": {}}}, []),
    ],
)
def test_what_may_well_stay_is_noted(
    text: str, stack: dict[str, Any], said: list[str], tmp_path: Path
) -> None:
    """A strategy for an emergency is set for one release, and a soak is switched off for one."""
    asked = plan(text, tmp_path, **stack)

    assert [note for note in asked.notes if note.startswith("flygate:")] == said


def test_steps_by_clients_are_a_default(tmp_path: Path) -> None:
    """Which is no setting of the stack."""
    asked = plan(HEAD + WEB, tmp_path, rollout={"by": "clients"}, phase=2)

    assert manifest_of(asked).rollout.steps[0] == "1%"
