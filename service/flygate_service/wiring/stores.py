"""Builds the stores that the settings ask for."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from flygate_limiter import (
    GuardedStore,
    MemoryStore,
    Store,
    SuspendableClock,
    WindowStore,
    keyed_fingerprint,
)
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.store.address import RedisAddress

from flygate_service.metrics.telemetry import Telemetry
from flygate_service.settings import LimiterSettings, Settings


def make_store(settings: Settings, telemetry: Telemetry) -> MemoryStore | GuardedStore:
    """Memory; or Redis, with memory to go on with when Redis cannot be asked."""
    kind = WindowStore if settings.limiter.is_sliding_window else MemoryStore
    # A machine that nobody asks is suspended: its clients' waits must end all the same.
    clock = SuspendableClock()
    names = _names(settings)
    memory = kind(settings.limiter.max_keys, clock, names, telemetry.on_overflow)
    telemetry.watch_memory(memory)
    return _with_redis(memory, settings.limiter, telemetry)


def make_login_store(
    settings: Settings, store: MemoryStore | GuardedStore, telemetry: Telemetry
) -> MemoryStore | GuardedStore:
    """Where failed logins are counted: locks are exact times, which a sliding window is not."""
    if not settings.limiter.is_sliding_window:
        return store
    memory = MemoryStore(clock=SuspendableClock(), fingerprint=_names(settings))
    return _with_redis(memory, settings.limiter, telemetry)


def portable_of(
    stores: Sequence[MemoryStore | GuardedStore], settings: Settings
) -> MemoryStore | GuardedStore | None:
    """The one whose buckets can move to other machines; None if all of them are windows.

    Args:
        stores: of requests, and of logins if there are any.
        settings: that they were made by.
    """
    is_window = settings.limiter.is_sliding_window and settings.login is None
    return None if is_window else stores[-1]


def store_id(settings: LimiterSettings) -> str:
    """What tells machines whether they have a store in common: "" says that it is their own."""
    if settings.storage == "memory" or settings.redis_url is None:
        return ""
    address = RedisAddress.parse(settings.redis_url)
    text = f"{address}/{address.database}".encode()
    key = blake2b(settings.key_secret.encode()).digest()
    return blake2b(text, key=key, digest_size=8).hexdigest()


async def close_all(stores: Iterable[Store]) -> None:
    """Close each once."""
    for store in set(stores):
        await store.aclose()


def _names(settings: Settings) -> Fingerprint:
    """Names that mean something to other machines, if there can be any."""
    if settings.cluster is None and settings.limiter.redis_url is None:
        return hash
    return keyed_fingerprint(settings.limiter.key_secret.encode())


def _with_redis(
    memory: MemoryStore, settings: LimiterSettings, telemetry: Telemetry
) -> MemoryStore | GuardedStore:
    if settings.storage == "memory" or settings.redis_url is None:
        return memory
    # Not needed with memory.
    from flygate_limiter.store.redis import RedisStore  # noqa: PLC0415
    from flygate_limiter.store.script import WindowScript  # noqa: PLC0415

    url, names, budget = settings.redis_url, memory.fingerprint, settings.budget_seconds
    if isinstance(memory, WindowStore):
        redis = RedisStore(url, names, budget, script=WindowScript)
    else:
        redis = RedisStore(url, names, budget)
        redis.known = memory.export_now
    return GuardedStore(redis, memory, lambda: settings.machines, listeners=[telemetry])
