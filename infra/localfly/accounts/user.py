"""The local Fly's one user, whatever the token."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    name: str


USER: Final = User("user-1", "operator@localhost", "operator")
