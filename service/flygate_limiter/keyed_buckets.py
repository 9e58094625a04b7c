"""Buckets by key, without requests and policies: a quota, and an answer at once."""

from .algorithm import Hitter, Taker
from .charge import Charge
from .decision import Decision
from .quota import Quota
from .store.memory import MemoryStore


class Buckets:
    """One bucket for each key, all of one quota.

        calls = Buckets(parse("100/m burst 20"))
        if not calls.hit(user): ...                     # yes or no
        decision = calls.take(user, cost=5)             # and why: decision.remaining, …

    Nothing is awaited, nothing sweeps in the background, and memory is bounded.

    Args:
        quota: the size and the refill of each bucket.
        store: where they are; by default a new one, for one thread.
        name: separates them from others in the same store.

    Attributes:
        hit: take units, and say whether there were enough: `hit(key, cost=1)`.
        take: the same, and say what is left or how long to wait: `take(key, cost=1)`.
    """

    __slots__ = ("_name", "_quota", "_store", "hit", "take")

    hit: Hitter
    take: Taker

    def __init__(
        self, quota: Quota, store: MemoryStore | None = None, name: str = "default"
    ) -> None:
        """Make no bucket before it is needed."""
        self._quota = quota
        self._store = store if store is not None else MemoryStore()
        self._name = name
        self.hit = self._store.hitter(name, quota)
        self.take = self._store.taker(name, quota)

    def test(self, key: str, cost: int = 1) -> bool:
        """Whether `hit` would say yes; nothing is taken."""
        return self._store.peek_now((self._name, key), self._quota, cost).allowed

    def peek(self, key: str) -> Decision:
        """Return what is left in a bucket; nothing is taken."""
        return self._store.peek_now((self._name, key), self._quota)

    def give_back(self, key: str, cost: int = 1) -> None:
        """Return units that were taken and not used."""
        self._store.give_back_now(Charge((self._name, key), self._quota, cost))

    def reset(self, key: str) -> bool:
        """Make a bucket full again; False if it was not known."""
        return self._store.reset_now((self._name, key))
