"""Where a way back must lead: the releases that were found good, as an operator would keep them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.scenario import Verb


@dataclass(slots=True)
class Trail:
    """Manifest ids, each once, the one that serves last.

    Attributes:
        is_sure: each run has reported what it released.
    """

    good: list[str] = field(default_factory=list)
    is_sure: bool = True

    @property
    def before(self) -> str:
        """Where a way back leads from what serves; empty if there is nothing before it."""
        return self.good[-2] if len(self.good) > 1 else ""

    def stands(self, manifest: str, verb: Verb) -> None:
        """A release was announced. A way back leaves what served before it."""
        if self.good and verb == "rollback" and manifest != self.good[-1]:
            self.good.pop()
        if manifest in self.good:
            self.good.remove(manifest)
        self.good.append(manifest)
