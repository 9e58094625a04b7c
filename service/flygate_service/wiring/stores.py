"""Builds the stores that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from flygate_limiter import (
    SLIDING_WINDOW,
    TOKEN_BUCKET,
    GuardedStore,
    MemoryStore,
    Store,
    SuspendableClock,
    keyed_fingerprint,
)
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.redis.address import RedisAddress
from flygate_wire.variables import MEMORY

from flygate_service.metrics.telemetry import Telemetry
from flygate_service.settings import LimiterSettings, Settings


class MachineCount:
    """How many machines share a quota: the members of the cluster, where they are known.

    Args:
        configured: `RATE_LIMIT_MACHINES`.
    """

    def __init__(self, configured: int) -> None:
        """Start with what is configured."""
        self._configured = configured
        self._members: Callable[[], int] = lambda: 0

    def __call__(self) -> int:
        """Return the number."""
        return self._members() or self._configured

    def follow(self, members: Callable[[], int]) -> None:
        """Count the members from now on; 0 says that they are not known."""
        self._members = members


@dataclass(frozen=True, slots=True)
class Stores:
    """Where buckets are kept.

    Attributes:
        requests: those of the policies.
        logins: those of failed logins, which may be the same; None without a login.
    """

    requests: Store
    logins: Store | None

    @classmethod
    def of(cls, settings: Settings, telemetry: Telemetry, machines: MachineCount) -> Stores:
        """Make those that the settings ask for."""
        requests = make_store(settings, telemetry, machines)
        if settings.login is None:
            return cls(requests, None)
        return cls(requests, make_login_store(settings, requests, telemetry, machines))

    @property
    def portable(self) -> Store | None:
        """The one whose buckets can move to other machines; None if all of them are windows."""
        stores = (self.logins, self.requests)
        return next((store for store in stores if store and store.portable is not None), None)

    async def aclose(self) -> None:
        """Close each once."""
        for store in {self.requests, self.logins or self.requests}:
            await store.aclose()


def make_store(settings: Settings, telemetry: Telemetry, machines: MachineCount) -> Store:
    """Memory; or Redis, with memory to fall back on while Redis cannot be asked."""
    # An idle machine is suspended: its clients' waits must end nevertheless.
    memory = MemoryStore(
        settings.limiter.max_keys,
        SuspendableClock(),
        _names(settings),
        telemetry.on_overflow,
        SLIDING_WINDOW if settings.limiter.is_sliding_window else TOKEN_BUCKET,
    )
    telemetry.watch_memory(memory)
    return _with_redis(memory, settings.limiter, telemetry, machines)


def make_login_store(
    settings: Settings, store: Store, telemetry: Telemetry, machines: MachineCount
) -> Store:
    """Return the store of failed logins: locks are exact times, which sliding windows are not."""
    if not settings.limiter.is_sliding_window:
        return store
    memory = MemoryStore(clock=SuspendableClock(), fingerprint=_names(settings))
    return _with_redis(memory, settings.limiter, telemetry, machines)


def store_id(settings: LimiterSettings) -> str:
    """Return the name by which machines know a common store; "" for one of their own."""
    if settings.storage == MEMORY or settings.redis_url is None:
        return ""
    address = RedisAddress.parse(settings.redis_url)
    text = f"{address}/{address.database}".encode()
    key = blake2b(settings.key_secret.encode()).digest()
    return blake2b(text, key=key, digest_size=8).hexdigest()


def _names(settings: Settings) -> Fingerprint:
    """Names that mean something to other machines, if there can be any."""
    if settings.cluster is None and settings.limiter.redis_url is None:
        return hash
    return keyed_fingerprint(settings.limiter.key_secret.encode())


def _with_redis(
    memory: MemoryStore, settings: LimiterSettings, telemetry: Telemetry, machines: MachineCount
) -> Store:
    if settings.storage == MEMORY or settings.redis_url is None:
        return memory
    # Not needed with memory.
    from flygate_limiter.redis.store import RedisStore  # noqa: PLC0415

    redis = RedisStore(
        settings.redis_url,
        memory.fingerprint,
        settings.budget_seconds,
        algorithm=memory.algorithm,
        known=memory.export_now if memory.portable is not None else None,
    )
    return GuardedStore(redis, memory, machines, listeners=[telemetry])
