"""`scripts/docker`: a Docker engine and images for the tests, or the reason why not."""

import argparse
import sys

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.docker import engine, images
from scripts.toolchain.docker.deadline import Deadline
from scripts.toolchain.docker.engine import Engine
from scripts.toolchain.errors import BootstrapError
from scripts.toolchain.locks import locked


def main() -> int:
    arguments = _parse()
    console = Console("docker")
    checkout = Checkout.here()
    try:
        with locked(checkout.cache / "docker.lock", console):
            if arguments.verb == "down":
                engine.stop(console)
            else:
                return _up(checkout, console, Deadline(arguments.within))
    except BootstrapError as exc:
        console.fail(str(exc))
        return 1
    return 0


def _up(checkout: Checkout, console: Console, deadline: Deadline) -> int:
    """An engine, and as many images as can be had: each is for tests of its own."""
    found: Engine = engine.ensure(checkout, console, deadline)
    names, failed = [], 0
    for image in (images.REDIS, images.PYTHON, images.REGISTRY):
        try:
            names.append(images.ensure(image, console, deadline))
        except BootstrapError as exc:
            console.fail(str(exc))
            failed = 1
    console.say(f"Docker {found.version} is ready, with the images {', '.join(names)}")
    return failed


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/docker",
        description=(
            "up: find a Docker that answers, or start one (as root on Debian and its kin), and the "
            "tests' images for it. down: stop what up started, and nothing else."
        ),
        epilog=(
            "Environment: FLYGATE_TEST_REDIS_IMAGE, FLYGATE_TEST_PYTHON_IMAGE and "
            "FLYGATE_TEST_REGISTRY_IMAGE name the images that the tests use."
        ),
    )
    parser.add_argument("verb", choices=["up", "down"])
    parser.add_argument(
        "--within", type=float, default=110, metavar="SECONDS", help="give up after (110)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
