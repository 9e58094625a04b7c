"""The ledger survives, all the way through `pulumi up`, the plugin, the command and the API."""

from __future__ import annotations

import hashlib
import json
import secrets
import string
from collections.abc import Callable
from typing import Any

import pytest
from flygate.commands.orders import FORWARD

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LETTERS = string.ascii_letters + string.digits + "+/"


def noise(size: int) -> str:
    """A value that can't be compressed, in lines as a certificate's."""
    body = "".join(secrets.choice(LETTERS) for _ in range(size))
    return "\n".join(body[at : at + 64] for at in range(0, size, 64))


def fault(project: Project, action: str, kind: str, *options: str) -> None:
    """The next request of a kind meets a fault."""
    project.flygate("local", "faults", "add", action, kind, *options).ok()


def test_retried_calls_do_not_reach_the_ledger(project: Project) -> None:
    """Each is a warning; the release is recorded, and the next run has nothing to do."""
    before = project.history()
    project.config("env.GREETING", "retried")
    fault(project, "create_machine", "fail", "--status", "429", "--count", "1")
    fault(project, "list_machines", "fail", "--status", "503", "--count", "2")
    fault(project, "secrets", "fail", "--status", "503", "--count", "1")

    run = project.up().ok()

    assert "Fly answered 429" in run.output
    assert "Fly answered 503" in run.output
    assert len(project.history()) == min(len(before) + 1, 10)
    assert "5 unchanged" in project.up().ok().output
    project.flygate("rollback", "local").ok()
    project.flygate("forward", "local").ok()


def release_command(document: dict[str, Any]) -> dict[str, Any]:
    """The resource whose result is the ledger."""
    resources = document["deployment"]["resources"]
    found: dict[str, Any] = next(r for r in resources if r["urn"].endswith("release-command"))
    return found


def garbage(document: dict[str, Any]) -> None:
    """The result is what a library printed."""
    release_command(document)["outputs"]["stdout"] = "2026-11-29 [warning] stamina.retry_scheduled"


def cut_off(document: dict[str, Any]) -> None:
    """The end of the result is lost, and the stack's own copy of it, too."""
    outputs = release_command(document)["outputs"]
    outputs["stdout"]["plaintext"] = json.dumps(json.loads(outputs["stdout"]["plaintext"])[:-50])
    stack = next(
        r for r in document["deployment"]["resources"] if r["type"] == "pulumi:pulumi:Stack"
    )
    del stack["outputs"]["ledger"]


@pytest.mark.parametrize("damage", [garbage, cut_off])
def test_a_damaged_ledger_is_no_dead_end(
    project: Project, damage: Callable[[dict[str, Any]], None]
) -> None:
    """It is seen, what runs is taken over, nothing restarts, and the way back works."""
    project.config("env.GREETING", "damaged")
    project.up().ok()
    before, history = project.serving(), project.history()
    document = project.state()
    damage(document)
    project.lay_state(document)

    shown = project.flygate("ledger", "show", "local")
    assert (shown.code, "can't be read" in shown.output) == (1, True)
    with Load(project.web) as load:
        run = project.up().ok()

    assert load.failures == []
    assert "can't be read" in run.output
    assert project.serving() == before
    assert project.history()[0]["version"] == history[0]["version"]
    assert project.flygate("ledger", "show", "local").code == 0
    project.config("env.GREETING", "after the damage")
    project.up().ok()
    rolled = project.flygate("rollback", "local").ok()
    assert f"to {history[0]['version']}" in rolled.output
    assert project.outputs_of("release") == f"v{int(history[0]['version'][1:]) + 2}"
    project.flygate("forward", "local").ok()


def test_a_state_from_before_the_last_release_takes_over_what_serves(project: Project) -> None:
    """Its run died before it was recorded, or a backup was restored: history has it."""
    project.config("env.GREETING", "recorded")
    project.config("secrets.TOKEN", "the-token-of-both", secret=True)
    project.up().ok()
    older = project.state()
    project.config("env.GREETING", "forgotten")
    project.up().ok()
    lost = project.history()[0]["version"]
    project.lay_state(older)

    plan = project.flygate("plan", "local").ok().output
    assert f"{lost} serves, and the history of this stack ends at" in plan
    project.config("env.GREETING", "next")
    project.up().ok()

    next_, rebuilt = project.history()[:2]
    assert (next_["version"], rebuilt["version"]) == (f"v{int(lost[1:]) + 1}", lost)
    assert "what its machines say" in rebuilt["rebuilt"]
    assert "rebuilt from" in project.flygate("history", "local").ok().output
    project.flygate("rollback", "local").ok()
    asked = "import json, os; print(json.dumps([os.environ['GREETING'], os.environ['TOKEN']]))"
    found: Any = project.inside(project.live()[0]["id"], asked)
    assert found == ["forgotten", "the-token-of-both"]
    project.flygate("forward", "local").ok()
    project.forget("secrets.TOKEN")


def test_a_rollback_takes_back_what_serves_unrecorded(project: Project) -> None:
    """And not the newest release that is recorded, which is the one to go back to."""
    older = project.state()
    known = project.history()[0]["version"]
    project.config("env.GREETING", "unrecorded")
    project.up().ok()
    serving = project.history()[0]["version"]
    project.lay_state(older)

    rolled = project.flygate("rollback", "local").ok()

    assert f"rolling back local from {serving} to {known}" in rolled.output
    script = "import json, os; print(json.dumps(os.environ.get('GREETING', '')))"
    assert str(project.inside(project.live()[0]["id"], script)) == ""
    project.flygate("forward", "local").ok()


def test_a_repair_changes_the_state_and_nothing_else(project: Project) -> None:
    """For an operator who does not want to deploy just now."""
    before, history = project.status(), project.history()
    document = project.state()
    garbage(document)
    project.lay_state(document)

    project.flygate("ledger", "repair", "local", "--yes").ok()

    assert project.flygate("ledger", "show", "local").code == 0
    assert (project.status(), project.history()) == (before, history)
    assert "5 unchanged" in project.up().ok().output
    again = project.flygate("ledger", "repair", "local", "--yes").ok()
    assert "nothing to repair" in again.output


def test_a_line_of_a_megabyte_ends_a_release_and_nothing_more(project: Project) -> None:
    """Its machine says it and dies: the plugin reads on, and the ledger is as it was."""
    history = project.history()
    project.append(
        "service/flygate_service/app.py",
        "import sys\n\nprint('x' * 1_000_000)\nsys.exit('no good')",
    )

    run = project.up()

    assert run.code != 0
    assert "no good" in run.output
    assert "serves as before" in run.output
    assert max(map(len, run.output.splitlines())) < 4000
    assert project.history() == history


def test_what_can_not_be_recorded_is_refused_before_it_is_released(project: Project) -> None:
    """By name and size, in the preview and in an update without one; then all is as before."""
    history, machines = project.history(), project.serving()
    project.config("secrets.CERTIFICATES", noise(140_000), secret=True)

    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        run = project.pulumi(*command, "--stack", "local")
        assert run.code != 0
        assert "flygate:secrets.CERTIFICATES has 142," in run.output
        assert "holds 131,072 at most" in run.output
    project.config("secrets.CERTIFICATES", noise(60_000), secret=True)
    project.config("secrets.MORE", noise(60_000), secret=True)
    run = project.up()
    assert run.code != 0
    assert "The largest: CERTIFICATES with 60," in run.output or "MORE with 60," in run.output

    assert (project.history(), project.serving()) == (history, machines)
    project.forget("secrets.MORE")
    project.up().ok()
    project.forget("secrets.CERTIFICATES")


def test_a_large_configuration_is_released_changed_and_rolled_back(project: Project) -> None:
    """300 secrets, 200 variables and two certificate bundles of 60 KB, one after the other."""
    values = {f"SECRET_{number}": noise(80) for number in range(300)}
    first, second = noise(60_000), noise(60_000)
    _set_all(project, {**values, "BUNDLE": first}, {f"VALUE_{n}": f"value {n}" for n in range(200)})
    project.up().ok()
    of_first = project.history()[0]["version"]
    _set_all(project, {"BUNDLE": second, "SECRET_7": "changed-" + noise(60)}, {"VALUE_7": "other"})
    project.up().ok()

    # A third one, with which the ledger has no room for the values of the first.
    _set_all(project, {"BUNDLE": noise(60_000)}, {})
    project.up().ok()
    project.flygate("rollback", "local", "--to", of_first).ok()

    asked = (
        "import hashlib, json, os; print(json.dumps([hashlib.sha256(os.environ[name].encode())"
        ".hexdigest() for name in ('BUNDLE', 'SECRET_7', 'SECRET_299', 'VALUE_7', 'VALUE_199')]))"
    )
    found: Any = project.inside(project.live()[0]["id"], asked)
    expected = [first, values["SECRET_7"], values["SECRET_299"], "value 7", "value 199"]
    assert found == [_digest(value) for value in expected]
    assert project.flygate("ledger", "show", "local").code == 0
    project.reset()
    project.up(FORWARD).ok()


def _set_all(project: Project, hidden: dict[str, str], plain: dict[str, str]) -> None:
    """Many values at once, as a script would."""
    pairs = [
        part for name, value in plain.items() for part in ("--plaintext", f"env.{name}={value}")
    ]
    pairs += [
        part for name, value in hidden.items() for part in ("--secret", f"secrets.{name}={value}")
    ]
    for at in range(0, len(pairs), 200):
        project.pulumi(
            "config", "set-all", "--stack", "local", "--path", *pairs[at : at + 200]
        ).ok()


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
