"""How a daemon behaves where Fly leaves it open, or where only a test would have it so."""

import argparse
from dataclasses import dataclass

from infra.local.regions import HOME_REGION

_AUTOSTOP_SECONDS = 300.0  # "every few minutes"


@dataclass(frozen=True, slots=True)
class Options:
    """What a daemon is started with.

    Args:
        tokens: only these are accepted, and those given out by the API; none: any is.
        rate_limits: refuse what Fly would refuse as too often.
        autostop_seconds: between two looks for machines to stop.
        has_faults: whether `/_faults` answers.
        region: where clients are that do not say where they are.
        latency: the share of the real round-trip times by which requests between regions are late.
        forces_https: whether `force_https` redirects, although nothing here speaks TLS.
    """

    tokens: tuple[str, ...] = ()
    rate_limits: bool = False
    autostop_seconds: float = _AUTOSTOP_SECONDS
    has_faults: bool = False
    region: str = HOME_REGION
    latency: float = 0.0
    forces_https: bool = False

    def arguments(self) -> list[str]:
        """As a command line has them; only those that are not as usual."""
        usual, words = Options(), list[str]()
        if self.autostop_seconds != usual.autostop_seconds:
            words += ["--autostop-period", f"{self.autostop_seconds:g}"]
        if self.region != usual.region:
            words += ["--region", self.region]
        if self.latency != usual.latency:
            words += ["--latency", f"{self.latency:g}"]
        words += ["--faults"] if self.has_faults else []
        return words + (["--force-https"] if self.forces_https else [])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    usual = Options()
    parser.add_argument(
        "--autostop-period",
        type=float,
        default=usual.autostop_seconds,
        metavar="SECONDS",
        help="how often idle machines are looked for (default: %(default)g)",
    )
    parser.add_argument(
        "--region", default=usual.region, help="where clients are (default: %(default)s)"
    )
    parser.add_argument(
        "--latency",
        type=float,
        default=usual.latency,
        metavar="SHARE",
        help="delay requests between regions by this share of the real time (default: 0)",
    )
    parser.add_argument("--faults", action="store_true", help="answer to /_faults")
    parser.add_argument("--force-https", action="store_true", help="redirect as on Fly")


def options_of(arguments: argparse.Namespace) -> Options:
    return Options(
        autostop_seconds=arguments.autostop_period,
        has_faults=arguments.faults,
        region=arguments.region,
        latency=arguments.latency,
        forces_https=arguments.force_https,
    )
