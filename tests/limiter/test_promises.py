"""The table of promises in docs/limits.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(?:([a-z_/]+\.py)::)?(test_\w+)`")


def test_each_promise_has_its_test() -> None:
    """A file, and what it defines; a name alone is of the file before it."""
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = [row for row in page.partition("## Promises")[2].splitlines() if row.startswith("| ")]
    named = [_NAMED.findall(row) for row in rows[1:]]

    assert len(named) >= 17
    assert all(named)
    for tests in named:
        path = ""
        for given, name in tests:
            path = given or path
            text = (ROOT / "tests" / path).read_text(encoding="utf-8")
            assert f"def {name}(" in text, (path, name)
