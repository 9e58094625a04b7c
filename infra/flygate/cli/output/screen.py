"""What is printed where: tables, wide where no terminal is, and events on a separate output."""

from __future__ import annotations

import os
import sys
from typing import TextIO

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


def claim_output() -> TextIO:
    """Standard output for a script's events alone.

    Whatever else is printed from now on, also by programs that we run, goes to standard error.
    """
    sys.stdout.flush()
    claimed = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return claimed
