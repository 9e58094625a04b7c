"""One rollout: from a request and what runs to a target, a journal and a lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from flygate.commands import decision
from flygate.commands.decision import Case, Decision, Known
from flygate.commands.orders import Orders
from flygate.commands.request import ReleaseRequest, Wanted
from flygate.commands.site import Site, journal_path
from flygate.record.journal import Journal
from flygate.record.ledger import Ledger
from flygate.record.provenance import Provenance
from flygate.redaction.redact import Redactor
from flygate.rollout.execution import Execution
from flygate.rollout.lock.holder import Holder
from flygate.rollout.lock.lock import Lock
from flygate.rollout.machine.member import Member
from flygate.rollout.state import State
from flygate.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Rollout:
    """All that one rollout needs.

    Attributes:
        ledger: before it.
        hooks_env: variables that the hooks get beside those that all get.
        is_again: what runs is released once more, though nothing of it has changed.
        hooks: the folder of the user's hooks.
    """

    wanted: Wanted
    ledger: Ledger
    world: Execution
    provenance: Provenance
    orders: Orders
    hooks: Path
    hooks_env: tuple[str, ...] = ()
    is_again: bool = False

    @classmethod
    async def prepare(
        cls,
        wanted: Wanted,
        request: ReleaseRequest,
        ledger: Ledger,
        state: State,
        site: Site,
        former_key: str,
    ) -> Rollout:
        """Nothing is changed yet.

        Args:
            ledger: with the app's key.
            former_key: the key that the running release has, or empty.
        """
        app = wanted.manifest.app
        target = replace(
            wanted.target(site.orders),
            url=await site.fly.app_url(app),
            drift=request.drift,
            secrets=wanted.secrets,
            former_secrets=ledger.current_secrets,
            key=ledger.key,
            former_key=former_key,
            owner=request.owner,
            holder=ledger.tenure,
        )
        aimed = decision.aimed(_case(state, ledger, target, site.orders))
        is_known = aimed.former is None or ledger.current is not None
        target = replace(aimed, is_former_known=is_known)
        redact = Redactor([*target.secrets.values(), target.key, *ledger.all_values])
        journal = Journal(journal_path(site.root, app), target.name, redact, site.listeners)
        world = Execution(site.fly, target, journal)
        return cls(
            wanted,
            ledger,
            world,
            Provenance.read(site.root),
            site.orders,
            site.root / "hooks",
            request.hooks_env,
        )

    @property
    def lock(self) -> Lock:
        """Others read in it who rolls out what, since when and why."""
        world, by = self.world, self.provenance
        why = self.wanted.reason or by.reason
        holder = Holder(world.target.name, by.by, since=by.at, why=why)
        return Lock(world.fly, world.app, holder, world.journal, self.orders.wait_seconds)

    def warn(self, text: str, stage: str = "fly") -> None:
        """Tell the operator of something that did not end the rollout."""
        self.world.journal.write("warning", stage, text)

    def aim(self, state: State) -> None:
        """Aim at what runs now: whoever held the lock before may have changed it."""
        world = self.world
        world.target = self.decide(state).target
        serving = [m for m in state.of(world.target.former or 0) if m.serves]
        world.former = tuple(map(Member.of, serving))

    def decide(self, state: State) -> Decision:
        """What is to be done about what runs now."""
        case = _case(state, self.ledger, self.world.target, self.orders)
        return decision.decide(replace(case, is_again=self.is_again))

    def headline(self, way: str) -> str:
        """What begins now, for people."""
        target, again = self.world.target, self.wanted.rollback_of
        count = target.manifest.count
        return (
            f"{target.former_name} → {target.name} ({f'v{again} again, ' if again else ''}{way}): "
            f"{count} machine{'s' if count > 1 else ''} in {', '.join(target.manifest.regions)}"
        )


def _case(state: State, ledger: Ledger, target: Target, orders: Orders) -> Case:
    return Case.of(state, Known.of(ledger), target, orders)
