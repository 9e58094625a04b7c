"""`make bench-service`: what one machine of each size serves, and what that takes of its memory.

From it come the concurrency limits of the phases. With `--app` it measures your application.
Every target is on loopback.
"""

import argparse
import os
import time
from pathlib import Path

import uvloop

from bench import page, service_load, service_logins, service_memory


def main() -> None:
    """Measure, print, and write the page if asked to."""
    arguments = _arguments()
    text = uvloop.run(_report(arguments))
    if arguments.write is not None:
        page.write(arguments.write, "service", text)


async def _report(arguments: argparse.Namespace) -> str:
    seconds, rounds = arguments.seconds, arguments.rounds
    environment = {"SERVICE_APP": arguments.app} if arguments.app else {}
    parts = [service_load.report(seconds, rounds, arguments.path, environment)]
    if not arguments.app:
        parts += [service_logins.report(2 * seconds, rounds), service_memory.report()]
    text = (
        f"Measured {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, medians of {rounds}"
        " interleaved rounds. A machine whose burst is used up runs 5 of every 80 ms for each of"
        " its shared CPUs: the bench sets that quota by the kernel's scheduler, as Fly does.\n"
    )
    for part in parts:
        text += "\n" + "\n".join(await part)
        print(text.rpartition("###")[2], flush=True)
    return text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.8, help="length of a measurement")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured")
    parser.add_argument("--app", help="an application to measure, as SERVICE_APP names it")
    parser.add_argument("--path", default="/items/1", help="what to ask for")
    parser.add_argument("--write", type=Path, help="also into its part of this Markdown file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
