"""`flygate doctor`: what may be wrong with an environment, and how to mend it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.output import screen
from flygate.cli.stack.stack import Stack
from flygate.doctor.checks import CHECKS, Check, examine
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, Severity

_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red", "skipped": "dim"}


def doctor(
    environment: StackName = "local",
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Check the toolchain, Pulumi's backend, the token, the clock, the app, its machines, the rest.

    It only reads, works without a network as far as it can, and shows no secret.

    \b
    Examples:
      flygate doctor
      flygate doctor prod --json

    Exit codes: 0 nothing is broken, 1 something is.
    """
    found = asyncio.run(_examined(Stack(environment), quiet=as_json))
    broken = sum(finding.severity is Severity.BROKEN for finding in found)
    if as_json:
        document = {
            "stack": environment,
            "broken": broken,
            "findings": [f.document() for f in found],
        }
        print(json.dumps(document, indent=2))
    else:
        print(f"\n{_summary(found)}")
    if broken:
        raise typer.Exit(1)


async def _examined(stack: Stack, *, quiet: bool) -> list[Finding]:
    async with Facts(stack) as facts:
        return await show_progress(facts, CHECKS, quiet=quiet)


async def show_progress(facts: Facts, checks: Mapping[str, Check], *, quiet: bool) -> list[Finding]:
    """Return all findings; show them as they come."""
    found: list[Finding] = []
    waiting = list(checks)
    with Console(stderr=True).status(_doing(waiting)) as status:
        async for name, findings in examine(facts, checks):
            waiting.remove(name)
            status.update(_doing(waiting))
            found += findings
            if not quiet:
                _show(findings)
    return found


def _show(findings: list[Finding]) -> None:
    """Print a line for each, and one below it for what to do."""
    console = screen.console()
    for each in findings:
        style = _STYLES[each.severity]
        console.print(f"[{style}]{each.severity:<8}[/] {each.check:<14} ", end="", soft_wrap=True)
        console.print(each.text, markup=False, soft_wrap=True)
        if each.remedy:
            console.print(f"{'':23} → {each.remedy}", markup=False, soft_wrap=True)
    sys.stdout.flush()


def _doing(waiting: list[str]) -> str:
    return f"looking at {', '.join(waiting)} …" if waiting else ""


def _summary(found: list[Finding]) -> str:
    count = Counter(finding.severity for finding in found)
    warnings, broken = count[Severity.WARNING], count[Severity.BROKEN]
    minor = f"{warnings} warning{'s' if warnings != 1 else ''}"
    if broken:
        return f"{broken} broken, {minor}. Each says how to mend it; then run this again."
    return "Nothing is broken" + (f"; {minor}." if warnings else ".")
