"""The local stack's configuration: complete at first, completed later, never overwritten."""

from __future__ import annotations

from flygate.cli.stack.local import FIRST, ROLLOUT, missing_in


def test_a_new_stack_gets_all() -> None:
    """A first `make up` has no choices."""
    assert missing_in({}) == FIRST | ROLLOUT


def test_a_stack_of_an_older_version_gets_what_it_lacks() -> None:
    """What a user chose stays; with no strategy its rollout would wait for requests."""
    config = {
        "flygate:app": {"value": "mine"},
        "flygate:rollout": {"objectValue": {"drain": "0s", "wait": "5s"}},
    }

    assert missing_in(config) == {
        "rollout.uptime": "3s",
        "rollout.strategy": "bluegreen",
        "rollout.soak": "0s",
    }


def test_a_stack_that_says_all_is_left_alone() -> None:
    """A second `make up` writes nothing, and what a user removed of the limits stays away."""
    said = {key.partition(".")[2]: "mine" for key in ROLLOUT}

    assert missing_in({"flygate:app": {}, "flygate:rollout": {"objectValue": said}}) == {}
