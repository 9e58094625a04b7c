"""`flygate history`: the releases of a stack."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.output import screen
from flygate.cli.stack.pin import recorded
from flygate.cli.stack.stack import Stack
from flygate.record import history as past
from flygate.record import pinning


def history(
    environment: StackName = "local",
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """The releases, newest first: what ran, when, by whom, and why.

    \b
    Examples:
      flygate history
      flygate history prod --json
    """
    outputs = Stack(environment).outputs()
    releases = past.parse(outputs.get("history"))
    if as_json:
        print(
            json.dumps(
                [entry.model_dump(exclude={"content", "secrets"}) for entry in releases], indent=2
            )
        )
    elif not releases:
        print(f"Nothing was released to {environment} yet.")
    else:
        _show(releases)
        if pin := recorded(outputs):
            print(pinning.notice(environment, pin))


def _show(releases: list[past.Entry]) -> None:
    table = screen.table(
        "release", "when", "who", "commit", "phase", "image", "gates", "took", "why"
    )
    for entry in releases:
        why = f"{entry.rollback_of} again" if entry.rollback_of else ""
        rebuilt = f"rebuilt from {entry.rebuilt}" if entry.rebuilt else ""
        table.add_row(
            entry.version,
            entry.at.replace("T", " ").removesuffix("+00:00"),
            entry.by,
            entry.commit,
            str(entry.phase),
            entry.image.rpartition("@sha256:")[2][:12],
            " ".join(_sign(gate, verdict) for gate, verdict in entry.verdicts.items()) or "-",
            f"{entry.seconds:g} s",
            ": ".join(part for part in (why, rebuilt, entry.promotion, entry.reason) if part),
        )
    screen.console().print(table)


def _sign(gate: str, verdict: str) -> str:
    """A gate that passed, or one that an operator overruled."""
    return gate if verdict.startswith("pass") else f"{gate}?"
