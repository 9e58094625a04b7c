"""Builds the stores that the settings ask for."""

from collections.abc import Iterable

from .limiter import GuardedStore, MemoryStore, Store, SuspendableClock, WindowStore
from .limiter.store.memory import Fingerprint
from .settings import LimiterSettings
from .telemetry import Telemetry


def make_store(
    settings: LimiterSettings, telemetry: Telemetry, fingerprint: Fingerprint = hash
) -> Store:
    """Memory; or Redis, with memory to go on with when Redis cannot be asked.

    Args:
        fingerprint: see `MemoryStore`.
    """
    kind = WindowStore if settings.is_sliding_window else MemoryStore
    # A machine that nobody asks is suspended: its clients' waits must end all the same.
    clock = SuspendableClock()
    memory = kind(settings.max_keys, clock, fingerprint, telemetry.on_overflow)
    telemetry.watch_memory(memory)
    if settings.storage == "memory" or settings.redis_url is None:
        return memory
    return _with_redis(settings.redis_url, memory, settings, telemetry)


def make_login_store(settings: LimiterSettings, store: Store, telemetry: Telemetry) -> Store:
    """Where failed logins are counted: locks are exact times, which a sliding window is not."""
    if not settings.is_sliding_window:
        return store
    if settings.storage == "memory" or settings.redis_url is None:
        return MemoryStore(clock=SuspendableClock())
    return _with_redis(
        settings.redis_url, MemoryStore(clock=SuspendableClock()), settings, telemetry
    )


async def close_all(stores: Iterable[Store]) -> None:
    """Close each once."""
    for store in set(stores):
        await store.aclose()


def _with_redis(
    url: str, memory: MemoryStore, settings: LimiterSettings, telemetry: Telemetry
) -> Store:
    # Not needed with memory.
    from .limiter.store.redis import RedisStore  # noqa: PLC0415
    from .limiter.store.script import BucketScript, WindowScript  # noqa: PLC0415

    script = WindowScript if isinstance(memory, WindowStore) else BucketScript
    secret, budget = settings.key_secret.encode(), settings.budget_seconds
    redis = RedisStore(url, secret, budget, script=script)
    return GuardedStore(redis, memory, lambda: settings.machines, listeners=[telemetry])
