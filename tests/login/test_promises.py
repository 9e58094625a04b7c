"""The table of promises in docs/login.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`([a-z_/]+\.py)(?:::(\w+))?`")


def test_each_promise_has_its_test() -> None:
    """A file, and what it defines."""
    page = (ROOT / "docs" / "login.md").read_text(encoding="utf-8")
    rows = [row for row in page.partition("## Promises")[2].splitlines() if row.startswith("| ")]
    named = [_NAMED.findall(row) for row in rows[1:]]

    assert len(named) >= 19
    assert all(named)
    for path, name in (test for tests in named for test in tests):
        text = (ROOT / "tests" / path).read_text(encoding="utf-8")
        assert not name or f"def {name}(" in text, (path, name)
