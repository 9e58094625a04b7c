"""The store that a service would make of its environment, without the service around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from flygate_limiter import Store
from flygate_service.metrics.statistics import Statistics
from flygate_service.metrics.telemetry import Telemetry
from flygate_service.settings import Settings
from flygate_service.wiring.stores import MachineCount, make_store

# More than the default of 50 ms: on a busy machine a Redis that is well may take that long.
BUDGET_SECONDS = 0.25
BUDGET = {"RATE_LIMIT_BUDGET_MILLISECONDS": "250"}
# With what a busy machine may add to a budget before a test says that it was not kept.
LONGEST_SECONDS = 1.0


@asynccontextmanager
async def guarded_store(url: str, **environment: str) -> AsyncIterator[Store]:
    """The store over the Redis at `url`."""
    settings = Settings.from_environment(
        {"RATE_LIMIT_STORAGE": "redis", "REDIS_URL": url, **BUDGET, **environment}
    )
    telemetry = Telemetry(structlog.get_logger(), Statistics())
    store = make_store(settings, telemetry, MachineCount(settings.limiter.machines))
    try:
        yield store
    finally:
        await store.aclose()
