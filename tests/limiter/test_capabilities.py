"""What a store can do besides deciding: each kind of store says it, for each algorithm."""

from flygate_limiter import (
    SLIDING_WINDOW,
    TOKEN_BUCKET,
    GuardedStore,
    MemoryStore,
    Store,
    ThreadSafeMemoryStore,
    keyed_fingerprint,
)
from flygate_limiter.redis.store import RedisStore

NAMES = keyed_fingerprint(b"secret")


def can(store: Store) -> dict[str, bool]:
    """What it can do."""
    return {
        "instant": store.instant is not None,
        "portable": store.portable is not None,
        "board": store.board is not None,
        "health": store.health is not None,
    }


def stores() -> list[Store]:
    """Of each kind one, with each algorithm; they connect to nothing."""
    made: list[Store] = []
    for algorithm in (TOKEN_BUCKET, SLIDING_WINDOW):
        memory = MemoryStore(fingerprint=NAMES, algorithm=algorithm)
        redis = RedisStore("redis://127.0.0.1:1", NAMES, algorithm=algorithm)
        threads = ThreadSafeMemoryStore(fingerprint=NAMES, algorithm=algorithm)
        made += [memory, threads, redis, GuardedStore(redis, memory)]
    return made


def test_what_each_store_can() -> None:
    """Memory is instant, what Redis is behind has a board, and windows move nowhere."""
    for store in stores():
        is_here = isinstance(store, MemoryStore)
        assert can(store) == {
            "instant": is_here,
            "portable": store.algorithm is TOKEN_BUCKET,
            "board": not is_here,
            "health": isinstance(store, GuardedStore),
        }


def test_a_primary_without_a_board_gives_none() -> None:
    """Machines learn of each other's quotas only where they can read each other."""
    assert GuardedStore(MemoryStore(), MemoryStore()).board is None


def test_a_healthy_store_has_no_problem() -> None:
    """Before it failed there is nothing to say."""
    assert GuardedStore(MemoryStore(), MemoryStore()).health == (False, "")
