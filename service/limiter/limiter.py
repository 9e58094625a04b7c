"""Asks every policy of a request, and charges all of them or none."""

from collections.abc import Sequence

from . import bucket
from .clock import Clock, MonotonicClock
from .decision import Decision
from .errors import PolicyError
from .events import Listener
from .policies import PolicySet
from .policy import Policy
from .quota import NANOS, Quota
from .request import Request
from .store.base import Charge, Key, Source, Store, is_refused
from .verdict import Verdict


class Limiter:
    """Decides on requests by a set of policies over a store of buckets.

    Args:
        policies: what to apply; see `replace`.
        store: where the buckets are.
        listeners: told of each verdict.
        clock: tells when the buckets of a former quota no longer matter.
    """

    def __init__(
        self,
        policies: PolicySet,
        store: Store,
        listeners: Sequence[Listener] = (),
        clock: Clock | None = None,
    ) -> None:
        """Nothing is asked of the store yet."""
        self.policies = policies
        self.version = 1
        self._store = store
        self._listeners = tuple(listeners)
        self._now = (clock or MonotonicClock()).now
        self._former: dict[str, tuple[Policy, int]] = {}

    async def check(self, request: Request) -> Verdict:
        """Take what the request costs from all its policies, or from none of them."""
        if self.policies.denies(request):
            return self._tell(request, Verdict(False, (), Source.DENY_LIST))
        return await self.check_policies(request, self.policies.match(request))

    async def check_policies(self, request: Request, policies: Sequence[Policy]) -> Verdict:
        """Take what the request costs from these policies, whatever the set says."""
        if not policies:
            return Verdict(True, ())
        charges = [policy.charge(request) for policy in policies]
        if self._former:
            await self._carry_over(policies, charges)
        decisions, source = await self._store.take(charges)
        results = tuple(zip(policies, decisions, strict=True))
        verdict = Verdict(not is_refused(charges, decisions), results, source)
        return self._tell(request, verdict)

    async def refund(self, request: Request, verdict: Verdict) -> None:
        """Give back what an allowed request took: it turned out not to count."""
        if verdict.allowed:
            for policy, decision in verdict.results:
                if decision.allowed:
                    await self._store.give_back(policy.charge(request))

    def replace(self, policies: PolicySet) -> None:
        """Apply other policies from now on.

        Where a quota changed, clients lack as many units as before: nobody gets a fresh burst,
        and nobody is out for longer than the new quota would have it.
        """
        now = self._now()
        self._former = {name: kept for name, kept in self._former.items() if now < kept[1]}
        for new in policies.policies:
            old = self.policies.named(new.name)
            if old is not None and (old.quota, old.overrides) != (new.quota, new.overrides):
                quotas = [old.quota, *old.overrides.values()]
                until = now + max(quota.capacity_ns for quota in quotas)
                self._former[new.name] = (old, until)
        self.policies = policies
        self.version += 1

    async def peek(self, policy: str, subject: str) -> Decision:
        """Look at the bucket that a policy keeps for a key.

        Raises:
            PolicyError: there is no policy of that name.
        """
        key, quota = self._bucket(policy, subject)
        return await self._store.peek(key, quota)

    async def reset(self, policy: str, subject: str) -> bool:
        """Make a bucket full again; False if it was not known."""
        key, _ = self._bucket(policy, subject)
        return await self._store.reset(key)

    async def block(self, policy: str, subject: str, seconds: float) -> None:
        """Let a bucket give nothing for so long."""
        key, quota = self._bucket(policy, subject)
        owed = bucket.blocked_until(round(seconds * NANOS), quota)
        await self._store.owe(key, quota, owed)

    def _bucket(self, name: str, subject: str) -> tuple[Key, Quota]:
        policy = self.policies.named(name)
        if policy is None:
            known = ", ".join(policy.name for policy in self.policies.policies)
            raise PolicyError(f"there is no policy {name!r}; there are: {known}")
        return policy.bucket_of(subject), policy.quota_of(subject)

    def _tell(self, request: Request, verdict: Verdict) -> Verdict:
        for listener in self._listeners:
            listener.on_verdict(request, verdict)
        return verdict

    async def _carry_over(self, policies: Sequence[Policy], charges: Sequence[Charge]) -> None:
        now = self._now()
        for policy, charge in zip(policies, charges, strict=True):
            old, until = self._former.get(policy.name, (None, 0))
            if old is None:
                continue
            if now >= until:
                del self._former[policy.name]
                continue
            subject = charge.key[1]
            key, quota = old.bucket_of(subject), old.quota_of(subject)
            if key != charge.key:
                owed = (await self._store.peek(key, quota)).owed_ns
                if owed > 0:
                    await self._store.reset(key)
                    carried = bucket.rescale(owed, 0, quota, charge.quota)
                    await self._store.owe(charge.key, charge.quota, carried)
