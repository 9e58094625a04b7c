"""Which machine gets a request (docs/fly-api.md 6.5, 6.6): a pure choice among the backends."""

from collections.abc import Collection, Sequence
from enum import Enum
from random import Random
from typing import Final

from localfly.proxy.backend import Backend
from localfly.proxy.selector import ANY, Selector


class Refusal(Enum):
    """Why no backend was chosen."""

    NONE_HEALTHY = "none healthy"
    ALL_FULL = "all full"
    ALL_TRIED = "all tried"


def choose(
    backends: Sequence[Backend],
    selector: Selector,
    tried: Collection[Backend],
    here: str,
    random: Random,
) -> Backend | Refusal:
    """Choose the closest region that has a machine below its hard limit; in it, one below its soft
    limit before one above; random among equals. A preferred machine wins unless it is full.
    """
    candidates = backends
    if selector is not ANY:
        candidates = [b for b in backends if selector.admits(b.machine_id, b.region, here)]
    if not candidates:
        return Refusal.NONE_HEALTHY
    untried = [b for b in candidates if b not in tried] if tried else candidates
    if not untried:
        return Refusal.ALL_TRIED
    open_ones = [b for b in untried if b.hard_limit is None or b.in_flight < b.hard_limit]
    if not open_ones:
        return Refusal.ALL_FULL
    return _pick(open_ones, selector, here, random)


def _pick(open_ones: list[Backend], selector: Selector, here: str, random: Random) -> Backend:
    if len(open_ones) == 1:
        return open_ones[0]
    preferred = [backend for backend in open_ones if backend.machine_id == selector.prefer]
    if preferred:
        return preferred[0]
    ranks = [selector.rank(backend.region, here) or _LAST for backend in open_ones]
    first = min(ranks)
    closest = [backend for backend, rank in zip(open_ones, ranks, strict=True) if rank == first]
    pool = [backend for backend in closest if not backend.is_busy] or closest
    return pool[0] if len(pool) == 1 else pool[int(random.random() * len(pool))]


_LAST: Final = (1 << 30, 0)
