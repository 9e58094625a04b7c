"""Settings of the login: who may log in, and how many guesses there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from flygate_wire.variables import Variable

from .environment import Environment


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """Who may log in, and how many guesses there are.

    Attributes:
        users: a JSON object of names and argon2 hashes.
        secret: signs device cookies; None means that they last until a restart.
    """

    users: str = field(repr=False)
    secret: str | None = field(repr=False)
    attempts: int
    window_minutes: int
    lock_minutes: int


def read_login(env: Environment) -> LoginSettings | None:
    """Read and check them.

    Raises:
        SettingError: a value is not allowed.
    """
    attempts = env.whole(Variable.LOGIN_MAX_ATTEMPTS)
    window = env.whole(Variable.LOGIN_WINDOW_MINUTES)
    lock = env.whole(Variable.LOGIN_LOCKOUT_MINUTES)
    users = env.text(Variable.LOGIN_USERS)
    if users is None:
        return None
    return LoginSettings(users, env.text(Variable.LOGIN_SECRET), attempts, window, lock)
