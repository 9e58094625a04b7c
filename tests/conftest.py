"""How the suite is shared out among processes (`pytest -n 2 --dist loadgroup`), and its head."""

from __future__ import annotations

import pytest

from tests.support.redis_kinds import describe


def pytest_report_header() -> str:
    """Say which servers the faults of Redis are tried on: not every computer has Docker."""
    return f"redis servers: {describe()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs all of a file, and all that shares an expensive stack; that one first.

    The longest group goes first: begun last, it would leave the other processes idle.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: "e2e" not in item.keywords)


def _group(item: pytest.Item) -> str:
    shares_a_stack = "newcomer" in getattr(item, "fixturenames", ())
    return "newcomer" if shares_a_stack else item.nodeid.partition("::")[0]
