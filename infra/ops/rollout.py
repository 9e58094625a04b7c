"""One rollout: from a request and what runs to a target, a journal and a lock."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from infra.ops.orders import Orders
from infra.ops.request import ReleaseRequest, Wanted
from infra.ops.site import Site, journal_path
from infra.provenance import Provenance
from infra.redact import Redactor
from infra.rollout.holder import Holder
from infra.rollout.journal import Journal
from infra.rollout.ledger import Ledger
from infra.rollout.lock import Lock
from infra.rollout.observe import LIVE, State
from infra.rollout.plan import is_converged
from infra.rollout.target import Target
from infra.rollout.world import Member, World


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
    world: World
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
        former = None if site.orders.move else _former(ledger, state)
        target = Target(
            version=_next_version(ledger, former),
            manifest=wanted.manifest,
            manifest_id=wanted.id,
            url=await site.fly.app_url(app),
            former=former,
            drift=request.drift,
            secrets=wanted.secrets,
            former_secrets=ledger.current_secrets,
            key=ledger.key,
            former_key=former_key,
            is_former_known=former is None or ledger.current is not None,
            at=time.time(),
            is_rollback=wanted.rollback_of is not None,
            is_fast=wanted.is_fast,
            accepted=site.orders.accept,
            owner=request.owner,
            holder=ledger.tenure,
        )
        redact = Redactor([*target.secrets.values(), target.key, *ledger.all_values])
        journal = Journal(journal_path(site.root, app), target.name, redact, site.listeners)
        world = World(site.fly, target, journal)
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
        former = None if self.orders.move else _former(self.ledger, state)
        version = _next_version(self.ledger, former)
        world.target = replace(world.target, former=former, version=version)
        serving = [m for m in state.of(former or 0) if m.serves]
        world.former = tuple(map(Member.of, serving))

    def runs_already(self, state: State) -> bool:
        """The wanted manifest is the running release's, whole and alone."""
        current = self.ledger.current
        return (
            current is not None
            and not self.is_again
            and current.manifest_id == self.wanted.id
            and is_converged(state, current.version, self.wanted.manifest.count)
        )

    def headline(self, way: str) -> str:
        """What begins now, for people."""
        target, again = self.world.target, self.wanted.rollback_of
        count = target.manifest.count
        return (
            f"{target.former_name} → {target.name} ({f'v{again} again, ' if again else ''}{way}): "
            f"{count} machine{'s' if count > 1 else ''} in {', '.join(target.manifest.regions)}"
        )


def _former(ledger: Ledger, state: State) -> int | None:
    """The release that runs: the ledger's, or what serves where the ledger knows nothing of it."""
    known = ledger.current.version if ledger.current else None
    if known and state.of(known):
        return known
    live = [m.release for m in state.machines if m.role == LIVE and m.release]
    return max(live, default=known)


def _next_version(ledger: Ledger, former: int | None) -> int:
    return max(ledger.next_version, (former or 0) + 1)
