"""Do the new machines answer more slowly? A part of the judge. Pure."""

from __future__ import annotations

from flygate.rollout.judge import statistics
from flygate.rollout.judge.finding import MetricFinding, p_text
from flygate.rollout.judge.pair import Pair
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.statistics import Histogram


def judge(pair: Pair, rules: Rules, *, is_last: bool) -> MetricFinding:
    """Fail a release that answers more slowly; pass one that answers about as fast."""
    if pair.is_remote:
        return MetricFinding("latency", "pass", "latency not compared: a new region")
    candidate = pair.candidate.latency(rules.warm_up)
    former = pair.former.latency(rules.warm_up)
    worse = _slower(pair, None, rules)
    level = rules.fail_level(is_last)
    is_worse = worse <= level and all(_slower(pair, g, rules) <= level for g in pair.groups)
    factor = statistics.ratio(candidate, former)
    new, old = candidate.quantile(0.5) / 1e6, former.quantile(0.5) / 1e6
    text = f"latency {factor:.2f} times (median {new:.3g} ms against {old:.3g} ms)"
    numbers = {
        "times": factor,
        "median_ms": [new, old],
        "p95_ms": [candidate.quantile(0.95) / 1e6, former.quantile(0.95) / 1e6],
        "answers": [candidate.total, former.total],
        "p": worse,
    }
    if is_worse:
        return MetricFinding("latency", "fail", f"{text}, {p_text(worse)}", numbers)
    if not is_last:
        return MetricFinding("latency", "inconclusive", f"{text}, so far", numbers)
    if any(_faster(pair, g, rules) <= rules.pass_level for g in (None, *pair.groups)):
        return MetricFinding("latency", "pass", text, numbers)
    text += f", {rules.too_slow:.2g} times can't be ruled out"
    return MetricFinding("latency", "inconclusive", text, numbers)


def _slower(pair: Pair, without: int | None, rules: Rules) -> float:
    candidate, former = _latencies(pair, without, rules)
    return statistics.slower(candidate, former, rules.too_little_slower)


def _faster(pair: Pair, without: int | None, rules: Rules) -> float:
    candidate, former = _latencies(pair, without, rules)
    return statistics.faster(candidate, former, rules.too_slow)


def _latencies(pair: Pair, without: int | None, rules: Rules) -> tuple[Histogram, Histogram]:
    candidate, former = pair.candidate, pair.former
    return candidate.latency(rules.warm_up, without), former.latency(rules.warm_up, without)
