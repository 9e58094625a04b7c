"""`flygate plan`: what the next deployment would change, and how it would be rolled out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.program.preview_note import PreviewNote

# The stack reads its own last outputs.
_HARMLESS = frozenset({"same", "read"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What Pulumi's preview found.

    Attributes:
        changes: whether a deployment would do anything.
        lines: what it would do, and what other tools changed.
    """

    stack: str
    changes: bool
    lines: list[str]


def plan(
    environment: StackName = "local",
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """What the next deployment would do; nothing is changed.

    Machine by machine and step by step, with what differs in environment, config and secrets (of
    these the names), the time and the cost, and what other tools changed without Pulumi.

    \b
    Examples:
      flygate plan
      flygate plan prod --json
    """
    stack = Stack(environment)
    summary = stack.preview().get("changeSummary", {})
    changes = any(count for op, count in summary.items() if op not in _HARMLESS)
    found = Plan(environment, changes, PreviewNote(stack.root, stack.config("app") or "").lines)
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    for line in found.lines:
        print(line)
    print(
        f"Deploy it: pulumi up --stack {environment}"
        if found.changes
        else f"Nothing would change on {environment}."
    )
