"""A soak as it goes on: samples come in, a verdict comes out. Pure, so it can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from flygate.rollout.judge.judge import judge
from flygate.rollout.judge.pair import Pair
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.samples import Samples, Series
from flygate.rollout.judge.snapshot import Miss, Snapshot
from flygate.rollout.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Watched:
    """A machine that is watched.

    Attributes:
        is_new: of the release that is judged; else of the former one.
    """

    name: str
    region: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Soak:
    """What is watched, how long, and by which rules.

    Attributes:
        members: machine id → the machine.
        seconds: until it may pass; as long again if it is inconclusive then.
    """

    members: Mapping[str, Watched]
    seconds: float
    rules: Rules

    def dump(self) -> dict[str, Any]:
        """As the journal keeps it."""
        members = {machine: asdict(member) for machine, member in self.members.items()}
        return {"members": members, "seconds": self.seconds, "rules": self.rules.dump()}

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """Return what `dump` gave.

        Raises:
            TypeError: another version of Flygate wrote it.
        """
        members = {machine: Watched(**one) for machine, one in data["members"].items()}
        return cls(members, data["seconds"], Rules.load(data["rules"]))


@dataclass(slots=True)
class Watch:
    """Collects the samples of a soak and judges after each look.

    Attributes:
        is_over: the last verdict is the final one.
        is_extended: it was inconclusive at its end, and goes on once more.
    """

    soak: Soak
    is_over: bool = False
    is_extended: bool = False
    _reports: dict[str, list[Snapshot | Miss]] = field(default_factory=dict)

    def look(self, reports: Mapping[str, Snapshot | Miss]) -> Verdict:
        """Take in what each machine reported, and judge.

        Returns:
            The final verdict if `is_over`; else how it stands.
        """
        for machine, one in reports.items():
            self._reports.setdefault(machine, []).append(one)
        is_last = max(one.at for one in reports.values()) >= self._seconds
        verdict = judge(self._regions(), self.soak.rules, is_last=is_last)
        if verdict.outcome == "fail":
            self.is_over = True
        elif is_last and verdict.outcome == "inconclusive" and not self.is_extended:
            self.is_extended = True
        else:
            self.is_over = is_last
        return verdict

    @property
    def _seconds(self) -> float:
        return self.soak.seconds * (2 if self.is_extended else 1)

    def _regions(self) -> dict[str, Pair]:
        """Return the two sides of each region that has a new machine."""
        return {region: self._pair(region) for region in sorted(self._places(is_new=True))}

    def _pair(self, region: str) -> Pair:
        former = self._places(is_new=False)
        is_remote = region not in former
        places = former if is_remote else {region}
        return Pair(self._side({region}, True), self._side(places, False), is_remote)

    def _places(self, *, is_new: bool) -> set[str]:
        return {m.region for m in self.soak.members.values() if m.is_new is is_new}

    def _side(self, regions: set[str], is_new: bool) -> Samples:
        return Samples(
            tuple(
                Series(member.name, tuple(self._reports.get(machine, ())))
                for machine, member in self.soak.members.items()
                if member.is_new is is_new and member.region in regions
            )
        )
