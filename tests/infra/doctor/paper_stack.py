"""A stack whose Pulumi is a table of answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from flygate.system.errors import FlygateError


@dataclass
class PaperStack:
    """Answers as `flygate.cli.stack.stack.Stack` does.

    Attributes:
        former: settings that were deployed once.
        failure: Pulumi's error instead of the stack's configuration.
    """

    name: str = "demo"
    root: Path = Path("/nowhere")
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    former: list[dict[str, str]] = field(default_factory=list)
    failure: FlygateError | None = None

    def ask(self, *arguments: str) -> str:
        """What Pulumi would print."""
        if self.failure:
            raise self.failure
        if arguments[:2] == ("stack", "output"):
            return json.dumps(self.outputs)
        if arguments[:2] == ("stack", "history"):
            return json.dumps([{"config": _entries(settings)} for settings in self.former])
        assert arguments == ("config", "--json", "--show-secrets")
        return json.dumps(_entries(self.settings))


def _entries(settings: dict[str, str]) -> dict[str, dict[str, str]]:
    return {f"flygate:{key}": {"value": value} for key, value in settings.items()}
