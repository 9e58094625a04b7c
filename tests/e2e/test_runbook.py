"""docs/runbook.md, typed from its first line to its last one night, with what it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"
_LINE = re.compile(r"^    ((?:\./flygate|pulumi|fly|tail) .+)$")
_INLINE = re.compile(r"`(\./flygate [^`]+)`")
# There is no Fly.io here, and what else is typed in a test of its own.
ELSEWHERE = {
    "fly logs --app my-service": "flyctl",
    "fly redis reset my-service-redis": "flyctl; tests/e2e/test_phases.py resets it by the API",
    "./flygate promote prod --forward": "tests/infra/cli/verbs/test_promote.py",
    "./flygate unlock prod": "tests/e2e/test_interrupted.py",
    "./flygate limiter --help": "tests/test_documents.py",
    './flygate rollback prod --wait 10m --reason "…"': (
        "tests/infra/cli/verbs/test_rollback_and_forward.py"
    ),
    "pulumi preview --stack prod": "tests/e2e/test_plan.py",
    "pulumi up --stack prod": "tests/e2e/test_rollout.py",
}


def commands() -> list[str]:
    """The command lines of the page, in their order, each once."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := _LINE.match(line):
            found.append(match[1].partition("  ")[0])
        found += [one.rstrip(":") for one in _INLINE.findall(line) if "history" not in one]
    return list(dict.fromkeys(found))


class Operator:
    """Types what the page says, for the local stack.

    Attributes:
        untyped: the lines that are still to come.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.untyped = [line for line in commands() if line not in ELSEWHERE]

    def types(self, line: str, given: str = "", **names: str) -> Run:
        """Type a line of the page.

        Args:
            names: what stands in the place of a word of the page.
        """
        assert line in commands(), f"{line} is not in the runbook"
        self.untyped = [one for one in self.untyped if one != line]
        here = {"prod": "local", "my-service": "flygate-local", "…": "good reasons", **names}
        for word, instead in here.items():
            line = line.replace(word, instead)
        # There is no terminal for Pulumi's question.
        yes = " --yes" if line.startswith("pulumi up") else ""
        shell = ("/bin/sh", "-c", f". .flygate/env && {line}{yes}")
        return self.project.run(*shell, given=given)

    def greeting(self) -> str:
        """What the machine that serves has been given."""
        script = "import json, os; print(json.dumps(os.environ.get('GREETING', '')))"
        return str(self.project.inside(self.project.live()[0]["id"], script))


@pytest.fixture
def operator(project: Project) -> Operator:
    """At a keyboard, where two good releases have served, and now a bad one does."""
    for word in ("older", "good", "bad"):
        project.config("env.GREETING", word)
        project.up().ok()
    return Operator(project)


def test_a_night_goes_as_it_is_written(operator: Operator, project: Project) -> None:
    """Each line of the runbook, and what stands beside it."""
    with Load(project.web) as load:
        the_service_is_bad(operator)
        the_history_is_wrong(operator)
        a_rollout_has_failed(operator)
    assert load.failures == []
    a_rollout_is_held(operator)

    assert operator.untyped == []


def the_service_is_bad(operator: Operator) -> None:
    """All comes back, for all operators; typed twice it changes nothing; then forward."""
    older = operator.project.history()[2]["version"]
    assert "Nothing is broken" in operator.types("./flygate doctor prod").ok().output
    hook = operator.project.path / "hooks" / "before-rollout"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho it is Friday; exit 1\n")
    hook.chmod(0o755)
    refused = operator.types('./flygate rollback prod --reason "errors since v8"')
    assert (refused.code, "--no-hooks" in refused.output) == (3, True)
    operator.types('./flygate rollback prod --no-hooks --reason "errors since v8"').ok()
    hook.unlink()
    hook.parent.rmdir()
    assert operator.greeting() == "good"
    assert (
        "nothing is to be changed"
        in operator.types('./flygate rollback prod --reason "errors since v8"').ok().output
    )
    assert operator.greeting() == "good"
    assert "errors since v8." in operator.types("./flygate status prod").ok().output
    assert "again: errors since v8" in operator.types("./flygate history prod").ok().output
    operator.types("./flygate rollback prod --to v5 --fast", v5=older).ok()
    assert operator.greeting() == "older"
    operator.project.config("env.GREETING", "repaired")
    operator.types("./flygate forward prod").ok()
    assert operator.greeting() == "repaired"
    assert "pinned" not in operator.types("./flygate status prod").ok().output


def the_history_is_wrong(operator: Operator) -> None:
    """Nothing that serves is touched."""
    document, serving = operator.project.state(), operator.project.live()[0]["id"]
    for resource in document["deployment"]["resources"]:
        if resource["urn"].endswith("release-command"):
            resource["outputs"]["stdout"] = "nonsense"
    operator.project.lay_state(document)

    shown = operator.types("./flygate ledger show prod")
    assert (shown.code, "can't be read" in shown.output) == (1, True)
    operator.types("./flygate ledger repair prod", given="y\n").ok()

    assert operator.types("./flygate ledger show prod").code == 0
    assert operator.project.live()[0]["id"] == serving


def a_rollout_has_failed(operator: Operator) -> None:
    """The former release serves; the lines of the machine and the journal say why."""
    operator.project.config("env.RATE_LIMIT_POLICIES", "no-such.toml")
    assert operator.project.flygate("up", "local", "--quiet").code == 2
    assert operator.greeting() == "repaired"
    said = operator.types("./flygate local logs").ok().output
    assert "RATE_LIMIT_POLICIES: found 'no-such.toml'" in said
    journal = operator.types("tail -n 40 .flygate/journal/my-service.jsonl").ok().output
    assert '"kind": "restored"' in journal
    operator.project.forget("env.RATE_LIMIT_POLICIES")


def a_rollout_is_held(operator: Operator) -> None:
    """Nothing burns: it stays so until an operator decides, one way or the other."""
    settings = {"strategy": "canary", "soak": "2s", "judge.minimum": "5"}
    # A busy computer serves too few requests in 2 s to tell what chance does from what is worse.
    judged_by = ("latency", "refusals", "errors")
    ignored = {f"judge.ignore[{number}]": name for number, name in enumerate(judged_by)}
    for key, value in {**settings, **ignored}.items():
        operator.project.config(f"rollout.{key}", value)

    held(operator, "not by night")
    status = operator.types("./flygate status prod").ok().output
    assert "live" in status
    assert "candidate" in status
    judged = operator.types("./flygate judge prod")
    assert (judged.code, "inconclusive" in judged.output) == (3, True)
    refused = operator.types('./flygate rollback prod --reason "errors since v8"')
    assert (refused.code, "flygate abort local" in refused.output) == (3, True)
    aborted = operator.types('./flygate abort prod --reason "decide by day"').ok()
    assert "serves as before" in aborted.output
    assert operator.greeting() == "repaired"
    assert {m["role"] for m in operator.project.machines()} <= {"live", "standby"}

    (candidate,) = held(operator, "I know better")
    operator.types('./flygate proceed prod --reason "…"').ok()
    assert [m["id"] for m in operator.project.live()] == [candidate]
    assert operator.project.history()[0]["accepted"] == "good reasons"
    again = operator.project.flygate("proceed", "local", "--reason", "again")
    assert (again.code, "No rollout of local is held" in again.output) == (1, True)


def held(operator: Operator, greeting: str) -> list[str]:
    """The machines of a release without any request."""
    operator.project.config("env.GREETING", greeting)
    run = operator.project.flygate("up", "local", "--quiet")
    assert (run.code, "flygate proceed" in run.output) == (3, True)
    machines = operator.project.machines()
    return [m["id"] for m in machines if m["role"] == "candidate"]
