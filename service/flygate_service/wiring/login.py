"""Builds the login that the settings ask for."""

import secrets

from flygate_limiter import Store
from starlette.routing import Route

from flygate_service.login import DeviceCookies, Lockout, LoginGuard, Unlock
from flygate_service.login.passwords import Passwords, PasswordsError
from flygate_service.metrics.telemetry import Telemetry
from flygate_service.routes.auth import LoginRoute
from flygate_service.settings import LoginSettings, SettingError


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
    except PasswordsError as exc:
        allowed = f"a JSON object of names and argon2 hashes; {exc}"
        raise SettingError("LOGIN_USERS", "(hidden)", allowed) from exc
    secret = settings.secret or secrets.token_hex()
    devices = DeviceCookies(secret.encode(), is_secure=on_fly)
    route = LoginRoute(guard, passwords, devices, telemetry.on_login).route()
    return Unlock(store, lockout), route
