"""The bootstrap: a table of contents of how a checkout is made ready."""

import argparse
import shutil
import sys
import time

from scripts.toolchain import (
    companions,
    environment_file,
    private,
    pulumi_cli,
    virtual_environment,
)
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.errors import BootstrapError, ProgramMissingError
from scripts.toolchain.locks import locked
from scripts.toolchain.stamp import Stamp


def main() -> int:
    arguments = _parse()
    console = Console()
    checkout = Checkout.here()
    try:
        _check_git()
        private.folder(checkout.flygate)
        with locked(checkout.flygate / "bootstrap.lock", console):
            prepare(checkout, console, force=arguments.force)
            private.tighten(checkout.flygate)
    except BootstrapError as exc:
        console.fail(str(exc))
        return 1
    except KeyboardInterrupt:
        console.fail("interrupted; nothing half-made was kept. Run it again to go on.")
        return 130
    return 0


def prepare(checkout: Checkout, console: Console, force: bool = False) -> None:
    """Make what is missing or out of date; say so, or say in one line that nothing was."""
    started = time.monotonic()
    stamp = Stamp.wanted(checkout)
    if not force and stamp.holds(checkout):
        console.say(f"Toolchain is ready ({stamp.describe(checkout)})", since=started)
        return
    stamp.remove(checkout)
    virtual_environment.ensure(checkout, console)
    cli = pulumi_cli.ensure(checkout, console)
    found = companions.ensure(checkout, cli, console)
    with console.step("Write .flygate/env"):
        environment_file.write(checkout, cli)
    stamp.write(checkout, f"pulumi {cli.version}, {found.describe()}")
    console.say(f"Toolchain is ready ({stamp.describe(checkout)})", since=started)


def _check_git() -> None:
    if shutil.which("git") is None:
        raise ProgramMissingError("git", "Flygate records the commit of each release with it")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bootstrap",
        description=(
            "Make this checkout ready: .venv with pinned dependencies, the Pulumi CLI, and "
            ".flygate/env to source. Instant when nothing changed. See docs/toolchain.md."
        ),
        epilog="Environment: PYTHON names the Python to use.",
    )
    parser.add_argument(
        "--force", action="store_true", help="check every part again, also when nothing changed"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
