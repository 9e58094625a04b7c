"""The part of a bucket that one of several machines gives while they can't ask each other."""

from functools import lru_cache

from .charge import Charge
from .quota import Quota


def share_of(charge: Charge, machines: int) -> Charge:
    """Return the charge for one of several machines that each have a part of the bucket.

    The key stays the same, and so does nearly what a full bucket owes: a client that is denied by
    the whole quota is denied by a share of it, and the other way round.
    """
    share = _share(charge.quota, machines)
    # What fits the whole bucket must fit a share of it, if only once in a while.
    return charge._replace(quota=share, cost=min(charge.cost, share.burst))


@lru_cache(maxsize=1024)
def _share(quota: Quota, machines: int) -> Quota:
    return Quota(quota.units, quota.period_ns * machines, max(1, quota.burst // machines))
