"""A few rollouts while Fly's API fails and processes die; `make bench-chaos` has many."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from tests.e2e import victims
from tests.e2e.crash import Scene
from tests.e2e.load import CLIENTS, Crowd
from tests.e2e.project import Project
from tests.e2e.story import Story
from tests.e2e.trial import Chaos, begin, tried

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SEED = 3
SHARE = 0.05
UP = ("./flygate", "up", "local", "--quiet")


@pytest.fixture
def load(project: Project) -> Iterator[Crowd]:
    """Some ask all the time."""
    with Crowd(project.outputs_of("url")) as made:
        yield made


def test_each_rollout_succeeds_or_is_taken_back_and_says_why(project: Project, load: Crowd) -> None:
    """One request in twenty to the API fails; no client notices, and the ledger is whole."""
    story, chaos = Story(Random(SEED), UP, ("env", "rollback")), Chaos(project, SHARE)
    begin(project, story)

    trials = [tried(story, chaos, load, SEED + number) for number in range(3)]

    reported = "\n".join(map(str, trials))
    assert sum(trial.faults for trial in trials) > 0
    assert [trial.change.kind for trial in trials] == ["env", "rollback", "forward"], reported
    assert not any(trial.wrong or trial.failures or trial.is_unrestored for trial in trials), (
        reported
    )
    assert all(trial.succeeded or trial.names_a_cause for trial in trials), reported


def test_whatever_is_killed_two_typed_commands_mend_it(project: Project, load: Crowd) -> None:
    """The engine, the local Fly and a new machine; each time what the screen says is enough."""
    project.forget("smoke.restart")  # so that a new machine is new for some seconds
    story = Story(Random(SEED), UP, ("env",))
    scene = Scene(project, story, load, begin(project, story))

    for victim in (victims.ENGINE, victims.LOCAL_FLY, victims.NEW):
        crash = scene.kill(victim, moment=0.0)
        assert crash, f"{victim} was not there to be killed"
        assert crash.wrong == [], str(crash)
        # What a machine was answering when it was killed is lost with it: one of each client.
        assert len(crash.failures) <= (CLIENTS if victim == victims.NEW else 0), str(crash)
        assert len(crash.commands) <= 2, str(crash)
