"""How the suite is shared out among processes (`pytest -n 2 --dist loadfile`), and its head."""

from __future__ import annotations

import pytest

from tests.support.redis_kinds import describe

# Their processes share two cores with those of other tests, and so do what they wait for.
REAL_PROCESSES = ("integration", "e2e")


def pytest_report_header() -> str:
    """Say which servers the faults of Redis are tried on: not every computer has Docker."""
    return f"redis servers: {describe()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long files first: begun last, one would leave the other processes idle.

    A test of real processes that fails is run once more, from its fixtures on.
    """
    items.sort(key=lambda item: "e2e" not in item.keywords)
    can_rerun = config.pluginmanager.hasplugin("rerunfailures")
    for item in items:
        if can_rerun and any(item.get_closest_marker(name) for name in REAL_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why tests failed that passed when they were run once more: it may be a rare fault."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first: {report.nodeid} ({report.when})", sep="_")
        terminalreporter.write_line(report.longreprtext[-4_000:])
