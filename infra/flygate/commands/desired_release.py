"""What a release request asks for, with the ledger's help: the desired release. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from flygate.commands.request import ReleaseRequest
from flygate.config import Pin
from flygate.record.ledger import Ledger
from flygate.rollout.desired import DesiredRelease
from flygate.system.errors import ConfigError, LedgerError


def desired_release(
    request: ReleaseRequest, secrets: Mapping[str, str], ledger: Ledger
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
        return _pinned(request.content, request, secrets, ledger)
    manifest = request.content
    if missing := set(manifest.secrets) ^ set(secrets):
        raise ConfigError(f"The secrets' names and values do not match: {sorted(missing)}")
    set_id = ledger.secret_set_for(secrets)
    return DesiredRelease(manifest, set_id, secrets, promotion=request.promotion)


def _pinned(
    pin: Pin, request: ReleaseRequest, live: Mapping[str, str], ledger: Ledger
) -> DesiredRelease:
    release = ledger.named_by(pin)
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
    return DesiredRelease(
        manifest,
        ledger.secret_set_for(values) if kept else release.secret_set,
        values,
        pin,
        kept=tuple(sorted(kept)),
        # What was rebuilt from machines has the id that they carry, by which they are found again.
        id=release.manifest_id if release.rebuilt and not kept else "",
    )
