"""The tables of promises in the docs name tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_NAMED = re.compile(r"`(?:([a-z_/]+\.py)(?:::(\w+))?|(test_\w+))`")


@pytest.mark.parametrize(("page", "least"), [("limits", 17), ("login", 19)])
def test_each_promise_has_its_test(page: str, least: int) -> None:
    """A file, and what it defines; a name alone is of the file before it."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    rows = [row for row in text.partition("## Promises")[2].splitlines() if row.startswith("| ")]
    named = [_NAMED.findall(row) for row in rows[1:]]

    assert len(named) >= least
    assert all(named)
    for tests in named:
        path = ""
        for given, inside, alone in tests:
            path, name = given or path, inside or alone
            defined = (ROOT / "tests" / path).read_text(encoding="utf-8")
            assert not name or f"def {name}(" in defined, (path, name)
