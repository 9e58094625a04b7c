"""What the judge goes by: how sure it must be, and what is too little to matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Metric = Literal["restarts", "traffic", "errors", "latency", "refusals", "memory", "descriptors"]

# Errors, latency and refusals are judged by chance; restarts, memory and open files are not.
CHANCES = 3
# The last look of the soak, and of the soak once extended.
LAST_LOOKS = 2
# Two machines of one release differ, by their neighbours: by so much either way it says nothing.
MACHINES_DIFFER = 1.1
# What one client can prove, however many requests it sends.
CLIENT_ERRORS_MAX = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one rollout's soaks.

    Attributes:
        minimum: requests wanted of each side in each region before it may pass.
        alpha: how likely a whole rollout of a good release may fail by chance.
        beta: how likely a soak may pass a release as bad as `errors` or `latency` say.
        errors: by how much more a share of 5xx must not pass (0.05: 5 percentage points).
        latency: how many times as slow must not pass.
        refusals: by how much more a share of 429 must not pass.
        ignore: metrics that are told, but do not count.
        warm_up: seconds at the start that latency, memory and open files are not judged by.
        soaks, regions: how many of them the rollout has; each has a part of `alpha`.
        looks: at the samples, in one soak.
    """

    minimum: int = 150
    alpha: float = 0.01
    beta: float = 0.05
    errors: float = 0.05
    latency: float = 1.5
    refusals: float = 0.2
    ignore: tuple[str, ...] = ()
    warm_up: float = 0.0
    soaks: int = 1
    regions: int = 1
    looks: int = 30

    @property
    def too_few_errors(self) -> float:
        """More 5xx than before, but too few more to fail for, however sure it is."""
        return self.errors / 5

    @property
    def too_few_refusals(self) -> float:
        """The same for 429."""
        return self.refusals / 4

    @property
    def too_slow(self) -> float:
        """So many times as slow must be ruled out: on a quick machine it is `latency`."""
        return self.latency / MACHINES_DIFFER

    @property
    def too_little_slower(self) -> float:
        """Slower than before, but too little to fail for: half of the way to `latency`."""
        return (1 + self.latency) / 2

    def fail_level(self, is_last: bool) -> float:
        """How unlikely chance must be at one look for a verdict of fail.

        The budget `alpha` is shared out in full before anything is seen, so that the levels of
        all looks of a rollout add up to it (Bonferroni). Of each soak, region and metric, half
        is for the last looks, which see most; half is for all looks before, so that a release
        that is plainly bad fails at once.
        """
        share = self.alpha / (self.soaks * self.regions * CHANCES)
        return share / 2 / (LAST_LOOKS if is_last else LAST_LOOKS * self.looks)

    @property
    def pass_level(self) -> float:
        """How unlikely a release too bad to pass must be at a last look for a pass."""
        return self.beta / LAST_LOOKS
