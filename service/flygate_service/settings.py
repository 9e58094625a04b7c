"""What the operator asked for: the environment, read once and checked. Nothing else reads it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from flygate_limiter import (
    AddressError,
    Failure,
    Mode,
    Networks,
    PolicyError,
    Quota,
    QuotaError,
    canonical,
    window,
)
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.address import RedisAddress

Choice = TypeVar("Choice", bound=str)

_WHOLE: Final = re.compile(r"[0-9]{1,12}")
_MINUTE: Final = 60 * NANOS
_SHORTEST_TOKEN: Final = 24
_WINDOW: Final = "sliding_window"
_PORTS: Final = (0, 65_535)
_MEBI: Final = 1_048_576


class SettingError(ValueError):
    """A variable has a value that is not allowed."""

    def __init__(self, variable: str, found: str, allowed: str) -> None:
        """Say which variable, what was found, and what is allowed."""
        super().__init__(f"{variable}: found {found!r}; allowed: {allowed}")
        self.variable = variable


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """The default policy, and where buckets are kept.

    Attributes:
        policies: a TOML file of policies, used instead of the default one.
        key_secret: what the names of buckets are hashed with before they leave the process.
        budget_seconds: the longest that a decision by Redis may take.
        machines: how many machines share a quota while Redis cannot be asked.
        charges_preflights: whether a browser's CORS preflights are requests like others.
    """

    algorithm: str
    quota: Quota
    storage: str
    mode: Mode
    max_keys: int
    policies: Path | None
    failure: Failure
    redis_url: str | None = field(repr=False)
    key_secret: str = field(repr=False)
    budget_seconds: float
    machines: int
    charges_preflights: bool

    @property
    def is_sliding_window(self) -> bool:
        """Whether windows are counted, and not buckets."""
        return self.algorithm == _WINDOW


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """Who may log in, and how many guesses there are.

    Attributes:
        users: a JSON object of names and argon2 hashes.
        secret: signs device cookies; None means that they last until a restart.
    """

    users: str = field(repr=False)
    secret: str | None = field(repr=False)
    attempts: int
    window_minutes: int
    lock_minutes: int


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How the machines of an app find and know each other.

    Attributes:
        dns: the address and the port of the name server; None for the system's.
        affinity: whether each client has one machine, or all serve whoever comes.
    """

    app: str
    machine: str
    region: str
    key: str = field(repr=False)
    dns: tuple[str, int] | None
    affinity: bool


@dataclass(frozen=True, slots=True)
class BodySettings:
    """What a request's body may be, before any application sees it.

    Attributes:
        most_bytes: the largest.
        seconds: within which it must have come.
        bytes_per_second: the least rate, after the first seconds.
    """

    most_bytes: int
    seconds: int
    bytes_per_second: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides.

    Attributes:
        allows_replay: whether the application may give Fly Proxy orders.
        max_requests: how many the application is given at a time.
        max_requests_per_client: how many of them, and of WebSockets, one client may have open.
        max_message_bytes: the largest message of a WebSocket.
        memory_bytes: what the machine has; 0 if nobody says.
        key: what the rollout engine and other machines sign their requests with.
        cluster: None if a machine cannot know the others, so that its limits are its own.
    """

    host: str | None
    port: int
    metrics_port: int
    app: str | None
    allows_replay: bool
    max_requests: int
    max_requests_per_client: int
    max_message_bytes: int
    body: BodySettings
    drain_seconds: float
    shutdown_seconds: int
    release: str | None
    machine: str | None
    region: str | None
    on_fly: bool
    memory_bytes: int
    trusted_proxies: Networks
    fly_proxy: Networks
    key: str | None = field(repr=False)
    admin_token: str | None = field(repr=False)
    limiter: LimiterSettings
    login: LoginSettings | None
    cluster: ClusterSettings | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check every variable.

        Raises:
            SettingError: naming the first variable with a value that is not allowed.
        """
        read = _Reader(environment)
        return cls(
            host=read.text("HOST"),
            port=read.whole("PORT", 8080, *_PORTS),
            metrics_port=read.whole("METRICS_PORT", 9091, *_PORTS),
            app=read.text("SERVICE_APP"),
            allows_replay=read.choice("SERVICE_ALLOW_REPLAY", "0", ["0", "1"]) == "1",
            # More than twice the largest hard limit of a phase.
            max_requests=read.whole("SERVICE_MAX_REQUESTS", 500, 1, 100_000),
            max_requests_per_client=_per_client(read),
            max_message_bytes=read.whole("SERVICE_MAX_MESSAGE_BYTES", _MEBI, 1, 1_024 * _MEBI),
            body=_body(read),
            drain_seconds=read.whole("DRAIN_MILLISECONDS", 300, 0, 60_000) / 1000,
            # Fly kills a machine 5 seconds after SIGTERM, unless fly.toml says otherwise.
            shutdown_seconds=read.whole("SHUTDOWN_SECONDS", 4, 1, 300),
            release=read.text("FLYGATE_RELEASE"),
            machine=read.text("FLY_MACHINE_ID"),
            region=read.text("FLY_REGION"),
            on_fly=read.text("FLY_APP_NAME") is not None,
            memory_bytes=read.whole("FLY_VM_MEMORY_MB", 0, 0, 10_000_000) * _MEBI,
            trusted_proxies=_networks(read, "TRUSTED_PROXIES"),
            fly_proxy=_fly_proxy(read),
            key=read.text("FLYGATE_KEY"),
            admin_token=_admin_token(read),
            limiter=_limiter(read),
            login=_login(read),
            cluster=_cluster(read),
        )


def _admin_token(read: "_Reader") -> str | None:
    token = read.text("ADMIN_TOKEN")
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise SettingError("ADMIN_TOKEN", "(hidden)", f"{_SHORTEST_TOKEN} characters or more")
    return token


def _login(read: "_Reader") -> LoginSettings | None:
    attempts = read.whole("LOGIN_MAX_ATTEMPTS", 5, 1, 1_000)
    window = read.whole("LOGIN_WINDOW_MINUTES", 15, 1, 1_440)
    lock = read.whole("LOGIN_LOCKOUT_MINUTES", 15, 1, 10_080)
    users = read.text("LOGIN_USERS")
    if users is None:
        return None
    return LoginSettings(users, read.text("LOGIN_SECRET"), attempts, window, lock)


def _cluster(read: "_Reader") -> ClusterSettings | None:
    affinity = read.choice("RATE_LIMIT_AFFINITY", "off", ["off", "on"]) == "on"
    if affinity and read.text("RATE_LIMIT_ALGORITHM") == _WINDOW:
        allowed = "off, since sliding windows can't be handed from one machine to another"
        raise SettingError("RATE_LIMIT_AFFINITY", "on", allowed)
    needed = [read.text(name) for name in ("FLY_APP_NAME", "FLY_MACHINE_ID", "FLYGATE_KEY")]
    app, machine, key = needed
    if app is not None and machine is not None and key is not None:
        region = read.text("FLY_REGION") or ""
        return ClusterSettings(app, machine, region, key, _dns(read), affinity)
    if affinity:
        allowed = "off, unless FLY_APP_NAME, FLY_MACHINE_ID and FLYGATE_KEY are set"
        raise SettingError("RATE_LIMIT_AFFINITY", "on", allowed)
    return None


def _dns(read: "_Reader") -> tuple[str, int] | None:
    found = read.text("FLYGATE_DNS")
    if found is None:
        return None
    host, _, port = found.rpartition(":")
    if canonical(host) is None or not _WHOLE.fullmatch(port) or int(port) > _PORTS[1]:
        raise SettingError("FLYGATE_DNS", found, "an address and a port, like 127.0.0.1:5353")
    return host.strip("[]"), int(port)


def _per_client(read: "_Reader") -> int:
    if read.text("SERVICE_MAX_REQUESTS_PER_CLIENT") is None:
        return 25  # a quarter of the hard limit of the first phases
    # More than all together may have could never be reached.
    most = read.whole("SERVICE_MAX_REQUESTS", 500, 1, 100_000)
    return read.whole("SERVICE_MAX_REQUESTS_PER_CLIENT", 25, 1, most)


def _body(read: "_Reader") -> BodySettings:
    return BodySettings(
        # As many places as there are, each with one, must fit into the memory. And so much is what
        # Fly Proxy can bring to another machine.
        most_bytes=read.whole("SERVICE_MAX_BODY_BYTES", 1_000_000, 0, 4_096 * _MEBI),
        seconds=read.whole("SERVICE_BODY_SECONDS", 30, 1, 3_600),
        bytes_per_second=read.whole("SERVICE_BODY_BYTES_PER_SECOND", 1_024, 1, 1_024 * _MEBI),
    )


def _fly_proxy(read: "_Reader") -> Networks:
    found = read.text("SERVICE_PROXY_PEERS")
    if found is None:
        # By its private IPv4 address; the private network has IPv6 only. See docs/security.md.
        return Networks(["0.0.0.0/0"])
    if read.text("FLY_APP_NAME") is None:
        raise SettingError("SERVICE_PROXY_PEERS", found, "on Fly only; else TRUSTED_PROXIES")
    return _networks(read, "SERVICE_PROXY_PEERS")


def _networks(read: "_Reader", variable: str) -> Networks:
    found = read.text(variable) or ""
    try:
        networks = (text for text in found.split(",") if text.strip())
        return Networks(networks, as_written=True)
    except PolicyError as exc:
        allowed = "networks separated by commas, like 10.0.0.0/8,2001:db8::/32"
        raise SettingError(variable, found, allowed) from exc


def _limiter(read: "_Reader") -> LimiterSettings:
    rpm = read.whole("RATE_LIMIT_RPM", 100, 1, 60_000_000)
    burst = read.whole("RATE_LIMIT_BURST", 20, 1, 10_000_000)
    algorithm = read.choice("RATE_LIMIT_ALGORITHM", "token_bucket", ["token_bucket", _WINDOW])
    try:
        quota = Quota(rpm, _MINUTE, rpm if algorithm == _WINDOW else burst)
    except QuotaError as exc:
        allowed = f"a burst that {rpm} requests a minute refill within a year"
        raise SettingError("RATE_LIMIT_BURST", str(burst), allowed) from exc
    if algorithm == _WINDOW:
        _check_window(quota)
    storage = read.choice("RATE_LIMIT_STORAGE", "memory", ["memory", "redis"])
    redis_url = _redis_url(read, storage)
    policies = read.text("RATE_LIMIT_POLICIES")
    return LimiterSettings(
        algorithm=algorithm,
        quota=quota,
        storage=storage,
        mode=Mode(read.choice("RATE_LIMIT_MODE", Mode.ENFORCE, list(Mode))),
        max_keys=read.whole("RATE_LIMIT_MAX_KEYS", 1_000_000, 1_000, 100_000_000),
        policies=Path(policies) if policies else None,
        failure=Failure(read.choice("RATE_LIMIT_FAILURE", Failure.FAIR_SHARE, list(Failure))),
        redis_url=redis_url,
        # All machines have the same, before and after a change of the storage, too. A URL is a
        # secret by its password.
        key_secret=read.text("RATE_LIMIT_KEY_SECRET")
        or read.text("FLYGATE_KEY")
        or redis_url
        or "",
        budget_seconds=read.whole("RATE_LIMIT_BUDGET_MILLISECONDS", 50, 1, 10_000) / 1000,
        machines=read.whole("RATE_LIMIT_MACHINES", 1, 1, 10_000),
        charges_preflights=read.choice("RATE_LIMIT_PREFLIGHTS", "free", ["free", "charged"])
        == "charged",
    )


def _check_window(quota: Quota) -> None:
    try:
        window.check(quota)
    except QuotaError as exc:
        raise SettingError("RATE_LIMIT_RPM", str(quota.units), f"fewer; {exc}") from exc


def _redis_url(read: "_Reader", storage: str) -> str | None:
    url = read.text("REDIS_URL")
    if storage != "redis":
        return url
    if url is None:
        allowed = "a redis:// or rediss:// URL, since RATE_LIMIT_STORAGE is redis"
        raise SettingError("REDIS_URL", "nothing", allowed)
    try:
        RedisAddress.parse(url).context()
    except AddressError as exc:
        # The value may hold a password: it must not be shown.
        raise SettingError("REDIS_URL", "(hidden)", str(exc)) from exc
    return url


class _Reader:
    """Reads variables; an empty one counts as not set, for shells and templates write those."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, variable: str) -> str | None:
        return self._environment.get(variable, "").strip() or None

    def whole(self, variable: str, default: int, least: int, most: int) -> int:
        found = self.text(variable)
        if found is None:
            return default
        if not _WHOLE.fullmatch(found) or not least <= int(found) <= most:
            raise SettingError(variable, found, f"a whole number from {least} to {most}")
        return int(found)

    def choice(self, variable: str, default: str, allowed: list[Choice]) -> str:
        found = self.text(variable)
        if found is None:
            return default
        if found not in allowed:
            raise SettingError(variable, found, ", ".join(allowed))
        return found
