"""`python -m localfly --state DIR`: the local Fly in the foreground, until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from localfly.daemon.local_fly import LocalFly
from localfly.daemon.options import Options, add_arguments, options_of
from localfly.errors import StartupError
from localfly.state.disk_space import is_disk_full
from localfly.state.env_file import own_token
from localfly.timing.background import BackgroundTasks


def main() -> int:
    try:
        options = _options()
        _run(serve(options.state, options.api_port, options.proxy_port, options_of(options)))
    except (StartupError, OSError) as exc:
        if isinstance(exc, OSError) and not is_disk_full(exc):
            raise
        more = "; free some space there" if isinstance(exc, OSError) else ""
        sys.stderr.write(f"flygate local: {exc}{more}\n")
        return 1
    return 0


async def serve(
    state: Path, api_port: int | None, proxy_port: int | None, options: Options
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    options = replace(options, own_token=own_token(state))
    async with LocalFly(state, api_port, proxy_port, options) as fly:
        sys.stdout.write(f"api {fly.api_url}\nproxy {fly.proxy_url}\n")
        sys.stdout.flush()
        tasks = BackgroundTasks()
        ends = [tasks.start(stopped.wait()), tasks.start(fly.deleted())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        await tasks.end()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localfly", description=__doc__)
    parser.add_argument("--state", type=_folder, required=True, help="folder that keeps everything")
    parser.add_argument("--api-port", type=int, help="0: a free one; default: as before, or 4280")
    parser.add_argument("--proxy-port", type=int, help="0: a free one; default: as before, or 4290")
    add_arguments(parser)
    return parser.parse_args()


def _folder(text: str) -> Path:
    """An empty one would be the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: is a variable of the shell not set?")
    return Path(text)


def _run(main_coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 (absent on Windows; asyncio's own loop serves there)
    except ImportError:
        asyncio.run(main_coroutine)
    else:
        uvloop.run(main_coroutine)


if __name__ == "__main__":
    sys.exit(main())
