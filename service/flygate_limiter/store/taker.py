"""The path of nearly every request, with everything that it needs bound beforehand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from flygate_limiter.decision import NEVER, Decision
from flygate_limiter.quota import Quota

from .base import Key
from .table import ABSENT, Table

# Makes a named tuple in half the time that calling its class takes.
_new: Final = tuple.__new__


class Taker(Protocol):
    """Takes from the bucket of one who asks."""

    def __call__(self, subject: str, cost: int = 1) -> Decision:
        """Take `cost` units, or none."""
        ...


class Hitter(Protocol):
    """Takes from the bucket of one who asks, and says only whether."""

    def __call__(self, subject: str, cost: int = 1) -> bool:
        """Take `cost` units, or none."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """What a store lends to those who take from its table.

    Attributes:
        table: where the buckets are.
        fingerprint_of: the hash of a key.
        now: what time it is.
        take_new: decides on a fingerprint that has no slot.
    """

    table: Table
    fingerprint_of: Callable[[Key], int]
    now: Callable[[], int]
    take_new: Callable[[int, int, Quota], Decision]


# `Table.find` and `bucket.take`, written out: half of their time is the calls, and a quarter of
# a decision's is to make it. Tests hold that both decide as those do.


def make_taker(name: str, quota: Quota, site: Site) -> Taker:
    """A function that takes from the buckets of one name and quota."""
    table, fingerprint_of, now, take_new = site.table, site.fingerprint_of, site.now, site.take_new
    fingerprints, tats = table.fingerprints, table.tats
    emission, capacity, burst = quota.emission_ns, quota.capacity_ns, quota.burst

    def take(subject: str, cost: int = 1) -> Decision:
        fingerprint = fingerprint_of((name, subject))
        slot = fingerprint % table.modulus
        if fingerprints[slot] != fingerprint:
            slot = table.find(fingerprint)
            if slot == ABSENT:
                return take_new(fingerprint, cost, quota)
        moment = now()
        tat = tats[slot]
        if tat < moment:  # noqa: PLR1730 - max() is a call, and takes five times as long
            tat = moment
        after = tat + (emission if cost == 1 else emission * cost)
        owed = after - moment
        if owed <= capacity:
            tats[slot] = after
            return _new(Decision, (True, 0, owed, quota))
        wait = owed - capacity if cost <= burst else NEVER
        return _new(Decision, (False, wait, tat - moment, quota))

    return take


def make_hitter(name: str, quota: Quota, site: Site) -> Hitter:
    """The same, where yes or no is answer enough."""
    table, fingerprint_of, now, take_new = site.table, site.fingerprint_of, site.now, site.take_new
    fingerprints, tats = table.fingerprints, table.tats
    emission, capacity = quota.emission_ns, quota.capacity_ns

    def hit(subject: str, cost: int = 1) -> bool:
        fingerprint = fingerprint_of((name, subject))
        slot = fingerprint % table.modulus
        if fingerprints[slot] != fingerprint:
            slot = table.find(fingerprint)
            if slot == ABSENT:
                return take_new(fingerprint, cost, quota).allowed
        moment = now()
        tat = tats[slot]
        if tat < moment:  # noqa: PLR1730
            tat = moment
        after = tat + (emission if cost == 1 else emission * cost)
        if after - moment > capacity:
            return False
        tats[slot] = after
        return True

    return hit
