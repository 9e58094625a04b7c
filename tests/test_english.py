"""The English of the field: words that this project does not use, and what it says instead.

A reader should need to read a sentence once. Each banned word stands for a kind of sentence that
needs a second reading; the better words are those of the field (docs/glossary.md).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
THIS = Path(__file__).resolve().relative_to(ROOT)

# Banned → better.
WORDS = {
    "nobody": "no one, nothing; name who: no client, no machine, no operator",
    "somebody": "another process, another operator",
    "anybody": "any client, any process",
    "everybody": "every client, all users",
    "whoever": "the client that, the operator who",
    "told": "reported, logged, shown; given",
    "tells": "reports, says, shows",
    "in vain": "without effect",
    "for good": "permanently",
    "of ours": "Flygate's",
    "all the same": "still",
    "so many": "too many, that number",
    "stubbornly": "with retries",
    "undisturbed": "shielded",
}
_BANNED = re.compile(rf"(?<![A-Za-z])({'|'.join(WORDS)})(?![A-Za-z])", re.IGNORECASE)
_KINDS = ("*.py", "*.md", "*.yaml", "*.toml", "*.lua", "*.js", "*.html", "Makefile", "scripts/*")
# A user of Unix, a metric, a field of the journal that older releases wrote, and recorded texts.
_ALLOWED = ("user nobody", "nobody:nogroup", "flygate_copies_told", '"told"')
_RECORDED = ("tests/data/", "tests/localfly/flyctl/", "tests/e2e/data/", "CHANGELOG.md")


def files() -> list[str]:
    """The tracked files that people read."""
    command = ["git", "ls-files", *_KINDS]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in names.split() if not name.startswith(_RECORDED)]


def findings() -> Iterator[str]:
    """`file:line: word → better`."""
    for name in files():
        if Path(name) == THIS or not (ROOT / name).is_file():
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").split("\n"), 1):
            for found in _BANNED.finditer(line.replace("_", " ")):
                if not any(allowed in line for allowed in _ALLOWED):
                    yield f"{name}:{number}: {found[0]} → {WORDS[found[0].lower()]}"


def test_no_banned_word() -> None:
    """Say it with the better words."""
    assert list(findings()) == []
