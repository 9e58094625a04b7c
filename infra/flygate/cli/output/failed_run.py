"""Why a run of Pulumi failed, what to type, and the exit code.

By the rollout's own events, if a rollout began; else by what Pulumi printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flygate.commands.failure import AGAIN
from flygate.pulumi import diagnostics
from flygate.pulumi.complaint import kind_of
from flygate.pulumi.errors import (
    CutOffError,
    NoRoomError,
    PulumiError,
    StackLockedError,
    WrongPassphraseError,
)
from flygate.record.journal import Event
from flygate.redaction.first_line import first_line

_RESTORED, _WAITS, _NOT_RESTORED = 2, 3, 4
_ENDS = frozenset({"finished", "restored", "refused", "held", "restore-failed"})
_REASONS = frozenset({"failed", "refused", "held"})
# What is to be done before the command is typed again.
_REMEDIES: Final[Mapping[type[PulumiError], str]] = {
    NoRoomError: "Free some space there, then {again}",
    CutOffError: "{again}",
    StackLockedError: "Wait until that has ended, then {again}",
    WrongPassphraseError: "`flygate doctor {stack}` says which one is wanted; then {again}",
}
_LOOK: Final = "{again}; `flygate doctor {stack}` looks for more"
_MEND: Final = f"Mend that, then {_LOOK}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a run failed, and what to do about it.

    Attributes:
        remedy: what to type.
        is_held: the rollout goes on if an operator says so; what it is made of must stay.
    """

    cause: str
    remedy: str
    exit_code: int
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run of Pulumi that failed.

    Attributes:
        what: was run, to begin a sentence with: `The deployment`.
        stack: the stack's name.
        again: what was typed.
        is_locked: it left a lock, or a state that was cut off.
        events: of the rollout, if one began.
        printed: Pulumi's lines.
    """

    what: str
    stack: str
    again: str
    is_locked: bool = False
    events: Sequence[Event] = ()
    printed: Sequence[str] = ()

    def diagnosis(self) -> Diagnosis:
        """Return why it failed, and what to type."""
        if not any(event.kind in {"started", *_REASONS} for event in self.events):
            return self._before_rollout()
        ends = [event for event in self.events if event.kind in _ENDS]
        last = ends[-1] if ends else None
        if last is None or self._goes_on_after(last):
            return self._interrupted()
        return self._by_its_end(last)

    def _by_its_end(self, last: Event) -> Diagnosis:
        """Return what the rollout itself reported at its end."""
        match last.kind:
            case "refused":
                return self._refused(last)
            case "held":
                remedy = (
                    '`flygate proceed {stack} --reason "…"` goes on with it, '
                    "`flygate abort {stack}` takes it back"
                )
                cause = f"{last.release} is held: {self._reason}"
                return Diagnosis(cause, self._filled(remedy), _WAITS, is_held=True)
            case "finished":
                return self._unrecorded(last)
        return self._failed(last)

    def _refused(self, last: Event) -> Diagnosis:
        """Another rollout, the user's hook or the decision refused it; the latter has a remedy."""
        cause = f"{self.what} was refused: {self._reason}"
        if last.stage == "rollout":
            return Diagnosis(cause, "", diagnostics.exit_code(self.printed) or _WAITS)
        remedy = "Mend that, then {again}"
        if last.stage == "lock":
            remedy = "{again} when that has ended, or let it wait with `--wait 10m`"
        return Diagnosis(f"{cause}; nothing was changed", self._filled(remedy), _WAITS)

    def _failed(self, last: Event) -> Diagnosis:
        cause = f"{last.release} was not released: {self._reason}; "
        if last.kind == "restored":
            remedy = self._filled("Mend the cause, then {again}")
            return Diagnosis(f"{cause}all was taken back", remedy, _RESTORED)
        is_stopped = last.stage == "lock"  # its lease was lost, so no way back was begun
        cause += "" if is_stopped else "taking it back failed as well: "
        cause += first_line(last.text)
        remedy = self._filled("{again}: it begins by repairing what it finds")
        return Diagnosis(cause, remedy, _NOT_RESTORED)

    def _unrecorded(self, last: Event) -> Diagnosis:
        """The release stands, and Pulumi failed after it."""
        reason = diagnostics.cause(self.printed) or "Pulumi ended before it wrote it"
        cause = f"{last.release} is released, but Pulumi's state does not know it: {reason}"
        remedy = self._remedy_for(reason, "{again}")
        return Diagnosis(cause, f"{remedy}: it takes over what runs", _NOT_RESTORED)

    def _interrupted(self) -> Diagnosis:
        """The rollout began, and reported no end."""
        reason = diagnostics.cause(self.printed) or "its process was killed"
        cause = f"The rollout of {self.events[-1].release} was cut off half-way: {reason}"
        remedy = self._remedy_for(reason, "{again}")
        return Diagnosis(
            cause, f"{remedy}: it goes on with what it finds, or takes it back", _NOT_RESTORED
        )

    def _before_rollout(self) -> Diagnosis:
        """No rollout began."""
        code = diagnostics.exit_code(self.printed) or 1
        reason = diagnostics.cause(self.printed)
        if not reason:  # only a Pulumi that was killed leaves its lock
            reason = "Pulumi was killed" if self.is_locked else "Pulumi does not say why"
            return Diagnosis(f"{self.what} failed: {reason}", self._filled(_LOOK), code)
        has_remedy = AGAIN in reason and not self.is_locked  # the operation's own last words
        remedy = "" if has_remedy else self._remedy_for(reason, _MEND)
        return Diagnosis(f"{self.what} failed: {reason}", remedy, code)

    def _goes_on_after(self, end: Event) -> bool:
        """Whether another rollout began after that end: a repair was not enough."""
        after = self.events[list(self.events).index(end) + 1 :]
        return any(event.kind == "started" for event in after)

    @property
    def _reason(self) -> str:
        reasons = [event for event in self.events if event.kind in _REASONS]
        return first_line(reasons[-1].text) if reasons else "it does not say why"

    def _remedy_for(self, reason: str, otherwise: str) -> str:
        return self._filled(_REMEDIES.get(kind_of(reason), otherwise))

    def _filled(self, text: str) -> str:
        unlock = f"`flygate unlock {self.stack}`, then " if self.is_locked else ""
        filled = text.format(stack=self.stack, again=f"type {unlock}`{self.again}` again")
        return filled[:1].upper() + filled[1:]
