"""The last words of a failure: why, what serves, what to type; and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from flygate.cli.output.failed_run import Diagnosis, FailedRun
from flygate.commands.failure import Failure as Summary
from flygate.record.journal import Event, Kind

UNLOCKED = "`flygate unlock shop`, then `flygate up shop` again"
SERVES = "v8 serves on 2 machines"
FLY = "POST /v1/apps/shop/machines: Fly answered 500: internal (request 01M8-iad)"


def event(kind: Kind, text: str = "", stage: str = "rollout") -> Event:
    return Event("2026-11-29T21:00:00.000+00:00", 1.0, "v9", kind, stage, text)


def diagnostics(*lines: str) -> list[str]:
    """What Pulumi prints at its end, with what is in it beside the reason."""
    return [
        "    pulumi:pulumi:Stack flygate-local running error: update failed\n",
        "Diagnostics:\n",
        "  pulumi:pulumi:Stack (flygate-local):\n",
        "    warning: using pulumi-language-python from $PATH\n",
        *(f"{line}\n" for line in lines),
        "\n",
        "    info: phase 1 (MVP): 1 machine\n",
        "\n",
        "Outputs:\n",
        '  - url     : "http://shop"\n',
        "\n",
        "Resources:\n",
        "    2 errored\n",
    ]


def command(name: str, code: int, *said: str) -> list[str]:
    """A Command that failed."""
    return diagnostics(
        "    error: update failed",
        "",
        f"  command:local:Command ({name}-command):",
        f'    error: exit status {code}: running "exec ./flygate op {name}":',
        *(f"    {line}" for line in said),
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """A kind of failure, and what its last line must have in it."""

    cause: Sequence[str]
    remedy: str
    code: int
    events: Sequence[Event] = ()
    printed: Sequence[str] = ()
    is_locked: bool = False


KINDS = {
    "the app's command fails": Failure(
        cause=["GET /v1/apps/shop/ip_assignments: Fly answered 503", "(request 01M8-iad)"],
        remedy="Run the same command again once Fly answers",
        code=1,
        printed=command(
            "app",
            1,
            "error: GET /v1/apps/shop/ip_assignments: Fly answered 503: down (request 01M8-iad). "
            f"{SERVES}. Run the same command again once Fly answers.",
        ),
    ),
    "the Redis command fails, as an older Flygate reported it": Failure(
        cause=["POST /graphql: Fly answered 500: internal (request 01M8-iad)"],
        remedy="type `flygate up shop` again",
        code=1,
        printed=command(
            "redis", 1, "error: POST /graphql: Fly answered 500: internal (request 01M8-iad)"
        ),
    ),
    "the look in the preview fails": Failure(
        cause=["GET /v1/apps/shop/machines: Fly answered 500"],
        remedy="type `flygate up shop` again",
        code=1,
        printed=diagnostics(
            "    error: an unhandled error occurred: GET /v1/apps/shop/machines: Fly answered 500"
        ),
    ),
    "the configuration is wrong": Failure(
        cause=["The stack's configuration is wrong: flygate:phase is 9; it must be one of 1, 2, 3"],
        remedy="Mend that, then type `flygate up shop` again",
        code=1,
        printed=diagnostics(
            "    error: an unhandled error occurred: The stack's configuration is wrong:",
            "      flygate:phase is 9; it must be one of 1, 2, 3",
        ),
    ),
    "Pulumi can't write its lock": Failure(
        cause=["write locks/flygate/shop/a4.json.18.tmp: no space left on device"],
        remedy=f"Free some space there, then type {UNLOCKED}",
        code=1,
        printed=[
            "error: 2 errors occurred:\n",
            "    1) write locks/flygate/shop/a4.json.18.tmp: no space left on device\n",
            "    2) Unknown\n",
        ],
        is_locked=True,
    ),
    "Pulumi's state can't be read": Failure(
        cause=["failed to load checkpoint: place 1: unexpected end of JSON input"],
        remedy="Type `flygate unlock shop`, then `flygate up shop` again",
        code=1,
        printed=["error: failed to load checkpoint: place 1: unexpected end of JSON input\n"],
        is_locked=True,
    ),
    "the passphrase is another one": Failure(
        cause=["get stack secrets manager: incorrect passphrase"],
        remedy="`flygate doctor shop` says which one is wanted",
        code=1,
        printed=[
            "error: getting stack configuration: get stack secrets manager: incorrect passphrase\n"
        ],
    ),
    "Pulumi is killed before anything": Failure(
        cause=["Pulumi was killed"],
        remedy="Type `flygate unlock shop`, then `flygate up shop` again",
        code=1,
        printed=["Updating (shop):\n"],
        is_locked=True,
    ),
    "another rollout is under way": Failure(
        cause=["held by flygate v7 by ann@laptop", "nothing was changed"],
        remedy="Type `flygate up shop` again when that has ended",
        code=3,
        events=[event("refused", "held by flygate v7 by ann@laptop", "lock")],
    ),
    "a way back beside a release that is held": Failure(
        cause=["The deployment was refused: v9 is held: `flygate abort shop` takes v9 back"],
        remedy="Nothing was changed",
        code=3,
        events=[
            event("refused", "v9 is held: `flygate abort shop` takes v9 back. Nothing was changed"),
        ],
    ),
    "the hook refuses": Failure(
        cause=["was refused: hooks/before-rollout refuses: it is Friday; nothing was changed"],
        remedy="Mend that, then type `flygate up shop` again",
        code=3,
        events=[
            event("started"),
            event("refused", "hooks/before-rollout refuses: it is Friday", "hooks"),
        ],
    ),
    "the rollout is held": Failure(
        cause=["v9 is held: judge check of v9-iad-1 (machine 9b): 3 requests are too few"],
        remedy="`flygate abort shop` takes it back",
        code=3,
        events=[
            event("started"),
            event("held", "judge check of v9-iad-1 (machine 9b): 3 requests are too few"),
        ],
    ),
    "a gate fails": Failure(
        cause=["v9 was not released: health check of v9-iad-1 (machine 9b): crashed", "taken back"],
        remedy="Mend the cause, then type `flygate up shop` again",
        code=2,
        events=[
            event("started"),
            event(
                "failed", "health check of v9-iad-1 (machine 9b): crashed\n  its last lines:\n  x"
            ),
            event("restored", "v8 serves as before"),
        ],
    ),
    "the way back fails, too": Failure(
        cause=["v9 was not released: interrupted", f"failed as well: secrets: {FLY}"],
        remedy="Type `flygate up shop` again: it begins by repairing",
        code=4,
        events=[
            event("started"),
            event("failed", "interrupted"),
            event("restore-failed", f"secrets: {FLY}"),
        ],
    ),
    "its lease is lost": Failure(
        cause=[
            "v9 was not released: the lease of machine 8a has ended; nothing more was touched. v8"
        ],
        remedy="Type `flygate up shop` again: it begins by repairing",
        code=4,
        events=[
            event("started"),
            event("failed", "the lease of machine 8a has ended", "lock"),
            event("restore-failed", "nothing more was touched", "lock"),
        ],
    ),
    "the engine is killed half-way": Failure(
        cause=[
            "The rollout of v9 was cut off half-way: `flygate op release` ended by signal: killed"
        ],
        remedy="Type `flygate up shop` again: it goes on with what it finds",
        code=4,
        events=[event("started"), event("step", "launch v9-iad-1", "launch")],
        printed=diagnostics(
            "    error: update failed",
            "",
            "  command:local:Command (release-command):",
            '    error: signal: killed: running "exec ./flygate op release":',
            "    v9   0.6s · rollout  v8 → v9 (blue/green): 1 machine in iad",
        ),
    ),
    "it is killed on the way back": Failure(
        cause=["The rollout of v9 was cut off half-way: its process was killed"],
        remedy=f"Type {UNLOCKED}: it goes on with what it finds",
        code=4,
        events=[event("started"), event("failed", FLY), event("undo", "launch v9-iad-1")],
        is_locked=True,
    ),
    "the state's disk is full at the end": Failure(
        cause=["v9 is released, but Pulumi's state does not know it", "no space left on device"],
        remedy=f"Free some space there, then type {UNLOCKED}",
        code=4,
        events=[event("started"), event("finished", "v9 is released")],
        printed=diagnostics(
            "    error: saving: write .pulumi/stacks/shop.json: no space left on device"
        ),
        is_locked=True,
    ),
    "the journal's disk is full": Failure(
        cause=["v9 was not released: health check of v9-iad-1 (machine 9b): crashed"],
        remedy="Mend the cause, then run the same command again",
        code=2,
        printed=command(
            "release",
            2,
            "v9   0.0s · rollout  v8 → v9",
            "error: v9 was not released: health check of v9-iad-1 (machine 9b): crashed",
            "All was taken back. v8 serves as before.",
            "error: v9 was not released: health check of v9-iad-1 (machine 9b): crashed. "
            f"{SERVES}. Mend the cause, then run the same command again.",
        ),
    ),
}


def diagnosis_of(kind: Failure) -> Diagnosis:
    run = FailedRun(
        "The deployment", "shop", "flygate up shop", kind.is_locked, kind.events, kind.printed
    )
    return run.diagnosis()


@pytest.mark.parametrize("name", KINDS)
def test_the_last_line_says_why_what_serves_and_what_to_type(name: str) -> None:
    """In one line, each of them once, whatever part gave the reason."""
    kind = KINDS[name]
    ending = diagnosis_of(kind)

    line = str(Summary(ending.cause, SERVES, ending.remedy))

    assert [part for part in kind.cause if part not in line] == []
    assert line.count(SERVES) == 1
    assert kind.remedy in line
    assert "\n" not in line
    assert ending.exit_code == kind.code


def test_only_a_held_rollout_is_held() -> None:
    """What it is made of must stay: a rollback that is held keeps its pin."""
    held = [name for name, kind in KINDS.items() if diagnosis_of(kind).is_held]

    assert held == ["the rollout is held"]


def test_a_repair_that_was_no_cure_is_not_the_end() -> None:
    """What counts is the rollout that began after it."""
    events = [event("started", "v8: putting its machines right", "repair"), event("finished")]
    again = [*events, event("started"), event("step", "launch v9-iad-1", "launch")]

    ending = FailedRun("The deployment", "shop", "x", events=again).diagnosis()

    assert ending.cause.startswith("The rollout of v9 was cut off half-way")
    assert ending.exit_code == 4


def test_an_error_that_says_nothing_hides_no_reason() -> None:
    """Pulumi shows the stack's own error before or after that of its resource."""
    printed = [*command("app", 1, f"error: {FLY}"), *diagnostics("    error: update failed")]

    assert FLY in FailedRun("The deployment", "shop", "x", printed=printed).diagnosis().cause
