"""`flygate diff`: what differs between two releases."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Annotated

import typer

from flygate.cli.stack.stack import Stack
from flygate.pulumi.errors import LOCAL_STACK
from flygate.record import diff as differences
from flygate.record import history as past

_VERSION = re.compile(r"v?\d+")


def diff(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STACK] [OLD] [NEW]",
            help="The stack (local), and the releases; by default the newest two.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """What differs between two releases: image, env, machine config, places; of secrets the names.

    \b
    Examples:
      flygate diff                    the newest release and the one before
      flygate diff v6 v7
      flygate diff prod v6            v6 and what runs now
      flygate diff prod v6 v7 --json
    """
    environment, versions = _sorted_out(words or [])
    releases = past.parse(Stack(environment).outputs().get("history"))
    old, new = differences.pick(releases, versions)
    found = differences.between(old, new)
    if as_json:
        print(json.dumps([asdict(change) for change in found], indent=2))
        return
    print(f"{old.version} → {new.version} of {environment}:")
    print("\n".join(f"  {change}" for change in found) or "  no difference")


def _sorted_out(words: list[str]) -> tuple[str, list[str]]:
    names = words[:1] if words and not _VERSION.fullmatch(words[0]) else []
    versions = words[len(names) :]
    if len(versions) > 2 or not all(_VERSION.fullmatch(word) for word in versions):
        raise typer.BadParameter(f"a stack and two releases at most, not {' '.join(words)}")
    return (names[0] if names else LOCAL_STACK), versions
