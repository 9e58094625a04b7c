"""`make bench-affinity`: what clients get of their limit, and what sticky sessions cost.

Everything on a local Fly: its proxy, machines that are processes, clients with an address each.
Every target is on loopback. ARGS="--only exact|latency|changes" measures a part.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from tests.bench import affinity_changes, affinity_exact, affinity_latency, page

Measure = Callable[[Path, float], Coroutine[Any, Any, list[str]]]
PARTS: dict[str, Measure] = {
    "exact": affinity_exact.report,
    "latency": affinity_latency.report,
    "changes": affinity_changes.report,
}


def main() -> None:
    """Measure, print, and write the page if asked to."""
    arguments = _arguments()
    for name, measure in PARTS.items():
        if arguments.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            lines = uvloop.run(measure(Path(folder), arguments.seconds))
        text = "\n".join([f"Measured {time.strftime('%Y-%m-%d')}, 2 cores.", "", *lines])
        sys.stdout.write(f"{text}\n\n")
        if arguments.write is not None:
            page.write(arguments.write, f"affinity-{name}", text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-affinity", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--seconds", type=float, default=60, help="how long each crowd asks")
    parser.add_argument("--write", type=Path, help="also into its parts of this Markdown file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
