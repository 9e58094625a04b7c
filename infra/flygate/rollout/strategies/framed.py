"""What every strategy has around the stages of the leading group: the other groups, and the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flygate.rollout.plan import Plan, Stage, repair, retire, sweep
from flygate.rollout.state import Seen, State
from flygate.rollout.steps import OpenRecord, SetSecrets, Settle
from flygate.rollout.strategies.beside import Beside
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.kept import Kept
from flygate.rollout.target import Target


def framed(
    state: State,
    target: Target,
    fleet: Fleet,
    stages: Iterable[Stage],
    way: str,
    gone: Collection[Seen] = (),
) -> Plan:
    """Return the plan of a release.

    The other groups come before the leading one, so that nothing serves unless they work. Machines
    that are kept come last: each restarts, so all else is proved before.

    Args:
        fleet: of the leading group.
        stages: by which the strategy makes and proves it.
        gone: former machines that retire in these.
    """
    beside, kept = Beside.of(state, target), Kept.of(state, target)
    used = (*fleet.made.values(), *beside.made, *kept.machines)
    names = (*fleet.names, *beside.names, *kept.names)
    return Plan(
        stages=(
            *opening(state, target, used),
            *beside.stages(),
            *stages,
            *beside.check(),
            *kept.stages(),
        ),
        final=(
            settle(names),
            retire(state, target, (*gone, *kept.machines)),
            sweep(state, target, used),
        ),
        way=way,
    )


def opening(state: State, target: Target, used: Collection[Seen] = ()) -> tuple[Stage, ...]:
    """Return what comes before the first new machine.

    Args:
        used: machines of a dead rollout that this one goes on with.
    """
    return (
        *repair(state, target, used),
        Stage("secrets", (SetSecrets(),)),
        Stage("record", (OpenRecord(),)),
    )


def settle(names: Iterable[str]) -> Stage:
    """Return the stage in which the release stands, the first past the point of no return."""
    return Stage("settle", tuple(map(Settle, names)))
