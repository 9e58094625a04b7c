"""What a changed quota owes to the one before: no fresh burst, and no sudden ban."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from . import bucket
from .errors import StoreUnavailable
from .policies import PolicySet
from .policy import Policy
from .quota import Quota
from .store.base import Charge, Store


class FormerQuotas:
    """Remembers replaced quotas until none of their buckets matters any more.

    A quota's buckets are its own, so a changed quota begins with full ones: what a client lacked
    is carried over when it comes next.

    Attributes:
        known: by the policy's name, the policy before and when it no longer matters. While this
            is empty there is nothing to carry over.
    """

    def __init__(self) -> None:
        """Nothing was replaced yet."""
        self.known: dict[str, tuple[Policy, int]] = {}

    def note(self, old: PolicySet, new: PolicySet, now: int) -> None:
        """Remember what a set of policies had otherwise than the next one."""
        self.known = {name: kept for name, kept in self.known.items() if now < kept[1]}
        for policy in new.policies:
            before = old.named(policy.name)
            if before is not None and _quotas(before) != _quotas(policy):
                self.known[policy.name] = (before, now + _longest_ns(before))

    async def carry_over(
        self, store: Store, policies: Sequence[Policy], charges: Sequence[Charge], now: int
    ) -> None:
        """Let the buckets that are about to be charged lack what their former ones lack.

        While the store cannot be asked this waits for a later request.
        """
        for policy, charge in zip(policies, charges, strict=True):
            before, until = self.known.get(policy.name, (None, 0))
            if before is None:
                continue
            if now >= until:
                del self.known[policy.name]
                continue
            with suppress(StoreUnavailable):
                await _carry_over(store, before, charge)


def _quotas(policy: Policy) -> tuple[Quota, Mapping[str, Quota]]:
    return policy.quota, policy.overrides


def _longest_ns(policy: Policy) -> int:
    return max(quota.capacity_ns for quota in (policy.quota, *policy.overrides.values()))


async def _carry_over(store: Store, before: Policy, charge: Charge) -> None:
    subject = charge.key[1]
    key, quota = before.bucket_of(subject), before.quota_of(subject)
    if key == charge.key:
        return
    owed = (await store.peek(key, quota)).owed_ns
    if owed > 0:
        # In this order nobody gains if the store fails in between.
        carried = bucket.rescale(owed, 0, quota, charge.quota)
        await store.owe(charge.key, charge.quota, carried)
        await store.reset(key)
