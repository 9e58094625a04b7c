"""What an operation that failed says last: Pulumi shows it as the reason."""

from __future__ import annotations

from flygate.commands.last_words import LastWords, first_line
from flygate.fly.errors import FlyError
from flygate.rollout.errors import (
    LockHeldError,
    NothingHeldError,
    RestoreFailedError,
    RolloutHeldError,
    RolloutRestoredError,
    UnfinishedRolloutError,
)
from flygate.system import space
from flygate.system.errors import DiskFullError, FlygateError

# Many an error says what to do; some of them always.
_AGAIN = "the same command again"
# What to type, by the first class that fits.
_REMEDIES: tuple[tuple[type[BaseException], str], ...] = (
    (RolloutRestoredError, "Mend the cause, then run the same command again"),
    (RestoreFailedError, "Run the same command again: it begins by repairing what it finds"),
    (
        RolloutHeldError,
        '`flygate proceed {stack} --reason "…"` goes on, `flygate abort {stack}` ends it',
    ),
    (UnfinishedRolloutError, ""),
    (NothingHeldError, ""),
    (LockHeldError, "Run the same command again when that has ended"),
    (DiskFullError, "Free some space there, then run the same command again"),
    (
        FlyError,
        "Run the same command again once Fly answers; `flygate doctor {stack}` looks for more",
    ),
    (FlygateError, "Mend that, then run the same command again"),
    (BaseException, "Run the same command again; `flygate doctor {stack}` looks for the cause"),
)


def operators(error: BaseException) -> FlygateError | None:
    """The error as an operator may read it; None if it is a fault of ours."""
    return error if isinstance(error, FlygateError) else space.full(error)


def last_words(error: BaseException, text: str, serves: str, stack: str) -> str:
    """All that the error says, and a last line that says why, what serves and what to type.

    Args:
        text: of the error, redacted.
        serves: what was seen to serve after it.
        stack: the stack's name.
    """
    line = f"error: {words(error, text, serves, stack)}"
    return f"error: {text}\n{line}" if "\n" in text else line


def words(error: BaseException, text: str, serves: str, stack: str) -> LastWords:
    """The last line alone; see `last_words`."""
    cause = _cause(error, text)
    remedy = next(said for kind, said in _REMEDIES if isinstance(error, kind)).format(stack=stack)
    return LastWords(cause, serves, "" if _AGAIN in cause else remedy)


def _cause(error: BaseException, text: str) -> str:
    """Why, and of a way back that failed, too, why that did."""
    if not isinstance(error, RestoreFailedError):
        return first_line(text)
    told = [line for line in text.splitlines() if not line.startswith(" ")]
    return " ".join(told[:2])
