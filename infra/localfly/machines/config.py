"""A machine's config (docs/fly-api.md 3): parsed once, kept as it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from localfly.errors import InvalidArgumentError
from localfly.images.reference import ImageRef
from localfly.machines.checks.spec import CheckSpec, parse_checks
from localfly.machines.mounts import Mount, known_mounts
from localfly.machines.service import Service, parse_service
from localfly.timing.duration import parse_duration

_SIGNALS: Final = frozenset(
    {"SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM"}
)
_MAX_STOP_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a process that ended by itself is started again."""

    policy: str = "on-failure"
    max_retries: int = 10


@dataclass(frozen=True, slots=True)
class StopConfig:
    signal: str = "SIGINT"
    timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """The config's values that the local Fly uses; `raw` is what the API returns."""

    raw: Mapping[str, Any]
    image: ImageRef
    env: Mapping[str, str]
    command: tuple[str, ...]  # in place of the image's command; empty: the image's
    services: tuple[Service, ...]
    checks: tuple[CheckSpec, ...]
    restart: RestartPolicy
    stop: StopConfig
    auto_destroy: bool
    memory_mb: int
    metrics_port: int | None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "MachineConfig":
        """Parse the config of a request.

        Raises:
            InvalidArgumentError: naming the key, what was found and what is allowed.
        """
        services = raw.get("services") or []
        return cls(
            raw=raw,
            image=ImageRef.parse(raw.get("image")),
            env=_strings(raw, "env"),
            command=_command(raw.get("init") or {}),
            services=tuple(map(parse_service, services)),
            checks=parse_checks(services, raw.get("checks") or {}),
            restart=_restart(raw.get("restart") or {}),
            stop=_stop(raw.get("stop_config") or {}),
            auto_destroy=bool(raw.get("auto_destroy")),
            memory_mb=int((raw.get("guest") or {}).get("memory_mb") or 256),
            metrics_port=(raw.get("metrics") or {}).get("port"),
        )

    def pinned(self, digest: str) -> "MachineConfig":
        """Return the config with the digest that its image's tag stands for now."""
        return replace(self, image=self.image.pinned(digest))

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.raw.get("metadata") or {}

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The volumes that it has."""
        return known_mounts(self.raw)

    @property
    def ports(self) -> frozenset[int]:
        """The ports that the proxy, checks and scrapers of metrics connect to."""
        metrics = {self.metrics_port} if self.metrics_port else set()
        of_services = {service.internal_port for service in self.services}
        return frozenset(of_services | {check.port for check in self.checks} | metrics)

    @property
    def http_service(self) -> Service | None:
        return next((service for service in self.services if service.speaks_http), None)


def _strings(raw: Mapping[str, Any], key: str) -> Mapping[str, str]:
    found = raw.get(key) or {}
    if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
        return found
    raise InvalidArgumentError(f"invalid_argument: config.{key} must map names to strings")


def _command(init: Mapping[str, Any]) -> tuple[str, ...]:
    if init.get("exec"):
        return tuple(init["exec"])
    return (*(init.get("entrypoint") or ()), *(init.get("cmd") or ()))


def _restart(raw: Mapping[str, Any]) -> RestartPolicy:
    policy = raw.get("policy") or "on-failure"
    if policy not in {"no", "always", "on-failure"}:
        raise InvalidArgumentError(
            "invalid_argument: restart.policy must be 'no', 'always' or 'on-failure', "
            f"found {policy!r}"
        )
    retries = raw.get("max_retries")
    return RestartPolicy(policy, RestartPolicy().max_retries if retries is None else int(retries))


def _stop(raw: Mapping[str, Any]) -> StopConfig:
    timeout = raw.get("timeout")
    seconds = StopConfig().timeout_seconds
    if timeout is not None:
        seconds = parse_duration(timeout, "stop_config.timeout")
    signal = raw.get("signal") or StopConfig().signal
    return StopConfig(known_signal(signal), min(seconds, _MAX_STOP_SECONDS))


def known_signal(name: object) -> str:
    """Return the name of a signal, if Fly lets clients send it.

    Raises:
        InvalidArgumentError: Fly does not send it.
    """
    if name in _SIGNALS:
        return str(name)
    raise InvalidArgumentError(
        f"invalid_argument: signal must be one of {', '.join(sorted(_SIGNALS))}, found {name!r}"
    )
