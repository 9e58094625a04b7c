"""Asks every policy of a request, and charges all of them or none."""

from collections.abc import Sequence

from .events import Listener
from .policies import PolicySet
from .policy import Mode, Policy
from .request import Request
from .store.base import Charge, Store, is_refused
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
        decisions, source = await self._store.take(charges)
        results = tuple(zip(policies, decisions, strict=True))
        verdict = Verdict(not is_refused(charges, decisions), results, source)
        for listener in self._listeners:
            listener.on_verdict(request, verdict)
        return verdict


def _charge(policy: Policy, request: Request) -> Charge:
    key = (policy.name, policy.key(request))
    binding = policy.mode is Mode.ENFORCE
    return Charge(key, policy.quota, policy.cost, binding, policy.failure)
