"""The local Fly's one user, whatever the token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    name: str


USER = User("user-1", "operator@localhost", "operator")
