"""Charges a request to every policy that applies to it: all of them or none.

The way of a request, file by file: `Limiter.check_now` here, `policies/policy_set.py` for the
policies that apply, and for a single policy the function of `bucket.make_taker`, which finds
the bucket in the table of `store/memory.py` and decides. With several policies, or a store outside
this process, `Limiter.check_policies` charges all of them by `Store.take`.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from .algorithm import Taker
from .blocks import Blocks, Gate
from .charge import Charge, is_refused
from .clock import Clock, MonotonicClock
from .decision import Decision
from .errors import KeyFunctionError, LimiterError
from .events import Listener
from .key_failure import charge_without_keys, closed_without_keys
from .policies.policy import Mode, Policy
from .policies.policy_set import PolicySet
from .reload.other_quotas import OtherQuotas
from .reload.quota_sync import QuotaSync
from .request import Request
from .source import Source
from .store.store import Store
from .verdict import Verdict

_T = TypeVar("_T")

Take = Callable[[Sequence[Charge]], Awaitable[list[Decision]]]

_NOT_INSTANT: Final = "check_now needs a store in this process; found another: await check instead"


class Limiter:
    """Decides on requests by a set of policies over a store of buckets.

    Args:
        policies: what to apply; see `replace`.
        store: where the buckets are.
        listeners: hear of each verdict.
        clock: says when the buckets of another quota no longer matter.

    Attributes:
        policies: what is applied now.
        version: counts the replacements.
        is_instant: whether the store is in this process, so that nothing has to be awaited.
        algorithm: how the store counts.
        quotas: those that the policies had before, or have on other machines.
    """

    def __init__(
        self,
        policies: PolicySet,
        store: Store,
        listeners: Sequence[Listener] = (),
        clock: Clock | None = None,
    ) -> None:
        """Ask nothing of the store yet."""
        self.policies = policies
        self.version = 1
        self._store = store
        self._instant = store.instant
        self.is_instant = self._instant is not None
        self.algorithm = store.algorithm
        self._listeners = tuple(listeners)
        clock = clock or MonotonicClock()
        self._blocks = Blocks(store, clock)
        board = store.board
        self.quotas = OtherQuotas(policies, clock.now, store.algorithm, board is not None)
        self._other_quotas = self.quotas.known
        self._sync = QuotaSync(board, self.quotas, clock) if board is not None else None
        self._gate: Gate = self._instant or _NoGate()
        self._takers: dict[Policy, Taker] = {}

    async def check(self, request: Request) -> Verdict:
        """Take what the request costs from all its policies, or from none of them."""
        if self.is_instant:
            return self.check_now(request)
        if self.policies.denies(request):
            return self._report(request, Verdict(False, (), Source.DENY_LIST))
        return await self.check_policies(request, self.policies.match(request))

    def check_now(self, request: Request) -> Verdict:
        """As `check`, without an await; only if `is_instant`."""
        policies = self.policies
        single = policies.single
        # There may be more to do than to take from a bucket.
        is_plain = request.share == 1 and not self._other_quotas and not self._gate.may_block
        if is_plain and single is not None and request.path not in policies.exempt_paths:
            return self._check_one(request, single)
        if policies.denies(request):
            return self._report(request, Verdict(False, (), Source.DENY_LIST))
        matched = policies.match(request)
        if not matched:
            return Verdict(True, ())
        if len(matched) == 1 and is_plain:
            return self._check_one(request, matched[0])
        return _at_once(self.check_policies(request, matched))

    def would_refuse(self, request: Request) -> bool:
        """Whether the buckets in this process refuse it; nothing is taken or reported."""
        store = self._instant
        if store is None:
            return False
        try:
            _, charges = self._charge(request, self.policies.match(request))
        except KeyFunctionError:
            return False  # no bucket does
        binding = [charge for charge in charges if charge.binding]
        return bool(self._blocks.find_now(binding)) or any(
            not store.peek_now(charge.key, charge.quota, charge.cost).allowed for charge in binding
        )

    async def check_policies(self, request: Request, policies: Sequence[Policy]) -> Verdict:
        """Take what the request costs from these policies, in the set or not."""
        if not policies:
            return Verdict(True, ())
        try:
            policies, charges = self._charge(request, policies, self._listeners)
        except KeyFunctionError:
            return self._report(request, closed_without_keys(policies))
        all_charges = charges
        if self._sync is not None and self._sync.is_due:
            await self._sync.run()
        if self._other_quotas:
            all_charges = charges + await self.quotas.settle(self._store, policies, charges)
        decisions, source = await self._blocks.take(all_charges)
        decisions = decisions[: len(charges)]
        if request.share > 1 and source is Source.MEMORY:
            source = Source.FAIR_SHARE
        results = tuple(zip(policies, decisions, strict=True))
        verdict = Verdict(not is_refused(charges, decisions), results, source)
        return self._report(request, verdict)

    async def check_elsewhere(self, request: Request, take: Take) -> Verdict:
        """As `check`, by buckets that another machine keeps.

        Args:
            take: takes every charge there, or nothing; one decision for each.
        """
        if self.policies.denies(request):
            return self._report(request, Verdict(False, (), Source.DENY_LIST))
        policies: Sequence[Policy] = self.policies.match(request)
        try:
            policies, charges = self._charge(request, policies, self._listeners)
        except KeyFunctionError:
            return self._report(request, closed_without_keys(policies))
        decisions = await take(charges) if charges else []
        results = tuple(zip(policies, decisions, strict=True))
        return self._report(request, Verdict(not is_refused(charges, decisions), results))

    async def refund(self, request: Request, verdict: Verdict) -> None:
        """Give back what an allowed request took, as it turned out not to count."""
        if verdict.allowed:
            taken = [policy for policy, decision in verdict.results if decision.allowed]
            _, charges = self._charge(request, taken)
            for policy, charge in zip(taken, charges, strict=True):
                await self._store.give_back(charge)
                for key, quota in self.quotas.buckets_of(policy.name, charge.key):
                    await self._store.give_back(Charge(key, quota, charge.cost))

    def replace(self, policies: PolicySet) -> None:
        """Apply other policies from now on.

        Where a quota changed, clients lack as many units as before: no client gets a fresh burst,
        and none waits for longer than the new quota says.
        """
        self.quotas.note(self.policies, policies)
        if self._sync is not None:
            self._sync.hurry()
        self._takers.clear()
        self.policies = policies
        self.version += 1

    def use(self, policy: Policy) -> None:
        """Let a policy that is in no set, for `check_policies`, keep its limits through releases.

        Raises:
            LimiterError: the store cannot count by it.
        """
        self.algorithm.check(policy.quota, policy.cost)
        self.quotas.use(policy)

    async def peek(self, policy: str, subject: str) -> Decision:
        """Look at what a policy has for a key.

        Raises:
            PolicyError: there is no policy of that name.
        """
        found, charge = self._bucket(policy, subject)
        await self._settle(found, charge)
        blocked = await self._blocks.find([charge])
        return blocked.get(0) or await self._store.peek(charge.key, charge.quota)

    async def reset(self, policy: str, subject: str) -> bool:
        """Make a bucket full again, and end a block; False if there was neither."""
        found, charge = self._bucket(policy, subject)
        await self._settle(found, charge)
        buckets = [(charge.key, charge.quota), *self.quotas.buckets_of(found.name, charge.key)]
        was_blocked = await self._blocks.remove(found.name, subject)
        known = [await self._store.reset(key) for key, _ in buckets]
        return was_blocked or any(known)

    async def block(self, policy: str, subject: str, seconds: float) -> None:
        """Let a policy give a key nothing for so long, whatever happens to its quota."""
        found, _ = self._bucket(policy, subject)
        await self._blocks.add(found.name, subject, seconds)

    def _check_one(self, request: Request, policy: Policy) -> Verdict:
        """As `check_policies`, for a single policy: the way of nearly every request."""
        take = self._takers.get(policy) or self._taker(policy)
        try:
            subject = policy.key(request)
        except KeyFunctionError:
            return _at_once(self.check_policies(request, [policy]))
        decision = take(subject, policy.cost)
        allowed = decision.allowed or policy.mode is not Mode.ENFORCE
        verdict = Verdict(allowed, ((policy, decision),))
        return self._report(request, verdict) if self._listeners else verdict

    def _charge(
        self, request: Request, policies: Sequence[Policy], listeners: Sequence[Listener] = ()
    ) -> tuple[Sequence[Policy], list[Charge]]:
        """Return the charges of the policies, without those that fail open by their key function.

        Raises:
            KeyFunctionError: the key function fails of a policy that fails closed.
        """
        try:
            return policies, [policy.charge(request) for policy in policies]
        except KeyFunctionError:
            return charge_without_keys(request, policies, listeners)

    def _taker(self, policy: Policy) -> Taker:
        store = self._instant
        if store is None:
            raise LimiterError(_NOT_INSTANT)
        if policy.overrides:

            def take(subject: str, cost: int = 1) -> Decision:
                quota = policy.quota_of(subject)
                return store.take_one((policy.bucket_name(quota), subject), quota, cost)
        else:
            take = store.taker(policy.bucket_name(policy.quota), policy.quota)
        self._takers[policy] = take
        return take

    async def _settle(self, policy: Policy, charge: Charge) -> None:
        if self._sync is not None:
            await self._sync.run()
        await self.quotas.settle(self._store, [policy], [charge])

    def _bucket(self, name: str, subject: str) -> tuple[Policy, Charge]:
        policy = self.policies.find(name)
        binding = policy.mode is not Mode.SHADOW
        return policy, Charge(policy.bucket_of(subject), policy.quota_of(subject), 0, binding)

    def _report(self, request: Request, verdict: Verdict) -> Verdict:
        for listener in self._listeners:
            listener.on_verdict(request, verdict)
        return verdict


class _NoGate:
    """Of a store outside this process: blocks are found only by asking it."""

    may_block = False


def _at_once(work: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of a coroutine that never suspends."""
    try:
        work.send(None)
    except StopIteration as done:
        result: _T = done.value
        return result
    work.close()
    raise LimiterError(_NOT_INSTANT)
