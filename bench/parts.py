"""A benchmark of several parts: each is measured, printed, and written to the page if asked to."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import uvloop

from bench import page

Measure = Callable[[Path, float], Coroutine[Any, Any, list[str]]]


def run(
    name: str, parts: Mapping[str, Measure], description: str | None, seconds: tuple[float, str]
) -> None:
    """The command `make bench-<name>`.

    Args:
        parts: name → what measures it, in a folder of its own and a number of seconds.
        seconds: how many by default, and what they are.
    """
    parser = argparse.ArgumentParser(prog=f"make bench-{name}", description=description)
    parser.add_argument("--only", choices=parts, help="one part")
    parser.add_argument("--seconds", type=float, default=seconds[0], help=seconds[1])
    parser.add_argument("--write", type=Path, help="also into its parts of this Markdown file")
    arguments = parser.parse_args()
    for part, measure in parts.items():
        if arguments.only not in (None, part):
            continue
        with tempfile.TemporaryDirectory() as folder:
            lines = uvloop.run(measure(Path(folder), arguments.seconds))
        text = "\n".join([f"Measured {time.strftime('%Y-%m-%d')}, 2 cores.", "", *lines])
        sys.stdout.write(f"{text}\n\n")
        if arguments.write is not None:
            page.write(arguments.write, f"{name}-{part}", text)
