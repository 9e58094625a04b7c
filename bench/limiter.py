"""`make bench-limiter`: the limiter and its peers, interleaved in one run, as one table.

Peers are measured if they are installed (requirements/bench.txt). Every target is on loopback.
"""

import argparse
import asyncio
import platform
import sys
import time
from importlib import metadata
from pathlib import Path

import uvloop

from bench import limiter_http, limiter_memory, limiter_redis, page

_PACKAGES = ["limits", "slowapi", "fastapi-limiter", "throttled-py", "pyrate-limiter", "redis"]


def main() -> None:
    """Measure, print, and write the page if asked to."""
    arguments = _arguments()
    lines = [_versions()]
    lines += limiter_memory.report(arguments.keys)
    lines += uvloop.run(limiter_http.report(arguments.seconds))
    lines += asyncio.run(limiter_redis.report(arguments.seconds))
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if arguments.write is not None:
        page.write(arguments.write, "limiter", text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-limiter", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="distinct keys in memory")
    parser.add_argument("--seconds", type=float, default=2, help="length of a measurement")
    parser.add_argument("--write", type=Path, help="also into its part of this Markdown file")
    return parser.parse_args()


def _versions() -> str:
    found = [f"{name} {_version(name)}" for name in _PACKAGES]
    python = platform.python_version()
    return f"{time.strftime('%Y-%m-%d')}, Python {python}; {', '.join(found)}.\n"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
