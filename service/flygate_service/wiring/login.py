"""Builds the login that the settings ask for."""

import secrets
from dataclasses import dataclass

from starlette.routing import Route

from flygate_service.login import DeviceCookies, Lockout, LoginGuard, Unlock
from flygate_service.login.passwords import Passwords, PasswordsError
from flygate_service.routes.auth import LoginRoute
from flygate_service.settings import LoginSettings, SettingError

from .parts import Parts


@dataclass(frozen=True, slots=True)
class Login:
    """The route of the login, and what frees an account that it locked."""

    route: Route
    unlock: Unlock


def make_login(parts: Parts, settings: LoginSettings) -> Login:
    """Make the login.

    Args:
        settings: the part of the settings that is not missing.

    Raises:
        SettingError: LOGIN_USERS has a mistake; its value is not shown.
    """
    lockout = Lockout.of(settings.attempts, settings.window_minutes, settings.lock_minutes)
    store = parts.stores.logins or parts.stores.requests
    guard = LoginGuard(store, lockout)
    try:
        passwords = Passwords.read(settings.users, parts.settings.memory_bytes)
    except PasswordsError as exc:
        allowed = f"a JSON object of names and argon2 hashes; {exc}"
        raise SettingError("LOGIN_USERS", "(hidden)", allowed) from exc
    secret = settings.secret or secrets.token_hex()
    devices = DeviceCookies(secret.encode(), is_secure=parts.settings.on_fly)
    route = LoginRoute(guard, passwords, devices, parts.telemetry.on_login).route()
    return Login(route, Unlock(store, lockout))
