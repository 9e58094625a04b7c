"""Builds the store that the settings ask for."""

from .limiter import GuardedStore, MemoryStore, Store, WindowStore
from .settings import LimiterSettings
from .telemetry import Telemetry


def make_store(settings: LimiterSettings, telemetry: Telemetry) -> Store:
    """Memory; or Redis, with memory to go on with when Redis cannot be asked."""
    kind = WindowStore if settings.algorithm == "sliding_window" else MemoryStore
    memory = kind(settings.max_keys, on_overflow=telemetry.on_overflow)
    telemetry.watch_memory(memory)
    if settings.storage == "memory" or settings.redis_url is None:
        return memory
    # The client takes a while to import, and is not needed with memory.
    from .limiter.store.redis import RedisStore  # noqa: PLC0415

    redis = RedisStore(settings.redis_url, settings.key_secret.encode(), settings.budget_seconds)
    return GuardedStore(redis, memory, lambda: settings.machines, listeners=[telemetry])
