"""`Decision`: what a run does, made by the run and shown in advance by the preview. Pure.

It depends on what runs, what the ledger knows, what is desired and what the operator ordered. Run
and preview call one function, so the plan that an operator has read is the plan that is run.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Self

from flygate.commands.orders import Orders
from flygate.fly.owner import Owner
from flygate.record.ledger import Ledger
from flygate.rollout import strategies
from flygate.rollout.errors import (
    GroupRenamedError,
    NothingHeldError,
    RolloutError,
    UnfinishedRolloutError,
)
from flygate.rollout.forecast import forecast, foretell_repair
from flygate.rollout.machine.member import Member
from flygate.rollout.plan import Plan, is_converged, repairs
from flygate.rollout.state import CANDIDATE, LIVE, Seen, State
from flygate.rollout.steps import (
    Admit,
    Adopt,
    Part,
    Place,
    Retire,
    RunCommand,
    SetSecrets,
    Step,
    Update,
)
from flygate.rollout.strategies.kept import has_others
from flygate.rollout.target import Target

Kind = Literal["nothing", "repair", "rollout", "abort", "refusal"]


@dataclass(frozen=True, slots=True)
class Newest:
    """What the ledger knows of the newest release, without its secrets.

    Attributes:
        version: 0 if there is none.
        manifest: its manifest's id.
        count: of its machines.
    """

    version: int = 0
    manifest: str = ""
    count: int = 0

    @classmethod
    def of(cls, ledger: Ledger) -> Self:
        """Read it off a ledger."""
        current = ledger.current
        if current is None:
            return cls()
        return cls(current.version, current.manifest_id, current.manifest.count)

    @classmethod
    def serving(cls, state: State, version: int) -> Self:
        """Read it off the machines of a release that serves and is not recorded."""
        machine = next(m for m in state.of(version) if m.role == LIVE)
        return cls(version, machine.manifest, machine.count)


@dataclass(frozen=True, slots=True)
class Case:
    """What a decision depends on.

    Attributes:
        target: what is desired; its version and its former release are set here.
        is_again: what runs is released once more, though nothing of it has changed.
        aborts: an operator orders to take back what is held.
        moves: the stack moves to another app, so nothing here is a former release.
        goes_back: an operator orders an earlier release.
    """

    state: State
    known: Newest
    target: Target
    is_again: bool = False
    aborts: bool = False
    moves: bool = False
    goes_back: bool = False

    @classmethod
    def of(cls, state: State, known: Newest, target: Target, orders: Orders) -> Self:
        """Add what an operator ordered."""
        return cls(
            state,
            known,
            target,
            aborts=bool(orders.abort),
            moves=bool(orders.move),
            goes_back=bool(orders.back),
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done.

    Attributes:
        target: aimed at what runs.
        plan: of a repair or a rollout.
        undone: the steps that an abort takes back.
        refusal: why nothing is done, and what to type.
    """

    kind: Kind
    target: Target
    plan: Plan = field(default_factory=lambda: Plan((), ()))
    undone: tuple[Step, ...] = ()
    refusal: RolloutError | None = None

    def lines(self, state: State) -> list[str]:
        """Describe it to an operator who has to confirm it; no line if nothing is done."""
        target = self.target
        match self.kind:
            case "nothing":
                return []
            case "refusal":
                return [f"refused: {self.refusal}"]
            case "abort":
                undone = [step for step in self.undone if step.turn]
                titles = [step.title for step in sorted(undone, key=lambda step: step.turn or 0)]
                return [f"{target.name} is aborted; undone: {', '.join(titles)}"]
            case "repair":
                return foretell_repair(self.plan, state, target)
            case "rollout":
                return forecast(self.plan, state, target)


def decide(case: Case) -> Decision:
    """Decide."""
    state, known = case.state, case.known
    target = aimed(case)
    if case.aborts:
        return _abort(state, target)
    if case.goes_back and (left := unfinished(state, target)):
        return Decision("refusal", target, refusal=UnfinishedRolloutError(_beside(target, left)))
    if known.manifest == target.manifest_id and known.version and not case.is_again:
        if is_converged(state, known.version, target.manifest.count):
            return Decision("nothing", target)
        if len(state.of(known.version)) == target.manifest.count:
            return Decision("repair", target, repairs(state, target))
    if target.accepted and not _is_held(state, target):
        return Decision(
            "refusal", target, refusal=NothingHeldError(_NOT_HELD.format(app=state.app))
        )
    return _rollout(state, target)


def aimed(case: Case) -> Target:
    """Return the target with the next version, and the release that it replaces."""
    former = None if case.moves else _former(case.known, case.state)
    version = max(case.known.version, former or 0, _standing_in(case, former)) + 1
    # The same manifest made again has been migrated to before.
    runs = case.target.desired.runs_command and case.known.manifest != case.target.manifest_id
    return replace(case.target, former=former, version=version, runs_command=runs)


def unfinished(state: State, target: Target) -> Seen | None:
    """Return a machine of a held or dead rollout beside what serves, or None.

    A rollback to the desired release goes on, so its own machines do not count.
    """
    left = [m for m in state.machines if m.role == CANDIDATE and m.release > (target.former or 0)]
    others = (m for m in left if not m.is_back or m.manifest != target.manifest_id)
    return next(others, None)


def unrecorded(state: State, known: int) -> int:
    """Return the version that serves whole and is newer than the ledger's; 0 if there is none.

    Args:
        known: the ledger's newest version, 0 if it has none.
    """
    live = [m for m in state.machines if m.role == LIVE]
    version = max((m.release for m in live), default=0)
    machines = [m for m in live if m.release == version]
    if version <= known or len(machines) < max(m.count for m in machines):
        return 0
    return version


def missing(known: Newest, state: State, manifest_id: str, *, resumes: bool = True) -> int:
    """Return the version that serves and needs an entry in the ledger first; 0 if none does.

    Args:
        manifest_id: of what is desired.
        resumes: a rollout follows. It goes on with one of the manifest that is desired, if that
            died after its point of no return; or it puts the recorded release back to work, if
            that is desired and its machines are all there. What died needs no entry then.
    """
    version = unrecorded(state, known.version)
    if not version or not resumes:
        return version
    is_wanted = Newest.serving(state, version).manifest == manifest_id
    if is_wanted and known.version and version == known.version + 1:
        return 0
    is_whole = known.manifest == manifest_id and len(state.of(known.version)) == known.count
    return 0 if known.version and is_whole else version


def _standing_in(case: Case, former: int | None) -> int:
    """Return the newest version that a dead rollout left and that serves instead of the former one.

    It stays in service until the new release serves, which needs names of its own for that.
    """
    if any(m.answers for m in case.state.of(former or 0)):
        return 0
    left = [m for m in case.state.machines if m.release > (former or 0) and m.answers]
    others = [m.release for m in left if m.manifest != case.target.manifest_id]
    return max(others, default=0) if former else 0


def _former(known: Newest, state: State) -> int | None:
    """Return the release that runs: the ledger's, or what serves where that has none."""
    if known.version and state.of(known.version):
        return known.version
    live = [m.release for m in state.machines if m.role == LIVE and m.release]
    return max(live, default=known.version or None)


def _rollout(state: State, target: Target) -> Decision:
    try:
        return Decision("rollout", target, strategies.plan(state, target))
    except GroupRenamedError as exc:
        return Decision("refusal", target, refusal=exc)


def _abort(state: State, target: Target) -> Decision:
    former = state.of(target.former or 0)
    candidates = [m for m in state.machines if m.release > (target.former or 0)]
    held = [m for m in candidates if m.role == CANDIDATE]
    if not held:
        return Decision(
            "refusal", target, refusal=NothingHeldError(_NONE_HELD.format(app=state.app))
        )
    steps = tuple(_taking_back(held, former))
    commands = (RunCommand(),) if state.commands else ()
    return Decision("abort", target, undone=(*steps, *commands))


def _taking_back(held: list[Seen], former: tuple[Seen, ...]) -> list[Step]:
    """Return the steps to undo, as if a gate had failed after them."""
    made = [m for m in held if not m.place]
    steps: list[Step] = [SetSecrets(), *map(Adopt, made), *(Admit(m.name) for m in made)]
    serving = [m for m in (*held, *former) if m.serves]
    steps += [
        Update(Place.parse(m.place), m, is_drained=has_others(m, serving)) for m in held if m.place
    ]
    steps += [Retire(m) for m in former if not m.serves]
    if shared := [m for m in held if m.share is not None]:
        groups = {m.group for m in shared}  # workers have no clients to give back
        losing = tuple(Member.of(m) for m in former if m.group in groups)
        steps.append(Part(tuple(m.name for m in made if m.group in groups), losing))
    return steps


def _is_held(state: State, target: Target) -> bool:
    return any(m.held for m in state.of(target.version, target.manifest_id))


def _beside(target: Target, left: Seen) -> str:
    owner = Owner.parse(target.owner)
    stack, release = owner.stack if owner else "<stack>", f"v{left.release}"
    on = f'flygate proceed {stack} --reason "…"' if left.held else f"pulumi up --stack {stack}"
    return (
        f"{release} is {'held' if left.held else 'not finished'}: its machines stand beside "
        f"{target.former_name}, which a rollback would take back. `flygate abort {stack}` takes "
        f"{release} back, `{on}` goes on with it. Nothing was changed"
    )


_NONE_HELD = "No rollout of {app} is held. Nothing was changed."
_NOT_HELD = (
    "No rollout of {app} is held, or what is held is not what the checkout and the configuration "
    "ask for now. Nothing was changed. `pulumi up` releases what they ask for; `flygate abort` "
    "takes back what is held."
)
