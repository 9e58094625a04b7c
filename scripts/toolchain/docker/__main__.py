"""`scripts/docker`: a Docker engine and a Redis image for the tests, or the reason why not."""

import argparse
import sys

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.docker import engine, redis_image
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
                _up(checkout, console, Deadline(arguments.within))
    except BootstrapError as error:
        console.fail(str(error))
        return 1
    return 0


def _up(checkout: Checkout, console: Console, deadline: Deadline) -> None:
    found: Engine = engine.ensure(checkout, console, deadline)
    image = redis_image.ensure(checkout, console, deadline)
    console.say(f"Docker {found.version} is ready, with the image {image}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/docker",
        description=(
            "up: find a Docker that answers, or start one (as root on Debian and its kin), and a "
            "Redis image for it. down: stop what up started, and nothing else."
        ),
        epilog="Environment: FLYGATE_TEST_REDIS_IMAGE names the image that the tests use.",
    )
    parser.add_argument("verb", choices=["up", "down"])
    parser.add_argument(
        "--within", type=float, default=110, metavar="SECONDS", help="give up after (110)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
