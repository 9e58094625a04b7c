"""A soak as the journal has it, judged again: same rules, same verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flygate.record.journal import Event
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.snapshot import read
from flygate.rollout.judge.watch import Soak, Watch
from flygate.rollout.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RecordedSoak:
    """A soak as it went.

    Attributes:
        at: when it began (RFC 3339).
        headline: what was compared, for people.
        looks: second of the soak, and what each machine reported then.
    """

    at: str
    headline: str
    soak: Soak
    looks: tuple[tuple[float, Mapping[str, Any]], ...]

    def judge(self, rules: Rules | None = None) -> Verdict:
        """Judge it again.

        Args:
            rules: other ones than those that it was judged by.

        Returns:
            The final verdict; or how it stood, if the record ends before.
        """
        watch = Watch(replace(self.soak, rules=rules or self.soak.rules))
        verdict = Verdict("inconclusive", "judge", "it was stopped before the first look")
        for at, reports in self.looks:
            verdict = watch.look({machine: read(at, one) for machine, one in reports.items()})
            if watch.is_over:
                break
        return verdict


def soaks(events: Iterable[Event], release: str) -> list[RecordedSoak]:
    """Return the soaks of a release's last attempt, in their order.

    Args:
        release: `v7`.
    """
    found: list[RecordedSoak] = []
    for event in events:
        if event.release != release:
            continue
        if event.kind == "started":
            found = []
        elif event.kind == "soak":
            found.append(RecordedSoak(event.at, event.text, Soak.load(event.data), ()))
        elif event.kind == "sample" and found:
            look = (float(event.data["at"]), event.data["told"])
            found[-1] = replace(found[-1], looks=(*found[-1].looks, look))
    return found
