"""Where Pulumi keeps the stack's state: reachable, whole, unlocked, its secrets can be read."""

from __future__ import annotations

from collections.abc import Sequence

from flygate.doctor.errors import UnknownError
from flygate.doctor.finding import Finding, broken, ok, warning
from flygate.doctor.patient import LOCAL, Patient
from flygate.pulumi import lock as pulumi_lock
from flygate.pulumi import state as pulumi_state

SAME_PHRASE = "export PULUMI_CONFIG_PASSPHRASE=… (or …_PASSPHRASE_FILE), the one it was made with"
OTHER_BACKEND = "export PULUMI_BACKEND_URL=… (and PULUMI_ACCESS_TOKEN for Pulumi Cloud)"
_REMEDIES = {
    "passphrase": SAME_PHRASE,
    "decrypt": SAME_PHRASE,
    "PULUMI_ACCESS_TOKEN": OTHER_BACKEND,
    "login": OTHER_BACKEND,
    "unable to open": OTHER_BACKEND,
    "not set up": "scripts/bootstrap",
}


async def examine(patient: Patient) -> Sequence[Finding]:
    """Every secret of the stack was decrypted, if the settings can be had."""
    if cut := pulumi_state.find_cut(patient.environment, patient.name):
        return [broken(str(cut), f"flygate unlock {patient.name}"), *_lock(patient)]
    try:
        await patient.settings()
    except UnknownError as exc:
        return [broken(str(exc), remedy(patient, str(exc)))]
    found = [ok(f"{place(patient)} can be read, and its secrets decrypted")]
    if is_at_risk(patient):
        found.append(
            warning(
                "the state is in this checkout only: it is lost with the folder",
                "keep it elsewhere: pulumi stack export, a new PULUMI_BACKEND_URL, stack import",
            )
        )
    elif borrows_phrase(patient):
        found.append(
            warning(
                "the passphrase is in this checkout only: it is lost with the folder",
                "pulumi stack change-secrets-provider passphrase, with one that you keep",
            )
        )
    return [*found, *_lock(patient)]


def remedy(patient: Patient, reason: str) -> str:
    """What to do when Pulumi can't read a stack, by its own words."""
    if "There is no stack" in reason:
        return "make up" if patient.name == LOCAL else f"flygate init {patient.name}"
    known = [text for sign, text in _REMEDIES.items() if sign in reason]
    return known[0] if known else OTHER_BACKEND


def place(patient: Patient) -> str:
    """The backend, for people; a password in its address is not for them."""
    url = patient.environment.get("PULUMI_BACKEND_URL", "Pulumi Cloud")
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def is_at_risk(patient: Patient) -> bool:
    """A real environment's state is in the folder that is meant for the local stack."""
    own = f"file://{patient.root / '.flygate' / 'state'}"
    return not patient.is_on_local_fly and patient.environment.get("PULUMI_BACKEND_URL") == own


def borrows_phrase(patient: Patient) -> bool:
    """A real environment's secrets are encrypted with what is meant for the local stack."""
    variables = patient.environment
    own = str(patient.root / ".flygate" / "passphrase")
    return (
        not patient.is_on_local_fly
        and not has_keys_of_its_own(patient)
        and not variables.get("PULUMI_CONFIG_PASSPHRASE")
        and variables.get("PULUMI_CONFIG_PASSPHRASE_FILE") == own
    )


def has_keys_of_its_own(patient: Patient) -> bool:
    """Pulumi Cloud keeps keys for its stacks; any other backend wants a passphrase."""
    url = patient.environment.get("PULUMI_BACKEND_URL", "")
    return not url or url.startswith(("https://", "http://"))


def _lock(patient: Patient) -> list[Finding]:
    lock = pulumi_lock.find(patient.environment, patient.name)
    if lock is None:
        return []
    if lock.is_dead:
        return [broken(f"{lock} died and left its lock", f"flygate unlock {patient.name}")]
    return [warning(f"{lock} is at work", "wait until it has ended")]
