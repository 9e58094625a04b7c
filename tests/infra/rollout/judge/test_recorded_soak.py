"""A verdict can be had again from the journal, also by other rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flygate.config import JudgeConfig
from flygate.record import journal
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.judge import recorded_soak
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.snapshot import missed
from flygate.rollout.judge.watch import Soak, Watched

MEMBERS = {"new": Watched("v2-iad-1", "iad", True), "old": Watched("v1-iad-1", "iad", False)}
SOAK = Soak(MEMBERS, 4.0, Rules(JudgeConfig(ignore=("memory",)), looks=4))


def report(served: int, errors: int = 0) -> dict[str, Any]:
    """Return what a machine reports."""
    return {
        "schema": 1,
        "boot": "one",
        "uptime_seconds": 1.0,
        "served": served,
        "errors": errors,
        "refused": 0,
        "limits": "a",
        "latency": {"first_ns": 16384, "per_octave": 16, "counts": [[100, served - errors]]},
        "memory": {"rss_bytes": 9_000_000, "limiter_bytes": 0, "limit_bytes": 256_000_000},
    }


def write(path: Path, *, rate: float) -> None:
    """A rollout's journal, with a share of errors of the new machine."""
    log = Journal(path, "v2", Redactor())
    log.write("started", "rollout", "v1 → v2")
    log.write("soak", "judge", "compares", data=SOAK.dump())
    for at in range(5):
        served = 1000 * at
        new = report(served, int(rate * served)) if at != 2 else missed("busy", is_silent=True)
        log.write(
            "sample", "judge", "", data={"at": at, "told": {"new": new, "old": report(served)}}
        )


def test_the_same_rules_give_the_same_verdict(tmp_path: Path) -> None:
    """Also after a miss in the middle, and with rules that were not the default ones."""
    write(tmp_path / "j", rate=0.02)

    [recorded] = recorded_soak.soaks(journal.read(tmp_path / "j"), "v2")

    assert recorded.soak == SOAK
    assert recorded.judge() == recorded.judge()
    assert recorded.judge().outcome == "fail"
    assert "5xx" in recorded.judge().reason


def test_other_rules_may_give_another_verdict(tmp_path: Path) -> None:
    """An operator sees what a milder judge would have said."""
    write(tmp_path / "j", rate=0.02)

    [recorded] = recorded_soak.soaks(journal.read(tmp_path / "j"), "v2")

    assert recorded.judge(SOAK.rules.replaced(errors=20)).outcome == "pass"
    assert recorded.judge(SOAK.rules.replaced(ignore=("errors",))).outcome == "pass"


def test_only_the_last_attempt_of_a_release_counts(tmp_path: Path) -> None:
    """A release that failed gives its version to the next one."""
    write(tmp_path / "j", rate=0.5)
    write(tmp_path / "j", rate=0.0)

    [recorded] = recorded_soak.soaks(journal.read(tmp_path / "j"), "v2")

    assert recorded.judge().outcome == "pass"
    assert recorded_soak.soaks(journal.read(tmp_path / "j"), "v3") == []


def test_a_soak_that_was_stopped_is_judged_as_it_stood(tmp_path: Path) -> None:
    """It is inconclusive, not an error."""
    log = Journal(tmp_path / "j", "v2", Redactor())
    log.write("soak", "judge", "compares", data=SOAK.dump())

    [recorded] = recorded_soak.soaks(journal.read(tmp_path / "j"), "v2")

    assert recorded.judge().outcome == "inconclusive"
