"""Environment variables of the service: their names, and the defaults that both sides rely on."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Variable(StrEnum):
    """All variables that the service reads; a test holds it to that."""

    ADMIN_TOKEN = "ADMIN_TOKEN"  # noqa: S105 - the variable's name
    DRAIN_MILLISECONDS = "DRAIN_MILLISECONDS"
    FLYGATE_DNS = "FLYGATE_DNS"
    # The secret that engine and machines sign with. It belongs to no release: it is never rolled
    # back, and never part of a manifest.
    FLYGATE_KEY = "FLYGATE_KEY"
    FLYGATE_RELEASE = "FLYGATE_RELEASE"
    FLY_APP_NAME = "FLY_APP_NAME"
    FLY_MACHINE_ID = "FLY_MACHINE_ID"
    FLY_PROCESS_GROUP = "FLY_PROCESS_GROUP"
    FLY_REGION = "FLY_REGION"
    FLY_VM_MEMORY_MB = "FLY_VM_MEMORY_MB"
    HOST = "HOST"
    LOGIN_LOCKOUT_MINUTES = "LOGIN_LOCKOUT_MINUTES"
    LOGIN_MAX_ATTEMPTS = "LOGIN_MAX_ATTEMPTS"
    LOGIN_SECRET = "LOGIN_SECRET"  # noqa: S105 - the variable's name
    LOGIN_USERS = "LOGIN_USERS"
    LOGIN_WINDOW_MINUTES = "LOGIN_WINDOW_MINUTES"
    METRICS_PORT = "METRICS_PORT"
    PORT = "PORT"
    RATE_LIMIT_AFFINITY = "RATE_LIMIT_AFFINITY"
    RATE_LIMIT_ALGORITHM = "RATE_LIMIT_ALGORITHM"
    RATE_LIMIT_BUDGET_MILLISECONDS = "RATE_LIMIT_BUDGET_MILLISECONDS"
    RATE_LIMIT_BURST = "RATE_LIMIT_BURST"
    RATE_LIMIT_FAILURE = "RATE_LIMIT_FAILURE"
    RATE_LIMIT_KEY_SECRET = "RATE_LIMIT_KEY_SECRET"  # noqa: S105 - the variable's name
    RATE_LIMIT_MACHINES = "RATE_LIMIT_MACHINES"
    RATE_LIMIT_MAX_KEYS = "RATE_LIMIT_MAX_KEYS"
    RATE_LIMIT_MODE = "RATE_LIMIT_MODE"
    RATE_LIMIT_POLICIES = "RATE_LIMIT_POLICIES"
    RATE_LIMIT_PREFLIGHTS = "RATE_LIMIT_PREFLIGHTS"
    RATE_LIMIT_RPM = "RATE_LIMIT_RPM"
    RATE_LIMIT_STORAGE = "RATE_LIMIT_STORAGE"
    REDIS_URL = "REDIS_URL"
    SERVICE_ALLOW_REPLAY = "SERVICE_ALLOW_REPLAY"
    SERVICE_APP = "SERVICE_APP"
    SERVICE_BODY_BYTES_PER_SECOND = "SERVICE_BODY_BYTES_PER_SECOND"
    SERVICE_BODY_SECONDS = "SERVICE_BODY_SECONDS"
    SERVICE_MAX_BODY_BYTES = "SERVICE_MAX_BODY_BYTES"
    SERVICE_MAX_MESSAGE_BYTES = "SERVICE_MAX_MESSAGE_BYTES"
    SERVICE_MAX_REQUESTS = "SERVICE_MAX_REQUESTS"
    SERVICE_MAX_REQUESTS_PER_CLIENT = "SERVICE_MAX_REQUESTS_PER_CLIENT"
    SERVICE_PROXY_PEERS = "SERVICE_PROXY_PEERS"
    SHUTDOWN_SECONDS = "SHUTDOWN_SECONDS"
    TRUSTED_PROXIES = "TRUSTED_PROXIES"


# What a stack may set, and is the service's alone: Fly and Flygate set others, and every
# application knows the rest.
_SHARED: Final = frozenset({Variable.HOST, Variable.PORT, Variable.REDIS_URL})
SETTINGS: Final = tuple(
    variable
    for variable in Variable
    if not variable.startswith(("FLY_", "FLYGATE_")) and variable not in _SHARED
)

# What the service does where a variable is not set.
DEFAULT_PORT: Final = 8080
DEFAULT_METRICS_PORT: Final = 9091
DEFAULT_REQUESTS_PER_MINUTE: Final = 100
DEFAULT_BURST: Final = 20

ADMIN_TOKEN_LENGTH_MIN: Final = 24

# Values of RATE_LIMIT_ALGORITHM, of which the first is the default.
TOKEN_BUCKET: Final = "token_bucket"  # noqa: S105 - an algorithm
SLIDING_WINDOW: Final = "sliding_window"
# Values of RATE_LIMIT_STORAGE, of which the first is the default.
MEMORY: Final = "memory"
REDIS: Final = "redis"
