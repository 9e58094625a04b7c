"""Tables on the screen; wide where nobody looks, so that a pipe gets whole lines."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

WIDE = 240


def console() -> Console:
    """Standard output as rich sees it."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def table(*columns: str) -> Table:
    """A plain table; only the last column may wrap."""
    plain = Table(box=None, pad_edge=False)
    for column in columns:
        plain.add_column(column, no_wrap=column != columns[-1], overflow="fold")
    return plain
