"""`flygate judge`: a rollout's soaks, judged again from the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.commands.workspace import journal_path
from flygate.record import journal
from flygate.rollout.judge import recorded_soak
from flygate.rollout.judge.judge import GATE
from flygate.rollout.judge.recorded_soak import RecordedSoak
from flygate.rollout.judge.rules import Rules
from flygate.rollout.verdict import Outcome, Verdict
from flygate.system.errors import ConfigError, FlygateError

_RULES: dict[str, Callable[[str], Any]] = {
    "minimum": int,
    "alpha": float,
    "errors": float,
    "latency": float,
    "ignore": lambda names: tuple(names.split(",")),
}
_EXIT_CODES: dict[Outcome, int] = {"pass": 0, "fail": 2, "inconclusive": 3, "error": 1}


class NotPassedError(FlygateError):
    """The last soak did not pass."""

    def __init__(self, soak: RecordedSoak, verdict: Verdict) -> None:
        super().__init__(f"{verdict.outcome}, where it {soak.headline}: {verdict.reason}")
        self.exit_code = _EXIT_CODES[verdict.outcome]


def judge(
    environment: StackName,
    release: Annotated[
        str, typer.Argument(help="As `v7`; by default the last one that was compared.")
    ] = "",
    rule: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another rule; names as in `rollout.judge`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Judge again what the machines reported while a release was rolled out, and change nothing.

    With the same rules the verdict is the one of the rollout. With others you see what they would
    have made of it, before you put them into `rollout.judge`.

    \b
    Examples:
      flygate judge prod
      flygate judge prod v7 --rule errors=1 --rule minimum=500

    Exit codes: those of the last soak's verdict: 0 pass, 2 fail, 3 inconclusive.
    """
    stack = Stack(environment)
    events = journal.read(journal_path(stack.root, stack.config("app") or ""))
    compared = [event.release for event in events if event.kind == "soak"]
    recorded = recorded_soak.soaks(events, release or "".join(compared[-1:]))
    if not recorded:
        known = ", ".join(dict.fromkeys(compared)) or "no release"
        raise FlygateError(
            f"This checkout's journal has no soak of {release or 'any release'} on {environment}; "
            f"it has those of {known}. A rollout compares if `rollout.soak` is not 0s."
        )
    verdicts = [(soak, soak.judge(_rules(soak, rule or []))) for soak in recorded]
    _show_json(verdicts) if as_json else _show(verdicts)
    last = verdicts[-1][1]
    if not last.passed:
        raise NotPassedError(recorded[-1], last)


def _rules(soak: RecordedSoak, changes: list[str]) -> Rules:
    """Return the rules of the rollout with changes.

    Raises:
        ConfigError: one is no rule, or no number.
    """
    given: dict[str, Any] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in _RULES:
            raise ConfigError(f"--rule {change}: no such rule. Known: {', '.join(_RULES)}")
        try:
            given[name] = _RULES[name](value)
        except ValueError:
            raise ConfigError(f"--rule {change}: {value!r} is no number") from None
    return soak.soak.rules.replaced(**given)


def _show(verdicts: list[tuple[RecordedSoak, Verdict]]) -> None:
    for soak, verdict in verdicts:
        print(f"{soak.at}  {soak.headline}")
        print(f"  {verdict.outcome}: {verdict.reason}")
        for region, metrics in verdict.numbers.items():
            for metric, numbers in metrics.items():
                print(f"  {region} {metric:<9} {_numbers(numbers)}".rstrip())


def _numbers(numbers: dict[str, Any]) -> str:
    return "  ".join(f"{name} {_short(value)}" for name, value in numbers.items())


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(map(_short, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items())
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _show_json(verdicts: list[tuple[RecordedSoak, Verdict]]) -> None:
    documents = [
        {
            "at": soak.at,
            "compared": soak.headline,
            "gate": GATE,
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "numbers": verdict.numbers,
        }
        for soak, verdict in verdicts
    ]
    print(json.dumps(documents, indent=2))
