"""`[http_service]`, `[[services]]` and their ports, checks and limits, as a file has them."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from flygate.flytoml.schema_model import Count, Duration, Port, SchemaModel

_AUTOSTOP: Final = {False: "off", True: "stop"}


def _autostop(value: Any) -> Any:
    return _AUTOSTOP[value] if isinstance(value, bool) else value


def _response_header(value: Any) -> Any:
    is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
    if not (is_list or isinstance(value, str | bool)):
        raise ValueError("must be a text, a list of texts, or false")
    return value


ResponseHeader = Annotated[Any, AfterValidator(_response_header)]
Autostop = Annotated[Literal["off", "stop", "suspend"], BeforeValidator(_autostop)]
Handler = Literal["http", "tls", "pg_tls", "proxy_proto", "edge_http"]


class Concurrency(SchemaModel):
    """When the proxy prefers another machine, and when it queues."""

    type: Literal["connections", "requests"] | None = None
    hard_limit: Count | None = None
    soft_limit: Count | None = None


class TlsOptions(SchemaModel):
    """How the proxy ends TLS."""

    alpn: list[str] = Field(default_factory=list)
    versions: list[str] = Field(default_factory=list)
    default_self_signed: bool | None = None


class ProxyProtoOptions(SchemaModel):
    """Which form of the PROXY protocol carries the client's address."""

    version: str | None = None


class Response(SchemaModel):
    """What the proxy does to the headers of an answer."""

    headers: dict[str, ResponseHeader] = Field(default_factory=dict)
    pristine: bool | None = None


class ReplayCache(SchemaModel):
    """Which replays the proxy remembers."""

    path_prefix: str = ""
    ttl_seconds: Count = 0
    type: Literal["cookie", "header"]
    name: str = ""
    allow_bypass: bool = False


class HttpOptions(SchemaModel):
    """How the proxy speaks HTTP."""

    compress: bool | None = None
    response: Response | None = None
    h2_backend: bool | None = None
    idle_timeout: Count | None = None
    headers_read_timeout: Count | None = None
    replay_cache: list[ReplayCache] = Field(default_factory=list)


class ServicePort(SchemaModel):
    """A port that the proxy opens, or a range of them."""

    port: Port | None = None
    start_port: Port | None = None
    end_port: Port | None = None
    handlers: list[Handler] = Field(default_factory=list)
    force_https: bool = False
    tls_options: TlsOptions | None = None
    http_options: HttpOptions | None = None
    proxy_proto_options: ProxyProtoOptions | None = None


class TcpCheck(SchemaModel):
    """A connection must be accepted."""

    interval: Duration | None = None
    timeout: Duration | None = None
    grace_period: Duration | None = None


class HttpCheck(TcpCheck):
    """A request must be answered."""

    method: str | None = None
    path: str | None = None
    protocol: str | None = None
    tls_skip_verify: bool | None = None
    tls_server_name: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)


class Check(HttpCheck):
    """One of `[checks]`: it belongs to the machine, and to no service."""

    type: Literal["http", "tcp"]
    port: Port | None = None
    processes: list[str] = Field(default_factory=list)


class Scaling(SchemaModel):
    """What both forms of a service have."""

    internal_port: Port
    auto_stop_machines: Autostop | None = None
    auto_start_machines: bool | None = None
    min_machines_running: Count | None = None
    concurrency: Concurrency | None = None
    machine_checks: list[Any] = Field(default_factory=list)
    processes: list[str] = Field(default_factory=list)


class HttpService(Scaling):
    """Ports 80 and 443 in one table."""

    force_https: bool = False
    tls_options: TlsOptions | None = None
    http_options: HttpOptions | None = None
    checks: list[HttpCheck] = Field(default_factory=list)


class Service(Scaling):
    """Any other service."""

    protocol: Literal["tcp", "udp"] | None = None
    ports: list[ServicePort] = Field(default_factory=list)
    tcp_checks: list[TcpCheck] = Field(default_factory=list)
    http_checks: list[HttpCheck] = Field(default_factory=list)
