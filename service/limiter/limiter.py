"""Asks every policy of a request, and charges all of them or none."""

from collections.abc import Sequence

from .events import Listener
from .policies import PolicySet
from .policy import Mode, Policy
from .request import Request
from .store.base import Charge, Store
from .verdict import Verdict


class Limiter:
    """Decides on requests by a set of policies over a store of buckets.

    Args:
        policies: what to apply; may be replaced at any time.
        store: where the buckets are.
        listeners: told of each verdict.
    """

    def __init__(
        self, policies: PolicySet, store: Store, listeners: Sequence[Listener] = ()
    ) -> None:
        """Nothing is asked of the store yet."""
        self.policies = policies
        self._store = store
        self._listeners = tuple(listeners)

    async def check(self, request: Request) -> Verdict:
        """Take what the request costs from all its policies, or from none of them."""
        policies = self.policies.match(request)
        if not policies:
            return Verdict(True, ())
        charges = [_charge(policy, request) for policy in policies]
        decisions = await self._store.take(charges)
        allowed = all(
            decision.allowed
            for charge, decision in zip(charges, decisions, strict=True)
            if charge.binding
        )
        verdict = Verdict(allowed, tuple(zip(policies, decisions, strict=True)))
        for listener in self._listeners:
            listener.on_verdict(request, verdict)
        return verdict


def _charge(policy: Policy, request: Request) -> Charge:
    key = (policy.name, policy.key(request))
    return Charge(key, policy.quota, policy.cost, policy.mode is Mode.ENFORCE)
