"""`SetSecrets`: Fly gets the release's secret values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flygate_wire.variables import Variable

from flygate.rollout.execution import Execution
from flygate.rollout.state import digest
from flygate.rollout.steps.step import Turn
from flygate.rollout.target import Target

_KEY: Final = Variable.FLYGATE_KEY.value


@dataclass(frozen=True, slots=True)
class SetSecrets:
    """Give Fly the release's secret values; running machines keep theirs until they restart."""

    title = "secrets"
    turn = Turn.VALUES

    async def apply(self, execution: Execution) -> str:
        """Set what the release has and remove what only the former one had."""
        target = execution.target
        gone = dict.fromkeys(set(target.former_secrets) - set(target.secrets))
        values: dict[str, str | None] = {**target.secrets, **gone, _KEY: target.key}
        execution.secrets_version = await execution.fly.set_secrets(execution.app, values)
        execution.secrets = digest(await execution.fly.secrets(execution.app))
        return describe_secrets(target)

    async def undo(self, execution: Execution) -> None:
        """Set the former values: a machine that restarts must not see the new ones."""
        await set_former(execution)


@dataclass(frozen=True, slots=True)
class ResetSecrets:
    """Give Fly the former release's values, which a dead rollout has replaced."""

    title = "former secrets"
    turn = None

    async def apply(self, execution: Execution) -> str:
        """Set them before a machine of the former release starts."""
        return "as they were" if await set_former(execution) else "not known"

    async def undo(self, execution: Execution) -> None:
        """Nothing: they belong to what runs."""


async def set_former(execution: Execution) -> bool:
    """Set the former values, and remove what only the new release has.

    Fly shows no secret's value: where the ledger was lost, they stay as they are.
    """
    target = execution.target
    added = dict.fromkeys(set(target.secrets) - set(target.former_secrets))
    if not target.is_former_known:
        return False
    former = {**target.former_secrets, _KEY: target.former_key or None}
    await execution.fly.set_secrets(execution.app, {**former, **added})
    return True


def describe_secrets(target: Target) -> str:
    """Names that are new (+), gone (-) or changed (~), never values."""
    new, old = target.secrets, target.former_secrets
    marks = [f"+{name}" for name in sorted(set(new) - set(old))]
    marks += [f"-{name}" for name in sorted(set(old) - set(new))]
    marks += [f"~{name}" for name in sorted(set(old) & set(new)) if old[name] != new[name]]
    return " ".join(marks) or "unchanged"
