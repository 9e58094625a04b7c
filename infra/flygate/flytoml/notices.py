"""`Notices`: what is refused of a file, and what the operator should know."""

from __future__ import annotations

from dataclasses import dataclass, field

from flygate.flytoml.toml_reader import NAME
from flygate.system.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence about a line; a table that comes from no file has no lines.

    Attributes:
        is_of_the_stack: the text names a key of the stack's configuration instead.
    """

    line: int | None
    text: str
    is_of_the_stack: bool = False

    def __str__(self) -> str:
        if self.is_of_the_stack:
            return self.text
        return f"{NAME}:{self.line}: {self.text}" if self.line else f"{NAME}: {self.text}"


@dataclass
class Notices:
    """All notices of one file.

    Attributes:
        refusals: reasons to end the deployment.
        notes: what works otherwise than expected.
    """

    refusals: list[Notice] = field(default_factory=list)
    notes: list[Notice] = field(default_factory=list)

    def refuse(self, line: int | None, text: str) -> None:
        """Add a reason to end the deployment."""
        self.refusals.append(Notice(line, text))

    def note(self, line: int | None, text: str) -> None:
        """Add a note; the deployment goes on."""
        self.notes.append(Notice(line, text))

    def check(self) -> None:
        """End here if anything is refused.

        Raises:
            ConfigError: names all of it, in the order of the file.
        """
        lines = dict.fromkeys(str(one) for one in sorted(self.refusals, key=_place))
        if lines:
            raise ConfigError("\n".join(lines))


def _place(notice: Notice) -> int:
    return notice.line or 0
