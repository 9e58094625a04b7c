"""Record what a run has done: the ledger that Pulumi keeps. Pure, as nothing may fail here."""

from __future__ import annotations

from typing import Final

from flygate.commands.executed import Executed
from flygate.commands.intent import Intent
from flygate.record.ledger import Ledger, Release
from flygate.record.provenance import now

# The ledger has little room; the journal keeps all of what a gate said.
VERDICT_MAX: Final = 160


def record(intent: Intent, executed: Executed | None) -> Ledger:
    """Return the ledger after the run.

    Args:
        executed: the rollout; None if what runs was left as it is, or repaired.
    """
    if executed:
        ledger = _with_release(intent, executed)
    else:
        ledger = intent.ledger.model_copy(update={"key": intent.target.former_key})
    return _with_pin(ledger, intent).fitted()


def _with_release(intent: Intent, executed: Executed) -> Ledger:
    desired, provenance, target = intent.desired, intent.provenance, executed.target
    release = Release(
        version=target.version,
        manifest=desired.manifest,
        manifest_id=desired.id,
        secret_set=desired.secret_set,
        at=provenance.at,
        by=provenance.by,
        commit=provenance.commit,
        reason=intent.reason,
        promotion=desired.promotion,
        accepted=executed.accepted,
        rollback_of=desired.rollback_of,
        verdicts={gate: text[:VERDICT_MAX] for gate, text in executed.verdicts.items()},
        seconds=executed.seconds,
        machines=dict(executed.machines),
    )
    return intent.ledger.add(release, desired.secrets, target.key)


def _with_pin(ledger: Ledger, intent: Intent) -> Ledger:
    """Return the ledger with the pin that holds from now on, or the end of the former one."""
    if intent.desired.pin:
        return ledger.pinned(intent.desired.pin)
    is_ended = ledger.pin is not None or intent.orders.forward
    return ledger.unpinned(now()) if is_ended else ledger
