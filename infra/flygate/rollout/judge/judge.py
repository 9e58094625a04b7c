"""The judge: are the new machines worse than the former ones of the same region? Pure.

A verdict of fail wants evidence that they are worse by more than too little to matter; a verdict
of pass wants evidence that they are not worse by more than is acceptable. Between the
two, and without traffic, it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flygate_wire.statistics_schema import group_of

from flygate.rollout.judge import growth, latency
from flygate.rollout.judge.finding import MetricFinding
from flygate.rollout.judge.pair import Pair
from flygate.rollout.judge.rules import CLIENT_ERRORS_MAX, Rules
from flygate.rollout.judge.samples import Culprits, Samples
from flygate.rollout.judge.shares import Compared, Shares
from flygate.rollout.judge.snapshot import Miss
from flygate.rollout.verdict import Outcome, Verdict

GATE: Final = "judge"
# One lost answer is the network's; this many in a row, over so long, are the machine's.
MISSES_MAX: Final = 3
SILENCE_SECONDS: Final = 3.0


def judge(regions: Mapping[str, Pair], rules: Rules, *, is_last: bool) -> Verdict:
    """Return the verdict over all regions: the worst one counts.

    Args:
        is_last: the soak ends with this look; before, a verdict is fail or inconclusive.
    """
    found = {name: findings_in(pair, rules, is_last=is_last) for name, pair in regions.items()}
    counted = [
        (region, finding)
        for region, findings in found.items()
        for finding in findings
        if finding.metric not in rules.judge.ignore
    ]
    outcome = _worst([finding.outcome for _, finding in counted])
    decisive = [(region, finding) for region, finding in counted if finding.outcome == outcome]
    names = {finding.name for _, finding in decisive}
    return Verdict(
        outcome,
        GATE,
        "; ".join(
            finding.text_in(region if len(found) > 1 else "") for region, finding in decisive
        ),
        numbers={
            region: {finding.metric: dict(finding.numbers) for finding in findings}
            for region, findings in found.items()
        },
        name=names.pop() if len(names) == 1 else "",
    )


def findings_in(pair: Pair, rules: Rules, *, is_last: bool) -> list[MetricFinding]:
    """Return what is found in one region, metric by metric."""
    found = [_restarts(pair, is_last=is_last)]
    if silence := _silence(pair.former):
        return [*found, MetricFinding("traffic", "inconclusive", f"the former release's {silence}")]
    if _silence(pair.candidate):
        return found
    compared = [
        _errors(pair, rules, is_last=is_last),
        latency.judge(pair, rules, is_last=is_last),
        _refusals(pair, rules, is_last=is_last),
        *(
            growth.judge(kind, pair.candidate, pair.former, rules, is_last=is_last)
            for kind in (growth.MEMORY, growth.DESCRIPTORS)
        ),
    ]
    if few := _too_few(pair, rules):
        # What is plainly bad is so after a few requests, too; all else would be a guess.
        return [*found, few, *(finding for finding in compared if finding.outcome == "fail")]
    return [*found, *compared]


def _restarts(pair: Pair, *, is_last: bool) -> MetricFinding:
    """Judge whether the new machines stay up and answer, above all at the end."""
    candidate, former = pair.candidate, pair.former
    numbers = {"candidate": candidate.restarts, "former": former.restarts}
    for series in candidate.machines:
        misses = series.misses
        if series.restarts and candidate.restarts > former.restarts:
            times = "once" if series.restarts == 1 else f"{series.restarts} times"
            text = f"restarted {times} while judged"
            return MetricFinding("restarts", "fail", text, numbers, series.name)
        if _is_dead(misses) and not _is_gone(former):
            text = f"does not answer any more: {misses[0].reason}"
            return MetricFinding("restarts", "fail", text, numbers, series.name)
        if misses and (not series.snapshots or (is_last and misses[0].is_silent)):
            return MetricFinding("restarts", "inconclusive", misses[0].reason, numbers, series.name)
    return MetricFinding("restarts", "pass", "no restarts", numbers)


def _too_few(pair: Pair, rules: Rules) -> MetricFinding | None:
    """No traffic, no verdict."""
    minimum = rules.judge.minimum
    counts = {"new": pair.candidate.errors.total, "former": pair.former.errors.total}
    for who, count in counts.items():
        if count < minimum:
            text = f"{count} of the {minimum} requests wanted reached the {who} machines"
            return MetricFinding("traffic", "inconclusive", text, counts)
    return None


def _errors(pair: Pair, rules: Rules, *, is_last: bool) -> MetricFinding:
    candidate, former = pair.candidate, pair.former
    culprits = candidate.culprits
    return Shares(
        "errors",
        "5xx",
        candidate.errors,
        former.errors,
        too_few=rules.too_few_errors,
        too_many=rules.errors,
        fewer=_proven(pair),
        spared=[
            (candidate.errors_without(group), former.errors_without(group))
            for group in _outlier(pair)
        ],
        clients=_clients(culprits) if culprits and culprits.errors.hits else "",
    ).judge(rules, is_last=is_last)


def _proven(pair: Pair) -> list[Compared]:
    """Return the errors of both sides without what one client alone can bring about."""
    culprits = pair.candidate.culprits
    if culprits is None or not pair.groups:
        return []
    former = pair.former.culprits
    return [
        (
            culprits.counted(CLIENT_ERRORS_MAX),
            former.counted(CLIENT_ERRORS_MAX) if former else pair.former.errors,
        )
    ]


def _outlier(pair: Pair) -> list[int]:
    """Return the group of a client with more errors than one client can prove something by."""
    culprits = pair.candidate.culprits
    if culprits is None or culprits.most <= CLIENT_ERRORS_MAX or not pair.groups:
        return []
    return [group_of(culprits.first, pair.candidate.groups)]


def _clients(culprits: Culprits) -> str:
    count = len(culprits.clients)
    if culprits.errors.hits > sum(culprits.clients.values()):
        return f"from more than {count:,} clients"
    most = f" ({culprits.most:,} from one of them)" if count > 1 and culprits.most > 1 else ""
    return f"from {count:,} client{'s' if count > 1 else ''}{most}"


def _refusals(pair: Pair, rules: Rules, *, is_last: bool) -> MetricFinding:
    if pair.candidate.limits != pair.former.limits:
        return MetricFinding("refusals", "pass", "429 not compared: the limits are other ones")
    candidate, former = pair.candidate, pair.former
    pairs = [
        (candidate.refusals_without(group), former.refusals_without(group)) for group in pair.groups
    ]
    return Shares(
        "refusals",
        "429",
        candidate.refusals,
        former.refusals,
        too_few=rules.too_few_refusals,
        too_many=rules.refusals,
        fewer=pairs,
        spared=pairs,
    ).judge(rules, is_last=is_last)


def _silence(side: Samples) -> str:
    """Return why a side reports nothing at all, or an empty string."""
    if any(series.snapshots for series in side.machines):
        return ""
    for series in side.machines:
        return f"{series.name} {series.misses[0].reason}" if series.misses else "nothing was asked"
    return "machines are gone"


def _is_dead(misses: list[Miss]) -> bool:
    """Silent for so long that it is the machine; newest first."""
    return (
        len(misses) >= MISSES_MAX
        and all(miss.is_silent for miss in misses)
        and misses[0].at - misses[-1].at >= SILENCE_SECONDS
    )


def _is_gone(side: Samples) -> bool:
    """None of its machines answers, so it may be the way to them."""
    return all(series.misses for series in side.machines)


def _worst(outcomes: list[Outcome]) -> Outcome:
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes and set(outcomes) == {"pass"} else "inconclusive"
