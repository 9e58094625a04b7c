"""What the release Command gets on its standard input, and what it asks for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, model_validator

from flygate.commands.orders import Orders
from flygate.config import Pin
from flygate.manifest import Manifest
from flygate.record.ledger import Ledger
from flygate.rollout.target import Target
from flygate.system.errors import ConfigError, LedgerError


class ReleaseRequest(BaseModel):
    """A manifest, or the pin to an earlier one.

    Attributes:
        source: the folders that the image is packed from, or empty for an image by digest.
        drift: what `flygate op drift` said; the new machines remember it.
        promotion: where the manifest's image was proved, for the ledger.
        attached: with a pin, the secrets that follow a live resource: the release gets their
            present values, also if it had none when it first ran.
        owner: the label of the stack that asks: see `infra/flygate/fly/owner.py`.
        hooks_env: variables that the user's hooks get beside those that all get.
        takeover: the label of the stack that it may take the app over from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    manifest: Manifest | None = None
    source: tuple[str, ...] = ()
    pin: Pin | None = None
    drift: str = ""
    promotion: str = ""
    attached: tuple[str, ...] = ()
    owner: str = ""
    takeover: str = ""
    hooks_env: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_of_two(self) -> ReleaseRequest:
        if (self.manifest is None) == (self.pin is None):
            raise ValueError("exactly one of manifest and pin is needed")
        return self


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for, with the ledger's help.

    Attributes:
        kept: the secrets that a rollback leaves at their present values.
    """

    manifest: Manifest
    secret_set: str
    secrets: Mapping[str, str] = field(repr=False)
    rollback_of: int | None = None
    is_fast: bool = False
    reason: str = ""
    promotion: str = ""
    kept: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: ReleaseRequest, secrets: Mapping[str, str], ledger: Ledger) -> Wanted:
        """Look a pin's manifest up, or take the request's own.

        Raises:
            ConfigError: the secrets are not those that the manifest names.
            LedgerError: the pinned manifest is forgotten.

        With a pin, `secrets` are those that it does not restore: see `StackConfig.owners`.
        """
        if request.pin:
            return cls._pinned(request.pin, request, secrets, ledger)
        manifest = request.manifest
        assert manifest is not None  # noqa: S101  the request's own validator holds this
        if missing := set(manifest.secrets) ^ set(secrets):
            raise ConfigError(f"The secrets' names and values do not match: {sorted(missing)}")
        set_id = ledger.secret_set_for(secrets)
        return cls(manifest, set_id, secrets, promotion=request.promotion)

    @classmethod
    def _pinned(
        cls, pin: Pin, request: ReleaseRequest, live: Mapping[str, str], ledger: Ledger
    ) -> Wanted:
        release = ledger.with_manifest(pin.manifest)
        if not ledger.has_secrets_of(release):
            raise LedgerError(
                f"The secret values of {pin.version} are kept no longer: with those of later "
                "releases they were more than Pulumi's plugin can hand on. Nothing was changed. "
                "`flygate forward` ends the pin; `flygate ledger show` lists the releases whose "
                "values are there."
            )
        former = ledger.secrets_of(release)
        names = {*former, *request.attached} & set(live)
        kept = {name: live[name] for name in names if former.get(name) != live[name]}
        values = {**former, **kept}
        # After a move the release runs where the stack is now.
        manifest = release.manifest.model_copy(update={"app": request.app})
        return cls(
            manifest,
            ledger.secret_set_for(values) if kept else release.secret_set,
            values,
            rollback_of=int(pin.version.removeprefix("v")),
            is_fast=pin.fast,
            reason=pin.reason,
            kept=tuple(sorted(kept)),
        )

    @property
    def id(self) -> str:
        """The manifest's id."""
        return self.manifest.id(self.secret_set)

    def target(self, orders: Orders) -> Target:
        """What a rollout aims at, before it has looked at what runs."""
        return Target(
            version=0,
            manifest=self.manifest,
            manifest_id=self.id,
            url="",
            at=time.time(),
            is_rollback=self.rollback_of is not None,
            is_fast=self.is_fast,
            accepted=orders.accept,
        )
