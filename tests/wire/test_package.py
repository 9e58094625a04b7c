"""What `flygate_wire` is: a package that both sides import, and that imports nothing of theirs."""

import ast
import sys
from pathlib import Path

import flygate_wire

FOLDER = Path(flygate_wire.__file__).parent


def test_it_needs_the_standard_library_only() -> None:
    """It is part of every image, and of every wheel."""
    found = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])

    assert found <= sys.stdlib_module_names | {"flygate_wire"}
