"""The form of a machine's config (docs/fly-api.md 3): which key holds what kind of value. What the
values mean is in `machines/config.py`. Keys that are not here are kept as they are.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Duration = int | str  # nanoseconds, or as Go writes them
Port = int


class Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class InitShape(Shape):
    exec: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    tty: bool | None = None
    swap_size_mb: int | None = None
    kernel_args: list[str] | None = None


class GuestShape(Shape):
    cpu_kind: str | None = None
    cpus: int | None = Field(default=None, ge=0)
    memory_mb: int | None = Field(default=None, ge=0)
    max_memory_mb: int | None = None
    gpus: int | None = None
    gpu_kind: str | None = None
    host_dedication_id: str | None = None
    persist_rootfs: bool | str | None = None
    kernel_args: list[str] | None = None


class HeaderShape(Shape):
    name: str
    values: list[str] | None = None


class CheckShape(Shape):
    type: str | None = None
    port: Port | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    grace_period: Duration | None = None
    method: str | None = None
    path: str | None = None
    protocol: str | None = None
    tls_skip_verify: bool | None = None
    tls_server_name: str | None = None
    headers: list[HeaderShape] | None = None
    kind: str | None = None


class ResponseShape(Shape):
    headers: dict[str, Any] | None = None
    pristine: bool | None = None


class ReplayCacheShape(Shape):
    path_prefix: str | None = None
    ttl_seconds: int | None = None
    type: str | None = None
    name: str | None = None
    allow_bypass: bool | None = None


class HttpOptionsShape(Shape):
    compress: bool | None = None
    h2_backend: bool | None = None
    idle_timeout: int | None = None
    headers_read_timeout: int | None = None
    response: ResponseShape | None = None
    replay_cache: list[ReplayCacheShape] | None = None


class TlsShape(Shape):
    alpn: list[str] | None = None
    versions: list[str] | None = None
    default_self_signed: bool | None = None


class ProxyProtocolShape(Shape):
    version: str | None = None


class PortShape(Shape):
    port: Port | None = None
    start_port: Port | None = None
    end_port: Port | None = None
    handlers: list[str] | None = None
    force_https: bool | None = None
    http_options: HttpOptionsShape | None = None
    tls_options: TlsShape | None = None
    proxy_proto_options: ProxyProtocolShape | None = None


class ConcurrencyShape(Shape):
    type: str | None = None
    soft_limit: int | None = Field(default=None, ge=0)
    hard_limit: int | None = Field(default=None, ge=0)


class ServiceShape(Shape):
    protocol: str | None = None
    internal_port: Port | None = None
    autostop: bool | str | None = None
    autostart: bool | None = None
    min_machines_running: int | None = None
    ports: list[PortShape] | None = None
    checks: list[CheckShape] | None = None
    concurrency: ConcurrencyShape | None = None
    force_instance_key: str | None = None
    force_instance_description: str | None = None


class MetricsShape(Shape):
    port: Port | None = None
    path: str | None = None
    https: bool | None = None


class RestartShape(Shape):
    policy: str | None = None
    max_retries: int | None = Field(default=None, ge=0)


class StopShape(Shape):
    signal: str | None = None
    timeout: Duration | None = None


class MountShape(Shape):
    volume: str | None = None
    path: str | None = None
    name: str | None = None
    encrypted: bool | None = None
    size_gb: int | None = Field(default=None, ge=0)
    extend_threshold_percent: int | None = Field(default=None, ge=0, le=100)
    add_size_gb: int | None = Field(default=None, ge=0)
    add_size_percent: int | None = Field(default=None, ge=0)
    min_add_size_gb: int | None = Field(default=None, ge=0)
    size_gb_limit: int | None = Field(default=None, ge=0)


class StaticShape(Shape):
    guest_path: str | None = None
    url_prefix: str | None = None
    tigris_bucket: str | None = None
    index_document: str | None = None


class DnsOptionShape(Shape):
    name: str | None = None
    value: str | None = None


class DnsRuleShape(Shape):
    basename: str | None = None
    addr: str | None = None


class DnsShape(Shape):
    skip_registration: bool | None = None
    nameservers: list[str] | None = None
    searches: list[str] | None = None
    options: list[DnsOptionShape] | None = None
    dns_forward_rules: list[DnsRuleShape] | None = None
    hostname: str | None = None
    hostname_fqdn: str | None = None


class ProcessSecretShape(Shape):
    env_var: str | None = None
    name: str | None = None


class EnvFromShape(Shape):
    env_var: str | None = None
    field_ref: str | None = None


class ProcessShape(Shape):
    exec: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    user: str | None = None
    env: dict[str, str] | None = None
    secrets: list[ProcessSecretShape] | None = None
    ignore_app_secrets: bool | None = None
    env_from: list[EnvFromShape] | None = None


class FileShape(Shape):
    guest_path: str | None = None
    raw_value: str | None = None
    secret_name: str | None = None
    image_config: str | None = None
    mode: int | None = None


class RootfsShape(Shape):
    persist: bool | str | None = None
    size_gb: int | None = Field(default=None, ge=0)


class ConfigShape(Shape):
    image: str
    env: dict[str, str] | None = None
    init: InitShape | None = None
    guest: GuestShape | None = None
    size: str | None = None
    metadata: dict[str, str] | None = None
    mounts: list[MountShape] | None = None
    services: list[ServiceShape] | None = None
    checks: dict[str, CheckShape] | None = None
    metrics: MetricsShape | None = None
    restart: RestartShape | None = None
    stop_config: StopShape | None = None
    auto_destroy: bool | None = None
    schedule: str | None = None
    statics: list[StaticShape] | None = None
    dns: DnsShape | None = None
    processes: list[ProcessShape] | None = None
    files: list[FileShape] | None = None
    rootfs: RootfsShape | None = None
    standbys: list[str] | None = None

    @property
    def raw(self) -> dict[str, Any]:
        """Return the document as it was sent."""
        return self.model_dump(exclude_unset=True)
