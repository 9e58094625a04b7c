"""Each command of the operators' pages is typed by a test, which checks what stands beside it.

Settings are typed by tests/test_typed_settings.py, and the runbook has a night of its own:
tests/e2e/test_runbook.py reads it line by line.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.test_runbook import ELSEWHERE
from tests.e2e.test_runbook import commands as commands_of_the_runbook

ROOT = Path(__file__).parents[1]
_COMMAND = re.compile(r"^ {4,}(?:\$ )?((?:\./flygate|pulumi (?!config)|tail|make) ?[^#\n]*)", re.M)

NIGHT = "e2e/test_runbook.py::test_a_night_goes_as_it_is_written"
FOR_ALL = "e2e/test_rollback.py::test_a_rollback_holds_for_all"
TOGETHER = "e2e/test_rollback.py::test_everything_comes_back_together"
PROVED = "e2e/test_promote.py::test_prod_runs_what_was_proved_and_nothing_else"
FULL = (
    "e2e/test_interrupted.py::"
    "test_what_a_full_disk_left_ends_with_the_command_that_the_screen_names"
)
PLAN = "e2e/test_plan.py::test_the_plan_shows_what_changes_machine_by_machine"
PHASES = "e2e/test_phases.py::test_growing_and_shrinking_is_one_value"

TYPED = {
    "rollout": {
        "./flygate plan": PLAN,
        './flygate proceed local --reason "it has no traffic at night"': NIGHT,
        './flygate abort local --reason "latency looks odd"': NIGHT,
        "pulumi up": NIGHT,
        "./flygate status": FOR_ALL,
        "./flygate history": FOR_ALL,
        "./flygate diff v1 v2": TOGETHER,
        "tail -n 20 .flygate/journal/flygate-local.jsonl": NIGHT,
        "./flygate rollback local": FOR_ALL,
        './flygate rollback local --to v2 --reason "…"': NIGHT,
        "./flygate forward local": FOR_ALL,
        "./flygate unlock local": FULL,
        "./flygate rollback local --to v2 --fast": (
            "e2e/test_rollout.py::test_a_rollback_after_the_window_makes_machines"
        ),
        "./flygate rollback local --to v2 --release-command": (
            "infra/cli/verbs/test_rollback_and_forward.py"
            "::test_a_release_command_is_run_if_it_is_typed"
        ),
        "./flygate promote prod --dry-run": (
            "infra/cli/verbs/test_promote.py::test_a_pinned_stack_is_not_promoted_to"
        ),
        "./flygate promote prod": PROVED,
        './flygate promote prod --override "fixes the outage of 14:00"': PROVED,
    },
    "phases": {
        "pulumi up": PHASES,
        'make bench-service ARGS="--app package.module:app --path /a/typical/page"': (
            "../bench/service.py"
        ),
    },
    "migration": {"pulumi up": "service/test_migration.py"},
}


def commands(page: str) -> set[str]:
    """The command lines in a page's blocks."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return {found.strip() for found in _COMMAND.findall(text)}


@pytest.mark.parametrize("page", TYPED)
def test_each_command_of_a_page_has_a_test(page: str) -> None:
    """A line that is added to the page needs one."""
    assert commands(page) == set(TYPED[page])


TESTS = {(command, test) for typed in TYPED.values() for command, test in typed.items()}


@pytest.mark.parametrize(("command", "test"), sorted(TESTS))
def test_the_test_is_there_and_types_it(command: str, test: str) -> None:
    """It names the verb."""
    path, _, name = test.partition("::")
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")

    assert not name or f"def {name}(" in text
    verb = command.split()[1] if command.startswith("./flygate") else ""
    assert verb in text


@pytest.mark.parametrize("line", commands_of_the_runbook())
def test_the_night_types_each_line_of_the_runbook(line: str) -> None:
    """That it does so in truth it says itself at its end, but that takes minutes."""
    text = (ROOT / "tests" / "e2e" / "test_runbook.py").read_text(encoding="utf-8")

    assert line in ELSEWHERE or f"types({line!r}" in text or f'types("{line}"' in text
