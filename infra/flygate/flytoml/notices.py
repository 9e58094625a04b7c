"""What is to be said of a file: what is refused, and what the operator should know."""

from __future__ import annotations

from dataclasses import dataclass, field

from flygate.flytoml.toml_reader import NAME
from flygate.system.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence about a line; of a table that comes from no file no line is known.

    Attributes:
        is_of_the_stack: it is about a key of the stack's configuration, which the text names.
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
    """All that was found in one reading.

    Attributes:
        refusals: why nothing may be made.
        notes: what is done otherwise than somebody might think.
    """

    refusals: list[Notice] = field(default_factory=list)
    notes: list[Notice] = field(default_factory=list)

    def refuse(self, line: int | None, text: str) -> None:
        """Nothing may be made as long as the file says so."""
        self.refusals.append(Notice(line, text))

    def note(self, line: int | None, text: str) -> None:
        """It goes on; the operator should know."""
        self.notes.append(Notice(line, text))

    def check(self) -> None:
        """End here if anything is refused.

        Raises:
            ConfigError: names all of it, in the order of the file.
        """
        told = dict.fromkeys(str(one) for one in sorted(self.refusals, key=_place))
        if told:
            raise ConfigError("\n".join(told))


def _place(notice: Notice) -> int:
    return notice.line or 0
