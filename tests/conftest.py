"""How the suite is shared out among processes (`pytest -n 2 --dist loadfile`), and its head."""

from __future__ import annotations

import pytest

from tests.support.redis_kinds import describe


def pytest_report_header() -> str:
    """Say which servers the faults of Redis are tried on: not every computer has Docker."""
    return f"redis servers: {describe()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: begun last, one would leave the other processes idle."""
    items.sort(key=lambda item: "e2e" not in item.keywords)
