"""How a run of Pulumi that failed ended: why, what to type, and the exit code.

By the rollout's own events, if it came to one that told them; else by what Pulumi printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flygate.cli import diagnostics
from flygate.commands.failure import first_line
from flygate.record.journal import Event

RESTORED, WAITS, NOT_RESTORED = 2, 3, 4
_ENDS = frozenset({"finished", "restored", "refused", "held", "restore-failed"})
_REASONS = frozenset({"failed", "refused", "held"})
# By Pulumi's own words: what is to be done before it is typed again.
_SIGNS = {
    "no space left on device": "Free some space there, then {again}",
    "unexpected end of JSON input": "{again}",
    "currently locked": "Wait until that has ended, then {again}",
    "passphrase": "`flygate doctor {stack}` says which one is wanted; then {again}",
}
# The operation that failed has said what to do.
_SAID = "the same command again"
_UNTOLD = "{again}; `flygate doctor {stack}` looks for more"
_MENDED = f"Mend that, then {_UNTOLD}"


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of it.

    Attributes:
        remedy: what to type.
        is_held: the rollout goes on if an operator says so; what it is made of must stay.
    """

    cause: str
    remedy: str
    exit_code: int
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run of Pulumi that failed.

    Attributes:
        what: was run, to begin a sentence with: `The deployment`.
        stack: the stack's name.
        again: what was typed.
        is_locked: it left a lock, or a state that was cut off.
        events: what the rollout told, if it came to one.
        printed: Pulumi's lines.
    """

    what: str
    stack: str
    again: str
    is_locked: bool = False
    events: Sequence[Event] = ()
    printed: Sequence[str] = ()

    def ending(self) -> Ending:
        """Judge it."""
        if not any(event.kind in {"started", *_REASONS} for event in self.events):
            return self._untold()
        ends = [event for event in self.events if event.kind in _ENDS]
        last = ends[-1] if ends else None
        if last is None or self._goes_on_after(last):
            return self._interrupted()
        return self._told(last)

    def _told(self, last: Event) -> Ending:
        """The rollout came to an end of its own."""
        match last.kind:
            case "refused":
                return self._refused(last)
            case "held":
                remedy = (
                    '`flygate proceed {stack} --reason "…"` goes on with it, '
                    "`flygate abort {stack}` takes it back"
                )
                cause = f"{last.release} is held: {self._reason}"
                return Ending(cause, self._filled(remedy), WAITS, is_held=True)
            case "finished":
                return self._unrecorded(last)
        return self._failed(last)

    def _refused(self, last: Event) -> Ending:
        """By another rollout, by the user's hook, or by the decision, which says what to do."""
        cause = f"{self.what} was refused: {self._reason}"
        if last.stage == "rollout":
            return Ending(cause, "", diagnostics.exit_code(self.printed) or WAITS)
        remedy = "Mend that, then {again}"
        if last.stage == "lock":
            remedy = "{again} when that has ended, or let it wait with `--wait 10m`"
        return Ending(f"{cause}; nothing was changed", self._filled(remedy), WAITS)

    def _failed(self, last: Event) -> Ending:
        cause = f"{last.release} was not released: {self._reason}; "
        if last.kind == "restored":
            remedy = self._filled("Mend the cause, then {again}")
            return Ending(f"{cause}all was taken back", remedy, RESTORED)
        is_stopped = last.stage == "lock"  # its lease was lost, so no way back was begun
        cause += "" if is_stopped else "taking it back failed as well: "
        cause += first_line(last.text)
        remedy = self._filled("{again}: it begins by repairing what it finds")
        return Ending(cause, remedy, NOT_RESTORED)

    def _unrecorded(self, last: Event) -> Ending:
        """The release stands, and Pulumi failed after it."""
        said = diagnostics.cause(self.printed) or "Pulumi ended before it wrote it"
        cause = f"{last.release} is released, but Pulumi's state does not know it: {said}"
        remedy = self._remedy_for(said, "{again}")
        return Ending(cause, f"{remedy}: it takes over what runs", NOT_RESTORED)

    def _interrupted(self) -> Ending:
        """It began, and no more was heard of it."""
        said = diagnostics.cause(self.printed) or "its process was killed"
        cause = f"The rollout of {self.events[-1].release} was cut off half-way: {said}"
        remedy = self._remedy_for(said, "{again}")
        return Ending(
            cause, f"{remedy}: it goes on with what it finds, or takes it back", NOT_RESTORED
        )

    def _untold(self) -> Ending:
        """No rollout began."""
        code = diagnostics.exit_code(self.printed) or 1
        said = diagnostics.cause(self.printed)
        if not said:  # only a Pulumi that was killed leaves its lock
            said = "Pulumi was killed" if self.is_locked else "Pulumi does not say why"
            return Ending(f"{self.what} failed: {said}", self._filled(_UNTOLD), code)
        is_told = _SAID in said and not self.is_locked
        remedy = "" if is_told else self._remedy_for(said, _MENDED)
        return Ending(f"{self.what} failed: {said}", remedy, code)

    def _goes_on_after(self, end: Event) -> bool:
        """Another rollout began after that end: a repair was no cure."""
        after = self.events[list(self.events).index(end) + 1 :]
        return any(event.kind == "started" for event in after)

    @property
    def _reason(self) -> str:
        reasons = [event for event in self.events if event.kind in _REASONS]
        return first_line(reasons[-1].text) if reasons else "it does not say why"

    def _remedy_for(self, said: str, otherwise: str) -> str:
        return self._filled(
            next((text for sign, text in _SIGNS.items() if sign in said), otherwise)
        )

    def _filled(self, text: str) -> str:
        unlock = f"`flygate unlock {self.stack}`, then " if self.is_locked else ""
        filled = text.format(stack=self.stack, again=f"type {unlock}`{self.again}` again")
        return filled[:1].upper() + filled[1:]
