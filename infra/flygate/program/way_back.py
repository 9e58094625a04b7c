"""`WayBack`: the release that a rollback leads to, chosen by the program, which reads locked state.

The verb that ordered it reads the choice from a note: a release that fails or is held leaves no
output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import ValidationError

from flygate.commands.decision import Newest
from flygate.commands.orders import Back
from flygate.config import Pin
from flygate.config.section import Section
from flygate.record.history import Entry, goods, rollback_target
from flygate.record.ledger import Ledger
from flygate.system import private


class WayBack(Section):
    """The choice.

    Attributes:
        pin: what the stack is pinned to.
        serving: the version that serves, as `v9`.
        release: where it leads to; `serving` if nothing is to be changed.
        further: the good releases before that, the newest first.
        left: the other releases before it, which a rollback has left.
    """

    pin: Pin
    serving: str
    release: str
    further: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @classmethod
    def of(cls, order: Back, ledger: Ledger, unrecorded: Newest) -> Self:
        """Choose by `history.rollback_target`.

        Args:
            unrecorded: what serves, if the ledger does not know it.

        Raises:
            LedgerError: there is nothing to go back to.
        """
        past = [Entry.model_validate(one) for one in ledger.history()]
        serving = unrecorded.manifest if unrecorded.version else None
        target = rollback_target(past, order.to, unrecorded=serving, is_back=ledger.is_back)
        pin = ledger.pin
        if pin is None or pin.manifest != target.manifest:
            pin = Pin(
                version=target.version,
                manifest=target.manifest,
                by=order.by,
                at=order.at,
                reason=order.reason,
                fast=order.fast,
                release_command=order.release_command,
                redis=target.stores_in_redis,
            )
        now = f"v{unrecorded.version}" if unrecorded.version else past[0].version
        older = past[past.index(target) :]
        good = goods(older)
        known = {target.manifest, *(one.manifest for one in good)}
        return cls(
            pin=pin,
            serving=now,
            release=now if target.manifest == serving else target.version,
            further=tuple(one.version for one in good),
            left=tuple(one.version for one in older if one.manifest not in known),
        )

    @property
    def changes(self) -> bool:
        """Whether it leads to another release than the one that serves."""
        return self.release != self.serving

    def describe(self, stack: str) -> str:
        """Describe it for the operator, before the rollout."""
        if self.changes:
            return f"rolling back {stack} from {self.serving} to {self.release}"
        is_back = self.pin.version != self.serving
        goal = f"is back at {self.pin.version} already, as" if is_back else "runs"
        return (
            f"{stack} {goal} {self.serving}: nothing is to be changed.{self._further_back(stack)}"
        )

    def _further_back(self, stack: str) -> str:
        """What to type to go further back."""
        if self.further:
            first, *more = self.further
            others = f" ({', '.join(more)})" if more else ""
            words = f" Further back: `flygate rollback {stack} --to {first}`{others}."
        else:
            words = " No good release is further back."
        return words + (f" Left by a rollback: {', '.join(self.left)}." if self.left else "")


class WayBackNote:
    """The file with the choice of the last run from this checkout."""

    def __init__(self, root: Path, app: str) -> None:
        self._path = root / private.HOME / "back" / f"{app}.json"

    def write(self, way: WayBack) -> None:
        """Write the choice."""
        private.folder(self._path.parent)
        private.write(self._path, way.model_dump_json())

    def read(self) -> WayBack | None:
        """Return the choice; None if the run made none."""
        try:
            return WayBack.model_validate_json(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None

    def forget(self) -> None:
        """Remove the note, so that the next run leaves its own choice or none."""
        self._path.unlink(missing_ok=True)
