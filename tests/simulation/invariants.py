"""What holds after each command, whatever went wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from flygate.commands.decision import unrecorded
from flygate.fly.models import Machine, Secret
from flygate.record.ledger import RELEASES_MAX, Ledger, Release
from flygate.redaction.redact import Redactor
from flygate.rollout.plan import is_converged
from flygate.rollout.state import CANDIDATE, LIVE, ROLE_KEY, Seen, State, digest, seen
from flygate.system.errors import LedgerError
from flygate_wire.variables import Variable

from tests.simulation import fault
from tests.simulation.fly import PaperApp, machine_json, shown_secrets
from tests.simulation.guest import FAULT
from tests.simulation.operator import Outcome
from tests.simulation.process import Process
from tests.simulation.scenario import Act
from tests.simulation.stack import Stack
from tests.simulation.world import CANARY, LOOKS_BACK, World

# As `infra/flygate/fly/errors.py` says it; all of Fly may be away since before.
_CALL_FAILED = re.compile(r"no answer \((?!ConnectError)|Fly answered (429|5\d\d)")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An app at a moment.

    Attributes:
        machines: id → all that a command that changes nothing leaves.
        serving: the ids of the machines of the newest live release that serve.
        standing: the newest version that serves whole, recorded or not; 0 if none does.
        unfinished: the machines of rollouts that are held, or have died.
        databases: the names of those that cost money.
    """

    machines: dict[str, tuple[object, ...]]
    serving: frozenset[str]
    standing: int
    unfinished: tuple[Seen, ...]
    secrets: dict[str, str] = field(repr=False)
    databases: tuple[str, ...]

    @property
    def has_live(self) -> bool:
        """There is a machine to go back to, whether or not it serves now."""
        return any(
            isinstance(noted, dict) and noted.get(ROLE_KEY) == LIVE
            for machine in self.machines.values()
            for noted in machine
        )

    @classmethod
    def of(cls, world: World) -> Snapshot:
        """Now."""
        app = world.app
        state = state_of(app)
        newest = max((m.release for m in state.machines if m.role == LIVE), default=0)
        live = {m.id for m in state.of(newest) if m.role == LIVE}
        return cls(
            {m.id: (m.name, _rests(m.state), m.cordoned, dict(m.metadata)) for m in app.living},
            frozenset(m.id for m in app.serving if m.id in live),
            unrecorded(state, 0),
            tuple(m for m in state.machines if m.role == CANDIDATE),
            dict(app.secrets),
            tuple(world.fly.databases),
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One command and what became of it.

    Attributes:
        recorded: before it.
        way_back: the manifest where a rollback had to lead, or empty.
        is_alone: no other run was under way meanwhile.
    """

    act: Act
    before: Snapshot
    after: Snapshot
    outcome: Outcome
    process: Process
    recorded: Ledger
    way_back: str
    is_alone: bool

    @property
    def had_luck(self) -> bool:
        """What went wrong at a call did not at the next one like it."""
        kinds = {fault.kind for fault in self.process.struck.values()}
        return kinds <= fault.PASSING and self.process.streak <= 1


def broken(case: Case, stack: Stack, world: World) -> Iterator[str]:
    """What does not hold, a line each."""
    if case.outcome.bug:
        yield f"an error of no kind: {case.outcome.bug}"
    try:
        ledger = stack.ledger
    except LedgerError as exc:
        yield f"the ledger can't be read: {exc}"
        return
    yield from _forgotten(stack, ledger)
    yield from _shown(case, stack, ledger, world)
    is_back = case.is_alone and case.act.verb in {"rollback", "abort"}
    if is_back and case.before.databases != case.after.databases:
        yield f"a way back bought or destroyed: {case.before.databases} → {case.after.databases}"
    is_quiet = case.is_alone and not world.is_maimed
    yield from _by_code(case, ledger, world, is_quiet=is_quiet)
    if case.is_alone:
        yield from _ordered(case, stack, ledger)
    if is_quiet and case.had_luck and _CALL_FAILED.search(case.outcome.text):
        yield f"a second try would have saved it: {case.outcome.text}"


def whole(stack: Stack, world: World) -> Iterator[str]:
    """What does not hold when all has gone well in the end."""
    current, state = stack.ledger.current, state_of(world.app)
    if current is None:
        yield "nothing is released in the end"
        return
    if not is_converged(state, current.version, current.manifest.count):
        yield f"{current.name} is not whole and alone in the end: {shown(state)}"
    roles = {m.role for m in state.of(current.version)}
    if roles != {LIVE}:
        yield f"its machines are {sorted(roles)} in the end"
    yield from _values(stack.ledger, world)
    yield from _leased(world)


def state_of(app: PaperApp) -> State:
    """As the engine would observe it, without a call."""
    documents = [json.dumps(machine_json(m)) for m in app.living]
    machines = [seen(Machine.model_validate_json(text)) for text in documents]
    ours = tuple(m for m in machines if m.release)
    secrets = [Secret.model_validate(one) for one in shown_secrets(app)]
    return State(app.name, ours, digest(secrets), frozenset(app.secrets))


def shown(state: State) -> str:
    """A state in a line."""
    return ", ".join(
        f"{m.name} v{m.release} {m.role} {m.state}{' cordoned' if m.cordoned else ''}"
        f"{'' if m.healthy else ' sick'}"
        for m in state.machines
    )


def _rests(state: str) -> str:
    """Where a state leads by itself."""
    return {"starting": "started", "stopping": "stopped"}.get(state, state)


def _forgotten(stack: Stack, ledger: Ledger) -> Iterator[str]:
    """Each release that was announced is recorded, but for those that are too old."""
    recorded = {r.version: r.manifest_id for r in ledger.releases}
    for version in sorted(stack.announced)[-RELEASES_MAX + 1 :]:
        if recorded.get(version) != stack.announced[version]:
            yield f"v{version} was announced, and the ledger has {sorted(recorded)}"


def _shown(case: Case, stack: Stack, ledger: Ledger, world: World) -> Iterator[str]:
    """No secret is where others read."""
    asked = case.act.spec.secrets(stack.redis_url).values()
    known = [*asked, *ledger.all_values]
    # The operation hides what it knows in its last words, as `infra/flygate/cli/verbs/op.py` does.
    if CANARY in case.outcome.text:
        last_words = Redactor(known)(case.outcome.text)
        if any(value in last_words for value in known if value):
            yield f"a secret in the last words: {last_words}"
    for machine in world.app.living:
        noted = f"{machine.lease} {machine.metadata}"
        if CANARY in noted and any(value in noted for value in known if value):
            yield f"a secret in what is noted on {machine.name}"


def _ordered(case: Case, stack: Stack, ledger: Ledger) -> Iterator[str]:
    """What an operator has ordered is what was done; what one before has ordered holds."""
    act, pin = case.act, case.recorded.pin
    current = ledger.current
    if case.outcome.code != 0 or case.outcome.is_idle or current is None:
        return
    if act.verb == "up" and pin and (ledger.pin is None or ledger.pin.manifest != pin.manifest):
        yield f"a deployment has ended the pin to {pin.version}"
    if act.verb != "rollback":
        yield from _unfit(current)
        return
    if ledger.pin is None:
        yield "a rollback has pinned nothing"
    elif stack.trail.is_sure and case.way_back != ledger.pin.manifest:
        yield f"a rollback led to {ledger.pin.version}, which is not what was good before"
    if left := _left_behind(case, current):
        yield f"a rollback went past v{left}, which is not finished"


def _left_behind(case: Case, now: Release) -> int:
    """The newest rollout that was not finished, but for a way back that was cut off and goes on."""
    before = case.recorded.current
    if before is None:
        return 0
    found = [m for m in case.before.unfinished if m.release > before.version]
    others = (m.release for m in found if not m.is_back or m.manifest != now.manifest_id)
    return max(others, default=0)


def _unfit(release: Release) -> Iterator[str]:
    """A release whose fault its gates must find."""
    kind = release.manifest.env.get(FAULT, "").partition(":")[0]
    is_judged = release.manifest.rollout.strategy != "immediate"
    if kind in {"crash", "dies", "sick", "slow"} or (kind in {"unwell", "unlimited"} and is_judged):
        yield f"{release.name} stands, and its service is one that {kind}"


def _by_code(case: Case, ledger: Ledger, world: World, *, is_quiet: bool) -> Iterator[str]:
    """The exit code says what is true."""
    match case.outcome.code:
        case 0 if not case.outcome.is_idle:
            yield from _released(case, ledger, world, is_quiet=is_quiet)
        case 1 if is_quiet and case.before.machines != case.after.machines:
            yield f"exit 1, and the machines changed: {_differences(case)}"
        case 1 if is_quiet and case.before.secrets != case.after.secrets:
            yield "exit 1, and the secrets changed"
        case 2 if case.is_alone:
            yield from _said_to_serve(case, ledger, world)
            if is_quiet:
                yield from _restored(case, ledger, world)
        case 3 | 4 if is_quiet and case.before.serving and not world.app.serving:
            yield f"exit {case.outcome.code}, and nothing serves"
        case 4 if is_quiet and case.had_luck and case.before.has_live:
            yield f"exit 4 though each call went well at the second try: {case.outcome.text}"


def _released(case: Case, ledger: Ledger, world: World, *, is_quiet: bool) -> Iterator[str]:
    current, state = ledger.current, state_of(world.app)
    if current is None:
        yield "exit 0, and the ledger is empty"
    elif not is_quiet:
        if case.is_alone and not case.outcome.warnings:
            yield from _beside(current, state)
    elif case.outcome.warnings:
        ids = {m.id for m in state.of(current.version)}
        if not any(m.id in ids for m in world.app.serving):
            yield f"exit 0, and nothing of {current.name} serves: {shown(state)}"
    elif not is_converged(state, current.version, current.manifest.count):
        yield f"exit 0, and {current.name} is not whole and alone: {shown(state)}"
    else:
        yield from _values(ledger, world)


def _beside(current: Release, state: State) -> Iterator[str]:
    """Machines may have died meanwhile; what a rollout had left serves no more."""
    left = [m.name for m in state.machines if m.role == CANDIDATE and m.serves]
    if left:
        yield f"exit 0, and beside {current.name} serve: {left}"


def _restored(case: Case, ledger: Ledger, world: World) -> Iterator[str]:
    gone = case.before.serving - {m.id for m in world.app.serving}
    if gone:
        names = [str(case.before.machines[one][0]) for one in sorted(gone)]
        yield f"exit 2, and of what served does not serve: {names}: {shown(state_of(world.app))}"
    state = state_of(world.app)
    again = [m.label for m in state.machines if m.serves and m.release < case.before.standing]
    if again and case.before.serving:
        yield f"exit 2, and what v{case.before.standing} has replaced serves again: {again}"
    left = [m.name for m in world.app.living if m.id not in case.before.machines]
    if left:
        yield f"exit 2, and new machines are left: {left}"
    known = ledger.current.version if ledger.current else 0
    new = [m for m in state.machines if m.release > known]
    # One that a dead rollout left serving is as it was.
    serving = [
        m.name
        for m in new
        if m.role == CANDIDATE and m.serves and _rested(case.before.machines.get(m.id))
    ]
    if serving:
        yield f"exit 2, and candidates serve: {serving}"
    here = {
        name: value
        for name, value in world.app.secrets.items()
        if name != Variable.FLYGATE_KEY.value
    }
    if _is_recorded(ledger, world) and ledger.current and here != ledger.current_secrets:
        yield f"exit 2, and the secrets are not those of {ledger.current.name}: {sorted(here)}"
    if _is_recorded(ledger, world) and not world.was_maimed:
        yield from _values(ledger, world)


def _said_to_serve(case: Case, ledger: Ledger, world: World) -> Iterator[str]:
    """Machines died or were changed by hand: the sentence is still true."""
    state = state_of(world.app)
    said = re.search(r"\bv(\d+) serves as before", case.outcome.text)
    is_long_ago = world.died_at + LOOKS_BACK < world.now
    if said and is_long_ago and not any(m.answers for m in state.of(int(said[1]))):
        yield f"v{said[1]} is said to serve, and does not: {shown(state)}"
    named = case.outcome.text
    if not world.has_foreign_values and _is_recorded(ledger, world):
        yield from (line for line in _values(ledger, world) if line.split()[0] not in named)


def _rested(machine: tuple[object, ...] | None) -> bool:
    """A machine of a snapshot got no requests, or was not there."""
    return machine is None or bool(machine[2])


def _is_recorded(ledger: Ledger, world: World) -> bool:
    """What serves is the newest release that the ledger has."""
    live = [m.release for m in state_of(world.app).machines if m.role == LIVE]
    return bool(ledger.current and live and max(live) == ledger.current.version)


def _values(ledger: Ledger, world: World) -> Iterator[str]:
    """Each machine of the release runs its code with its variables and secret values."""
    current = ledger.current
    if current is None:
        return
    wanted = {**current.manifest.env, **ledger.current_secrets}
    for machine in world.app.serving:
        env = machine.guest.env if machine.guest else {}
        wrong = sorted(name for name, value in wanted.items() if env.get(name) != value)
        if wrong:
            yield f"{machine.name} serves with other values of {wrong} than {current.name}'s"
        if machine.config["image"] != current.manifest.image:
            yield f"{machine.name} serves another image than {current.name}'s"


def _leased(world: World) -> Iterator[str]:
    now = world.fly.clock()
    held = [m.name for m in world.app.living if m.live_lease(now)]
    if held:
        yield f"leases are left: {held}"


def _differences(case: Case) -> str:
    before, after = case.before.machines, case.after.machines
    changed = [one for one in {**before, **after} if before.get(one) != after.get(one)]
    return "; ".join(f"{before.get(one)} → {after.get(one)}" for one in changed)
