"""What is there while the service runs: from before its first request until after its last one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from .parts import Parts
from .takeover import take_over

if TYPE_CHECKING:
    from .cluster import Cluster


@asynccontextmanager
async def resources(parts: Parts, cluster: Cluster | None) -> AsyncIterator[None]:
    """Hold the stores, the work in the background, and the membership of the cluster."""
    limiter, portable = parts.settings.limiter, parts.stores.portable
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.stores.aclose)
        await stack.enter_async_context(parts.supervisor.running())
        await take_over(limiter, portable, parts.log, parts.limiter.quotas)
        if cluster is not None:
            await stack.enter_async_context(cluster.running())
        yield
