"""What the judge compares in one region."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.rollout.judge.samples import Samples


@dataclass(frozen=True, slots=True)
class Pair:
    """The two sides in one region.

    Attributes:
        is_remote: the former release had no machine here; its others stand in for one. Their
            clients are elsewhere, so latencies can't be compared.
    """

    candidate: Samples
    former: Samples
    is_remote: bool = False

    @property
    def groups(self) -> list[int]:
        """Return the groups of clients of which each may be left out, if there is more than one."""
        busy = self.candidate.busy_groups | self.former.busy_groups
        return sorted(busy) if len(busy) > 1 else []
