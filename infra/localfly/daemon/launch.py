"""How a daemon is to be started: what `up` requests, and what stays as it was."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from localfly.daemon.info import DaemonInfo
from localfly.daemon.options import DOCKER, Options, parse_options
from localfly.daemon.version import PROJECT_ROOT, code_version
from localfly.errors import StartupError
from localfly.network.ports import FREE, check_ports, open_port
from localfly.runtime.container import docker_trouble


@dataclass(frozen=True, slots=True)
class Launch:
    """What `up` requests.

    Args:
        api_port: a number; `FREE` for any; None for the present one, or the default.
        proxy_port: likewise.
        options: None for the present ones, or the defaults.
    """

    api_port: int | None = None
    proxy_port: int | None = None
    options: Options | None = None

    @classmethod
    def of(cls, info: DaemonInfo) -> "Launch":
        """Return a request for a daemon that is as one that runs now.

        Raises:
            StartupError: it was started with a token, which the environment does not have.
        """
        api, proxy = _port(info.api_url), _port(info.proxy_url)
        return cls(api, proxy, parse_options(info.options) or Options())

    def arguments(self) -> list[str]:
        """Return the daemon's arguments, without the token: other users can read a command line."""
        ports = (("--api-port", self.api_port), ("--proxy-port", self.proxy_port))
        words = [word for name, port in ports if port is not None for word in (name, str(port))]
        return words + (self.options.arguments() if self.options else [])

    def variables(self) -> dict[str, str]:
        """Return the environment variables that carry what the arguments don't."""
        return self.options.variables() if self.options else {}

    def differs(self, info: DaemonInfo, token_digest: str) -> str:
        """Return why a running daemon is not the requested one; empty if it is.

        Args:
            token_digest: of the requested tokens, as the daemon would record it.
        """
        options = self.options
        if options and info.options != tuple(options.arguments()):
            return f"its options have changed: {_words(options.arguments())} instead of " + (
                _words(info.options)
            )
        if options and info.token_digest not in {"", token_digest}:
            return "its token has changed"
        for name, requested, port in (
            ("API", self.api_port, _port(info.api_url)),
            ("proxy", self.proxy_port, _port(info.proxy_url)),
        ):
            if requested not in {None, FREE, port}:
                return f"its {name} port has changed: {requested} instead of {port}"
        if info.root != str(PROJECT_ROOT):
            return f"it ran from {info.root}"
        if info.version != code_version():
            return "its code has changed"
        return ""

    def after(self, info: DaemonInfo) -> "Launch":
        """Return what starts in place of a running daemon: what is not requested stays as it is.

        Raises:
            StartupError: as `of`.
        """
        former = Launch.of(info) if self.options is None else self
        api = _port(info.api_url) if self.api_port in {None, FREE} else self.api_port
        proxy = _port(info.proxy_url) if self.proxy_port in {None, FREE} else self.proxy_port
        return Launch(api, proxy, former.options)

    def check(self, info: DaemonInfo | None = None) -> None:
        """Check that it can be started, as far as that shows while a former daemon still runs.

        Args:
            info: that daemon, whose ports will be free.

        Raises:
            OptionError: there are no such ports.
            StartupError: one is in use, or there is no Docker.
        """
        if self.options and self.options.runtime == DOCKER and (trouble := docker_trouble()):
            raise StartupError(f"--runtime docker: Docker does not answer here ({trouble})")
        if info is None:
            return
        check_ports(self.api_port or FREE, self.proxy_port or FREE)
        freed = {_port(info.api_url), _port(info.proxy_url), _port(f"dns://{info.dns}")}
        for name, port in (("api", self.api_port), ("proxy", self.proxy_port)):
            if port and port not in freed:
                open_port(name, port).close()


def _port(url: str) -> int:
    return urlsplit(url).port or FREE


def _words(arguments: list[str] | tuple[str, ...]) -> str:
    return " ".join(arguments) or "none"
