"""What Pulumi's state says of a stack's own resources: the outputs that their Commands left.

`pulumi stack export` prints it, and the running program can ask the engine for most of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

from flygate.pulumi.errors import PulumiError
from flygate.pulumi.pulumi import Pulumi

Kind = Literal["App", "Redis", "Release"]

_STACK: Final = "pulumi:pulumi:Stack"
_COMMAND: Final = "command:local:Command"
# How Pulumi marks a secret in its JSON.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECONDS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the state.

    Attributes:
        is_replaced: its replacement was made, and its delete is still to come.
    """

    urn: str
    type: str
    outputs: Mapping[str, Any] = field(repr=False)
    is_replaced: bool = False

    def is_command_of(self, kind: Kind) -> bool:
        """Whether it is the Command of the component of a kind, whatever the two are named."""
        return self.type == _COMMAND and f"flygate:fly:{kind}$" in self.urn


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The resources of a stack, as Pulumi last wrote them; empty where it can't be read."""

    resources: tuple[Resource, ...] = ()

    @classmethod
    def exported(cls, document: str) -> Self:
        """Read what `pulumi stack export --show-secrets` prints.

        Raises:
            ValueError: it is another document.
        """
        found = json.loads(document)["deployment"].get("resources") or []
        return cls(
            tuple(
                Resource(
                    urn=str(one["urn"]),
                    type=str(one["type"]),
                    outputs=_revealed(one.get("outputs") or {}),
                    is_replaced=bool(one.get("delete")),
                )
                for one in found
            )
        )

    @classmethod
    def invoked(cls, outputs: Mapping[str, Any]) -> Self:
        """Read what `pulumi:pulumi:readStackResourceOutputs` answers: URN → type and outputs."""
        return cls(
            tuple(
                Resource(urn, str(one["type"]), one.get("outputs") or {})
                for urn, one in outputs.items()
            )
        )

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The stack's outputs."""
        return next((r.outputs for r in self.resources if r.type == _STACK), {})

    def results(self, kind: Kind) -> Iterator[str]:
        """Yield what the Commands of a kind printed, the one that is not replaced first."""
        commands = [r for r in self.resources if r.is_command_of(kind)]
        for one in sorted(commands, key=lambda r: r.is_replaced):
            if isinstance(text := one.outputs.get("stdout"), str) and text.strip():
                yield text

    def has_successor(self, kind: Kind) -> bool:
        """Whether a replacement of the deleted resource of a kind exists."""
        return len([r for r in self.resources if r.is_command_of(kind)]) > 1


def export(stack: str) -> Checkpoint:
    """Return the checkpoint of a stack, by the Pulumi CLI; empty if it can't be had.

    Only where something is missing: it takes a second.

    Args:
        stack: `organization/project/stack`.
    """
    pulumi = Pulumi(stack, Path.cwd())
    try:
        text = pulumi.ask("stack", "export", "--show-secrets", seconds=_SECONDS_MAX)
        return Checkpoint.exported(text)
    except (OSError, PulumiError, ValueError, KeyError, TypeError):
        return Checkpoint()


def _revealed(value: Any) -> Any:
    """Return a value without Pulumi's wrapping of secrets."""
    if isinstance(value, list):
        return [_revealed(one) for one in value]
    if not isinstance(value, dict):
        return value
    if SIGNATURE in value:
        return _revealed(json.loads(value["plaintext"])) if "plaintext" in value else None
    return {name: _revealed(one) for name, one in value.items()}
