"""The other quotas of a policy: those that it had before, and those that it has elsewhere.

A bucket's state means something under its own quota only, so each quota of a policy has separate
buckets. None of them is a way round the others:

- At a client's first request since a quota is known, its bucket takes over what the others lack.
- What is taken by one quota is taken by all of them, as far as each goes.

So whatever the order of machines and reloads, a client gets no more than from a bucket as large and
as quick as the largest and the quickest of them; and it waits no longer than the quota says that it
is counted by, since nothing is carried over twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from secrets import token_hex
from typing import Final

from flygate_limiter import bucket
from flygate_limiter.algorithm import Algorithm
from flygate_limiter.charge import MOST_PER_REQUEST, Charge, Key
from flygate_limiter.decision import Decision
from flygate_limiter.errors import StoreFullError, StoreUnavailableError
from flygate_limiter.policies.policy import Mode, Policy
from flygate_limiter.policies.policy_set import PolicySet
from flygate_limiter.quota import NANOS, Quota
from flygate_limiter.source import Source
from flygate_limiter.store.quota_board import QuotaNotice
from flygate_limiter.store.store import Store

from .marks import Marks, look, mark, put_now

# Of a policy; the first to be forgotten matter for the shortest time.
MOST_QUOTAS: Final = 16
# Machines with a common store read the board every second: until then some may not know a quota.
_SETTLED_NS: Final = 2 * NANOS
# Subtracted from what a notice has left, or machines that notify each other would keep for ever a
# quota that none of them has any more.
_ON_THE_WAY_NS: Final = NANOS

_Bucket = tuple[Key, Quota]
_Pair = tuple[Policy, int]


class OtherQuotas:
    """Knows a policy's other quotas, each until none of its buckets matters any more.

    Args:
        policies: what is in force.
        now: the time, in nanoseconds.
        algorithm: how the store counts.
        is_shared: whether other machines count in the same store.

    Attributes:
        known: by the policy's name, its other quotas and until when they matter. While this is
            empty there is nothing to do.
    """

    def __init__(
        self,
        policies: PolicySet,
        now: Callable[[], int],
        algorithm: Algorithm,
        is_shared: bool = False,
    ) -> None:
        """Start with no other quota."""
        self.known: dict[str, list[_Pair]] = {}
        self._now = now
        self._is_shared = is_shared
        self._lasting_ns = algorithm.lasting_ns
        # The same of policies that are not in force here.
        self._unused: dict[str, list[_Pair]] = {}
        self._own: dict[str, list[Policy]] = {each.name: [each] for each in policies.policies}
        self._used: list[Policy] = []
        self._births: dict[tuple[str, Quota], str] = {}
        self._settled_at = 0
        self._marks = Marks(now)

    def use(self, policy: Policy) -> None:
        """Count a policy as in force that is in no set."""
        self._used.append(policy)
        self._add(policy)

    def note(self, old: PolicySet, new: PolicySet) -> None:
        """Remember the quotas of a set of policies that the next set has not."""
        now = self._now()
        self._forget(now)
        for before in old.policies:
            policy = new.named(before.name)
            if policy is None or _quotas(before) != _quotas(policy):
                self._remember(before, now + max(map(self._lasting_ns, _all(before))))
        self._own = {}
        self._unused |= self.known
        self.known.clear()
        for policy in (*new.policies, *self._used):
            self._add(policy)
        self._settled_at = now + _SETTLED_NS

    def in_force(self) -> list[QuotaNotice]:
        """Return notices of what is in force here."""
        return [
            QuotaNotice(name, quota, self._birth(name, quota), self._lasting_ns(quota))
            for name, policies in self._own.items()
            for quota in _of_all(policies)
        ]

    def notices(self) -> list[QuotaNotice]:
        """Return what other machines have to know: what is in force here, and what was."""
        now = self._now()
        self._forget(now)
        others = [
            QuotaNotice(name, quota, self._birth(name, quota), until - now - _ON_THE_WAY_NS)
            for name, pairs in (*self.known.items(), *self._unused.items())
            for policy, until in pairs
            for quota in _all(policy)
        ]
        return self.in_force() + others

    def learn(self, notices: Iterable[QuotaNotice]) -> None:
        """Learn what other machines know."""
        now = self._now()
        for one in notices:
            name, quota = one.policy, one.quota
            birth = self._births.get((name, quota))
            self._births[name, quota] = min(one.birth, birth or one.birth)
            if quota in _of_all(self._own.get(name, ())):
                continue
            if not any(quota in _all(policy) for policy, _ in self._place(name).get(name, ())):
                self._settled_at = now + _SETTLED_NS
            self._remember(Policy(name, quota), now + one.left_ns)

    async def settle(
        self, store: Store, policies: Sequence[Policy], charges: Sequence[Charge]
    ) -> list[Charge]:
        """Carry over what other buckets lack, and return what to charge along with these charges.

        While the store cannot be asked, the former waits for a later request.
        """
        self._forget(self._now())
        along: list[Charge] = []
        for policy, charge in zip(policies, charges, strict=True):
            others = list(self.buckets_of(policy.name, charge.key))
            if not others:
                continue
            own = charge.key, policy.quota_of(charge.key[1])
            with suppress(StoreUnavailableError):
                await self._carry_over(store, policy.name, [own, *others])
            if policy.mode is Mode.ENFORCE:
                along += [
                    Charge(key, quota, charge.cost, False, charge.failure, along=True)
                    for key, quota in others
                ]
        return along[: MOST_PER_REQUEST - len(charges)]

    def buckets_of(self, policy: str, key: Key) -> Iterator[_Bucket]:
        """Return the other buckets that a policy keeps for the subject of this bucket."""
        subject, seen = key[1], {key}
        for other, _ in self.known.get(policy, ()):
            found = other.bucket_of(subject)
            if found not in seen:
                seen.add(found)
                yield found, other.quota_of(subject)

    async def _carry_over(self, store: Store, name: str, buckets: Sequence[_Bucket]) -> None:
        longest = max(self._lasting_ns(quota) for _, quota in buckets)
        marks = [
            mark((f"{key[0]} since {self._birth(name, quota)}", key[1]), longest)
            for key, quota in buckets
        ]
        if self._marks.are_fresh(marks):
            return
        left_ns, states, source = await _look(store, marks, buckets)
        for place, (key, quota) in enumerate(buckets):
            owed = _most_owed(states, states[place])
            if not left_ns[place] and owed > states[place].owed_ns:
                # If there is no room, a later request does it; a flood frees no client by that.
                with suppress(StoreFullError):
                    await store.owe(key, quota, owed)
        if store.instant is not None:
            put_now(store.instant, marks, left_ns)
        elif source is Source.REDIS and self._is_settled():
            await self._marks.put(store, marks)

    def _is_settled(self) -> bool:
        """Whether all quotas that other machines count by are known."""
        return not self._is_shared or self._now() >= self._settled_at

    def _birth(self, name: str, quota: Quota) -> str:
        return self._births.setdefault((name, quota), token_hex(4))

    def _add(self, policy: Policy) -> None:
        """Count a policy as in force: then its quotas are not other ones."""
        name = policy.name
        self._own.setdefault(name, []).append(policy)
        pairs = [*self._unused.pop(name, ()), *self.known.pop(name, ())]
        if others := [pair for pair in pairs if _quotas(pair[0]) != _quotas(policy)]:
            self.known[name] = others

    def _remember(self, before: Policy, until: int) -> None:
        place, name = self._place(before.name), before.name
        same = [end for each, end in place.get(name, ()) if _quotas(each) == _quotas(before)]
        others = [pair for pair in place.get(name, ()) if _quotas(pair[0]) != _quotas(before)]
        latest = sorted([*others, (before, max([until, *same]))], key=itemgetter(1))
        place[name] = latest[-MOST_QUOTAS:]

    def _place(self, name: str) -> dict[str, list[_Pair]]:
        return self.known if name in self._own else self._unused

    def _forget(self, now: int) -> None:
        is_over = False
        for place in (self.known, self._unused):
            for name, pairs in list(place.items()):
                if any(now >= until for _, until in pairs):
                    is_over = True
                    place[name] = [pair for pair in pairs if now < pair[1]]
                    if not place[name]:
                        del place[name]
        if is_over:
            self._forget_births()

    def _forget_births(self) -> None:
        """Forget births of unknown quotas: if one comes again, earlier marks do not count."""
        others = [pair[0] for place in (self.known, self._unused) for pair in _flat(place)]
        own = [policy for policies in self._own.values() for policy in policies]
        known = {(policy.name, quota) for policy in (*own, *others) for quota in _all(policy)}
        self._births = {each: birth for each, birth in self._births.items() if each in known}


def _flat(place: Mapping[str, Sequence[_Pair]]) -> Iterator[_Pair]:
    return (pair for pairs in place.values() for pair in pairs)


def _quotas(policy: Policy) -> tuple[Quota, Mapping[str, Quota]]:
    return policy.quota, policy.overrides


def _all(policy: Policy) -> set[Quota]:
    return {policy.quota, *policy.overrides.values()}


def _of_all(policies: Iterable[Policy]) -> set[Quota]:
    return {quota for policy in policies for quota in _all(policy)}


def _most_owed(states: Iterable[Decision], own: Decision) -> int:
    """Return what a bucket has to owe to lack as many units as the others, as the store counts."""
    return max(bucket.rescale(each.owed_ns, 0, each.quota, own.quota) for each in states)


async def _look(
    store: Store, marks: Sequence[Charge], buckets: Sequence[_Bucket]
) -> tuple[list[int], list[Decision], Source]:
    """Return what is left of the marks, 0 if there is none; what the buckets hold; the source."""
    if (memory := store.instant) is not None:
        # A mark counts in its own slot, and not in one that it shares with others.
        left_ns = [memory.lasts_ns(each.key) for each in marks]
        return left_ns, [memory.peek_now(key, quota) for key, quota in buckets], Source.MEMORY
    looks = [Charge(key, quota, 0, False) for key, quota in buckets]
    found, source = await store.take([*map(look, marks), *looks])
    return [each.owed_ns for each in found[: len(marks)]], found[len(marks) :], source
