"""Where Pulumi keeps the stack's state: reachable, whole, unlocked, its secrets can be read."""

from __future__ import annotations

from collections.abc import Sequence

from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, warning
from flygate.pulumi import lock as pulumi_lock
from flygate.pulumi import state as pulumi_state
from flygate.pulumi.errors import (
    LOCAL_STACK,
    NoSuchStackError,
    NotInstalledError,
    WrongPassphraseError,
)
from flygate.system.errors import FlygateError
from flygate.system.project import NotSetUpError

SAME_PHRASE = "export PULUMI_CONFIG_PASSPHRASE=… (or …_PASSPHRASE_FILE), the one it was made with"
OTHER_BACKEND = "export PULUMI_BACKEND_URL=… (and PULUMI_ACCESS_TOKEN for Pulumi Cloud)"


async def examine(facts: Facts) -> Sequence[Finding]:
    """Check the backend by reading the settings: that decrypts every secret of the stack."""
    if cut := pulumi_state.find_cut(facts.environment, facts.name):
        return [broken(str(cut), f"flygate unlock {facts.name}"), *_lock(facts)]
    try:
        await facts.settings()
    except UnknownError as exc:
        return [broken(str(exc), remedy(facts, exc.cause))]
    found = [ok(f"{place(facts)} can be read, and its secrets decrypted")]
    if is_at_risk(facts):
        found.append(
            warning(
                "the state is in this checkout only: it is lost with the folder",
                "keep it elsewhere: pulumi stack export, a new PULUMI_BACKEND_URL, stack import",
            )
        )
    elif borrows_phrase(facts):
        found.append(
            warning(
                "the passphrase is in this checkout only: it is lost with the folder",
                "pulumi stack change-secrets-provider passphrase, with one that you keep",
            )
        )
    return [*found, *_lock(facts)]


def remedy(facts: Facts, error: FlygateError | None) -> str:
    """Return what to do where Pulumi can't read a stack."""
    match error:
        case NoSuchStackError():
            return "make up" if facts.name == LOCAL_STACK else f"flygate init {facts.name}"
        case WrongPassphraseError():
            return SAME_PHRASE
        case NotSetUpError() | NotInstalledError():
            return "scripts/bootstrap"
    return OTHER_BACKEND


def place(facts: Facts) -> str:
    """Return the backend's address without a password in it."""
    url = facts.environment.get("PULUMI_BACKEND_URL", "Pulumi Cloud")
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def is_at_risk(facts: Facts) -> bool:
    """Whether a real environment's state is in the folder that is meant for the local stack."""
    own = f"file://{facts.root / '.flygate' / 'state'}"
    return not facts.is_on_local_fly and facts.environment.get("PULUMI_BACKEND_URL") == own


def borrows_phrase(facts: Facts) -> bool:
    """Whether a real environment's secrets are encrypted with what is meant for the local stack."""
    variables = facts.environment
    own = str(facts.root / ".flygate" / "passphrase")
    return (
        not facts.is_on_local_fly
        and not has_keys_of_its_own(facts)
        and not variables.get("PULUMI_CONFIG_PASSPHRASE")
        and variables.get("PULUMI_CONFIG_PASSPHRASE_FILE") == own
    )


def has_keys_of_its_own(facts: Facts) -> bool:
    """Whether the backend keeps the keys: Pulumi Cloud does, any other wants a passphrase."""
    url = facts.environment.get("PULUMI_BACKEND_URL", "")
    return not url or url.startswith(("https://", "http://"))


def _lock(facts: Facts) -> list[Finding]:
    lock = pulumi_lock.find(facts.environment, facts.name)
    if lock is None:
        return []
    if lock.is_dead:
        return [broken(f"{lock} died and left its lock", f"flygate unlock {facts.name}")]
    return [warning(f"{lock} is at work", "wait until it has ended")]
