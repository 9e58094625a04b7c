"""The memory store for several threads."""

from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from flygate_limiter.algorithm import Algorithm, Hitter, Taker
from flygate_limiter.bucket import TOKEN_BUCKET
from flygate_limiter.charge import Charge, Key
from flygate_limiter.clock import Clock
from flygate_limiter.decision import Decision
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.quota import Quota

from .memory import DEFAULT_MAX_KEYS, MemoryStore
from .snapshot import Snapshot


class ThreadSafeMemoryStore(MemoryStore):
    """A `MemoryStore` whose calls hold a lock.

    A decision reads a number and writes it back; a thread that comes between would let one more
    request through. The lock costs about as long as a call, so an event loop, which is one thread,
    should not pay for it.
    """

    def __init__(
        self,
        max_keys: int = DEFAULT_MAX_KEYS,
        clock: Clock | None = None,
        fingerprint: Fingerprint = hash,
        on_overflow: Callable[[], None] | None = None,
        algorithm: Algorithm = TOKEN_BUCKET,
    ) -> None:
        """As `MemoryStore`. `on_overflow` is called with the lock held."""
        super().__init__(max_keys, clock, fingerprint, on_overflow, algorithm)
        self._lock = Lock()

    def taker(self, name: str, quota: Quota) -> Taker:
        """As in `MemoryStore`."""
        lock, take = self._lock, super().taker(name, quota)

        def take_locked(subject: str, cost: int = 1) -> Decision:
            with lock:
                return take(subject, cost)

        return take_locked

    def hitter(self, name: str, quota: Quota) -> Hitter:
        """As in `MemoryStore`."""
        lock, hit = self._lock, super().hitter(name, quota)

        def hit_locked(subject: str, cost: int = 1) -> bool:
            with lock:
                return hit(subject, cost)

        return hit_locked

    def take_one(self, key: Key, quota: Quota, cost: int = 1) -> Decision:
        """As in `MemoryStore`."""
        with self._lock:
            return super().take_one(key, quota, cost)

    def take_now(self, charges: Sequence[Charge]) -> list[Decision]:
        """As in `MemoryStore`."""
        with self._lock:
            return super().take_now(charges)

    def peek_now(self, key: Key, quota: Quota, cost: int = 0) -> Decision:
        """As in `MemoryStore`."""
        with self._lock:
            return super().peek_now(key, quota, cost)

    def give_back_now(self, charge: Charge) -> None:
        """As in `MemoryStore`."""
        with self._lock:
            super().give_back_now(charge)

    def lasts_ns(self, key: Key) -> int:
        """As in `MemoryStore`."""
        with self._lock:
            return super().lasts_ns(key)

    def reset_now(self, key: Key) -> bool:
        """As in `MemoryStore`."""
        with self._lock:
            return super().reset_now(key)

    def owe_now(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """As in `MemoryStore`."""
        with self._lock:
            super().owe_now(key, quota, owed_ns)

    def learn(self, charges: Iterable[Charge], decisions: Iterable[Decision]) -> None:
        """As in `MemoryStore`."""
        with self._lock:
            super().learn(charges, decisions)

    def export_now(self) -> Snapshot:
        """As in `MemoryStore`."""
        with self._lock:
            return super().export_now()

    def restore_now(self, snapshot: Snapshot) -> int:
        """As in `MemoryStore`."""
        with self._lock:
            return super().restore_now(snapshot)
