"""`Schema`: all keys that flyctl reads of a `fly.toml`, typed; `legacy_syntax` ran before.

A key in here is one that flyctl knows; `refusals.py` has those that Flygate refuses.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from flygate.flytoml.schema_model import Count, Duration, Port, SchemaModel
from flygate.flytoml.service_schema import Check, HttpService, Service

Signal = Literal["SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM"]


class Compute(SchemaModel):
    """The size of a machine."""

    size: str = ""
    memory: str = ""
    cpu_kind: Literal["", "shared", "performance"] = ""
    cpus: Count = 0
    memory_mb: Count = 0
    max_memory_mb: Count = 0
    gpus: Count = 0
    gpu_kind: str = ""
    host_dedication_id: str = ""
    persist_rootfs: Literal["", "never", "always", "restart"] = ""
    kernel_args: list[str] = Field(default_factory=list)
    processes: list[str] = Field(default_factory=list)


class Deploy(SchemaModel):
    """How flyctl deploys."""

    strategy: Literal["canary", "rolling", "immediate", "bluegreen"] | None = None
    max_unavailable: Annotated[float, Field(gt=0)] | None = None
    wait_timeout: Duration | None = None
    release_command: str = ""
    release_command_timeout: Duration | None = None
    release_command_vm: Compute | None = None
    seed_command: str = ""


class Compose(SchemaModel):
    """Several containers in a machine."""

    file: str = ""


class Build(SchemaModel):
    """What flyctl builds."""

    builder: str = ""
    args: dict[str, str] = Field(default_factory=dict)
    buildpacks: list[str] = Field(default_factory=list)
    image: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    builtin: str = ""
    dockerfile: str = ""
    ignorefile: str = ""
    build_target: str = Field(default="", alias="build-target")
    compose: Compose | None = None
    compression: Literal["gzip", "zstd"] | None = None
    compression_level: Count | None = None


class Experimental(SchemaModel):
    """Former places of a command, and experiments."""

    cmd: list[str] = Field(default_factory=list)
    entrypoint: list[str] = Field(default_factory=list)
    exec: list[str] = Field(default_factory=list)
    auto_rollback: bool | None = None
    enable_consul: bool = False
    enable_etcd: bool = False
    lazy_load_images: bool = False
    attached: dict[str, Any] = Field(default_factory=dict)
    machine_config: str = ""


class Mount(SchemaModel):
    """A volume."""

    source: str = ""
    destination: str = ""
    initial_size: str = ""
    snapshot_retention: int | None = None
    scheduled_snapshots: bool | None = None
    auto_extend_size_threshold: int = 0
    auto_extend_size_increment: str = ""
    auto_extend_size_limit: str = ""
    processes: list[str] = Field(default_factory=list)


class File(SchemaModel):
    """A file that is written into the machine."""

    guest_path: str
    local_path: str = ""
    secret_name: str = ""
    raw_value: str = ""
    processes: list[str] = Field(default_factory=list)


class Static(SchemaModel):
    """A folder that the proxy serves."""

    guest_path: str
    url_prefix: str
    tigris_bucket: str = ""
    index_document: str = ""


class Metrics(SchemaModel):
    """Where Fly reads metrics."""

    port: Port | None = None
    path: str = ""
    https: bool = False
    processes: list[str] = Field(default_factory=list)


class Restart(SchemaModel):
    """What happens to a process that ends."""

    policy: Literal["always", "never", "on-failure"]
    retries: Count | None = None
    processes: list[str] = Field(default_factory=list)


class Schema(SchemaModel):
    """The file."""

    app: str = ""
    primary_region: str = ""
    kill_signal: Signal | None = None
    kill_timeout: Duration | None = None
    swap_size_mb: Count | None = None
    console_command: str = ""
    experimental: Experimental | None = None
    build: Build | None = None
    deploy: Deploy | None = None
    env: dict[str, str] = Field(default_factory=dict)
    processes: dict[str, str] = Field(default_factory=dict)
    mounts: list[Mount] = Field(default_factory=list)
    http_service: HttpService | None = None
    services: list[Service] = Field(default_factory=list)
    checks: dict[str, Check] = Field(default_factory=dict)
    files: list[File] = Field(default_factory=list)
    host_dedication_id: str = ""
    machine_config: str = ""
    container: str = ""
    machine_checks: list[Any] = Field(default_factory=list)
    restart: list[Restart] = Field(default_factory=list)
    vm: list[Compute] = Field(default_factory=list)
    statics: list[Static] = Field(default_factory=list)
    metrics: list[Metrics] = Field(default_factory=list)
