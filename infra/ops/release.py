"""`flygate op release`: the stack's manifest becomes the running release, or all stays as is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from infra import image
from infra.config import Pin
from infra.errors import ConfigError, ImageError
from infra.fly.client import FlyClient
from infra.manifest import Manifest
from infra.provenance import Provenance
from infra.redact import Redactor
from infra.rollout import engine, lock
from infra.rollout.journal import Journal
from infra.rollout.ledger import Ledger, Release
from infra.rollout.observe import DRIFT_KEY, LIVE, State, observe
from infra.rollout.plan import Plan, is_converged, repairs
from infra.rollout.report import Report
from infra.rollout.strategies import bluegreen
from infra.rollout.target import Target
from infra.rollout.undisturbed import undisturbed
from infra.rollout.world import World


class ReleaseRequest(BaseModel):
    """What the Command gets on its standard input: a manifest, or the pin to an earlier one.

    Attributes:
        source: the folders that the image is packed from, or empty for an image by digest.
        drift: what `flygate op drift` said; the new machines remember it.
        promotion: where the manifest's image was proved, for the ledger.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    manifest: Manifest | None = None
    source: tuple[str, ...] = ()
    pin: Pin | None = None
    drift: str = ""
    promotion: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> ReleaseRequest:
        if (self.manifest is None) == (self.pin is None):
            raise ValueError("exactly one of manifest and pin is needed")
        return self


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the request asks for, with the ledger's help."""

    manifest: Manifest
    secret_set: str
    secrets: Mapping[str, str] = field(repr=False)
    rollback_of: int | None = None
    reason: str = ""
    promotion: str = ""

    @property
    def id(self) -> str:
        """The manifest's id."""
        return self.manifest.id(self.secret_set)


@dataclass(frozen=True, slots=True)
class Rollout:
    """All that one rollout needs."""

    wanted: Wanted
    world: World
    provenance: Provenance


async def release(
    request: ReleaseRequest, secrets: Mapping[str, str], ledger: Ledger, root: Path, fly: FlyClient
) -> Ledger:
    """Converge on what the request asks for.

    Args:
        secrets: the values for the manifest's secret names (unused when pinned).
        ledger: of the last run.
        root: the checkout, for the image's source and the journal.

    Returns:
        The ledger with the new release; the same ledger if that release runs already.

    Raises:
        RolloutError: the release failed; the error's class says what was restored.
        FlygateError: nothing was begun.
    """
    wanted = _wanted(request, secrets, ledger)
    await _ensure_image(wanted.manifest, request.source, root, fly)
    state = await observe(fly, request.app)
    rollout = await _prepare(wanted, ledger, state, request.drift, root, fly)
    if await _repaired(rollout, ledger, state):
        return ledger
    return await _roll_out(rollout, ledger, state)


async def remove(request: ReleaseRequest, fly: FlyClient) -> None:
    """Destroy the machines that Flygate made. Safe with old inputs: only the name matters."""
    if await fly.app(request.app) is None:
        return
    for machine in (await observe(fly, request.app)).machines:
        await fly.destroy(request.app, machine.id)


def _wanted(request: ReleaseRequest, secrets: Mapping[str, str], ledger: Ledger) -> Wanted:
    if request.pin is None:
        manifest = request.manifest
        assert manifest is not None  # noqa: S101  the request's own validator holds this
        missing = set(manifest.secrets) ^ set(secrets)
        if missing:
            raise ConfigError(f"The secrets' names and values do not match: {sorted(missing)}")
        return Wanted(
            manifest, ledger.secret_set_for(secrets), secrets, promotion=request.promotion
        )
    pinned = ledger.with_manifest(request.pin.manifest)
    return Wanted(
        pinned.manifest,
        pinned.secret_set,
        ledger.secrets_of(pinned),
        rollback_of=int(request.pin.version.removeprefix("v")),
        reason=request.pin.reason,
    )


async def _ensure_image(
    manifest: Manifest, source: tuple[str, ...], root: Path, fly: FlyClient
) -> None:
    """The local registry has the image; images of real Fly are pulled by digest, there."""
    if not fly.is_local:
        if source:
            raise ConfigError(
                "flygate:image is `source`, which only the local Fly runs. For Fly.io push an "
                "image and set it by digest: "
                "pulumi config set image registry.fly.io/<app>@sha256:…"
            )
        return
    digest = image.digest_of(manifest.image)
    if await fly.has_image(digest):
        return
    packed = image.pack(root, source) if source else None
    if packed is None:
        raise ImageError(f"The local registry has no image {digest}, so it can't run again.")
    if packed.digest != digest:
        raise ImageError(
            "The source changed while Pulumi ran. Nothing was changed; run the same command again."
        )
    await fly.push_image(digest, packed.archive)


async def _prepare(
    wanted: Wanted, ledger: Ledger, state: State, drift: str, root: Path, fly: FlyClient
) -> Rollout:
    app = wanted.manifest.app
    former = _former(ledger, state)
    target = Target(
        version=max(ledger.next_version, (former or 0) + 1),
        manifest=wanted.manifest,
        manifest_id=wanted.id,
        url=await fly.app_url(app),
        former=former,
        drift=drift,
        secrets=wanted.secrets,
        former_secrets=ledger.current_secrets,
    )
    redact = Redactor([*target.secrets.values(), *target.former_secrets.values()])
    journal = Journal(journal_path(root, app), target.name, redact, (Report(),))
    return Rollout(wanted, World(fly, target, journal), Provenance.read(root))


def _former(ledger: Ledger, state: State) -> int | None:
    """The release that runs: the ledger's, or what serves where the ledger knows nothing of it."""
    known = ledger.current.version if ledger.current else None
    if known and state.of(known):
        return known
    live = [m.release for m in state.machines if m.role == LIVE and m.release]
    return max(live, default=known)


async def _repaired(rollout: Rollout, ledger: Ledger, state: State) -> bool:
    """The manifest is the running one's, and its machines are all there, or were put right."""
    current, world = ledger.current, rollout.world
    if current is None or current.manifest_id != rollout.wanted.id:
        return False
    machines = state.of(current.version)
    if len(machines) != world.target.manifest.count:
        return False
    if not is_converged(state, current.version, len(machines)):
        world.journal.about(current.name)
        world.journal.write("started", "repair", f"{current.name}: putting its machines right")
        await _run(lambda now: repairs(now, world.target), rollout, state)
        if not is_converged(await observe(world.fly, world.app), current.version, len(machines)):
            world.journal.about(world.target.name)
            return False  # it does not come up as it is: release it again
    for machine in machines:
        await world.fly.set_metadata(world.app, machine.id, DRIFT_KEY, world.target.drift)
    return True


async def _roll_out(rollout: Rollout, ledger: Ledger, state: State) -> Ledger:
    wanted, world, provenance = rollout.wanted, rollout.world, rollout.provenance
    world.journal.write("started", "rollout", _headline(world.target, wanted))
    await _run(lambda now: bluegreen.plan(now, world.target), rollout, state)
    world.journal.write("finished", "rollout", f"{world.target.name} is released")
    state = await undisturbed(observe(world.fly, world.app))
    return ledger.add(
        Release(
            version=world.target.version,
            manifest=wanted.manifest,
            manifest_id=wanted.id,
            secret_set=wanted.secret_set,
            at=provenance.at,
            by=provenance.by,
            commit=provenance.commit,
            reason=wanted.reason or provenance.reason,
            promotion=wanted.promotion,
            rollback_of=wanted.rollback_of,
            seconds=round(world.journal.seconds, 1),
            machines=_by_region(state, world.target.version),
        ),
        wanted.secrets,
    )


async def _run(plan: Callable[[State], Plan], rollout: Rollout, state: State) -> None:
    world, provenance = rollout.world, rollout.provenance
    why = f": {provenance.reason}" if provenance.reason else ""
    what = f"flygate {world.target.name} by {provenance.by}{why}"
    async with lock.hold(world.fly, world.app, [m.id for m in state.machines], what, world.journal):
        # Whoever held the lock before may have changed what we saw.
        await engine.run(plan(await observe(world.fly, world.app)), world)


def journal_path(root: Path, app: str) -> Path:
    """Where an app's journal is kept on this machine."""
    return root / ".flygate" / "journal" / f"{app}.jsonl"


def _headline(target: Target, wanted: Wanted) -> str:
    manifest = wanted.manifest
    what = f"v{wanted.rollback_of} again" if wanted.rollback_of else "blue/green"
    machines = f"{manifest.count} machine" + ("s" if manifest.count > 1 else "")
    return (
        f"{target.former_name} → {target.name} ({what}): {machines} in "
        f"{', '.join(manifest.regions)}"
    )


def _by_region(state: State, version: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for machine in state.of(version):
        found.setdefault(machine.region, []).append(machine.id)
    return found
