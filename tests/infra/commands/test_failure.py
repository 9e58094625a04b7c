"""What an operation says last: who typed `pulumi up` reads it as the reason."""

from __future__ import annotations

import errno

import pytest
from flygate.commands.failure import expected, report
from flygate.fly.errors import UnreachableError, error_for
from flygate.rollout import serving
from flygate.rollout.errors import (
    LockHeldError,
    RestoreFailedError,
    RolloutHeldError,
    RolloutRestoredError,
    UnfinishedRolloutError,
)
from flygate.rollout.state import CANDIDATE, STANDBY, Seen, State
from flygate.system.errors import ConfigError, DiskFullError

from tests.infra.builders import seen
from tests.infra.deployment import APP, Deployment

SERVES = "v8 serves on 2 machines"
FLY = error_for("POST /v1/apps/shop/machines", 503, "down", "01M8-iad")

FAILURES = {
    "Fly's API": (FLY, "POST /v1/apps/shop/machines: Fly answered 503: down (request 01M8-iad)"),
    "no answer": (
        UnreachableError("GET /v1/apps/shop", "ReadTimeout", maybe_applied=False),
        "GET /v1/apps/shop: no answer (ReadTimeout)",
    ),
    "a gate": (
        RolloutRestoredError(
            "v9 was not released: health check of v9-iad-1 (machine 9b): crashed\n"
            "  its last lines of log:\n    x\nAll was taken back. v8 serves as before."
        ),
        "v9 was not released: health check of v9-iad-1 (machine 9b): crashed",
    ),
    "the way back": (
        RestoreFailedError(
            "v9 was not released: interrupted\nTaking it back failed as well: secrets: no answer\n"
            "Look at it."
        ),
        "v9 was not released: interrupted Taking it back failed as well: secrets: no answer",
    ),
    "undecided": (
        RolloutHeldError("v9 is not released yet: too few requests\nIt is held."),
        "too few",
    ),
    "another rollout": (
        LockHeldError(
            "Another rollout of shop is under way: ann. Wait, and run the same command again."
        ),
        "Another rollout of shop is under way: ann",
    ),
    "a held release": (
        UnfinishedRolloutError("v9 is held: `flygate abort prod` ends it"),
        "v9 is held",
    ),
    "the request": (ConfigError("The request is wrong: x"), "The request is wrong: x"),
    "the disk": (
        expected(OSError(errno.ENOSPC, "No space left on device", "/shop/.flygate/x")),
        "No space left on device: /shop/.flygate/x",
    ),
    "an unexpected error": (KeyError("x"), "KeyError: 'x'"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_the_last_line_says_why_what_serves_and_what_to_type(name: str) -> None:
    """Pulumi's table shows no more than that line."""
    error, cause = FAILURES[name]
    assert error is not None
    text = str(error) if name != "an unexpected error" else "KeyError: 'x'"

    line = report(error, text, SERVES, "prod").splitlines()[-1]

    assert line.startswith("error: ")
    assert cause in line
    assert line.count(SERVES) == 1
    assert "the same command again" in line or "`flygate abort prod`" in line


def test_all_that_an_error_says_comes_before_it() -> None:
    """The last lines of a machine's log."""
    error, _ = FAILURES["a gate"]
    assert error is not None

    said = report(error, str(error), SERVES, "prod")

    assert said.startswith(f"error: {error}\nerror: ")


def test_a_failure_that_is_no_matter_of_the_operator_keeps_its_class() -> None:
    """It is shown with its traceback."""
    assert expected(KeyError("x")) is None
    assert isinstance(expected(OSError(errno.EDQUOT, "Quota", "x")), DiskFullError)
    assert expected(FLY) is FLY


@pytest.mark.parametrize(
    ("machines", "said"),
    [
        ((), "Nothing serves"),
        ((seen(8),), "v8 serves on 1 machine"),
        ((seen(8), seen(8, number=2)), "v8 serves on 2 machines"),
        ((seen(8), seen(7, role=STANDBY, state="stopped")), "v8 serves on 1 machine"),
        (
            (seen(8), seen(9, role=CANDIDATE)),
            "v8 on 1 machine and v9 on 1 machine serve; left over: v9-iad-1",
        ),
        (
            (seen(8, cordoned=True), seen(9, role=CANDIDATE, cordoned=True)),
            "Nothing serves; left over: v9-iad-1",
        ),
    ],
)
def test_what_serves_is_what_the_proxy_sends_requests_to(
    machines: tuple[Seen, ...], said: str
) -> None:
    """And what a rollout that did not end has left is named."""
    assert serving.describe(State("shop", machines)).startswith(said)


@pytest.mark.integration
async def test_what_serves_is_looked_at(shop: Deployment) -> None:
    """An app without a release, one that is not there, and a release."""
    before = await serving.look(shop.fly, APP)
    nowhere = await serving.look(shop.fly, "no-such-app")
    await shop.release()
    after = await serving.look(shop.fly, APP)

    assert before == "Nothing serves"
    assert nowhere.startswith("Nothing serves")
    assert after == "v1 serves on 1 machine"
