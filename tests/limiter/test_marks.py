"""Marks of buckets that have got what others lack: they last while they are needed."""

import pytest
from flygate_limiter import FakeClock
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.denials import Denials
from flygate_limiter.redis.store import RedisStore
from flygate_limiter.reload.marks import Marks, look, mark

from tests.support.valkey import Valkey

pytestmark = pytest.mark.integration


async def test_a_mark_that_is_put_again_lasts_as_long_again(valkey: Valkey) -> None:
    """And one that is not is gone by itself."""
    clock = FakeClock(now=4_000_000_000 * NANOS)
    store = RedisStore(valkey.url, b"for tests", 5, clock, Denials(clock, 0))
    longer, shorter = (mark((name, "one"), 60 * NANOS) for name in ("longer", "shorter"))
    marks = Marks(clock.now)
    await marks.put(store, [longer, shorter])

    clock.advance(seconds=59)
    assert marks.are_fresh([longer, shorter])
    clock.advance(seconds=2)
    assert not marks.are_fresh([longer, shorter])
    await marks.put(store, [longer, mark(("another", "one"), 60 * NANOS)])
    clock.advance(seconds=60)
    found, _ = await store.take([look(longer), look(shorter)])
    await store.aclose()

    assert [each.owed_ns > 0 for each in found] == [True, False]
