"""The rules of a soak: the stack's configuration, and what follows from the rollout."""

from __future__ import annotations

import json

import pytest
from flygate.config import JudgeConfig
from flygate.rollout.judge.rules import Rules

# As the journals of all versions have them.
WRITTEN = {
    "minimum": 200,
    "alpha": 0.02,
    "beta": 0.05,
    "errors": 0.07,
    "latency": 2.0,
    "refusals": 0.2,
    "ignore": ["memory"],
    "warm_up": 10.0,
    "soaks": 4,
    "regions": 2,
    "looks": 30,
}
RULES = Rules(
    JudgeConfig(minimum=200, alpha=0.02, errors=7, latency=2, ignore=("memory",)),
    warm_up=10.0,
    soaks=4,
    regions=2,
)


def test_the_journal_keeps_the_rules_flat() -> None:
    """Journals of earlier versions are read, and these by them."""
    assert json.loads(json.dumps(RULES.dump())) == WRITTEN
    assert Rules.load(WRITTEN) == RULES


def test_what_an_earlier_version_did_not_write_is_as_by_default() -> None:
    """A journal may be older than a rule."""
    assert Rules.load({"soaks": 2}) == Rules(soaks=2)


@pytest.mark.parametrize("points", [0.1, 1, 3.3, 5, 7, 29, 99.9])
def test_errors_are_the_same_number_after_reading(points: float) -> None:
    """Points become a share and points again."""
    rules = Rules(JudgeConfig(errors=points))

    assert Rules.load(rules.dump()).errors == rules.errors


def test_rules_of_a_later_version_are_refused() -> None:
    """What is not understood is not left out in silence."""
    with pytest.raises(TypeError):
        Rules.load({"gravity": 9.81})
