"""A stack whose Pulumi is a table of answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import FlygateError


@dataclass
class PaperStack:
    """Answers as `infra.cli.stack.Stack` does.

    Attributes:
        failure: what Pulumi says instead of the stack's configuration.
    """

    name: str = "demo"
    root: Path = Path("/nowhere")
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    failure: str = ""

    def ask(self, *arguments: str) -> str:
        """What Pulumi would print."""
        if self.failure:
            raise FlygateError(self.failure)
        if arguments[:2] == ("stack", "output"):
            return json.dumps(self.outputs)
        assert arguments == ("config", "--json", "--show-secrets")
        return json.dumps({f"flygate:{k}": {"value": v} for k, v in self.settings.items()})
