"""Canary by clients: all new machines come first, then clients move to them in shares.

So two machines are enough for a first step of one percent. A client that has moved stays moved.
"""

from __future__ import annotations

from collections.abc import Iterator

from flygate.rollout.errors import GroupRenamedError
from flygate.rollout.machine.member import Member
from flygate.rollout.plan import Plan, Stage, serving_former
from flygate.rollout.state import State
from flygate.rollout.steps import Part, Shift
from flygate.rollout.strategies import gating
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.framed import framed
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """Return the steps of the manifest, as shares of the clients.

    Raises:
        GroupRenamedError: the former machines are of another process group.
    """
    fleet = Fleet.of(state, target, ("100%",))
    former = tuple(map(Member.of, serving_former(state, target)))
    _check_group(target, former)
    reached = _reached(fleet)
    launch, admit = fleet.stages(
        1, proving=fleet.proving(1), serving=gating.serving(target, soak=False)
    )
    part = Stage("part", (Part(fleet.names, former, reached),))
    stages = (launch, part, admit, *_shifts(fleet, former, reached))
    return framed(state, target, fleet, stages, "canary by clients")


def _shifts(fleet: Fleet, former: tuple[Member, ...], reached: int) -> Iterator[Stage]:
    """Return the stages that move clients, from what an earlier run has moved and judged."""
    target = fleet.target
    percents = [int(str(step)[:-1]) for step in target.manifest.rollout.steps]
    for number, percent in enumerate(percents, start=1):
        if percent < reached:
            continue
        is_accepted = percent == reached and bool(target.accepted)
        yield Stage(
            f"shift {number}/{len(percents)}",
            (Shift(percent, fleet.names, former),),
            gating.sharing(target, soak=percent < 100 and not is_accepted),
            fleet.names,
        )


def _check_group(target: Target, former: tuple[Member, ...]) -> None:
    """Machines of two groups do not know each other, as nothing replays a request between them."""
    leading = target.manifest.leading.name
    if strangers := sorted({member.group for member in former} - {leading}):
        raise GroupRenamedError(
            f"{target.former_name} serves the clients in the process group "
            f"{' and '.join(strangers)}, and {target.name} in {leading}: shares of them can't "
            "move from one group to another. Release this once by machines: `pulumi config set "
            "--path rollout.by machines`. Nothing was changed"
        )


def _reached(fleet: Fleet) -> int:
    """Return the percentage that an earlier run moved; it notes it before it begins."""
    return max((machine.share or 0 for machine in fleet.made.values()), default=0)
