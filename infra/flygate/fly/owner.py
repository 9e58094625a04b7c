"""`Owner`: the Pulumi stack that releases an app, and the very state of that stack.

Each machine carries its owner's label. Names alone would not do: a colleague's fresh state has the
same names, knows nothing of what runs, and would take the app over.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import Self

from flygate.system.errors import OwnerError

# Under this name machines and databases carry the label, in their metadata.
OWNER_KEY = "flygate_owner"

_LABEL = re.compile(r"(?P<names>[^#\s]+)#(?P<id>[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Owner:
    """A stack and its state.

    Attributes:
        names: `organization/project/stack`.
        id: 8 hex digits, made when the state had no app yet, and kept in it.
    """

    names: str
    id: str

    @classmethod
    def new(cls, names: str) -> Self:
        """The owner that a state without an app becomes."""
        return cls(names, secrets.token_hex(4))

    @classmethod
    def parse(cls, label: str) -> Self | None:
        """What a label says; None if it is none."""
        found = _LABEL.fullmatch(label)
        return cls(found["names"], found["id"]) if found else None

    @property
    def stack(self) -> str:
        """The stack's own name."""
        return self.names.rpartition("/")[2]

    def renamed(self, names: str) -> Owner:
        """The same state under the stack's present names."""
        return replace(self, names=names)

    def __str__(self) -> str:
        return f"{self.names}#{self.id}"


def is_same(label: str, other: str) -> bool:
    """Return whether both are of one state; a stack may have been renamed meanwhile.

    A machine of an older Flygate carries no label; the first stack that releases takes it.
    """
    one, two = Owner.parse(label), Owner.parse(other)
    return one is None or two is None or one.id == two.id


def refusal(app: str, owner: str, ours: str) -> OwnerError:
    """Make the error of a stack that must leave an app alone.

    Args:
        owner: the label that the app's machines carry.
        ours: the label of the stack that asks.
    """
    theirs, mine = Owner.parse(owner), Owner.parse(ours)
    at = f" --stack {mine.stack}" if mine else ""
    if theirs and mine and theirs.names == mine.names:
        who = f"the stack {theirs.names}, of another state than this one"
        why = (
            "This state is a fresh one, or was restored from a copy. Log in to the backend where "
            "the stack was deployed from (`pulumi login`)."
        )
    else:
        who = f"the stack {theirs.names if theirs else owner}"
        why = (
            "If this stack was copied, it needs an app of its own: "
            f"`pulumi config set app <name>{at}`."
        )
    return OwnerError(
        f"The app {app} belongs to {who}. Nothing was changed. {why} To take the app over from "
        f"it permanently: `pulumi config set takeover '{owner}'{at}`."
    )
