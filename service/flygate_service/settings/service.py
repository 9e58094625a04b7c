"""What the operator has set: all settings of the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from flygate_limiter import Networks
from flygate_wire.settings import MEBI, SCHEMA
from flygate_wire.variables import Variable

from .body import BodySettings, read_body
from .cluster import ClusterSettings, read_cluster
from .environment import Environment, SettingError
from .limiter import LimiterSettings, read_limiter
from .login import LoginSettings, read_login


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides.

    Attributes:
        allows_replay: whether the application may give Fly Proxy orders.
        max_requests: how many the application is given at a time.
        max_requests_per_client: how many of them, and of WebSockets, one client may have open.
        max_message_bytes: the largest message of a WebSocket.
        memory_bytes: what the machine has; 0 if it is not known.
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
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read and check every variable.

        Raises:
            SettingError: naming the first variable with a value that is not allowed.
        """
        env = Environment(environment)
        return cls(
            host=env.text(Variable.HOST),
            port=env.whole(Variable.PORT),
            metrics_port=env.whole(Variable.METRICS_PORT),
            app=env.text(Variable.SERVICE_APP),
            allows_replay=env.choice(Variable.SERVICE_ALLOW_REPLAY) == "1",
            max_requests=env.whole(Variable.SERVICE_MAX_REQUESTS),
            max_requests_per_client=_per_client(env),
            max_message_bytes=env.whole(Variable.SERVICE_MAX_MESSAGE_BYTES),
            body=read_body(env),
            drain_seconds=env.whole(Variable.DRAIN_MILLISECONDS) / 1000,
            shutdown_seconds=env.whole(Variable.SHUTDOWN_SECONDS),
            release=env.text(Variable.FLYGATE_RELEASE),
            machine=env.text(Variable.FLY_MACHINE_ID),
            region=env.text(Variable.FLY_REGION),
            on_fly=env.text(Variable.FLY_APP_NAME) is not None,
            memory_bytes=env.whole(Variable.FLY_VM_MEMORY_MB) * MEBI,
            trusted_proxies=env.networks(Variable.TRUSTED_PROXIES),
            fly_proxy=_fly_proxy(env),
            key=env.text(Variable.FLYGATE_KEY),
            admin_token=_admin_token(env),
            limiter=read_limiter(env),
            login=read_login(env),
            cluster=read_cluster(env),
        )


def _admin_token(env: Environment) -> str | None:
    token = env.text(Variable.ADMIN_TOKEN)
    kind = SCHEMA[Variable.ADMIN_TOKEN]
    if token is not None and not kind.takes(token):
        raise SettingError(Variable.ADMIN_TOKEN, "(hidden)", kind.allowed)
    return token


def _per_client(env: Environment) -> int:
    if env.text(Variable.SERVICE_MAX_REQUESTS_PER_CLIENT) is None:
        return env.whole(Variable.SERVICE_MAX_REQUESTS_PER_CLIENT)
    # More than all together may have could never be reached.
    most = env.whole(Variable.SERVICE_MAX_REQUESTS)
    return env.whole(Variable.SERVICE_MAX_REQUESTS_PER_CLIENT, most)


def _fly_proxy(env: Environment) -> Networks:
    found = env.text(Variable.SERVICE_PROXY_PEERS)
    if found is None:
        # By its private IPv4 address; the private network has IPv6 only. See docs/security.md.
        return Networks(["0.0.0.0/0"])
    if env.text(Variable.FLY_APP_NAME) is None:
        raise SettingError(Variable.SERVICE_PROXY_PEERS, found, "on Fly only; else TRUSTED_PROXIES")
    return env.networks(Variable.SERVICE_PROXY_PEERS)
