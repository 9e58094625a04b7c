"""Which gates stand after which stage."""

from __future__ import annotations

from flygate.rollout.gates.gate import Gate
from flygate.rollout.gates.health import Healthy
from flygate.rollout.gates.reach import Reachable
from flygate.rollout.gates.restart import Restarts, StopLimit
from flygate.rollout.gates.smoke import Smoke
from flygate.rollout.gates.soak import Soaked
from flygate.rollout.target import Target
from flygate.system import duration


def proving(target: Target, *, restart: bool = False) -> tuple[Gate, ...]:
    """Before a machine gets requests: it is well, and it limits. A worker gets none.

    Args:
        restart: the first machine gets no requests yet, so it can be stopped and started.
    """
    if target.manifest.web_port is None:
        return alive(target)
    gates = target.manifest.gates
    tried = restarting(target) if restart else ()
    return (*tried, *alive(target), Smoke(limiter=gates.limiter, requests=gates.requests))


def restarting(target: Target) -> tuple[Gate, ...]:
    """Return the gate of a stop and a start; the gates after it judge what was started."""
    gates = target.manifest.gates
    if not gates.restart:
        return ()
    return (Restarts(duration.seconds(gates.wait), StopLimit.of(target.manifest)),)


def alive(target: Target, *, is_again: bool = False) -> tuple[Gate, ...]:
    """Return the least that must hold for a machine.

    Args:
        is_again: this rollout has waited for the uptime before.
    """
    gates = target.manifest.gates
    return (Healthy(duration.seconds(gates.wait), duration.seconds(gates.uptime), is_again),)


def serving(target: Target, *, soak: bool) -> tuple[Gate, ...]:
    """Once it gets requests: they reach it, and it is no worse than the former release's.

    Args:
        soak: compare for a while; there must be something to compare with.
    """
    reach = (Reachable(),) if target.manifest.is_public else ()
    return (*reach, *(soaking(target) if soak and target.former else ()))


def sharing(target: Target, *, soak: bool) -> tuple[Gate, ...]:
    """Once clients have moved: the machines are well, and no worse than the former release's.

    Args:
        soak: compare for a while; nothing can be compared with machines that have no clients.
    """
    return (*alive(target, is_again=True), *(soaking(target) if soak else ()))


def soaking(target: Target) -> tuple[Gate, ...]:
    """Return the gates that watch for as long as the manifest's `rollout.soak`."""
    if not duration.seconds(target.manifest.rollout.soak) or target.manifest.web_port is None:
        return ()
    return (Soaked.of(target),)
