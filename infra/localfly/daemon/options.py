"""The options of a daemon: where Fly's behaviour is not known, and where tests need another one."""

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from localfly.errors import OptionError, StartupError
from localfly.network.regions import HOME_REGION, REGIONS

PROCESS, DOCKER = "process", "docker"
RUNTIME_KEY: Final = "runtime"  # in the state: the runtime that its machines had last

_TOKEN_VARIABLES: Final = ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN")
_FROM_ENVIRONMENT: Final = ""
_AUTOSTOP_SECONDS: Final = 300.0  # "every few minutes"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a daemon.

    Args:
        tokens: only these are accepted, and those that the API issues.
        own_token: accepted where no others are named; empty: any token is, within a test.
        rate_limits: answer 429 where Fly would.
        autostop_seconds: between two searches for machines to stop.
        has_faults: whether `/_faults` answers.
        region: of clients that name none.
        latency: requests between regions are delayed by this share of the real round-trip time.
        runtime: how machines run: as processes, or as Docker containers.
        forces_https: whether `force_https` redirects, although nothing here speaks TLS.
    """

    tokens: tuple[str, ...] = ()
    rate_limits: bool = False
    autostop_seconds: float = _AUTOSTOP_SECONDS
    has_faults: bool = False
    region: str = HOME_REGION
    latency: float = 0.0
    forces_https: bool = False
    runtime: str = PROCESS
    own_token: str = field(default="", repr=False)

    @property
    def accepted(self) -> tuple[str, ...]:
        """The tokens that open the API."""
        return self.tokens or tuple(filter(None, [self.own_token]))

    def arguments(self) -> list[str]:
        """Return the arguments of a command line; only those that differ from the defaults."""
        usual, words = Options(), list[str]()
        words += (
            ["--token"] if self.tokens else []
        )  # never its value: other users can read arguments
        words += ["--runtime", self.runtime] if self.runtime != usual.runtime else []
        words += ["--rate-limits"] if self.rate_limits else []
        if self.autostop_seconds != usual.autostop_seconds:
            words += ["--autostop-period", f"{self.autostop_seconds:g}"]
        if self.region != usual.region:
            words += ["--region", self.region]
        if self.latency != usual.latency:
            words += ["--latency", f"{self.latency:g}"]
        words += ["--faults"] if self.has_faults else []
        return words + (["--force-https"] if self.forces_https else [])

    def variables(self) -> dict[str, str]:
        """Return the environment variables that carry what the arguments don't."""
        return {_TOKEN_VARIABLES[0]: ",".join(self.tokens)} if self.tokens else {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    usual = Options()
    parser.add_argument(
        "--token",
        nargs="?",
        const=_FROM_ENVIRONMENT,
        help=f"accept this token; without a value, that of {_TOKEN_VARIABLES[0]} (default: a "
        "random one, in the file `env` of the state folder)",
    )
    parser.add_argument(
        "--runtime",
        choices=(PROCESS, DOCKER),
        default=PROCESS,
        help="how machines run (default: %(default)s)",
    )
    parser.add_argument("--rate-limits", action="store_true", help="answer 429 as Fly does")
    parser.add_argument(
        "--autostop-period",
        type=_seconds,
        default=usual.autostop_seconds,
        metavar="SECONDS",
        help="how often idle machines are looked for (default: %(default)g)",
    )
    parser.add_argument(
        "--region",
        type=_region,
        default=usual.region,
        help="where clients are (default: %(default)s)",
    )
    parser.add_argument(
        "--latency",
        type=_share,
        default=usual.latency,
        metavar="SHARE",
        help="delay requests between regions by this share of the real time (default: 0)",
    )
    parser.add_argument("--faults", action="store_true", help="answer to /_faults")
    parser.add_argument("--force-https", action="store_true", help="redirect as on Fly")


def option_names() -> list[str]:
    """Return the names of all options."""
    return [name for action in _parser()._actions for name in action.option_strings]


def parse_options(words: Sequence[str]) -> Options | None:
    """Parse options; return None if there are none.

    Raises:
        OptionError: an option is unknown, or its value is wrong.
        StartupError: as `options_of`.
    """
    if not words:
        return None
    try:
        known, unknown = _parser().parse_known_args(words)
    except argparse.ArgumentError as exc:
        raise OptionError(str(exc)) from exc
    if unknown:
        raise OptionError(
            f"there is no option {unknown[0]}; there are --state, --api-port, --proxy-port, "
            f"{', '.join(option_names())}"
        )
    return options_of(known)


def options_of(arguments: argparse.Namespace) -> Options:
    """Return the options of a parsed command line.

    Raises:
        StartupError: a token is required, but the environment has none.
    """
    return Options(
        tokens=_tokens(arguments.token),
        rate_limits=arguments.rate_limits,
        runtime=arguments.runtime,
        autostop_seconds=arguments.autostop_period,
        has_faults=arguments.faults,
        region=arguments.region,
        latency=arguments.latency,
        forces_https=arguments.force_https,
    )


def _parser() -> argparse.ArgumentParser:
    # No abbreviations: a mistyped option is refused, and not taken for another one.
    parser = argparse.ArgumentParser(
        "flygate local up", add_help=False, exit_on_error=False, allow_abbrev=False
    )
    add_arguments(parser)
    return parser


def _seconds(text: str) -> float:
    number = _number(text)
    if not 0.0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def _share(text: str) -> float:
    number = _number(text)
    if not 0.0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: 0 is none, 1 the real time")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _region(text: str) -> str:
    codes = [region.code for region in REGIONS]
    if text not in codes:
        raise argparse.ArgumentTypeError(
            f"there is no region {text!r}; there are {', '.join(codes)}"
        )
    return text


def _tokens(requested: str | None) -> tuple[str, ...]:
    if requested is None:
        return ()
    found = requested or next(filter(None, map(os.environ.get, _TOKEN_VARIABLES)), "")
    tokens = tuple(token.strip() for token in found.split(",") if token.strip())
    if not tokens:
        raise StartupError(f"--token needs a token: set {' or '.join(_TOKEN_VARIABLES)}")
    return tokens
