"""How the suite is shared out among processes (`pytest -n auto --dist loadfile`), and its head."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.redis_kinds import describe

# Their processes share two cores with those of other tests, and so do what they wait for.
REAL_PROCESSES = ("integration", "e2e")
# The longest files, the longest first: see `make test ARGS=--durations=50`.
LONGEST = (
    "test_ledger",
    "test_replacement",
    "test_interrupted",
    "test_owner",
    "test_rollout",
    "test_bad_canary",
    "test_rollback",
    "test_chaos",
    "test_runbook",
    "test_phases",
    "test_secrets",
    "test_init",
    "test_make_up",
)
_MOST_WORKERS = 4


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of the time goes into waiting for processes."""
    ours = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(_MOST_WORKERS, ours + 1)


def pytest_report_header() -> str:
    """Say which servers the faults of Redis are tried on: not every computer has Docker."""
    return f"redis servers: {describe()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long files first: begun last, one would leave the other workers idle.

    A test of real processes that fails is run once more, from its fixtures on.
    """
    items.sort(key=_place)
    can_rerun = config.pluginmanager.hasplugin("rerunfailures")
    for item in items:
        if can_rerun and any(item.get_closest_marker(name) for name in REAL_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why tests failed that passed when they were run once more: it may be a rare fault."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first: {report.nodeid} ({report.when})", sep="_")
        terminalreporter.write_line(report.longreprtext[-4_000:])


def _place(item: pytest.Item) -> int:
    """The lower, the earlier."""
    if "e2e" in item.keywords:
        return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)
    return len(LONGEST) + (1 if "integration" in item.keywords else 2)
