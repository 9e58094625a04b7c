"""`DesiredRelease`: what a release request asks for, with the ledger's help. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from flygate.commands.orders import Orders
from flygate.commands.request import ReleaseRequest
from flygate.config import Pin
from flygate.manifest import Manifest
from flygate.record.ledger import Ledger
from flygate.rollout.target import Target
from flygate.system.errors import ConfigError, LedgerError


@dataclass(frozen=True, slots=True)
class DesiredRelease:
    """The release that is to run.

    Attributes:
        pin: the pin that asks for it; None for the checkout's own manifest.
        kept: the secrets that a rollback leaves at their present values.
    """

    manifest: Manifest
    secret_set: str
    secrets: Mapping[str, str] = field(repr=False)
    pin: Pin | None = None
    promotion: str = ""
    kept: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, request: ReleaseRequest, secrets: Mapping[str, str], ledger: Ledger
    ) -> DesiredRelease:
        """Look a pin's manifest up, or take the request's own.

        Args:
            secrets: the manifest's values; with a pin those that it does not restore: see
                `StackConfig.owners`.

        Raises:
            ConfigError: the secrets are not those that the manifest names.
            LedgerError: the ledger no longer has the pinned manifest, or its secret values.
        """
        if isinstance(request.content, Pin):
            return cls._pinned(request.content, request, secrets, ledger)
        manifest = request.content
        if missing := set(manifest.secrets) ^ set(secrets):
            raise ConfigError(f"The secrets' names and values do not match: {sorted(missing)}")
        set_id = ledger.secret_set_for(secrets)
        return cls(manifest, set_id, secrets, promotion=request.promotion)

    @classmethod
    def _pinned(
        cls, pin: Pin, request: ReleaseRequest, live: Mapping[str, str], ledger: Ledger
    ) -> DesiredRelease:
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
            pin,
            kept=tuple(sorted(kept)),
        )

    @property
    def id(self) -> str:
        """The manifest's id."""
        return self.manifest.id(self.secret_set)

    @property
    def reason(self) -> str:
        """Why an operator pinned it, or empty."""
        return self.pin.reason if self.pin else ""

    @property
    def rollback_of(self) -> int | None:
        """The version whose manifest runs again; None without a pin."""
        return int(self.pin.version.removeprefix("v")) if self.pin else None

    def target(self, orders: Orders) -> Target:
        """Return what a rollout aims at, before what runs is known."""
        return Target(
            version=0,
            manifest=self.manifest,
            manifest_id=self.id,
            url="",
            at=time.time(),
            is_rollback=self.pin is not None,
            is_fast=bool(self.pin and self.pin.fast),
            accepted=orders.accept,
        )
