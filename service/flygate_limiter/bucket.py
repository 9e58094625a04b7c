"""The decision on a request: a token bucket, as pure functions of (state, now, cost, quota).

The state of a bucket is one number, its theoretical arrival time (TAT, the generic cell rate
algorithm): the time at which the bucket is full again. A bucket whose TAT is past is full, and
equals one that does not exist. All times are integer nanoseconds of one clock.

`take` is the definition. Nearly every request is decided by `make_taker`'s function, which is the
same with the look-up in the store's table written out.
"""

from typing import Final

from .algorithm import Algorithm, Hitter, Site, Taker
from .decision import NEVER, Decision
from .quota import Quota
from .table import ABSENT

# Makes a named tuple in half the time that calling its class takes.
_new: Final = tuple.__new__


def take(tat: int, now: int, cost: int, quota: Quota) -> tuple[Decision, int]:
    """Take `cost` units, or none, and return the bucket's new TAT.

    A cost of 0 only looks. A denial leaves the TAT as it was, so asking again makes no wait longer.
    """
    owed = tat - now if tat > now else 0
    after = owed + cost * quota.emission_ns
    over = after - quota.capacity_ns
    if over <= 0:
        return _new(Decision, (True, 0, after, quota)), now + after
    wait = over if cost <= quota.burst else NEVER
    return _new(Decision, (False, wait, owed, quota)), tat


# `Table.find` and `take`, written out: half of their time is the calls, and a quarter of a
# decision's is making it. Tests hold that both decide as those do.


def make_taker(name: str, quota: Quota, site: Site) -> Taker:
    """Return the function that takes from the buckets of one name and quota."""
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
    """Return the same, where yes or no is enough."""
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


def take_along(tat: int, now: int, cost: int, quota: Quota) -> tuple[Decision, int]:
    """Take what the bucket has of `cost`: another bucket has decided."""
    owed = max(0, tat - now)
    after = max(owed, min(owed + cost * quota.emission_ns, quota.capacity_ns))
    return Decision(True, 0, after, quota), now + after


def give_back(tat: int, now: int, cost: int, quota: Quota) -> int:
    """Return the TAT without units that were taken and not used; it never falls behind `now`."""
    return max(now, tat - cost * quota.emission_ns)


def owing(now: int, owed_ns: int, _: Quota) -> int:
    """Return the TAT of a bucket that is full after so long."""
    return now + owed_ns


def rescale(tat: int, now: int, old: Quota, new: Quota) -> int:
    """Carry a bucket over to another quota: the units that it lacks stay the same.

    An empty bucket stays empty, but not for longer than the new quota takes to fill it: there is
    no free burst and no sudden ban.
    """
    owed = tat - now
    if owed <= 0:
        return tat
    lacking_ns = -(-owed * new.emission_ns // old.emission_ns)
    return now + min(lacking_ns, new.capacity_ns)


def blocked_until(until: int, quota: Quota) -> int:
    """Return the TAT of a bucket that gives its next unit at `until`, and not before."""
    return until + quota.capacity_ns - quota.emission_ns


def _grain(quota: Quota) -> int:
    """Return more than one unit, less than two.

    Of three units or more, one is left then: evicting the bucket frees no client that was denied.
    """
    return quota.emission_ns.bit_length() if quota.burst > 2 else 0


def _lasting_ns(quota: Quota) -> int:
    return quota.capacity_ns


def _check(_: Quota, __: int) -> None:
    """Accept any quota."""


TOKEN_BUCKET: Final = Algorithm(
    name="token_bucket",
    take=take,
    take_along=take_along,
    give_back=give_back,
    owing=owing,
    grain=_grain,
    lasting_ns=_lasting_ns,
    check=_check,
    is_portable=True,
    make_taker=make_taker,
    make_hitter=make_hitter,
)
