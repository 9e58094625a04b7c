"""Limits that were kept in Redis until now, into memory: once, before the first request."""

import asyncio
from typing import Any, Final

from flygate_limiter import LimiterError, Store
from flygate_limiter.reload.other_quotas import OtherQuotas

from flygate_service.settings import LimiterSettings

_SECONDS: Final = 2.0
_SECONDS_PER_CALL: Final = 0.5


async def take_over(
    settings: LimiterSettings, store: Store | None, log: Any, quotas: OtherQuotas | None = None
) -> None:
    """Let buckets in memory owe what they owe in Redis, as far as the time allows. Never raises.

    Machines hand over to each other, too; this is for those that find no other machine.

    Args:
        settings: say whether there may be something in a Redis.
        store: whose buckets they are; nothing happens if they are not in memory.
        log: gets the result.
        quotas: learns what the buckets were filled by.
    """
    memory = store.instant if store is not None else None
    if settings.redis_url is None or memory is None:
        return
    # Not needed by those who never had one.
    from flygate_limiter.redis.store import RedisStore  # noqa: PLC0415

    kept = 0
    try:
        redis = RedisStore(settings.redis_url, memory.fingerprint, _SECONDS_PER_CALL)
        try:
            async with asyncio.timeout(_SECONDS):
                if quotas is not None:
                    quotas.learn(await redis.post(()))
                async for snapshot in redis.export():
                    kept += memory.restore_now(snapshot)
        finally:
            await redis.aclose()
    except (LimiterError, TimeoutError) as exc:
        log.warning("not all limits taken over from Redis", error=repr(exc), buckets=kept)
    else:
        log.info("limits taken over from Redis", buckets=kept)
