"""`StackRecord`: what a stack's state records of its deployments: its owner, app and ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from flygate.config import Pin
from flygate.fly.owner import Owner
from flygate.pulumi.checkpoint import Checkpoint
from flygate.record import frame
from flygate.record.ledger import Ledger
from flygate.system.errors import LedgerUnreadableError, OwnerError

# The stack output that has all of the ledger: the plugin hands no more than 128 KiB from one run to
# the next, and an output that can't be read must not be the only copy.
COPY: Final = "ledger"


@dataclass(frozen=True, slots=True)
class StackRecord:
    """Attributes:
    app, org: where the stack releases; empty before the first deployment.
    owner: the label of the state, None in states of Flygate 0.1.
    ledger: the newest readable one, with the values that a copy has beside it.
    has_result: the release resource has run.
    problem: why its result can't be read, or empty.
    redis_urls: of the Redis that Flygate made for the stack, as far as it is in the state.
    """

    app: str
    org: str
    owner: Owner | None
    ledger: Ledger
    has_result: bool
    problem: str
    redis_urls: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """Read a checkpoint. What can't be read is as if it were not there, but for `problem`."""
        app = _result(next(checkpoint.results("App"), ""))
        urls = [str(_result(text).get("url") or "") for text in checkpoint.results("Redis")]
        results = list(checkpoint.results("Release"))
        copy = checkpoint.outputs.get(COPY)
        ledgers = [_read(text) for text in [*results, *([copy] if isinstance(copy, str) else [])]]
        readable = [one for one in ledgers if isinstance(one, Ledger)]
        best = max(readable, key=lambda one: one.next_version, default=Ledger())
        for other in readable:
            best = best.joined(other)
        first = ledgers[0] if results else None
        return cls(
            app=best.app or str(app.get("app", "")),
            org=str(app.get("org", "")),
            owner=Owner.parse(str(app.get("owner", ""))),
            ledger=best,
            has_result=bool(results),
            problem=first.problem if isinstance(first, LedgerUnreadableError) else "",
            redis_urls=tuple(filter(None, urls)),
        )

    def values_of(self, pin: Pin) -> dict[str, str]:
        """Return the secret values of a pinned release, by its version: they do not change."""
        for release in self.ledger.releases:
            if (release.name, release.manifest_id) == (pin.version, pin.manifest):
                return self.ledger.secrets_of(release)
        return {}

    def check_identity(self, app: str, stack: str, moves_from: str) -> None:
        """Refuse another app than the one where the stack releases.

        Args:
            moves_from: the app that the operator moves away from, or empty.

        Raises:
            OwnerError: says the ways.
        """
        if self.app not in {"", app, moves_from}:
            raise moved(self.app, app, stack)

    def after(self, result: str) -> Ledger:
        """Return the ledger once the release resource has run, and left a result."""
        new = _read(result)
        return new.joined(self.ledger) if isinstance(new, Ledger) else self.ledger


def moved(former: str, wanted: str, stack: str) -> OwnerError:
    """Make the error of an update that would change the app."""
    return OwnerError(
        f"flygate:app is {wanted}; the stack {stack} releases to {former}. A deployment can't "
        f"change that: the machines of {former} would go on running, and billed, known to no "
        f"stack. Nothing was changed. Back: `pulumi config set app {former} --stack {stack}`. On "
        f"purpose, once it is back: `flygate move {stack} --app {wanted}` releases to {wanted}, "
        f"keeps the history and then destroys {former}; or `pulumi destroy --stack {stack}`, and "
        "a new name."
    )


def _read(text: str) -> Ledger | LedgerUnreadableError:
    try:
        return Ledger.parse(text)
    except LedgerUnreadableError as exc:
        return exc


def _result(text: str) -> Mapping[str, Any]:
    """Read what a Command printed, framed or, by Flygate 0.1, plain."""
    try:
        return frame.document(text)
    except ValueError:
        return {}
