"""How a failure ends on the screen: a last line that says why, what serves now and what to type.

`flygate op` writes it for an operator who typed `pulumi up`, and the verbs of `flygate` for one who
typed them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flygate.fly.errors import FlyError
from flygate.redaction.first_line import first_line, one_line
from flygate.rollout.errors import (
    LeaseLostError,
    LockHeldError,
    NothingHeldError,
    RestoreFailedError,
    RolloutHeldError,
    RolloutRestoredError,
    UnfinishedRolloutError,
)
from flygate.system import space
from flygate.system.errors import (
    DiskFullError,
    FlygateError,
    MovedError,
    SourceChangedError,
)

# How a sentence may end already.
_ENDS: Final = (".", "!", "?", "…")
# By these words a remedy is known in the text of an operation that has failed.
AGAIN: Final = "the same command again"
# What to type, by the first class that fits; nothing where the error's own first line says it.
_REMEDIES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (RolloutRestoredError, "Mend the cause, then run the same command again"),
    (RestoreFailedError, "Run the same command again: it begins by repairing what it finds"),
    (
        RolloutHeldError,
        '`flygate proceed {stack} --reason "…"` goes on, `flygate abort {stack}` ends it',
    ),
    (UnfinishedRolloutError, ""),
    (NothingHeldError, ""),
    (LockHeldError, ""),
    (LeaseLostError, ""),
    (DiskFullError, ""),
    (MovedError, ""),
    (SourceChangedError, ""),
    (
        FlyError,
        "Run the same command again once Fly answers; `flygate doctor {stack}` looks for more",
    ),
    (FlygateError, "Mend that, then run the same command again"),
    (BaseException, "Run the same command again; `flygate doctor {stack}` looks for the cause"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of a run that failed.

    Attributes:
        cause: with the call, its status and the request's id, or the machine; redacted.
        serves: what was seen to serve, after it had failed.
        remedy: what to type.
    """

    cause: str
    serves: str
    remedy: str

    @classmethod
    def of(cls, error: BaseException, text: str, serves: str, stack: str) -> Failure:
        """Make it of an error.

        Args:
            text: of the error, redacted.
            serves: what was seen to serve after it.
            stack: the stack's name.
        """
        remedy = next(remedy for kind, remedy in _REMEDIES if isinstance(error, kind))
        return cls(_cause(error, text), serves, remedy.format(stack=stack))

    def __str__(self) -> str:
        cause = one_line([self.cause])
        parts = [cause, self.serves, self.remedy]
        # The cause may name the remedy, or what serves, already.
        return " ".join(
            _sentence(part) for part in parts if part and (part == cause or part not in cause)
        )


def report(error: BaseException, text: str, serves: str, stack: str) -> str:
    """Return all that an error says, and the last line; the arguments are those of `Failure.of`."""
    line = f"error: {Failure.of(error, text, serves, stack)}"
    return f"error: {text}\n{line}" if "\n" in text else line


def expected(error: BaseException) -> FlygateError | None:
    """Return the error as an operator may read it, or None if it is a fault of Flygate."""
    return error if isinstance(error, FlygateError) else space.full(error)


def _cause(error: BaseException, text: str) -> str:
    """Return why it failed, and if the way back failed too, why that did."""
    if not isinstance(error, RestoreFailedError):
        return first_line(text)
    lines = [line for line in text.splitlines() if not line.startswith(" ")]
    return " ".join(lines[:2])


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith(_ENDS) else f"{text}."
