"""What the judge goes by: how sure it must be, and what is too little to matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal

from flygate.config import JudgeConfig

Metric = Literal["restarts", "traffic", "errors", "latency", "refusals", "memory", "descriptors"]

# Errors, latency and refusals are judged by chance; restarts, memory and open files are not.
CHANCES: Final = 3
# The last look of the soak, and of the soak once extended.
LAST_LOOKS: Final = 2
# Two machines of one release differ, by their neighbours: by so much either way it says nothing.
MACHINES_DIFFER: Final = 1.1
# What one client can prove, however many requests it sends.
CLIENT_ERRORS_MAX: Final = 5
# More digits than any operator writes, and fewer than a share loses.
_POINT_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one rollout's soaks.

    Attributes:
        judge: what the stack's configuration says, in its own units.
        beta: how likely a soak may pass a release as bad as `judge` says.
        refusals: by how much more a share of 429 must not pass.
        warm_up: seconds at the start that latency, memory and open files are not judged by.
        soaks, regions: how many of them the rollout has; each has a part of `judge.alpha`.
        looks: at the samples, in one soak.
    """

    judge: JudgeConfig = field(default_factory=JudgeConfig)
    beta: float = 0.05
    refusals: float = 0.2
    warm_up: float = 0.0
    soaks: int = 1
    regions: int = 1
    looks: int = 30

    def replaced(self, **judge: Any) -> Rules:
        """Return the same rules with other values of the configuration, which are not validated."""
        return replace(self, judge=self.judge.model_copy(update=judge))

    def dump(self) -> dict[str, Any]:
        """Return the rules as the journal keeps them: flat, and errors as a share."""
        own = {one.name: getattr(self, one.name) for one in fields(self)[1:]}
        return {**dict(self.judge), "errors": self.errors, **own}

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Rules:
        """Return what `dump` gave.

        Raises:
            TypeError: another version of Flygate wrote it.
        """
        own = dict(data)
        judge = {name: own.pop(name) for name in JudgeConfig.model_fields if name in own}
        if "errors" in judge:
            judge["errors"] = round(100 * judge["errors"], _POINT_DIGITS)
        if "ignore" in judge:
            judge["ignore"] = tuple(judge["ignore"])
        return cls(**own).replaced(**judge)

    @property
    def errors(self) -> float:
        """By how much more a share of 5xx must not pass (0.05: 5 percentage points)."""
        return self.judge.errors / 100

    @property
    def too_few_errors(self) -> float:
        """More 5xx than before, but too few more to fail for, however sure it is."""
        return self.errors / 5

    @property
    def too_few_refusals(self) -> float:
        """Return the same for 429."""
        return self.refusals / 4

    @property
    def too_slow(self) -> float:
        """Return the factor in latency to rule out: on a quick machine it is `judge.latency`."""
        return self.judge.latency / MACHINES_DIFFER

    @property
    def too_little_slower(self) -> float:
        """Slower than before, but too little to fail for: half of the way to `latency`."""
        return (1 + self.judge.latency) / 2

    def fail_level(self, is_last: bool) -> float:
        """Return how unlikely chance must be at one look for a verdict of fail.

        The budget `alpha` is shared out in full before anything is seen, so that the levels of
        all looks of a rollout add up to it (Bonferroni). Of each soak, region and metric, half
        is for the last looks, which see most; half is for all looks before, so that a release
        that is plainly bad fails at once.
        """
        share = self.judge.alpha / (self.soaks * self.regions * CHANCES)
        return share / 2 / (LAST_LOOKS if is_last else LAST_LOOKS * self.looks)

    @property
    def pass_level(self) -> float:
        """Return how unlikely a release too bad to pass must be at a last look for a pass."""
        return self.beta / LAST_LOOKS
