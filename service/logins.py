"""Builds the login that the settings ask for."""

import secrets

from starlette.routing import Route

from .limiter import Store
from .login import DeviceCookies, Lockout, LoginGuard, Unlock
from .login.passwords import Passwords, PasswordsError
from .routes.auth import LoginRoute
from .settings import LoginSettings, SettingError
from .telemetry import Telemetry


def make_login(
    settings: LoginSettings, on_fly: bool, memory_bytes: int, store: Store, telemetry: Telemetry
) -> tuple[Unlock, Route]:
    """What unlocks, and the route that is locked.

    Raises:
        SettingError: LOGIN_USERS has a mistake; its value is not shown.
    """
    lockout = Lockout.of(settings.attempts, settings.window_minutes, settings.lock_minutes)
    guard = LoginGuard(store, lockout)
    try:
        passwords = Passwords.read(settings.users, memory_bytes)
    except PasswordsError as error:
        allowed = f"a JSON object of names and argon2 hashes; {error}"
        raise SettingError("LOGIN_USERS", "(hidden)", allowed) from error
    secret = settings.secret or secrets.token_hex()
    devices = DeviceCookies(secret.encode(), is_secure=on_fly)
    route = LoginRoute(guard, passwords, devices, telemetry.on_login).route()
    return Unlock(store, lockout), route
