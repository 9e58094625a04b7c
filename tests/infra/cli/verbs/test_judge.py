"""`flygate judge`: what it prints, and the exit code that a script reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from flygate.cli.verbs import judge as verb
from flygate.commands.workspace import journal_path
from flygate.config import JudgeConfig
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.watch import Soak, Watched
from flygate.system.errors import FlygateError

SOAK = Soak(
    {"new": Watched("v2-iad-1", "iad", True), "old": Watched("v1-iad-1", "iad", False)},
    1.0,
    Rules(JudgeConfig(ignore=("memory",)), looks=1),
)


@dataclass(frozen=True)
class Checkout:
    """A stack's folder and the name of its app."""

    root: Path

    def config(self, key: str) -> str:
        """The only key that is asked for."""
        assert key == "app"
        return "shop"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout from which v2 was rolled out; 4 % of its answers were errors."""
    found = Checkout(tmp_path)
    monkeypatch.setattr(verb, "Stack", lambda _: found)
    log = Journal(journal_path(tmp_path, "shop"), "v2", Redactor())
    log.write("soak", "judge", "compares v2-iad-1 with v1-iad-1 for 1 s", data=SOAK.dump())
    for at in (0, 1):
        samples = {"new": machine(1000 * at, 40 * at), "old": machine(1000 * at, 0)}
        log.write("sample", "judge", "", data={"at": at, "told": samples})
    return found


def machine(served: int, errors: int) -> dict[str, object]:
    """What a machine reports."""
    return {
        "schema": 1,
        "boot": "one",
        "served": served,
        "errors": errors,
        "refused": 0,
        "limits": "",
        "latency": {"first_ns": 16384, "per_octave": 16, "counts": [[100, served - errors]]},
        "memory": {"rss_bytes": 1, "limiter_bytes": 0, "limit_bytes": 0},
    }


def test_a_bad_release_ends_with_the_code_of_a_failure(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last release that was compared is meant; the reason is the error, beside the numbers."""
    with pytest.raises(FlygateError, match="5xx 40 of 1,000") as failed:
        verb.judge("local")

    assert failed.value.exit_code == 2
    shown = capsys.readouterr().out
    assert "compares v2-iad-1 with v1-iad-1 for 1 s" in shown
    assert "iad errors" in shown


@pytest.mark.parametrize(
    ("rules", "code"),
    [(["minimum=5000", "errors=90"], 3), (["errors=50", "alpha=0.001"], 0), (["ignore=errors"], 0)],
)
def test_other_rules_say_otherwise(checkout: Checkout, rules: list[str], code: int) -> None:
    """Inconclusive has an exit code of its own; nothing is raised for a pass."""
    if code == 0:
        verb.judge("local", "v2", rules)
        return
    with pytest.raises(FlygateError) as failed:
        verb.judge("local", "v2", rules)
    assert failed.value.exit_code == code


def test_scripts_get_json(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """Each soak with its verdict and numbers."""
    verb.judge("local", "v2", ["errors=50"], as_json=True)

    [document] = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "pass"
    assert document["numbers"]["iad"]["errors"]["candidate"] == [40, 1000]


@pytest.mark.parametrize(
    ("release", "rule", "said"),
    [
        ("v7", "errors=1", "no soak of v7 on local; it has those of v2"),
        ("v2", "error=1", "no such rule. Known: minimum, alpha"),
        ("v2", "errors=many", "'many' is no number"),
    ],
)
def test_a_mistake_is_reported_in_words(
    checkout: Checkout, release: str, rule: str, said: str
) -> None:
    """With what there is instead."""
    with pytest.raises(FlygateError, match=said) as failed:
        verb.judge("local", release, [rule])

    assert failed.value.exit_code == 1
