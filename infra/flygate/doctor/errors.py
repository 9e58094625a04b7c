"""Why a fact about an environment is not known."""

from __future__ import annotations

from flygate.system.errors import FlygateError


class UnknownError(FlygateError):
    """A fact could not be found out.

    Attributes:
        check: the check that reports it; the others skip what they need the fact for.
        remedy: what to do.
        cause: the error behind it.
    """

    def __init__(
        self, check: str, reason: str, remedy: str, cause: FlygateError | None = None
    ) -> None:
        super().__init__(reason)
        self.check = check
        self.remedy = remedy
        self.cause = cause
