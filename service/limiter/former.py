"""What a changed quota owes to those before: no fresh burst, and no sudden ban."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from secrets import token_hex

from . import bucket
from .errors import StoreUnavailable
from .policies import PolicySet
from .policy import Policy
from .quota import NANOS, Quota
from .store.base import Charge, Key, Store
from .store.memory import MemoryStore


class FormerQuotas:
    """Remembers replaced quotas, each until none of its buckets matters any more.

    A quota's buckets are its own, so a changed quota begins with full ones: what a client lacked
    is carried over when it comes next. However many changes lie between, and whether or not the
    policy was there all the time.

    Attributes:
        known: by the policy's name, what it was before and when that no longer matters. While
            this is empty there is nothing to carry over.
    """

    def __init__(self) -> None:
        """Nothing was replaced yet."""
        self.known: dict[str, list[tuple[Policy, int]]] = {}
        # Tells this change on this machine from all others.
        self._change = ""

    def note(self, old: PolicySet, new: PolicySet, now: int) -> None:
        """Remember what a set of policies had otherwise than the next one, or had alone."""
        self._forget(now)
        self._change = token_hex(8)
        for before in old.policies:
            policy = new.named(before.name)
            if policy is None or _quotas(before) != _quotas(policy):
                self._remember(before, now + _longest_ns(before))

    async def carry_over(
        self, store: Store, policies: Sequence[Policy], charges: Sequence[Charge], now: int
    ) -> None:
        """Let the buckets that are about to be charged lack what their former ones lack.

        While the store cannot be asked this waits for a later request.
        """
        self._forget(now)
        for policy, charge in zip(policies, charges, strict=True):
            for key, quota in self.buckets_of(policy.name, charge.key):
                new = policy.quota_of(charge.key[1])
                with suppress(StoreUnavailable):
                    await _carry_over(store, key, quota, new, charge.key, self._mark(key, quota))

    def buckets_of(self, policy: str, key: Key) -> Iterator[tuple[Key, Quota]]:
        """Which other buckets a policy kept before for the one who has this bucket now."""
        subject = key[1]
        for before, _ in self.known.get(policy, ()):
            former = before.bucket_of(subject)
            if former != key:
                yield former, before.quota_of(subject)

    def _mark(self, former: Key, quota: Quota) -> Charge:
        """What says that a former bucket was carried over; kept as long as that matters."""
        key = f"{former[0]} carried {self._change}", former[1]
        return Charge(key, Quota(1, -(-quota.capacity_ns // NANOS) * NANOS))

    def _remember(self, before: Policy, until: int) -> None:
        others = [
            pair for pair in self.known.get(before.name, ()) if _quotas(pair[0]) != _quotas(before)
        ]
        self.known[before.name] = [*others, (before, until)]

    def _forget(self, now: int) -> None:
        for name, pairs in list(self.known.items()):
            if any(now >= until for _, until in pairs):
                self.known[name] = [pair for pair in pairs if now < pair[1]]
                if not self.known[name]:
                    del self.known[name]


def _quotas(policy: Policy) -> tuple[Quota, Mapping[str, Quota]]:
    return policy.quota, policy.overrides


def _longest_ns(policy: Policy) -> int:
    return max(quota.capacity_ns for quota in (policy.quota, *policy.overrides.values()))


async def _carry_over(
    store: Store, before: Key, old: Quota, new: Quota, key: Key, mark: Charge
) -> None:
    _, _, owed, counted = await store.peek(before, old)
    if owed == 0:
        return
    is_ours = isinstance(store, MemoryStore)
    if not is_ours and (await store.peek(mark.key, mark.quota)).owed_ns > 0:
        return
    # As the store counts it, which for a window is without a burst.
    counts = (await store.peek(key, new)).quota
    # In this order nobody gains if the store fails in between.
    await store.owe(key, new, bucket.rescale(owed, 0, counted, counts))
    if is_ours:
        await store.reset(before)
    else:  # other machines may count by it still, so it stays; it is carried over once
        await store.take([mark])
