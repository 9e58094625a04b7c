"""The second algorithm: a sliding window, as pure functions of (state, now, cost, quota).

It counts units by fixed windows, and weighs the previous window by the part of it that still lies
within one window's length before now. The state is one number, and idle when it is past: the end of
the next window, plus the two counts, which are smaller than a window is long.

It lets up to a whole window's units through at once, and after a pause nearly twice that within one
window's length. A quota's burst has no meaning. A state is bound to its clock, so windows cannot
move to another machine.
"""

from functools import lru_cache
from math import isqrt
from typing import Final, NamedTuple

from .algorithm import Algorithm, Hitter, Site, Taker
from .decision import NEVER, Decision, WindowDecision
from .errors import QuotaError
from .quota import NANOS, Quota


class Counts(NamedTuple):
    """What was counted, as of one window.

    Attributes:
        number: which window, counted from the clock's beginning.
        current: units in it.
        previous: units in the one before.
    """

    number: int
    current: int
    previous: int


# What Lua's numbers, which have 53 bits, still multiply exactly by the nanoseconds of a second.
_LARGEST: Final = 9_000_000


def check(quota: Quota, cost: int = 1) -> None:
    """Refuse a quota whose counts do not fit into one number, or cannot be kept in Redis.

    Args:
        quota: whose units are counted.
        cost: what a request takes of them.

    Raises:
        QuotaError: naming what can be.
    """
    if quota.period_ns % NANOS:
        raise QuotaError(f"a sliding window is a number of whole seconds long; found {quota}")
    most = largest(quota.period_ns)
    if quota.units > most:
        raise QuotaError(f"a sliding window of this length counts to {most}; found {quota}")
    if cost > quota.units:
        raise QuotaError(
            f"no request can pass; it costs {cost}, and a sliding window of '{quota}' never gives"
            f" more than {quota.units}"
        )


def largest(period_ns: int) -> int:
    """Return up to how many units a window of this length can count."""
    return min(isqrt(period_ns) - 1, _LARGEST)


class WindowQuota(Quota):
    """What headers announce: a window holds all its units, whatever burst a quota has."""

    __slots__ = ()


@lru_cache(maxsize=1024)
def announced(quota: Quota) -> WindowQuota:
    """Return what headers announce for a quota."""
    return WindowQuota(quota.units, quota.period_ns)


def take(state: int, now: int, cost: int, quota: Quota) -> tuple[Decision, int]:
    """Take `cost` units, or none, and return the new state."""
    length, limit = quota.period_ns, quota.units
    index, elapsed = divmod(now, length)
    counts = _decode(state, now, quota)
    if _is_block(counts, index):
        wait = counts.number * length - now if cost <= limit else NEVER
        return _denied(wait, limit, quota), state
    counts = _as_of(index, counts)
    weighed = counts.previous * (length - elapsed)
    if cost > limit:
        return _denied(NEVER, counts.current + -(-weighed // length), quota), state
    if (counts.current + cost) * length + weighed <= limit * length:
        after = counts._replace(current=counts.current + cost)
        used = after.current + -(-weighed // length)
        decision = _decision(True, 0, used, quota)
        until = _until(after, elapsed, used, cost or 1, quota)
        return WindowDecision.of(decision, until), _encode(after, quota)
    wait = _wait(counts, elapsed, cost, quota)
    return _denied(wait, counts.current + -(-weighed // length), quota), state


def take_along(state: int, now: int, cost: int, quota: Quota) -> tuple[Decision, int]:
    """Take what the present window has of `cost`: another window has decided."""
    index = now // quota.period_ns
    counts = _decode(state, now, quota)
    if not _is_block(counts, index):
        counts = _as_of(index, counts)
        more = min(quota.units, counts.current + cost)
        state = _encode(counts._replace(current=max(counts.current, more)), quota)
    return take(state, now, 0, quota)[0]._replace(allowed=True, wait_ns=0), state


def give_back(state: int, now: int, cost: int, quota: Quota) -> int:
    """Give back units of the present window; earlier ones are past."""
    counts = _decode(state, now, quota)
    index = now // quota.period_ns
    if _is_block(counts, index):
        return state
    counts = _as_of(index, counts)
    return _encode(counts._replace(current=max(0, counts.current - cost)), quota)


def owing(now: int, owed_ns: int, quota: Quota) -> int:
    """Return the state that owes so much; above a window's worth it blocks, up to one longer."""
    index = now // quota.period_ns
    units = -(-owed_ns // quota.emission_ns)
    if units == 0:
        return 0
    if units <= quota.units:
        return _encode(Counts(index, units, 0), quota)
    until = now + owed_ns - quota.capacity_ns + quota.emission_ns
    return _encode(Counts(-(-until // quota.period_ns), 0, 0), quota)


def _wait(counts: Counts, elapsed: int, cost: int, quota: Quota) -> int:
    """Return the wait until enough of the previous window, or of this one later, has slid out."""
    length, room = quota.period_ns, quota.units - counts.current - cost
    if room >= 0:
        return length - room * length // counts.previous - elapsed
    late = length - (quota.units - cost) * length // counts.current
    return length - elapsed + max(0, late)


def _until(counts: Counts, elapsed: int, used: int, cost: int, quota: Quota) -> int:
    """Return the wait until nothing is counted; if less than the cost is left, until that is."""
    if used + cost > quota.units:
        return _wait(counts, elapsed, cost, quota)
    windows = 2 if counts.current else int(counts.previous > 0)
    return max(0, windows * quota.period_ns - elapsed)


def _encode(counts: Counts, quota: Quota) -> int:
    packed = counts.current * (quota.units + 1) + counts.previous
    return (counts.number + 2) * quota.period_ns + packed


def _decode(state: int, now: int, quota: Quota) -> Counts:
    if state <= now:
        return Counts(0, 0, 0)
    end, packed = divmod(state, quota.period_ns)
    return Counts(end - 2, *divmod(packed, quota.units + 1))


def _is_block(counts: Counts, index: int) -> bool:
    """Whether it is a block: a later window, in which nothing is counted."""
    return counts.number > index and not (counts.current or counts.previous)


def _as_of(index: int, counts: Counts) -> Counts:
    if counts.number >= index:
        return counts._replace(number=index)  # of a later one if the clock was put back
    previous = counts.current if counts.number == index - 1 else 0
    return Counts(index, 0, previous)


def _denied(wait: int, used: int, quota: Quota) -> Decision:
    return _decision(False, wait, used, quota)


def _decision(allowed: bool, wait: int, used: int, quota: Quota) -> Decision:
    quota = announced(quota)
    return Decision(allowed, wait, min(used, quota.units) * quota.emission_ns, quota)


def _make_taker(name: str, quota: Quota, site: Site) -> Taker:
    return lambda subject, cost=1: site.take_one((name, subject), quota, cost)


def _make_hitter(name: str, quota: Quota, site: Site) -> Hitter:
    return lambda subject, cost=1: site.take_one((name, subject), quota, cost).allowed


def _grain(_: Quota) -> int:
    """Return 0, so that no key is evicted: a state does not say how much was taken."""
    return 0


def _lasting_ns(quota: Quota) -> int:
    return 2 * quota.period_ns


SLIDING_WINDOW: Final = Algorithm(
    name="sliding_window",
    take=take,
    take_along=take_along,
    give_back=give_back,
    owing=owing,
    grain=_grain,
    lasting_ns=_lasting_ns,
    check=check,
    is_portable=False,
    make_taker=_make_taker,
    make_hitter=_make_hitter,
)
