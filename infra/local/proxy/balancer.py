"""Which machine gets a request (FLY.md 6.5, 6.6): a pure choice among the backends of an app."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from infra.local.proxy.backend import Backend


class Refusal(Enum):
    """Why no backend was chosen."""

    NONE_HEALTHY = "none healthy"
    ALL_FULL = "all full"
    ALL_TRIED = "all tried"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which machine the request names in its headers."""

    force: str = ""
    prefer: str = ""


ANY = Wish()


def choose(
    backends: Sequence[Backend], wish: Wish, tried: Collection[Backend], random: Random
) -> Backend | Refusal:
    """The least loaded bucket (below soft, below hard), random among its members.

    A forced machine is the only candidate; a preferred one wins unless it is at its hard limit.
    """
    candidates = [b for b in backends if b.machine_id == wish.force] if wish.force else backends
    if not candidates:
        return Refusal.NONE_HEALTHY
    untried = [backend for backend in candidates if backend not in tried]
    if not untried:
        return Refusal.ALL_TRIED
    open_ones = [backend for backend in untried if not backend.is_full]
    if not open_ones:
        return Refusal.ALL_FULL
    preferred = [backend for backend in open_ones if backend.machine_id == wish.prefer]
    relaxed = [backend for backend in open_ones if backend.in_flight < backend.soft_limit]
    pool = preferred or relaxed or open_ones
    return pool[0] if len(pool) == 1 else pool[int(random.random() * len(pool))]
