"""The judge: what it makes of numbers that are plain, and how often chance misleads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from flygate.config import JudgeConfig
from flygate.rollout.judge.judge import judge
from flygate.rollout.judge.pair import Pair
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.samples import Samples, Series
from flygate.rollout.judge.snapshot import Miss, Part, Snapshot, Usage
from flygate.rollout.judge.statistics import Histogram
from flygate.rollout.judge.watch import Soak, Watch, Watched
from flygate.rollout.verdict import Verdict
from flygate_wire.statistics_schema import group_of

from tests.infra.rollout.judge.simulated_soak import MIB, Difference, soak_of

ROLLOUTS = 200
ATTACKS = 30
QUICK = {200: 1000}
USUAL = {"memory": Usage(50 * MIB, 256 * MIB), "descriptors": Usage(30, 1024)}


def machine(name: str = "v2-iad-1", looks: int = 10, **changes: Any) -> Series:
    """One that answered 1,000 requests evenly over ten looks, all well, in about 16 ms.

    Args:
        changes: of the last snapshot; those between are on the way there.
    """
    last = snapshot(**changes)
    return Series(
        name,
        tuple(
            replace(
                last,
                at=float(look),
                served=last.served * look // looks,
                errors=last.errors * look // looks,
                refused=last.refused * look // looks,
                latency=replace(
                    last.latency,
                    counts={b: n * look // looks for b, n in last.latency.counts.items()},
                ),
                usage={
                    kind: replace(
                        usage,
                        used=USUAL[kind].used + (usage.used - USUAL[kind].used) * look // looks,
                    )
                    for kind, usage in last.usage.items()
                },
            )
            for look in range(looks + 1)
        ),
    )


def snapshot(**changes: Any) -> Snapshot:
    latency = Histogram(changes.pop("latency", QUICK), 1000.0, 16)
    return Snapshot(
        **{
            "at": 10.0,
            "boot": "one",
            "served": 1000,
            "errors": 0,
            "refused": 0,
            "latency": latency,
            **changes,
            "usage": {**USUAL, **changes.get("usage", {})},
        }
    )


def used(kind: str, amount: int) -> dict[str, Any]:
    """So much of something at the end."""
    return {"usage": {kind: replace(USUAL[kind], used=amount)}}


def judged(
    candidate: Series, former: Series, *, last: bool = True, ignore: tuple[str, ...] = ()
) -> Verdict:
    pair = Pair(Samples((candidate,)), Samples((former,)))
    return judge({"iad": pair}, Rules(JudgeConfig(ignore=ignore)), is_last=last)


OLD = machine("v1-iad-1")


def test_a_restart_that_only_fly_has_seen_fails_the_release() -> None:
    """It answered at each look, as the same process for all we know: it died between two."""
    well = machine()
    first, last = replace(well.reports[0], died_at=0), replace(well.reports[-1], died_at=17)
    assert judged(replace(well, reports=(first, *well.reports[1:-1], last)), OLD).outcome == "fail"
    unchanged = replace(last, died_at=0)
    assert judged(replace(well, reports=(first, *well.reports[1:-1], unchanged)), OLD).passed


def test_a_machine_that_is_silent_at_the_end_does_not_pass() -> None:
    """Once may be the network's fault; then the soak is made longer, and decides."""
    silent = Miss(10.0, "answers 502", is_silent=True)
    quiet = replace(machine(), reports=(*machine().reports[:-1], silent))
    assert judged(quiet, OLD).outcome == "inconclusive"
    reports = Miss(10.0, "reports statistics of schema 2, not 1", is_silent=False)
    assert judged(replace(quiet, reports=(*machine().reports[:-1], reports)), OLD).passed


def test_a_release_like_the_former_one_passes_with_its_numbers() -> None:
    """The reason names each metric, and the numbers are there for a machine to read."""
    verdict = judged(machine(), OLD)

    assert verdict.outcome == "pass"
    assert "5xx 0 of 1,000 (0.0 %) against 0 of 1,000 (0.0 %)" in verdict.reason
    assert "latency 1.00 times" in verdict.reason
    assert verdict.numbers["iad"]["errors"]["candidate"] == [0, 1000]


def test_it_passes_only_at_the_end() -> None:
    """In the middle of a soak a good release is undecided."""
    assert judged(machine(), OLD, last=False).outcome == "inconclusive"


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"errors": 60}, "5xx 60 of 1,000 (6.0 %) against 0 of 1,000 (0.0 %), p = "),
        ({"latency": {225: 1000}}, "latency 2.9"),
        ({"refused": 900}, "429 900 of 1,900 (47.4 %) against 0 of 1,000 (0.0 %), p = "),
        (used("memory", 240 * MIB), "v2-iad-1 uses 240 MiB of its 256 MiB of memory"),
        (used("descriptors", 940), "v2-iad-1 uses 940 of its 1024 open files"),
    ],
)
def test_what_is_plainly_worse_fails_at_any_look(
    changes: dict[str, Any], said: str, last: bool
) -> None:
    """A soak that can only end badly ends early."""
    verdict = judged(machine(**changes), OLD, last=last)

    assert verdict.outcome == "fail"
    assert said in verdict.reason


def test_errors_count_also_below_the_minimum() -> None:
    """A release that answers nothing but errors fails after a few requests."""
    bad = machine(served=40, errors=40, latency={})

    assert judged(bad, OLD, last=False).outcome == "fail"


def test_a_worse_release_may_be_no_worse_than_a_bad_former_one() -> None:
    """The same errors on both sides are not the release's."""
    assert judged(machine(errors=60), machine("v1-iad-1", errors=60)).outcome == "pass"


def test_too_little_to_matter_does_not_fail() -> None:
    """Half a percent more errors is sure at these counts, and too few to stop a release for."""
    many: dict[str, Any] = {"served": 1_000_000, "latency": {200: 1_000_000}}

    assert judged(machine(errors=5000, **many), machine("v1-iad-1", **many)).outcome == "pass"


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        (0, 1000, "0 of the 150 requests wanted reached the new machines"),
        (1000, 100, "100 of the 150 requests wanted reached the former machines"),
    ],
)
def test_without_traffic_it_does_not_pass(new: int, old: int, said: str) -> None:
    """No news is no good news."""
    verdict = judged(
        machine(served=new, latency={200: new}), machine("v1", served=old, latency={200: old})
    )

    assert verdict.outcome == "inconclusive"
    assert verdict.reason == said


def test_a_doubt_is_reported_with_its_size() -> None:
    """5 more errors in 160 requests may be chance or may not be."""
    few: dict[str, Any] = {"served": 160, "latency": {200: 160}}
    verdict = judged(machine(errors=5, **few), machine("v1", **few))

    assert verdict.outcome == "inconclusive"
    assert "points more can't be ruled out" in verdict.reason


def test_a_restart_fails() -> None:
    """A new machine whose process is another one than before has died."""
    good = machine()
    died = replace(good, reports=(*good.reports, snapshot(at=11.0, boot="two", served=5)))

    verdict = judged(died, OLD, last=False)

    assert verdict.outcome == "fail"
    assert verdict.reason == "v2-iad-1 restarted once while judged"
    assert verdict.name == "v2-iad-1"


def test_what_was_counted_before_a_restart_counts() -> None:
    """The counters begin again at zero; the requests were served nevertheless."""
    reports = machine().reports
    series = Series("v2", (*reports, snapshot(at=11.0, boot="two", served=5, errors=5)))

    assert Samples((series,)).errors.hits == 5
    assert Samples((series,)).errors.total == 1005


def test_a_machine_that_stops_answering_fails() -> None:
    """A second or two are no proof of anything; three seconds of silence are."""
    silence = [Miss(11.0 + i, "answers 502", is_silent=True) for i in range(4)]
    good = machine()

    once = judged(replace(good, reports=(*good.reports, *silence[:3])), OLD)
    lasting = judged(replace(good, reports=(*good.reports, *silence)), OLD)

    assert once.outcome == "inconclusive"
    assert lasting.outcome == "fail"
    assert "v2-iad-1 does not answer any more: answers 502" in lasting.reason


def test_when_no_machine_answers_nothing_is_decided() -> None:
    """It is the way to the machines then, and no verdict on the release."""
    silence = tuple(Miss(float(i), "answers 502", is_silent=True) for i in range(4))

    verdict = judged(Series("v2", silence), Series("v1", silence))

    assert verdict.outcome == "inconclusive"


def test_a_former_release_that_reports_nothing_is_named() -> None:
    """It was made before there were statistics: there is nothing to compare with."""
    silent_former = Series("v1-iad-1", (Miss(0.0, "reports no statistics (404)", is_silent=False),))

    verdict = judged(machine(), silent_former)

    assert verdict.outcome == "inconclusive"
    assert verdict.reason == "the former release's v1-iad-1 reports no statistics (404)"


LEAKS = [
    (
        "memory",
        90 * MIB,
        "leaks memory: 40 MiB more in 10 s, now 90 MiB; its 256 MiB last 42 s more",
    ),
    ("descriptors", 90, "leaks open files: 60 more in 10 s, now 90; its 1024 last 156 s more"),
]


@pytest.mark.parametrize(("kind", "amount", "said"), LEAKS)
def test_a_leak_fails_at_the_end(kind: str, amount: int, said: str) -> None:
    """Steady growth until there is no more; the limiter's own table is not counted."""
    leak = machine(**used(kind, amount))

    assert judged(leak, OLD, last=False).outcome == "inconclusive"
    verdict = judged(leak, OLD)
    assert (verdict.outcome, verdict.reason) == ("fail", f"v2-iad-1 {said}")
    assert judged(leak, OLD, ignore=(kind,)).outcome == "pass"


@pytest.mark.parametrize(("kind", "amount"), [("memory", 57 * MIB), ("descriptors", 49)])
def test_a_little_growth_is_no_leak(kind: str, amount: int) -> None:
    """Pools fill, modules are loaded late."""
    assert judged(machine(**used(kind, amount)), OLD).outcome == "pass"


def test_growth_that_lasts_for_hours_is_no_leak() -> None:
    """Of a million open files."""
    many: dict[str, Any] = {"usage": {"descriptors": Usage(300, 1_048_576)}}

    assert judged(machine(**many), machine("v1-iad-1", **many)).outcome == "pass"
    assert judged(machine(**many), OLD).outcome == "pass"


def test_a_leak_is_found_though_the_former_release_reports_nothing_of_it() -> None:
    """It is older than the count; and a new one on a system without the count is not judged."""
    silent_former = replace(
        OLD, reports=tuple(replace(s, usage={"memory": USUAL["memory"]}) for s in OLD.snapshots)
    )

    assert "leaks open files" in judged(machine(**used("descriptors", 90)), silent_former).reason
    verdict = judged(replace(silent_former, name="v2-iad-1"), OLD)
    assert verdict.outcome == "pass"
    assert "open files not judged" in verdict.reason


def test_a_soak_too_short_for_memory_says_so() -> None:
    """What was not judged must not look as if it was."""
    verdict = judged(
        machine(looks=3, at=3.0, **used("memory", 60 * MIB)), machine("v1", looks=3, at=3.0)
    )

    assert verdict.outcome == "pass"
    assert "memory not judged" in verdict.reason


def test_a_cache_that_fills_up_is_no_leak() -> None:
    """Growth that flattens ends by itself."""
    sizes = [50, 70, 82, 87, 89, 90, 90, 90, 90, 90, 90]
    good = machine()
    reports = [
        replace(one, usage=used("memory", size * MIB)["usage"])
        for one, size in zip(good.snapshots, sizes, strict=True)
    ]

    assert judged(replace(good, reports=tuple(reports)), OLD).outcome == "pass"


@pytest.mark.parametrize(("kind", "amount", "_"), LEAKS)
def test_a_leak_that_the_former_release_has_too_is_not_the_new_one_s(
    kind: str, amount: int, _: str
) -> None:
    """Going back would not help."""
    leak = machine(**used(kind, amount))

    assert judged(leak, replace(leak, name="v1-iad-1")).outcome == "pass"


def test_what_is_ignored_is_only_reported() -> None:
    """A metric can be left out of the verdict; its numbers stay."""
    verdict = judged(machine(latency={232: 1000}), OLD, ignore=("latency",))

    assert verdict.outcome == "pass"
    assert verdict.numbers["iad"]["latency"]["times"] == pytest.approx(4, rel=0.01)


def test_one_bad_region_fails_the_release_and_is_named() -> None:
    """The regions are not averaged."""
    good = Pair(Samples((machine(),)), Samples((OLD,)))
    bad = Pair(Samples((machine("v2-lhr-1", errors=90),)), Samples((OLD,)))

    verdict = judge({"iad": good, "lhr": bad}, Rules(regions=2), is_last=True)

    assert verdict.outcome == "fail"
    assert verdict.reason.startswith("lhr: 5xx 90 of 1,000")
    assert "iad" not in verdict.reason


def test_a_new_region_is_compared_without_the_latency() -> None:
    """The former release's machines elsewhere stand in; their clients are nearer or farther."""
    slow, bad = machine("v2-lhr-1", latency={232: 1000}), machine("v2-lhr-1", errors=90)

    watched = {
        name: look_at(Watched(name, "lhr", True), series)
        for name, series in (("slow", slow), ("bad", bad))
    }

    assert watched["slow"].outcome == "pass"
    assert "a new region" in watched["slow"].reason
    assert watched["bad"].outcome == "fail"


def look_at(new: Watched, series: Series) -> Verdict:
    """The verdict of a whole soak over a new machine and an old one in iad."""
    members = {"new": new, "old": Watched("v1-iad-1", "iad", False)}
    watch = Watch(Soak(members, 10.0, Rules(looks=10)))
    for one, other in zip(series.reports, OLD.reports, strict=True):
        verdict = watch.look({"new": one, "old": other})
        if watch.is_over:
            break
    return verdict


def test_other_limits_refuse_other_requests() -> None:
    """A release that tightens its limits is not worse for refusing more."""
    assert judged(machine(refused=900, limits="tight"), OLD).outcome == "pass"


def test_the_looks_of_a_rollout_share_the_budget_of_false_alarms() -> None:
    """All of them together may be misled as often as `alpha` says, and not more often."""
    rules = Rules(JudgeConfig(alpha=0.01), soaks=4, regions=3, looks=30)

    per_soak = 2 * rules.fail_level(True) + 2 * 30 * rules.fail_level(False)

    assert per_soak * 3 * rules.soaks * rules.regions == pytest.approx(0.01)


@pytest.mark.timeout(180)  # hundreds of rollouts, and cores that others use
@pytest.mark.parametrize("requests", [JudgeConfig().minimum, 10 * JudgeConfig().minimum])
def test_a_good_release_seldom_fails(requests: int) -> None:
    """Of 200 good rollouts under realistic noise at most 1 % fail, and most pass."""
    outcomes = simulated(requests, Difference())

    assert outcomes["fail"] <= ROLLOUTS / 100
    assert outcomes["pass"] >= 0.9 * ROLLOUTS


@pytest.mark.timeout(180)  # hundreds of rollouts, and cores that others use
@pytest.mark.parametrize("release", [Difference(errors=0.05), Difference(slower=1.5)])
def test_a_bad_release_seldom_passes(release: Difference) -> None:
    """Of 200 rollouts with 5 % more errors, or 1.5 times as slow, at most 5 % pass."""
    outcomes = simulated(JudgeConfig().minimum, release)

    assert outcomes["pass"] <= 0.05 * ROLLOUTS


def test_a_release_that_is_three_times_as_slow_always_fails() -> None:
    """At the minimum sample, too."""
    assert simulated(JudgeConfig().minimum, Difference(slower=3))["fail"] == ROLLOUTS


@pytest.mark.parametrize("evil", ["errors", "slow", "quick", "flood"])
def test_one_client_takes_no_good_release_back(evil: str) -> None:
    """Who sends all that a quota allows to the new machine, so that it fails, is slow or refuses;
    or quick things to a former one, beside which the new one looks slow.
    """
    verdicts = [
        soak_of(seed, JudgeConfig().minimum, Difference(), evil=evil) for seed in range(ATTACKS)
    ]

    assert [verdict.reason for verdict in verdicts if verdict.outcome == "fail"] == []


def crowd(name: str, errors: dict[str, int], served: int = 1000) -> Series:
    """A machine whose clients' errors are known; each group of clients asked for an eighth."""
    hits = sum(errors.values())
    good = snapshot(served=served, errors=hits, clients=errors, latency={200: served - hits})
    failed = Counter[int]()
    for client, count in errors.items():
        failed[group_of(client, 8)] += count
    parts = tuple(
        Part(served // 8, failed[group], 0, {200: served // 8 - failed[group]})
        for group in range(8)
    )
    zero = replace(
        snapshot(at=0.0, served=0, latency={}, clients={}),
        parts=tuple(Part(0, 0, 0, {}) for _ in range(8)),
    )
    return Series(name, (zero, replace(good, parts=parts)))


def test_a_single_client_does_not_fail_a_release_and_is_reported() -> None:
    """However many of its requests fail; all others' were well, so the release may pass."""
    verdict = judged(crowd("v2-iad-1", {"0a00": 60}), crowd("v1-iad-1", {}))

    assert verdict.outcome == "pass"
    assert "5xx 60 of 1,000 (6.0 %) against 0 of 1,000 (0.0 %), from 1 client" in verdict.reason


def test_the_errors_of_many_clients_fail_it_and_are_reported() -> None:
    """As many, of twelve clients."""
    errors = {f"{number:02x}00": 5 for number in range(12)}

    verdict = judged(crowd("v2-iad-1", errors), crowd("v1-iad-1", {}))

    assert verdict.outcome == "fail"
    assert "from 12 clients (5 from one of them)" in verdict.reason


def test_two_loud_clients_hold_it() -> None:
    """It may be the release, or may be the clients: an operator must look."""
    verdict = judged(crowd("v2-iad-1", {"0a00": 60, "0b00": 40}), crowd("v1-iad-1", {}))

    assert verdict.outcome == "inconclusive"
    assert "from 2 clients (60 from one of them), too few clients to decide by" in verdict.reason


def test_a_sole_client_is_believed() -> None:
    """Without other clients there is none that the release could harm."""
    only = {"0a00": 60}
    alone = crowd("v2-iad-1", only)
    reports = [
        replace(one, parts=tuple(part if g == 2 else Part(0, 0, 0, {}) for g, part in parts(one)))
        for one in alone.snapshots
    ]
    former = [
        replace(one, parts=tuple(part if g == 2 else Part(0, 0, 0, {}) for g, part in parts(one)))
        for one in crowd("v1-iad-1", {}).snapshots
    ]

    verdict = judged(Series("v2-iad-1", tuple(reports)), Series("v1-iad-1", tuple(former)))

    assert verdict.outcome == "fail"


def parts(one: Snapshot) -> list[tuple[int, Part]]:
    return list(enumerate(one.parts))


def test_a_former_release_that_names_no_clients_is_compared_nevertheless() -> None:
    """It is older than groups: the first rollout over it is judged by what it reports."""
    errors = {f"{number:02x}00": 5 for number in range(12)}

    assert judged(crowd("v2-iad-1", errors), OLD).outcome == "fail"
    assert judged(crowd("v2-iad-1", {"0a00": 60}), OLD).outcome == "pass"
    assert judged(crowd("v2-iad-1", {}), OLD).outcome == "pass"


def simulated(requests: int, release: Difference) -> Counter[str]:
    return Counter(soak_of(seed, requests, release).outcome for seed in range(ROLLOUTS))
